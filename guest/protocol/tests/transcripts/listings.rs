//! Rows of `LIST`, `UIDL` and `CAPA`. Which message a row names is for the caller to judge: order, gaps and doubles
//! are given as they come.

use crate::play::{play, play_signed_in};

#[test]
fn order_gaps_and_doubles_are_given_as_sent() {
    play_signed_in(
        r"
    C: LIST
    S: +OK 1 message
    S: 7 120
    S: 3 0
    S: 3 18446744073709551615
    S: 4294967295 1 and more
    S: .
    -> accepted LIST: 1 message
    -> message 7 has 120 octets
    -> message 3 has 0 octets
    -> message 3 has 18446744073709551615 octets
    -> message 4294967295 has 1 octets
    -> end of listing",
    );
}

#[test]
fn unique_ids_of_every_kind() {
    let long = "u".repeat(1000);
    play_signed_in(&format!(
        r"
    C: UIDL
    S: +OK
    S: 1 ../../etc/passwd
    S: 2 \x1b[2J\0\xff\r\\
    S: 3
    S: 4\s
    S: 5  two words\s\t
    S: 6 {long}
    S: 7 .
    S: .
    -> accepted UIDL
    -> message 1 is '../../etc/passwd'
    -> message 2 is '\x1b[2J\0\xff\r\\'
    -> message 3 is ''
    -> message 4 is ''
    -> message 5 is 'two words'
    -> message 6 is '{long}'
    -> message 7 is '.'
    -> end of listing"
    ));
}

#[test]
fn rows_that_make_no_sense() {
    for row in ["", " ", "0 1", "-1 1", "1", "1 ", "1 x", "x 1", "1x 1", "4294967296 1", "1 18446744073709551616", ".."]
    {
        play_signed_in(&format!(
            "C: LIST\nS: +OK\nS: {row}\n-> accepted LIST\n-> error: answered LIST with a line that makes no sense: {row}"
        ));
    }
    for row in ["", " ", "0 x", "-1 x", "x", "1x", "4294967296 x", "whqtswO00WBw418f9t5JxYwZ"] {
        play_signed_in(&format!(
            "C: UIDL\nS: +OK\nS: {row}\n-> accepted UIDL\n-> error: answered UIDL with a line that makes no sense: {row}"
        ));
    }
}

#[test]
fn rows_that_begin_with_a_dot_are_unstuffed() {
    play_signed_in(
        r"
    C: LIST
    S: +OK
    S: .1 120
    S: .
    -> accepted LIST
    -> message 1 has 120 octets
    -> end of listing
    C: CAPA
    S: +OK
    S: ..X
    S: ..
    S: .
    -> accepted CAPA
    -> capability '.X'
    -> capability '.'
    -> end of listing",
    );
}

#[test]
fn capabilities_of_every_kind() {
    play(
        r"
    S: +OK
    -> greeting
    C: CAPA
    S: +OK
    S:
    S: \s
    S: uidl
    S:  SASL\tPLAIN\s
    S: \xff\0\x1b a\rb
    S: +OK
    S: .
    -> accepted CAPA
    -> capability ''
    -> capability ''
    -> capability 'uidl'
    -> capability 'SASL' 'PLAIN'
    -> capability '\xff\0\x1b' 'a\rb'
    -> capability '+OK'
    -> end of listing",
    );
}

#[test]
fn an_empty_maildrop() {
    play_signed_in(
        r"
    C: STAT
    S: +OK 0 0
    -> maildrop of 0 messages, 0 octets
    C: LIST
    S: +OK
    S: .
    -> accepted LIST
    -> end of listing
    C: UIDL
    S: +OK
    S: .
    -> accepted UIDL
    -> end of listing",
    );
}
