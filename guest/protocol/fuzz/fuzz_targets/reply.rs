//! One line from a server: the greeting, or the answer to the command that the first octet chooses.
#![no_main]

#[path = "../../tests/events/mod.rs"]
mod events;
#[path = "../../tests/retrieval/mod.rs"]
mod retrieval;

use events::{Heard, feed};
use libfuzzer_sys::fuzz_target;
use pop3_protocol::{Command, Limits, Session};
use retrieval::signed_in;

fuzz_target!(|input: &[u8]| {
    let Some((choice, line)) = input.split_first() else { return };
    let one = Some(1);
    let commands = [
        Command::Stat,
        Command::List(one),
        Command::Uidl(one),
        Command::Retr(1),
        Command::Top { message: 1, lines: 1 },
        Command::Dele(1),
        Command::Capa,
        Command::List(None),
        Command::Quit,
    ];
    let command = commands.get(usize::from(choice.wrapping_sub(b'1')));
    let whole = hear(command, [line].into_iter());
    let split = hear(command, line.chunks(1));
    assert_eq!(whole, split);
});

fn hear<'a>(command: Option<&Command<'_>>, segments: impl Iterator<Item = &'a [u8]>) -> (Vec<Heard>, Option<Vec<u8>>) {
    let mut session = match command {
        None => Session::new(Limits::default()),
        Some(command) => {
            let mut session = signed_in(Limits::default());
            session.enqueue(*command).unwrap();
            session
        }
    };
    let mut heard = Vec::new();
    for segment in segments {
        if feed(&mut session, segment, &mut heard).is_err() {
            break;
        }
    }
    // What the sandbox is promised of a timestamp: printable ASCII in brackets.
    let timestamp = session.timestamp().map(|timestamp| timestamp.as_bytes().to_vec());
    if let Some(timestamp) = &timestamp {
        assert!(timestamp.starts_with(b"<") && timestamp.ends_with(b">") && timestamp.iter().all(u8::is_ascii_graphic));
    }
    let _ = session.end_of_input();
    (heard, timestamp)
}
