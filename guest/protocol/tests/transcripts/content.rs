//! Content of messages: every octet as it was, but for the stuffing and the end.

use crate::events::{Heard, feed};
use crate::play::{play_signed_in, told_behind};
use pop3_protocol::{Command, Limits, ProtocolError, Session};

/// Plays a message behind `+OK` CRLF, from its first line to what is told about its last.
#[track_caller]
fn message(story: &str, octets: usize) {
    message_behind("S: +OK", story, octets);
}

/// The same behind `+OK` LF.
#[track_caller]
fn message_after_lf(story: &str, octets: usize) {
    message_behind(r"S: +OK\n\", story, octets);
}

#[track_caller]
fn message_behind(reply: &str, story: &str, octets: usize) {
    let story = told_behind(story, "-> message 1");
    play_signed_in(&format!("C: RETR 1\n{reply}\n{story}\n-> end of message 1, {octets} octets\nC: NOOP"));
}

#[test]
fn no_octets() {
    message("S: .", 0);
    message_after_lf("S: .", 0);
    message_after_lf(r"S: .\n\", 0);
}

#[test]
fn header_alone() {
    message("S: Subject: x\nS: .\n-> | Subject: x", 12);
    message("S: Subject: x\nS:\nS: .\n-> | Subject: x\n-> |", 14);
    message("S:\nS: .\n-> |", 2);
}

#[test]
fn lines_of_dots() {
    message(
        r"
    S: ..
    S: ...
    S: text
    S: ....
    S: .. x.
    S: .
    -> | .
    -> | ..
    -> | text
    -> | ...
    -> | . x.",
        3 + 4 + 6 + 5 + 6,
    );
    message_after_lf(
        r"
    S: ..\n\
    S: ...\n\
    S: ..x\n\
    S: .\n\
    -> | .\n\
    -> | ..\n\
    -> | .x\n\",
        2 + 3 + 3,
    );
}

#[test]
fn a_dot_that_was_not_stuffed_is_taken_off_all_the_same() {
    message("S: .profile\nS: .\n-> | profile", 9);
}

#[test]
fn a_lone_dot_that_was_not_stuffed_is_the_end_and_what_follows_is_no_reply() {
    play_signed_in(
        r"
    C: RETR 1
    C: DELE 1
    S: +OK
    S: .
    S: the rest of the message
    S: .
    -> message 1
    -> end of message 1, 0 octets
    -> error: answered DELE 1 with neither +OK nor -ERR: the rest of the message",
    );
    // Where no other command waits, even what looks like a reply is none.
    play_signed_in(
        r"
    C: RETR 1
    S: +OK
    S: .
    S: +OK this line was content
    -> message 1
    -> end of message 1, 0 octets
    -> error: sent a line that nothing asked for: +OK this line was content",
    );
}

#[test]
fn bare_lf_is_content_after_crlf() {
    message(
        r"
    S: a\nb\n\n.c\n\r\n.\n\\
    S: .d
    S: .
    -> | a\n\
    -> | b\n\
    -> | \n\
    -> | .c\n\
    -> |
    -> | \n\
    -> | \\
    -> | d",
        2 + 2 + 1 + 3 + 2 + 1 + 3 + 3,
    );
}

#[test]
fn lone_dots_between_bare_lf_do_not_end_a_message_of_crlf() {
    message(
        r"
    S: one\n.\ntwo\n.
    S: three\r.
    S: \n.
    S: .
    -> | one\n\
    -> | .\n\
    -> | two\n\
    -> | .
    -> | three\r.
    -> | \n\
    -> | .",
        4 + 2 + 4 + 3 + 9 + 1 + 3,
    );
}

#[test]
fn a_message_without_a_last_crlf_never_ends() {
    // The final dot then stands behind text or a bare LF. An end that would cut other messages short is not guessed.
    play_signed_in(
        r"
    C: RETR 1
    S: +OK
    S: text.
    -> message 1
    -> | text.
    EOF
    -> error: closed the connection before RETR 1 was answered",
    );
    play_signed_in(
        r"
    C: RETR 1
    S: +OK
    S: text\n.
    -> message 1
    -> | text\n\
    -> | .
    EOF
    -> error: closed the connection before RETR 1 was answered",
    );
}

#[test]
fn lines_end_at_lf_after_a_reply_that_does() {
    message_after_lf(
        r"
    S: a\nb\r\n\n.\rc\n\
    S: ..\r\n\
    S: .\n\
    -> | a\n\
    -> | b
    -> | \n\
    -> | \rc\n\
    -> | .",
        2 + 3 + 1 + 3 + 3,
    );
    // The dot's own line may end in CRLF.
    message_after_lf("S: a\\n.\n-> | a\\n\\", 2);
}

#[test]
fn each_message_has_the_line_ends_of_its_own_reply() {
    play_signed_in(
        r"
    C: RETR 1
    C: RETR 2
    S: +OK\n\
    S: a\n.\n\
    S: +OK
    S: a\n.\n
    S: .
    -> message 1
    -> | a\n\
    -> end of message 1, 2 octets
    -> message 2
    -> | a\n\
    -> | .\n\
    -> |
    -> end of message 2, 6 octets",
    );
}

#[test]
fn bare_cr_in_front_of_the_end() {
    message("S: a\\r\nS: .\n-> | a\\r", 4);
    message("S: \\r\\r\\r\nS: .\n-> | \\r\\r\\r", 5);
    message("S: a\\r\\r\\n.\\r\\n\\\n-> | a\\r", 4);
}

#[test]
fn a_dot_and_cr_that_are_not_the_end() {
    message(
        r"
    S: a
    S: .\r.\r
    S: .\rX
    S: .\r\r
    S: ..\r\r
    S: .\r\rX
    S: .
    -> | a
    -> | \r.\r
    -> | \rX
    -> | \r\r
    -> | .\r\r
    -> | \r\rX",
        3 + 5 + 4 + 4 + 5 + 5,
    );
    // The CR that was held back is the first half of the CRLF in front of the end.
    message(
        r"
    S: .\r\
    S: \r\n.\r\n\
    -> | \r",
        3,
    );
    message_after_lf(
        r"
    S: .\rX\n.\r\r\n.\r\n\
    -> | \rX\n\
    -> | \r",
        3 + 3,
    );
}

#[test]
fn cut_short() {
    // Everywhere but behind its end, a message is incomplete; what was held back is not given.
    for (sent, told) in [
        ("", ""),
        (r"a", r"-> | a\"),
        (r"a\r", r"-> | a\r\"),
        (r"a\r\n", "-> | a"),
        (r"a\r\n.", "-> | a"),
        (r"a\r\n.\r", "-> | a"),
        (r"a\r\n.\n", "-> | a\n-> | \\n\\"),
        (r".\r", ""),
    ] {
        play_signed_in(&format!(
            "C: RETR 1\nS: +OK\nS: {sent}\\\n-> message 1\n{told}\nEOF\n-> error: closed the connection before RETR 1 was answered"
        ));
    }
}

#[test]
fn any_octet() {
    let all: String = (0..=255).filter(|octet| *octet != b'\n').map(|octet| format!("\\x{octet:02x}")).collect();
    let told = crate::events::quote(&(0..=255).filter(|octet| *octet != b'\n').collect::<Vec<u8>>());
    message(&format!("S: {all}\nS: .\n-> | {told}"), 257);
}

#[test]
fn lines_of_a_mebibyte() {
    let line = |octet: u8| [&vec![octet; 1 << 20][..], b"\r\n"].concat();
    let content = [line(b'a'), line(b'.'), b"\r\n".to_vec(), line(0), line(b'\r'), line(0xff)].concat();
    // Only the second line begins with a dot.
    let stuffed = [&line(b'a')[..], b".", &content[(1 << 20) + 2..], b".\r\n"].concat();
    for size in [usize::MAX, 65_536, 4093] {
        let (heard, end) = retrieve(&stuffed, size);
        assert_eq!(end, Ok(()));
        assert!(heard[1] == Heard::Content(content.clone()), "the content is another, in segments of {size}");
        assert_eq!(heard[2], Heard::Said(format!("end of message 1, {} octets", content.len())));
    }
}

/// A status line that comes twice is told from a first line by the size.
#[test]
fn a_repeated_status_line() {
    play_signed_in(
        r"
    C: RETR 1
    C: RETR 2
    C: RETR 3
    C: TOP 1 0
    S: +OK 6 octets
    S: +OK 6 octets
    S: x: y
    S: .
    S: +OK 20 octets
    S: +OK 20 octets
    S: x: y
    S: .
    S: +OK
    S: +OK
    S: .
    S: +OK 6 octets
    S: +OK 6 octets
    S: x: y
    S: .
    -> message 1, 6 octets announced
    -> | +OK 6 octets
    -> | x: y
    -> end of message 1, 20 octets, 14 of them repeated
    -> message 2, 20 octets announced
    -> | +OK 20 octets
    -> | x: y
    -> end of message 2, 21 octets
    -> message 3
    -> | +OK
    -> end of message 3, 5 octets
    -> message 1
    -> | +OK 6 octets
    -> | x: y
    -> end of message 1, 20 octets",
    );
    play_signed_in(
        r"
    C: RETR 1
    S: +OK 5\n\
    S: +OK 5\n\
    S: x: y\n\
    S: .\n\
    -> message 1, 5 octets announced
    -> | +OK 5\n\
    -> | x: y\n\
    -> end of message 1, 11 octets, 6 of them repeated",
    );
}

/// Retrieves a message, in segments, and lets the server close the connection.
fn retrieve(sent: &[u8], size: usize) -> (Vec<Heard>, Result<(), ProtocolError>) {
    let mut session = Session::new(Limits::default());
    let mut heard = Vec::new();
    feed(&mut session, b"+OK\r\n", &mut heard).unwrap();
    session.enqueue(Command::User("mrose")).unwrap();
    feed(&mut session, b"+OK\r\n", &mut heard).unwrap();
    session.enqueue(Command::Pass(b"mvan99")).unwrap();
    feed(&mut session, b"+OK\r\n", &mut heard).unwrap();
    session.enqueue(Command::Retr(1)).unwrap();
    heard.clear();
    feed(&mut session, b"+OK\r\n", &mut heard).unwrap();
    for segment in sent.chunks(size) {
        feed(&mut session, segment, &mut heard).unwrap();
    }
    (heard, session.end_of_input())
}
