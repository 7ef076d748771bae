//! What is at a limit passes, and what is one over it is an error. (Credentials are in `arguments`.)

use crate::play::{SIGN_IN, play_with};
use pop3_protocol::Limits;

fn line_of(octets: usize) -> Limits {
    Limits { reply_line: octets, ..Limits::default() }
}

#[test]
fn reply_line() {
    // 14 octets with CRLF.
    play_with(line_of(14), "", "S: +OK 90123456\n-> greeting: 90123456");
    play_with(line_of(14), "", "S: +OK 901234567\\n\\\n-> greeting: 901234567");
    for line in ["+OK 901234567", r"+OK 9012345678\n\", r"+OK 9012345678\", r"+OK 90123456789 and no end\"] {
        play_with(
            line_of(14),
            "",
            &format!("S: {line}\n-> error: answered the connection with a line of more than 14 octets"),
        );
    }
}

#[test]
fn each_line_has_the_whole_limit() {
    let story = r"
    C: NOOP
    C: CAPA
    C: NOOP
    S: +OK 123456789012
    S: +OK 123456789012
    S: 1234567890123456
    S: 1234567890123456
    S: .
    S: +OK 123456789012
    -> accepted NOOP: 123456789012
    -> accepted CAPA: 123456789012
    -> capability '1234567890123456'
    -> capability '1234567890123456'
    -> end of listing
    -> accepted NOOP: 123456789012";
    play_with(line_of(18), "", &(SIGN_IN.to_owned() + story));
}

#[test]
fn row_and_unsolicited_line() {
    let row = r"
    C: LIST
    S: +OK
    S: 1 120
    S: 1234567890 123
    -> accepted LIST
    -> message 1 has 120 octets
    -> error: answered LIST with a line of more than 15 octets";
    play_with(line_of(15), "", &(SIGN_IN.to_owned() + row));
    let unsolicited = r"
    S: babble babble babble\
    -> error: sent a line of more than 15 octets that nothing asked for";
    play_with(line_of(15), "", &(SIGN_IN.to_owned() + unsolicited));
}

#[test]
fn content_has_lines_of_any_length() {
    let story = r"
    C: RETR 1
    S: +OK
    S: a line that is longer than fifteen octets
    S: .
    -> message 1
    -> | a line that is longer than fifteen octets
    -> end of message 1, 43 octets";
    play_with(line_of(15), "", &(SIGN_IN.to_owned() + story));
}

#[test]
fn rows() {
    let limits = Limits { listing_entries: 2, ..Limits::default() };
    let at_the_limit = r"
    C: LIST
    S: +OK
    S: 1 1
    S: 2 2
    S: .
    -> accepted LIST
    -> message 1 has 1 octets
    -> message 2 has 2 octets
    -> end of listing";
    // Each listing counts for itself.
    play_with(limits, "", &(SIGN_IN.to_owned() + at_the_limit + at_the_limit));
    for (command, row, told) in [
        ("LIST", "3 3", "message 3 has 3 octets"),
        ("UIDL", "3 x", "message 3 is 'x'"),
        ("CAPA", "X", "capability 'X'"),
    ] {
        let story = format!(
            r"
    C: {command}
    S: +OK
    S: {row}
    S: {row}
    S: {row}
    -> accepted {command}
    -> {told}
    -> {told}
    -> error: answered {command} with more than 2 rows"
        );
        play_with(limits, "", &(SIGN_IN.to_owned() + &story));
    }
}
