//! `AUTH` (RFC 5034): an exchange, and nothing else while it lasts. What is said in it is in the tests of `sasl`.

use base64ct::{Base64, Encoding};

use crate::play::{play, play_signed_in};
use crate::states::nothing_in;

const GREETED: &str = "S: +OK ready\n-> greeting: ready\n";
const COMMANDS: [&str; 17] = [
    "USER mrose",
    "PASS mvan99",
    "APOP mrose -",
    "AUTH PLAIN",
    "STLS",
    "UTF8",
    "LANG",
    "CAPA",
    "STAT",
    "LIST",
    "UIDL",
    "RETR 1",
    "TOP 1 0",
    "DELE 1",
    "NOOP",
    "RSET",
    "QUIT",
];

/// Lines of a story that no command can be sent in the exchange.
fn nothing_else(mechanism: &str) -> String {
    let line =
        |command| format!("\nC! {command}\n-> not sent: nothing may be sent before AUTH {mechanism} is answered");
    COMMANDS.map(line).concat()
}

/// Lines of a story that there is no challenge.
const NOT_ASKED: &str = r"
    C! dGlt
    -> not sent: there is no challenge to respond to
    C! *
    -> not sent: there is no challenge to respond to";

#[test]
fn the_dialogue_of_rfc_5034() {
    play(
        r"
    S: +OK pop.example.com BlurdyBlurp POP3 server ready
    -> greeting: pop.example.com BlurdyBlurp POP3 server ready
    C: CAPA
    S: +OK List of capabilities follows
    S: SASL DIGEST-MD5 GSSAPI ANONYMOUS
    S: STLS
    S: IMPLEMENTATION BlurdyBlurp POP3 server
    S: .
    -> accepted CAPA: List of capabilities follows
    -> capability 'SASL' 'DIGEST-MD5' 'GSSAPI' 'ANONYMOUS'
    -> capability 'STLS'
    -> capability 'IMPLEMENTATION' 'BlurdyBlurp' 'POP3' 'server'
    -> end of listing
    C: STLS
    S: +OK Begin TLS negotiation now
    -> accepted STLS: Begin TLS negotiation now
    TLS
    C: CAPA
    S: +OK List of capabilities follows
    S: SASL PLAIN DIGEST-MD5 GSSAPI ANONYMOUS
    S: IMPLEMENTATION BlurdyBlurp POP3 server
    S: .
    -> accepted CAPA: List of capabilities follows
    -> capability 'SASL' 'PLAIN' 'DIGEST-MD5' 'GSSAPI' 'ANONYMOUS'
    -> capability 'IMPLEMENTATION' 'BlurdyBlurp' 'POP3' 'server'
    -> end of listing
    C* AUTH PLAIN dGVzdAB0ZXN0AHRlc3Q=
    S: +OK Maildrop locked and ready
    -> accepted AUTH PLAIN: Maildrop locked and ready
    = TRANSACTION",
    );
}

#[test]
fn its_dialogue_without_an_initial_response() {
    play(&format!(
        r"{GREETED}
    C: AUTH PLAIN
    S: +\s
    -> challenge ''
    C* dGVzdAB0ZXN0AHRlc3Q=
    S: +OK Maildrop locked and ready
    -> accepted AUTH PLAIN: Maildrop locked and ready
    = TRANSACTION
    C: STAT"
    ));
}

#[test]
fn an_initial_response_of_nothing() {
    play(&format!("{GREETED}C* AUTH EXTERNAL =\nS: +OK\n-> accepted AUTH EXTERNAL\n= TRANSACTION"));
    // In a line of its own it is an empty line.
    play(&format!(
        "{GREETED}C: AUTH EXTERNAL\nS: +\n-> challenge ''\nC* \nS: +OK\n-> accepted AUTH EXTERNAL\n= TRANSACTION"
    ));
}

