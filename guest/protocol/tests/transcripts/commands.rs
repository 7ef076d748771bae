//! Every command, with both of its answers, alone and several at a time.

use crate::play::{play, play_signed_in, play_with};
use pop3_protocol::Limits;

#[test]
fn accepted() {
    play(
        r"
    S: +OK ready
    -> greeting: ready
    C: CAPA
    S: +OK list follows
    S: TOP
    S: SASL CRAM-MD5  PLAIN
    S: EXPIRE\tNEVER
    S: .
    -> accepted CAPA: list follows
    -> capability 'TOP'
    -> capability 'SASL' 'CRAM-MD5' 'PLAIN'
    -> capability 'EXPIRE' 'NEVER'
    -> end of listing
    C: USER mrose
    S: +OK send PASS
    -> accepted USER: send PASS
    C: PASS mvan99
    S: +OK
    -> accepted PASS
    C: STAT
    S: +OK 2 320 and words
    -> maildrop of 2 messages, 320 octets
    C: LIST 2
    S: +OK 2 200
    -> message 2 has 200 octets
    C: LIST
    S: +OK
    S: 1 120
    S: 2 200
    S: .
    -> accepted LIST
    -> message 1 has 120 octets
    -> message 2 has 200 octets
    -> end of listing
    C: UIDL 2
    S: +OK 2 QhdPYR:00WBw1Ph7x7
    -> message 2 is 'QhdPYR:00WBw1Ph7x7'
    C: UIDL
    S: +OK
    S: 1 whqtswO00WBw418f9t5JxYwZ
    S: 2 QhdPYR:00WBw1Ph7x7
    S: .
    -> accepted UIDL
    -> message 1 is 'whqtswO00WBw418f9t5JxYwZ'
    -> message 2 is 'QhdPYR:00WBw1Ph7x7'
    -> end of listing
    C: TOP 1 10
    S: +OK 120 octets
    S: Subject: x
    S:
    S: .
    -> message 1
    -> | Subject: x
    -> |
    -> end of message 1, 14 octets
    C: RETR 1
    S: +OK 3 octets
    S: x
    S: .
    -> message 1, 3 octets announced
    -> | x
    -> end of message 1, 3 octets
    C: DELE 1
    S: +OK message 1 deleted
    -> accepted DELE 1: message 1 deleted
    C: NOOP
    S: +OK
    -> accepted NOOP
    C: RSET
    S: +OK maildrop has 2 messages (320 octets)
    -> accepted RSET: maildrop has 2 messages (320 octets)
    C: CAPA
    S: +OK
    S: .
    -> accepted CAPA
    -> end of listing
    C: QUIT
    S: +OK bye
    -> accepted QUIT: bye",
    );
}

#[test]
fn refused_while_signing_in() {
    let story = r"
    S: +OK <1896.697170952@dbc.mtview.ca.us>
    -> greeting: <1896.697170952@dbc.mtview.ca.us>
    C: CAPA
    S: -ERR what?
    -> refused CAPA: what?
    C: APOP mrose c4c9334bac560ecc979e58001b3e22fb
    S: -ERR
    -> refused APOP
    C: USER mrose
    S: -ERR no such mailbox
    -> refused USER: no such mailbox
    C! PASS mvan99
    -> not sent: PASS needs a USER that was accepted right before it
    C: USER frated
    S: +OK
    -> accepted USER
    C: PASS mvan99
    S: -ERR unable to lock maildrop
    -> refused PASS: unable to lock maildrop
    # Each PASS needs a USER of its own.
    C! PASS mvan99
    -> not sent: PASS needs a USER that was accepted right before it
    C: QUIT
    S: -ERR
    -> refused QUIT
    = closed";
    play_with(Limits::default(), "tanstaaf", story);
}

#[test]
fn refused_once_signed_in() {
    // None of these answers goes on behind its first line, and none ends the session.
    let commands = ["CAPA", "STAT", "LIST", "LIST 3", "UIDL", "UIDL 3", "RETR 3", "TOP 3 0", "DELE 3", "NOOP", "RSET"];
    let story = commands.map(|command| {
        let shown = command.trim_end_matches(" 0");
        format!("C: {command}\nS: -ERR 1 2\n-> refused {shown}: 1 2\n= TRANSACTION\n")
    });
    play_signed_in(&story.concat());
}

#[test]
fn several_in_flight() {
    play_signed_in(
        r"
    C: STAT
    C: LIST
    C: RETR 1
    C: RETR 9
    C: DELE 1
    C: UIDL 2
    C: QUIT
    S: +OK 2 320
    S: +OK
    S: 1 120
    S: .
    S: +OK
    S: +OK is content here
    S: -ERR too
    S: .
    S: -ERR no such message
    S: +OK deleted
    S: +OK 2 x
    S: +OK bye
    -> maildrop of 2 messages, 320 octets
    -> accepted LIST
    -> message 1 has 120 octets
    -> end of listing
    -> message 1
    -> | +OK is content here
    -> | -ERR too
    -> end of message 1, 31 octets
    -> refused RETR 9: no such message
    -> accepted DELE 1: deleted
    -> message 2 is 'x'
    -> accepted QUIT: bye
    = closed",
    );
}

#[test]
fn quit_answered_without_a_line_end() {
    let story = |reply: &str, end: &str| format!("C: QUIT\nS: {reply}\\\nEOF\n-> {end}\n= closed");
    for reply in ["+OK", "+ok bye", r"+OK bye\r"] {
        play_signed_in(&story(reply, "closed"));
    }
    for reply in ["", "+", "+O", "+OKAY", "-ERR", "-ERR some messages not removed", "bye"] {
        play_signed_in(&story(reply, "error: closed the connection before QUIT was answered"));
    }
}

#[test]
fn quit_refused() {
    play_signed_in(
        r"
    C: QUIT
    = UPDATE
    S: -ERR [SYS/TEMP] some deleted messages not removed
    -> refused QUIT (temporary): some deleted messages not removed
    = closed
    EOF
    -> closed",
    );
}

#[test]
fn quit_answered_while_others_are_in_flight() {
    // The end of input is not the answer to QUIT as long as another command waits for its own.
    play_signed_in(
        r"
    C: NOOP
    C: QUIT
    S: +OK\
    EOF
    -> error: closed the connection before NOOP was answered",
    );
    play_signed_in(
        r"
    C: NOOP
    C: QUIT
    S: +OK
    -> accepted NOOP
    S: +OK\
    EOF
    -> closed",
    );
}

#[test]
fn words_behind_the_end_are_ignored() {
    play_signed_in(
        r"
    C: QUIT
    S: +OK
    S: and goodbye
    S: .
    -> accepted QUIT
    S: \0\
    EOF
    -> closed",
    );
}
