//! The listing that the first octet chooses, `L`, `U` or `C`, whole and in segments.
#![no_main]

#[path = "../../tests/events/mod.rs"]
mod events;
#[path = "../../tests/retrieval/mod.rs"]
mod retrieval;

use events::{Heard, feed};
use libfuzzer_sys::fuzz_target;
use pop3_protocol::{Command, Limits};
use retrieval::signed_in;

/// Few, so that short inputs reach it.
const ROWS: usize = 8;

fuzz_target!(|input: &[u8]| {
    let Some((choice, octets)) = input.split_first() else { return };
    let command = match choice {
        b'L' => Command::List(None),
        b'U' => Command::Uidl(None),
        _ => Command::Capa,
    };
    let whole = hear(command, octets, octets.len().max(1));
    assert!(whole.iter().filter(|heard| is_row(heard)).count() <= ROWS);
    for size in [1, 2, 7] {
        assert_eq!(hear(command, octets, size), whole);
    }
});

fn is_row(heard: &Heard) -> bool {
    matches!(heard, Heard::Said(text) if text.starts_with("message ") || text.starts_with("capability "))
}

fn hear(command: Command<'_>, octets: &[u8], size: usize) -> Vec<Heard> {
    let mut session = signed_in(Limits { listing_entries: ROWS, reply_line: 128, ..Limits::default() });
    session.enqueue(command).unwrap();
    let mut heard = Vec::new();
    for segment in octets.chunks(size) {
        if feed(&mut session, segment, &mut heard).is_err() {
            break;
        }
    }
    let result = session.end_of_input();
    heard.push(Heard::Said(format!("{result:?}")));
    heard
}
