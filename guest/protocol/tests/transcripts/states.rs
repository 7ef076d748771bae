//! Which command which state has (RFC 1939 §3). What is refused never reaches the output.

use crate::play::{play, play_signed_in, play_with};
use pop3_protocol::Limits;

const AUTHORIZATION: [&str; 6] = ["USER mrose", "PASS mvan99", "APOP mrose -", "AUTH CRAM-MD5", "STLS", "UTF8"];
const TRANSACTION: [&str; 10] =
    ["STAT", "LIST", "LIST 1", "UIDL", "UIDL 1", "RETR 1", "TOP 1 0", "DELE 1", "NOOP", "RSET"];
const BOTH: [&str; 4] = ["CAPA", "LANG", "LANG en", "QUIT"];

/// Lines of a story that none of the commands can be sent.
fn none_of(commands: &[&str], state: &str) -> String {
    let line = |command: &&str| {
        let keyword = command.split(' ').next().unwrap();
        format!("\nC! {command}\n-> not sent: {keyword} is not a command of the {state} state")
    };
    commands.iter().map(line).collect()
}

/// Lines of a story that no command can be sent.
pub(crate) fn nothing_in(state: &str) -> String {
    format!("\n= {state}") + &none_of(&[&AUTHORIZATION[..], &TRANSACTION, &BOTH].concat(), state)
}

#[test]
fn nothing_before_the_greeting() {
    play(&(nothing_in("greeting") + "\nS: +OK\\" + &nothing_in("greeting")));
}

#[test]
fn a_connection_that_ends_in_its_greeting() {
    for beginning in ["", "+", "+OK ready", "-ERR", r"-ERR no\r"] {
        play(&format!("S: {beginning}\\\nEOF\n-> error: closed the connection before the connection was answered"));
    }
    // A server of another protocol: the alert of TLS, and words.
    for beginning in [r"\x15\x03\x01\x00\x02\x02\x46", "login:"] {
        let shown = beginning.replace(r"\x46", "F");
        let error = "answered the connection with neither +OK nor -ERR";
        play(&format!("S: {beginning}\\\nEOF\n-> error: {error}: {shown}\n= closed"));
    }
}

#[test]
fn authorization() {
    let greeted = r"
    S: +OK <1896.697170952@dbc.mtview.ca.us>
    -> greeting: <1896.697170952@dbc.mtview.ca.us>
    = AUTHORIZATION";
    for command in ["USER mrose", "AUTH CRAM-MD5", "STLS", "UTF8"].iter().chain(&BOTH) {
        play(&(greeted.to_owned() + &none_of(&TRANSACTION, "AUTHORIZATION") + &format!("\nC: {command}")));
    }
}

#[test]
fn signing_in_takes_until_the_answer() {
    let story = format!(
        r"
    S: +OK
    -> greeting
    C: USER mrose
    C! PASS mvan99
    -> not sent: PASS needs a USER that was accepted right before it
    S: +OK
    -> accepted USER
    C: PASS mvan99
    = AUTHORIZATION
    {}
    S: +OK
    -> accepted PASS
    = TRANSACTION
    C: STAT",
        none_of(&TRANSACTION, "AUTHORIZATION")
    );
    play(&story);
}

#[test]
fn transaction() {
    play_signed_in(&("= TRANSACTION".to_owned() + &none_of(&AUTHORIZATION, "TRANSACTION")));
    for command in TRANSACTION.iter().chain(&BOTH) {
        play_signed_in(&format!("C: {command}"));
    }
}

#[test]
fn nothing_after_quit() {
    play_signed_in(
        &("C: QUIT".to_owned() + &nothing_in("UPDATE") + "\nS: +OK\n-> accepted QUIT" + &nothing_in("closed")),
    );
    play(&("S: +OK\n-> greeting\nC: QUIT".to_owned() + &nothing_in("closed")));
}

#[test]
fn nothing_after_a_refused_connection() {
    play(
        &(r"
    S: -ERR [SYS/TEMP] too many connections
    -> refused the connection (temporary): too many connections"
            .to_owned()
            + &nothing_in("closed")
            + "\nEOF\n-> closed"),
    );
}

#[test]
fn nothing_after_the_connection_was_closed() {
    play_signed_in(&("EOF\n-> closed".to_owned() + &nothing_in("closed")));
}

#[test]
fn nothing_after_an_error() {
    play_signed_in(
        &("C: STAT\nS: what?\n-> error: answered STAT with neither +OK nor -ERR: what?".to_owned()
            + &nothing_in("closed")),
    );
    play_signed_in(
        &("C: STAT\nEOF\n-> error: closed the connection before STAT was answered".to_owned() + &nothing_in("closed")),
    );
}

#[test]
fn quit_behind_an_unanswered_sign_in_is_the_last_command() {
    let story = r"
    S: +OK <1896.697170952@dbc.mtview.ca.us>
    -> greeting: <1896.697170952@dbc.mtview.ca.us>
    C: APOP mrose c4c9334bac560ecc979e58001b3e22fb
    C: QUIT
    = closed
    S: +OK
    -> accepted APOP
    # The server now removes what is marked, which is nothing.
    = UPDATE
    C! STAT
    -> not sent: STAT is not a command of the UPDATE state
    S: +OK
    -> accepted QUIT
    = closed";
    play_with(Limits::default(), "tanstaaf", story);
}

#[test]
fn two_sign_ins_in_flight() {
    let begin = r"
    S: +OK <1896.697170952@dbc.mtview.ca.us>
    -> greeting: <1896.697170952@dbc.mtview.ca.us>
    C: APOP mrose c4c9334bac560ecc979e58001b3e22fb
    C: APOP mrose c4c9334bac560ecc979e58001b3e22fb
    S: +OK
    -> accepted APOP
    = TRANSACTION";
    play_with(
        Limits::default(),
        "tanstaaf",
        &(begin.to_owned() + "\nS: +OK\n-> accepted APOP\n= TRANSACTION\nC: STAT"),
    );
    play_with(
        Limits::default(),
        "tanstaaf",
        &(begin.to_owned() + "\nS: -ERR\n-> refused APOP\n= TRANSACTION\nC: STAT"),
    );
    play_with(Limits::default(), "tanstaaf", &(begin.to_owned() + "\nC: QUIT\nS: +OK\n-> accepted APOP\n= UPDATE"));
}

#[test]
fn pass_follows_the_user_that_was_sent_last() {
    play(
        r"
    S: +OK
    -> greeting
    C: USER mrose
    C: CAPA
    S: +OK
    -> accepted USER
    C! PASS mvan99
    -> not sent: PASS needs a USER that was accepted right before it
    S: -ERR
    -> refused CAPA
    C: USER mrose
    C: USER frated
    S: +OK
    -> accepted USER
    # For all we know the server takes this one for the first user.
    C! PASS mvan99
    -> not sent: PASS needs a USER that was accepted right before it
    S: +OK
    -> accepted USER
    C: PASS mvan99",
    );
}
