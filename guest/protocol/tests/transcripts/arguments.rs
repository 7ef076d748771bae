//! What a caller must not pass in: it is refused before an octet is sent (NetX defect 7).

use crate::play::{play, play_signed_in, play_with};
use pop3_protocol::{Command, CommandError, Limits, Session};
use proptest::prelude::*;

const GREETED: &str = r"
    S: +OK <1896.697170952@dbc.mtview.ca.us>
    -> greeting: <1896.697170952@dbc.mtview.ca.us>";
const USER_ACCEPTED: &str = r"
    C: USER mrose
    S: +OK
    -> accepted USER";

#[test]
fn line_ends_and_nul() {
    for octet in [r"\r", r"\n", r"\0", r"\r\n"] {
        for argument in [format!("{octet}mrose"), format!("mr{octet}DELE 1"), format!("mrose{octet}")] {
            play(&format!(
                r"
    {GREETED}
    C! USER {argument}
    -> not sent: the user name has CR, LF or NUL in it
    {USER_ACCEPTED}
    C! PASS {argument}
    -> not sent: the password has CR, LF or NUL in it
    C! APOP {argument} -
    -> not sent: the user name has CR, LF or NUL in it
    # Nothing has changed: the password may still be given.
    C: PASS mvan99"
            ));
        }
    }
    for secret in ["\rtan", "tan\nstaaf", "tanstaaf\0"] {
        let story = r"
    C! APOP mrose -
    -> not sent: the password has CR, LF or NUL in it";
        play_with(Limits::default(), secret, &(GREETED.to_owned() + story));
    }
}

#[test]
fn nothing_at_all() {
    play(&format!(
        r"
    {GREETED}
    C! USER\s
    -> not sent: the user name is empty
    {USER_ACCEPTED}
    C! PASS\s
    -> not sent: the password is empty
    C! APOP mrose -
    -> not sent: the password is empty
    C: PASS mvan99"
    ));
}

#[test]
fn other_octets_go_out_as_they_are() {
    play(&format!(
        r"
    {GREETED}
    C: USER m rose@größe
    S: +OK
    -> accepted USER
    C: PASS  \x01\xff\x09 two words \\\s"
    ));
}

#[test]
fn length_at_and_over_the_limit() {
    let limits = Limits { credential: 5, ..Limits::default() };
    play_with(
        limits,
        "mvan9",
        &(GREETED.to_owned()
            + r"
    C! USER mmrose
    -> not sent: the user name is longer than 5 octets
    C! APOP mmrose -
    -> not sent: the user name is longer than 5 octets
    C: APOP mrose 5cceb9f43cc74ee43e3c1000a5772c10
    S: -ERR
    -> refused APOP
    C: USER mrose
    S: +OK
    -> accepted USER
    C! PASS mvan99
    -> not sent: the password is longer than 5 octets
    C: PASS mvan9"),
    );
    let story = r"
    C! APOP mrose -
    -> not sent: the password is longer than 5 octets";
    play_with(limits, "mvan99", &(GREETED.to_owned() + story));
}

#[test]
fn a_language_is_one_word() {
    let speaking = |language| {
        let mut session = Session::new(Limits::default());
        session.receive(&mut b"+OK\r\n".to_owned()).unwrap();
        let enqueued = session.enqueue(Command::Lang(Some(language)));
        enqueued.map(|()| session.take_output().to_vec())
    };
    for language in ["de", "fr-CA", "*"] {
        assert_eq!(speaking(language), Ok(format!("LANG {language}\r\n").into_bytes()));
    }
    // With nothing but blanks it would be the command that asks for a list.
    for language in [" ", "de en", "de ", "d\u{e9}", "\t", "\x1b"] {
        assert_eq!(speaking(language), Err(CommandError::NoLanguage), "{language:?}");
    }
    assert_eq!(speaking(""), Err(CommandError::Empty { argument: "language" }));
}

#[test]
fn message_0() {
    let commands = ["LIST 0", "UIDL 0", "RETR 0", "TOP 0 10", "DELE 0"];
    let story = commands.map(|command| format!("C! {command}\n-> not sent: messages are counted from 1\n")).concat();
    play_signed_in(&story);
}

proptest! {
    #[test]
    fn a_command_is_one_line(user in "\\PC{0,3}[a\r\n\0 ]{0,3}", secret in "[ -~]{0,3}[a\r\n\0é]{0,3}") {
        for command in [Command::User(&user), Command::Apop { user: &user, secret: secret.as_bytes() }] {
            let mut session = Session::new(Limits::default());
            session.receive(&mut b"+OK <1896.697170952@dbc.mtview.ca.us>\r\n".to_owned()).unwrap();
            let accepted = session.enqueue(command).is_ok();
            let output = session.take_output();
            prop_assert_eq!(accepted, !output.is_empty());
            prop_assert!(!accepted || output.ends_with(b"\r\n"));
            let inside = output.strip_suffix(b"\r\n").unwrap_or_default();
            prop_assert!(!inside.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)));
        }
    }
}
