//! Status lines: status, response codes, words, line ends, and what is no reply.

use crate::play::{play, play_signed_in};

#[test]
fn response_codes() {
    let codes = [
        ("[IN-USE] locked", " (in use): locked"),
        ("[LOGIN-DELAY] too soon", " (login delay): too soon"),
        ("[SYS/TEMP] disk", " (temporary): disk"),
        ("[SYS/PERM] disk", " (permanent): disk"),
        ("[AUTH] wrong", " (credentials): wrong"),
        ("[in-use]", " (in use)"),
        ("[Auth]x", " (credentials): x"),
        ("[X-OTHER a b] words", " (other: X-OTHER a b): words"),
        ("[IN-USE/SUB] words", " (other: IN-USE/SUB): words"),
        ("[IN-USE", ": [IN-USE"),
        ("[] x", ": [] x"),
        ("words [AUTH]", ": words [AUTH]"),
        ("", ""),
    ];
    for (reply, words) in codes {
        play_signed_in(&format!("C: NOOP\nS: -ERR {reply}\n-> refused NOOP{words}"));
        play_signed_in(&format!("C: NOOP\nS: +OK {reply}\n-> accepted NOOP{words}"));
        play(&format!("S: -ERR {reply}\n-> refused the connection{words}"));
    }
}

#[test]
fn status_in_any_case_and_with_any_blanks() {
    play_signed_in(
        r"
    C: NOOP
    S: +ok  two blanks
    -> accepted NOOP: two blanks
    C: NOOP
    S: -err\ttab\s.
    -> refused NOOP: tab .
    C: NOOP
    S: +OK: colon
    -> accepted NOOP: colon
    C: NOOP
    S: +OK :-)
    -> accepted NOOP: :-)",
    );
}

#[test]
fn lines_that_are_no_replies() {
    for line in [
        "",
        "OK",
        "+O",
        "+OKAY",
        "+OK-",
        "-ERROR",
        "-ER",
        " +OK",
        "* OK ready",
        "220 smtp ready",
        "HTTP/1.1 400",
        r"\0",
        ".",
    ] {
        play(&format!("S: {line}\n-> error: answered the connection with neither +OK nor -ERR: {}", escaped(line)));
        play_signed_in(&format!(
            "C: NOOP\nS: {line}\n-> error: answered NOOP with neither +OK nor -ERR: {}",
            escaped(line)
        ));
        play_signed_in(&format!("S: {line}\n-> error: sent a line that nothing asked for: {}", escaped(line)));
    }
}

/// As in an error: stories write NUL in another way.
fn escaped(line: &str) -> String {
    line.replace(r"\0", r"\x00")
}

#[test]
fn the_words_of_an_offending_line_are_escaped_and_cut() {
    play(
        r"
    S: \x1b]0;owned\x07 %s%n \xe2\x80\xae \xff \r
    -> error: answered the connection with neither +OK nor -ERR: \x1b]0;owned\x07 %s%n \xe2\x80\xae \xff \x0d",
    );
    let long = "x".repeat(121);
    play(&format!("S: {long}\n-> error: answered the connection with neither +OK nor -ERR: {}…", &long[1..]));
}

#[test]
fn numbers_are_missing_or_make_no_sense() {
    let stat = [
        "",
        "2",
        "two 320",
        "-2 320",
        "2 -320",
        "+2 320",
        "0x2 320",
        "2,320",
        "4294967296 320",
        "2 18446744073709551616",
        "2 320x",
    ];
    for text in stat {
        for (command, shown) in [("STAT", "STAT"), ("LIST 2", "LIST 2")] {
            play_signed_in(&format!(
                "C: {command}\nS: +OK {text}\n-> error: answered {shown} with a line that makes no sense: +OK {text}"
            ));
        }
    }
    for text in ["", "x", "-2 x", "2x", "4294967296 x"] {
        play_signed_in(&format!(
            "C: UIDL 2\nS: +OK {text}\n-> error: answered UIDL 2 with a line that makes no sense: +OK {text}"
        ));
    }
}

