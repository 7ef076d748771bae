//! `STLS` (RFC 2595 §4): one command alone, and nothing in clear text behind its answer.

use crate::play::{play, play_signed_in};
use crate::states::nothing_in;
use pop3_protocol::{Command, Limits, ProtocolError, Session};

const ASKED: &str = r"
    S: +OK ready
    -> greeting: ready
    C: STLS";
const ACCEPTED: &str = r"
    S: +OK begin
    -> accepted STLS: begin
    = TLS handshake";
const ATTACKS: [&str; 9] = [
    "+OK accepted",
    "-ERR [SYS/TEMP] try again",
    r"+\",
    r"\r\n\",
    r"\n\",
    r"\0\",
    r"-ERR\n+OK\n+OK\n\",
    // TLS's own octets: who has read them here cannot give them to TLS any more.
    r"\x16\x03\x03\",
    r"a line without an end\",
];

#[test]
fn the_dialogue_of_rfc_2595() {
    play(
        r"
    S: +OK
    -> greeting
    C: CAPA
    S: +OK Capability list follows
    S: TOP
    S: USER
    S: STLS
    S: .
    -> accepted CAPA: Capability list follows
    -> capability 'TOP'
    -> capability 'USER'
    -> capability 'STLS'
    -> end of listing
    C: STLS
    S: +OK Begin TLS negotiation
    -> accepted STLS: Begin TLS negotiation
    = TLS handshake
    TLS
    = AUTHORIZATION
    C: STLS
    S: -ERR Command not permitted when TLS active
    -> refused STLS: Command not permitted when TLS active
    = AUTHORIZATION
    C: USER mrose
    S: +OK
    -> accepted USER
    C: PASS mvan99
    S: +OK
    -> accepted PASS
    = TRANSACTION",
    );
}

#[test]
fn no_command_during_the_handshake() {
    play(&(ASKED.to_owned() + ACCEPTED + &nothing_in("TLS handshake") + "\nTLS\n= AUTHORIZATION\nC: CAPA"));
}

#[test]
fn clear_text_behind_the_answer_and_in_its_segment() {
    for attack in ATTACKS {
        let story = format!(
            r"{ASKED}
    S: +OK begin
    S: {attack}
    -> accepted STLS: begin
    -> error: sent clear text behind its answer to STLS: ...
    = closed
    TLS!
    -> not sent: STLS is not a command of the closed state{}",
            nothing_in("closed")
        );
        play(&story);
    }
}

#[test]
fn clear_text_in_a_later_segment() {
    for attack in ATTACKS {
        let story = format!(
            r"{ASKED}{ACCEPTED}
    S: {attack}
    -> error: sent clear text behind its answer to STLS: ...
    = closed
    TLS!
    -> not sent: STLS is not a command of the closed state"
        );
        play(&story);
    }
}

#[test]
fn the_error_shows_the_first_line() {
    let session = || {
        let mut session = Session::new(Limits::default());
        session.receive(&mut b"+OK\r\n".to_owned()).unwrap();
        session.enqueue(Command::Stls).unwrap();
        session.receive(&mut b"+OK\r\n".to_owned()).unwrap();
        session
    };
    let long = ["x".repeat(120), "y".repeat(5000)].concat();
    for (attack, shown) in
        [("-ERR \u{1b}[2J\r\n+OK\r\n", r"-ERR \x1b[2J"), ("\r\n+OK\r\n", ""), (&long, &("x".repeat(120) + "…"))]
    {
        let failure = session().receive(&mut attack.as_bytes().to_vec()).unwrap_err();
        assert_eq!(failure, ProtocolError::ClearBehindStls { line: shown.to_owned() });
    }
}

#[test]
fn tls_is_established_only_after_it_was_agreed() {
    let not_sent = "\n    TLS!\n    -> not sent: STLS is not a command of the";
    play(&format!("{not_sent} greeting state\nS: +OK ready\n-> greeting: ready{not_sent} AUTHORIZATION state"));
    play(&format!("{ASKED}{not_sent} AUTHORIZATION state\nS: +OK begi\\{not_sent} AUTHORIZATION state"));
    play(&format!("{ASKED}{ACCEPTED}\nTLS{not_sent} AUTHORIZATION state"));
    play_signed_in(&format!("{not_sent} TRANSACTION state"));
}

#[test]
fn refused() {
    play(&format!(
        r"{ASKED}
    S: -ERR [SYS/TEMP] no certificate
    -> refused STLS (temporary): no certificate
    = AUTHORIZATION
    TLS!
    -> not sent: STLS is not a command of the AUTHORIZATION state
    # The next line of the server is an answer in clear text again.
    C: CAPA
    S: -ERR
    -> refused CAPA
    C: STLS
    S: +OK
    -> accepted STLS
    = TLS handshake"
    ));
}

#[test]
fn neither_accepted_nor_refused() {
    for answer in ["+", "+OKAY", "220 ready", r"\x15\x03\x01\x00\x02\x02\x46"] {
        let shown = answer.replace(r"\x46", "F");
        play(&format!(
            "{ASKED}\nS: {answer}\n-> error: answered STLS with neither +OK nor -ERR: {shown}\n= closed\nTLS!
            -> not sent: STLS is not a command of the closed state"
        ));
    }
    play(&format!("{ASKED}\nEOF\n-> error: closed the connection before STLS was answered\n= closed"));
}

#[test]
fn closed_during_the_handshake() {
    let story = "EOF\n-> closed\n= closed\nTLS!\n-> not sent: STLS is not a command of the closed state";
    play(&format!("{ASKED}{ACCEPTED}\n{story}"));
}

#[test]
fn not_while_something_is_in_flight() {
    for in_flight in ["USER mrose", "CAPA", "UTF8", "LANG", "LANG en"] {
        let (keyword, _) = in_flight.split_once(' ').unwrap_or((in_flight, ""));
        play(&format!(
            r"
    S: +OK
    -> greeting
    C: {in_flight}
    C! STLS
    -> not sent: nothing may be sent before {keyword} is answered
    C! AUTH CRAM-MD5
    -> not sent: nothing may be sent before {keyword} is answered
    S: -ERR
    -> refused {keyword}
    C: STLS"
        ));
    }
}

#[test]
fn nothing_is_sent_behind_it() {
    let mut story = ASKED.to_owned();
    for command in ["USER mrose", "APOP mrose -", "AUTH PLAIN", "STLS", "UTF8", "LANG", "CAPA", "STAT", "QUIT"] {
        story += &format!("\nC! {command}\n-> not sent: nothing may be sent before STLS is answered");
    }
    play(&(story + "\nC! dGlt\n-> not sent: there is no challenge to respond to" + ACCEPTED));
}

#[test]
fn a_user_from_before_does_not_count_after() {
    play(
        r"
    S: +OK
    -> greeting
    C: USER mrose
    S: +OK
    -> accepted USER
    C: STLS
    S: +OK
    -> accepted STLS
    TLS
    C! PASS mvan99
    -> not sent: PASS needs a USER that was accepted right before it",
    );
}
