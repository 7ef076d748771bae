//! The two sessions of NetX's guide, its regression tests, and what it gets wrong: each is right here.

use crate::play::{play, play_signed_in, play_with, told_behind};
use pop3_protocol::Limits;

/// 120 octets, with a line of a lone dot in it.
const MESSAGE_1: &str = r"
    S: From: fred@dbc.mtview.ca.us
    S: To: mrose@dbc.mtview.ca.us
    S: Subject: a dot
    S:
    S: The next line is a dot:
    S: ..
    S: and this is it.
    S: .
    -> | From: fred@dbc.mtview.ca.us
    -> | To: mrose@dbc.mtview.ca.us
    -> | Subject: a dot
    -> |
    -> | The next line is a dot:
    -> | .
    -> | and this is it.";

/// 200 octets.
const MESSAGE_2: &str = r"
    S: From: fred@dbc.mtview.ca.us
    S: To: mrose@dbc.mtview.ca.us
    S: Subject: eight bits
    S:
    S: Gr\xfc\xdfe. Nothing in here is a line of a lone dot.
    S: One line that ends in a dot.
    S: Another line with CR\rin.
    S: .. and ..
    S: end
    S: .
    -> | From: fred@dbc.mtview.ca.us
    -> | To: mrose@dbc.mtview.ca.us
    -> | Subject: eight bits
    -> |
    -> | Gr\xfc\xdfe. Nothing in here is a line of a lone dot.
    -> | One line that ends in a dot.
    -> | Another line with CR\rin.
    -> | . and ..
    -> | end";

/// What both sessions do once they are signed in and know what there is.
fn retrieve_and_delete_both() -> String {
    let message_1 = told_behind(MESSAGE_1, "-> message 1, 120 octets announced");
    let message_2 = told_behind(MESSAGE_2, "-> message 2, 200 octets announced");
    format!(
        r"
    C: RETR 1
    S: +OK 120 octets{message_1}
    -> end of message 1, 120 octets
    C: DELE 1
    S: +OK message 1 deleted
    -> accepted DELE 1: message 1 deleted
    C: RETR 2
    S: +OK 200 octets{message_2}
    -> end of message 2, 200 octets
    C: DELE 2
    S: +OK message 2 deleted
    -> accepted DELE 2: message 2 deleted
    C: QUIT
    = UPDATE
    S: +OK POP3 server signing off (maildrop empty)
    -> accepted QUIT: POP3 server signing off (maildrop empty)
    = closed
    EOF
    -> closed"
    )
}

#[test]
fn guide_session_with_user_and_pass() {
    play(
        &(r"
    = greeting
    S: +OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>
    -> greeting: POP3 server ready <1896.697170952@dbc.mtview.ca.us>
    = AUTHORIZATION
    C: USER mrose
    S: +OK mrose is valid
    -> accepted USER: mrose is valid
    C: PASS mvan99
    S: +OK mrose is logged in
    -> accepted PASS: mrose is logged in
    = TRANSACTION
    C: STAT
    S: +OK 2 320
    -> maildrop of 2 messages, 320 octets"
            .to_owned()
            + &retrieve_and_delete_both()),
    );
}

#[test]
fn guide_session_with_apop() {
    let story = r"
    S: +OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>
    -> greeting: POP3 server ready <1896.697170952@dbc.mtview.ca.us>
    C: APOP mrose c4c9334bac560ecc979e58001b3e22fb
    S: +OK mrose's maildrop has 2 messages (320 octets)
    -> accepted APOP: mrose's maildrop has 2 messages (320 octets)
    = TRANSACTION
    C: LIST
    S: +OK 2 messages (320 octets)
    S: 1 120
    S: 2 200
    S: .
    -> accepted LIST: 2 messages (320 octets)
    -> message 1 has 120 octets
    -> message 2 has 200 octets
    -> end of listing";
    play_with(Limits::default(), "tanstaaf", &(story.to_owned() + &retrieve_and_delete_both()));
}

#[test]
fn regression_1_and_2_the_announced_size_is_wrong() {
    play_signed_in(
        r"
    C: STAT
    S: +OK 2 374804
    -> maildrop of 2 messages, 374804 octets
    C: RETR 1
    S: +OK 187402 octets
    S: Subject: short
    S:
    S: much less than announced
    S: .
    -> message 1, 187402 octets announced
    -> | Subject: short
    -> |
    -> | much less than announced
    -> end of message 1, 44 octets
    C: DELE 1
    S: +OK
    -> accepted DELE 1
    C: RETR 2
    S: +OK 187402 octets
    S: again
    S: .
    -> message 2, 187402 octets announced
    -> | again
    -> end of message 2, 7 octets
    C: DELE 2
    S: +OK
    -> accepted DELE 2
    C: QUIT
    S: +OK
    -> accepted QUIT
    = closed",
    );
}

