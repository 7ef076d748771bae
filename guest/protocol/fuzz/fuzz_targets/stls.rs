//! The moment of `STLS`: whatever was said in clear text, under TLS the session is as after a `STLS` that nobody disturbed.
//!
//! The input is segments between `|`. One that begins with `>` is what the server says; the others are what the client
//! does, each named by a letter, see `act`.
#![no_main]

#[path = "../../tests/events/mod.rs"]
mod events;

use events::{Heard, feed};
use libfuzzer_sys::fuzz_target;
use pop3_protocol::sasl::Mechanism;
use pop3_protocol::{Command, CommandError, Limits, Session, State};

fuzz_target!(|input: &[u8]| {
    let mut segments = input.split(|octet| *octet == b'|');
    let mut session = new();
    let mut accepted = 0;
    loop {
        let Some(segment) = segments.next() else { return };
        let before = session.state();
        let done = act(&mut session, segment);
        let accepts = |heard: &&Heard| matches!(heard, Heard::Said(text) if text.starts_with("accepted STLS"));
        accepted += done.heard.iter().filter(accepts).count();
        if before == State::Handshake {
            check_handshake(segment, &done);
        }
        if segment == b"T" && done.result == Some(Ok(())) {
            break;
        }
    }
    assert_eq!(accepted, 1, "TLS without STLS");

    let mut undisturbed = new();
    for segment in [&b">+OK\r\n"[..], b"S", b">+OK\r\n", b"T"] {
        act(&mut undisturbed, segment);
    }
    assert_eq!((session.state(), session.in_flight()), (State::Authorization, 0));
    assert!(session.unfinished_line().is_empty() && session.awaited().is_none());
    for segment in segments {
        assert_eq!(act(&mut session, segment), act(&mut undisturbed, segment), "{segment:?}");
    }
});

/// What came of a segment.
#[derive(Debug, PartialEq, Eq)]
struct Done {
    /// Of what the client did; nothing where the server spoke.
    result: Option<Result<(), CommandError>>,
    output: Vec<u8>,
    heard: Vec<Heard>,
    state: State,
    in_flight: usize,
}

fn new() -> Session {
    Session::new(Limits { reply_line: 64, listing_entries: 4, credential: 16 })
}

fn act(session: &mut Session, segment: &[u8]) -> Done {
    let mut heard = Vec::new();
    let result = match segment {
        b"S" => {
            let may = session.state() == State::Authorization && session.in_flight() == 0;
            let result = session.enqueue(Command::Stls);
            assert_eq!(result.is_ok(), may);
            Some(result)
        }
        b"T" => Some(session.tls_established()),
        b"C" => Some(session.enqueue(Command::Capa)),
        b"U" => Some(session.enqueue(Command::User("mrose"))),
        b"P" => Some(session.enqueue(Command::Pass(b"mvan99"))),
        b"A" => Some(session.enqueue(Command::Auth { mechanism: Mechanism::Plain, initial: None, proves: false })),
        b"R" => Some(session.respond(b"\0mrose\0mvan99", true)),
        b"*" => Some(session.cancel()),
        b"L" => Some(session.enqueue(Command::Lang(None))),
        b"N" => Some(session.enqueue(Command::Noop)),
        b"Q" => Some(session.enqueue(Command::Quit)),
        [b'>', octets @ ..] => {
            let _ = feed(session, octets, &mut heard);
            None
        }
        _ => None,
    };
    let (state, in_flight) = (session.state(), session.in_flight());
    Done { result, output: session.take_output(), heard, state, in_flight }
}

/// In the handshake, the client can do nothing but to establish TLS, and any octet is the end.
fn check_handshake(segment: &[u8], done: &Done) {
    assert!(done.output.is_empty());
    match segment {
        b"T" => assert_eq!((&done.result, done.state), (&Some(Ok(())), State::Authorization)),
        [b'>', _, ..] => {
            let [Heard::Said(text)] = &done.heard[..] else { panic!("heard {:?}", done.heard) };
            assert!(text.starts_with("error: sent clear text behind its answer to STLS"), "{text}");
            assert_eq!(done.state, State::Closed);
        }
        _ => {
            assert!(done.heard.is_empty() && !matches!(done.result, Some(Ok(()))));
            assert_eq!(done.state, State::Handshake);
        }
    }
}