#[test]
fn answers_about_another_message() {
    for answered in ["3", "0", "12"] {
        play_signed_in(&format!(
            "C: LIST 2\nS: +OK {answered} 120\n-> error: answered LIST 2 about message {answered}"
        ));
        play_signed_in(&format!("C: UIDL 2\nS: +OK {answered} x\n-> error: answered UIDL 2 about message {answered}"));
    }
}

#[test]
fn announced_sizes_are_hints() {
    let announced = [
        ("+OK 120 octets", ", 120 octets announced"),
        ("+OK 120", ", 120 octets announced"),
        ("+OK", ""),
        ("+OK message follows", ""),
        ("+OK 120octets", ""),
        ("+OK -1", ""),
        ("+OK 18446744073709551616", ""),
    ];
    for (reply, told) in announced {
        play_signed_in(&format!("C: RETR 1\nS: {reply}\n-> message 1{told}"));
        // The size that TOP names is not that of what follows.
        play_signed_in(&format!("C: TOP 1 0\nS: {reply}\n-> message 1"));
    }
}

#[test]
fn replies_of_a_server_that_sends_bare_lf() {
    play(
        r"
    S: +OK ready\n\
    -> greeting: ready
    C: CAPA
    S: +OK\nTOP\n.\n\
    -> accepted CAPA
    -> capability 'TOP'
    -> end of listing
    C: USER mrose
    S: +OK\n\
    -> accepted USER",
    );
}

#[test]
fn a_reply_that_nothing_asked_for() {
    play_signed_in(
        r"
    S: +OK
    -> error: sent a line that nothing asked for: +OK",
    );
    // Inactivity: the server says so and closes.
    play_signed_in(
        r"
    S: -ERR [SYS/TEMP] idle for too long
    -> error: sent a line that nothing asked for: -ERR [SYS/TEMP] idle for too long",
    );
    play_signed_in(
        r"
    C: NOOP
    S: +OK
    S: +OK
    -> accepted NOOP
    -> error: sent a line that nothing asked for: +OK",
    );
}

#[test]
fn out_of_step() {
    // A doubled +OK in front of numbers, a body, a listing.
    play_signed_in(
        r"
    C: NOOP
    C: STAT
    S: +OK
    S: +OK
    S: +OK 2 320
    -> accepted NOOP
    -> error: answered STAT with a line that makes no sense: +OK",
    );
    play_signed_in(
        r"
    C: LIST
    S: +OK
    S: +OK
    S: 1 120
    S: .
    -> accepted LIST
    -> error: answered LIST with a line that makes no sense: +OK",
    );
    play_signed_in(
        r"
    C: RETR 1
    C: LIST 2
    S: +OK 2 200
    S: +OK
    S: .
    S: .
    -> message 1, 2 octets announced
    -> | +OK
    -> end of message 1, 5 octets
    -> error: answered LIST 2 with neither +OK nor -ERR: .",
    );
    // Only the first of two pipelined commands is answered.
    play_signed_in(
        r"
    C: STAT
    C: NOOP
    S: +OK 2 320
    -> maildrop of 2 messages, 320 octets
    EOF
    -> error: closed the connection before NOOP was answered",
    );
}

#[test]
fn closed_in_the_middle() {
    play("EOF\n-> error: closed the connection before the connection was answered");
    play("S: +OK ready\\\nEOF\n-> error: closed the connection before the connection was answered");
    play_signed_in("C: NOOP\nS: +OK\\\nEOF\n-> error: closed the connection before NOOP was answered");
    play_signed_in(
        r"
    C: UIDL
    S: +OK
    S: 1 x
    -> accepted UIDL
    -> message 1 is 'x'
    EOF
    -> error: closed the connection before UIDL was answered",
    );
}