#[test]
fn challenges_as_servers_write_them() {
    for (line, text) in [
        ("+", ""),
        (r"+\s", ""),
        (r"+\s\s\t", ""),
        ("+ PDE4OTYu", "PDE4OTYu"),
        ("+PDE4OTYu", "PDE4OTYu"),
        (r"+  PDE4OTYu \s", "PDE4OTYu"),
        (r"+\tPDE4OTYu", "PDE4OTYu"),
        ("+ +OK", "+OK"),
        ("+ -ERR", "-ERR"),
        ("+OKAY", "OKAY"),
        ("+ two words", "two words"),
        (r"+ \0\xff", r"\0\xff"),
        // Some write +OK for +.
        ("+OK", ""),
        ("+OK PDE4OTYu", "PDE4OTYu"),
        ("+ok PDE4OTYu", "PDE4OTYu"),
        ("+OK:", ""),
    ] {
        play(&format!("{GREETED}C: AUTH CRAM-MD5\nS: {line}\n-> challenge '{text}'\n= AUTHORIZATION\nC* dGlt"));
        let bare_lf = format!(r"{line}\n\");
        play(&format!("{GREETED}C: AUTH CRAM-MD5\nS: {bare_lf}\n-> challenge '{text}'\n= AUTHORIZATION\nC* dGlt"));
    }
}

#[test]
fn before_the_proof_ok_is_a_challenge_and_after_it_the_end() {
    play(&format!(
        r"{GREETED}
    C: AUTH LOGIN
    S: +OK VXNlcm5hbWU6
    -> challenge 'VXNlcm5hbWU6'
    = AUTHORIZATION
    C: dGlt
    S: +OK UGFzc3dvcmQ6
    -> challenge 'UGFzc3dvcmQ6'
    = AUTHORIZATION
    C* dGFuc3RhYWY=
    S: +OK UGFzc3dvcmQ6
    -> accepted AUTH LOGIN: UGFzc3dvcmQ6
    = TRANSACTION"
    ));
    // The initial response of SCRAM proves nothing.
    play(&format!("{GREETED}C: AUTH SCRAM-SHA-1 biwsbj0=\nS: +OK cj0=\n-> challenge 'cj0='\n= AUTHORIZATION\nC* Yz0="));
    // After the proof, + asks for more.
    play(&format!(
        "{GREETED}C* AUTH XOAUTH2 dXNlcj0=\nS: + e30=\n-> challenge 'e30='\nC* \nS: -ERR\n-> refused AUTH XOAUTH2"
    ));
}

#[test]
fn refused_at_any_time() {
    let refusal = "S: -ERR [AUTH] no\n-> refused AUTH LOGIN (credentials): no\n= AUTHORIZATION";
    for before in ["", "\nS: +\n-> challenge ''\nC: dGlt\n", "\nS: +\n-> challenge ''\nC* dGlt\n"] {
        for behind in ["AUTH PLAIN", "USER mrose", "STLS", "QUIT"] {
            play(&format!("{GREETED}C: AUTH LOGIN\n{before}{refusal}{NOT_ASKED}\nC: {behind}"));
        }
    }
}

#[test]
fn given_up() {
    let begun = format!("{GREETED}C: AUTH SCRAM-SHA-256\nS: + x\n-> challenge 'x'\nC: *{NOT_ASKED}");
    play(&format!(
        "{begun}{}\nS: -ERR cancelled\n-> refused AUTH SCRAM-SHA-256: cancelled\n= AUTHORIZATION\nC: QUIT",
        nothing_else("SCRAM-SHA-256")
    ));
    // Who has given up is not signed in, and has nothing more to say.
    for answer in ["+OK welcome", "+OK", "+", "+ cj0=", "+ *", "what?"] {
        play(&format!("{begun}\nS: {answer}\n-> error: sent a line that nothing asked for: {answer}\n= closed"));
    }
}

#[test]
fn responses_answer_challenges() {
    play(&format!("{NOT_ASKED}\n{GREETED}{NOT_ASKED}"));
    play_signed_in(NOT_ASKED);
    let story = format!(
        r"{GREETED}
    C: AUTH LOGIN{NOT_ASKED}
    S: +\{NOT_ASKED}
    S: \s
    -> challenge ''
    C: dGlt{NOT_ASKED}
    S: +
    -> challenge ''
    C* dGlt{NOT_ASKED}
    S: +OK
    -> accepted AUTH LOGIN{NOT_ASKED}"
    );
    play(&story);
}

#[test]
fn nothing_else_while_it_lasts() {
    let nothing_else = nothing_else("LOGIN");
    let story = format!(
        r"{GREETED}
    C: AUTH LOGIN{nothing_else}
    S: +
    -> challenge ''{nothing_else}
    C: dGlt{nothing_else}
    S: +
    -> challenge ''{nothing_else}
    C* dGlt{nothing_else}
    = AUTHORIZATION
    S: +OK
    -> accepted AUTH LOGIN
    = TRANSACTION
    C: QUIT
    = UPDATE
    S: +OK
    -> accepted QUIT
    = closed"
    );
    play(&story);
}

#[test]
fn a_second_line_before_the_response() {
    for line in ["+", "+ eA==", "+OK", "+OK welcome", "-ERR", "-ERR [SYS/TEMP]", "what?"] {
        let story =
            format!("\nS: {line}\n-> challenge 'x'\n-> error: sent a line that nothing asked for: {line}\n= closed");
        play(&format!("{GREETED}C: AUTH LOGIN\nS: + x{story}{NOT_ASKED}{}", nothing_in("closed")));
    }
}

#[test]
fn lines_that_are_neither_challenge_nor_reply() {
    for (line, shown) in [("", ""), ("PDE4OTYu", "PDE4OTYu"), ("*", "*"), (" + x", " + x"), ("-ERROR", "-ERROR")] {
        let error = format!("-> error: answered AUTH CRAM-MD5 with neither +OK nor -ERR: {shown}\n= closed");
        play(&format!("{GREETED}C: AUTH CRAM-MD5\nS: {line}\n{error}"));
        play(&format!("{GREETED}C: AUTH CRAM-MD5\nS: +\n-> challenge ''\nC* dGlt\nS: {line}\n{error}"));
    }
}

#[test]
fn the_connection_is_closed() {
    let closed = "EOF\n-> error: closed the connection before AUTH LOGIN was answered\n= closed";
    for before in ["", "S: +\n-> challenge ''\n", "S: +\n-> challenge ''\nC* dGlt\n", "S: +\n-> challenge ''\nC: *\n"] {
        play(&format!("{GREETED}C: AUTH LOGIN\n{before}{closed}{NOT_ASKED}"));
    }
}

#[test]
fn only_in_authorization() {
    play_signed_in("C! AUTH PLAIN\n-> not sent: AUTH is not a command of the TRANSACTION state");
    play(&format!(
        "{GREETED}C* AUTH EXTERNAL =\nS: +OK\n-> accepted AUTH EXTERNAL\nC! AUTH PLAIN\n-> not sent: AUTH is not a command of the TRANSACTION state"
    ));
    play(&format!("{GREETED}C: QUIT{}", nothing_in("closed")));
}

#[test]
fn responses_are_as_long_as_tokens_are() {
    // 22 KB, as tokens with many claims are; RFC 5034 §4 has no limit for them.
    let token = Base64::encode_string(&[b'x'; 16_500]);
    assert_eq!(token.len(), 22_000);
    play(&format!("{GREETED}C* AUTH OAUTHBEARER {token}\nS: +OK\n-> accepted AUTH OAUTHBEARER"));
    play(&format!(
        "{GREETED}C: AUTH OAUTHBEARER\nS: +\n-> challenge ''\nC* {token}\nS: +OK\n-> accepted AUTH OAUTHBEARER"
    ));
}

#[test]
fn challenges_are_as_long_as_lines_are() {
    let challenge = "x".repeat(4093);
    play(&format!(
        "{GREETED}C: AUTH CRAM-MD5\nS: + {challenge}\n-> error: answered AUTH CRAM-MD5 with a line of more than 4096 octets"
    ));
    let challenge = "x".repeat(4092);
    play(&format!("{GREETED}C: AUTH CRAM-MD5\nS: + {challenge}\n-> challenge '{challenge}'"));
}