#[test]
fn regression_3_the_last_segment_is_the_end_alone() {
    play_signed_in(
        r"
    C: RETR 1
    S: +OK 187402 octets
    S: text\
    -> message 1, 187402 octets announced
    -> | text\
    S: \r\n.\r\n\
    -> |
    -> end of message 1, 6 octets",
    );
}

#[test]
fn regression_4_one_octet() {
    play(
        r"
    S: \n\
    -> error: answered the connection with neither +OK nor -ERR: ",
    );
    play_signed_in(
        r"
    C: STAT
    S: \n\
    -> error: answered STAT with neither +OK nor -ERR: ",
    );
}

#[test]
fn defect_1_err_to_pass_is_a_refusal() {
    play(
        r"
    S: +OK
    -> greeting
    C: USER mrose
    S: +OK
    -> accepted USER
    C: PASS wrong
    S: -ERR invalid password
    -> refused PASS: invalid password
    = AUTHORIZATION
    C! STAT
    -> not sent: STAT is not a command of the AUTHORIZATION state",
    );
}

#[test]
fn defect_2_err_to_apop_sends_nothing_more() {
    // The story would fail if the refusal of APOP had any output: the next command's line must be all of it.
    let story = r"
    S: +OK <1896.697170952@dbc.mtview.ca.us>
    -> greeting: <1896.697170952@dbc.mtview.ca.us>
    C: APOP mrose c4c9334bac560ecc979e58001b3e22fb
    S: -ERR permission denied
    -> refused APOP: permission denied
    = AUTHORIZATION
    C! PASS tanstaaf
    -> not sent: PASS needs a USER that was accepted right before it
    C: QUIT
    S: +OK
    -> accepted QUIT";
    play_with(Limits::default(), "tanstaaf", story);
}

#[test]
fn defect_3_a_dot_that_ends_a_line_is_not_the_end() {
    // The third segment is `.` CRLF, but what came before it was text.
    play_signed_in(
        r"
    C: RETR 1
    S: +OK
    -> message 1
    S: a sentence\
    -> | a sentence\
    S: .\r\n\
    -> | .
    S: and one more\r\n.\
    -> | and one more
    S: \r\n\
    -> end of message 1, 27 octets",
    );
}

#[test]
fn defect_4_dots_are_unstuffed_and_the_end_is_not_content() {
    play_signed_in(
        r"
    C: RETR 1
    S: +OK
    S: ..signature
    S: ...
    S: .
    -> message 1
    -> | .signature
    -> | ..
    -> end of message 1, 16 octets",
    );
}

#[test]
fn defect_5_a_reply_in_pieces() {
    play_signed_in(
        r"
    C: RETR 1
    S: +OK\
    S: \s\
    S: 120 oct\
    S: ets\r\
    S: \n\
    -> message 1, 120 octets announced",
    );
}

#[test]
fn defect_6_numbers_and_status_are_whole_words() {
    play_signed_in(
        r"
    C: STAT
    S: +OK 10 8
    -> maildrop of 10 messages, 8 octets
    C: STAT
    S: +OK 123 45
    -> maildrop of 123 messages, 45 octets
    C: LIST 4294967295
    S: +OK 4294967295 18446744073709551615
    -> message 4294967295 has 18446744073709551615 octets
    C: NOOP
    S: +OKAY
    -> error: answered NOOP with neither +OK nor -ERR: +OKAY",
    );
}

#[test]
fn defect_8_what_is_no_msg_id_is_no_timestamp() {
    for greeting in [r"<no-domain>", r"<1@h\xff>", r"<1 @h>", r"<1@h", r"1@h>", r"<1@h\0>"] {
        play_with(
            Limits::default(),
            "tanstaaf",
            &format!(
                r"
    S: +OK {greeting}
    -> greeting: {greeting}
    C! APOP mrose c4c9334bac560ecc979e58001b3e22fb
    -> not sent: APOP needs a timestamp in the greeting"
            ),
        );
    }
}

#[test]
fn defect_9_large_message_numbers() {
    play_signed_in(
        r"
    C: RETR 1000000000
    S: -ERR no such message
    -> refused RETR 1000000000: no such message
    C: RETR 4294967295
    S: -ERR no such message
    -> refused RETR 4294967295: no such message
    C: DELE 4294967295
    S: -ERR no such message
    -> refused DELE 4294967295: no such message",
    );
}

#[test]
fn defect_10_long_credentials() {
    let (user, password) = ("u".repeat(41), "token".repeat(1000));
    play(&format!(
        r"
    S: +OK
    -> greeting
    C: USER {user}
    S: +OK
    -> accepted USER
    C: PASS {password}
    S: +OK
    -> accepted PASS
    = TRANSACTION"
    ));
}
