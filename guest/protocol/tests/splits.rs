//! Properties: a stream means the same however it is split, and content is what plain rules make of it.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "functions they share fail a test by a panic, and the lint knows only functions that are tests themselves"
)]

mod events;
mod naive;
mod retrieval;

use events::{Heard, feed};
use naive::{decode, stuff};
use pop3_protocol::{Command, Limits, Session};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use retrieval::{Decoded, retrieve, signed_in};

/// Octets among which are many that have a meaning in content.
fn dotty() -> impl Strategy<Value = Vec<u8>> {
    let special = select(vec![&b"."[..], b"\r", b"\n", b"\r\n", b"\n.", b"\r\n.", b"\r\n.\r", b"x", b"\0"])
        .prop_map(<[u8]>::to_vec);
    let piece = prop_oneof![8 => special, 1 => any::<u8>().prop_map(|octet| vec![octet])];
    vec(piece, 0..100).prop_map(|pieces| pieces.concat())
}

/// Octets that are nearly replies.
fn chatty() -> impl Strategy<Value = Vec<u8>> {
    let words = [&b"+OK"[..], b"-ERR", b"+OK 2 320", b"1 120", b"1 x", b"[IN-USE]", b" ", b"."];
    let word = select(words.to_vec()).prop_map(<[u8]>::to_vec);
    let end = select(vec![&b"\r\n"[..], b"\n", b"\r"]).prop_map(<[u8]>::to_vec);
    let piece = prop_oneof![4 => word, 4 => end, 1 => any::<u8>().prop_map(|octet| vec![octet])];
    vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// Sizes of segments, to be repeated.
fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(1..20_usize, 1..8)
}

fn line_end() -> impl Strategy<Value = &'static [u8]> {
    select(vec![&b"\r\n"[..], b"\n"])
}

/// A message in the form in which it can be sent: its last line has an end.
fn ended(mut message: Vec<u8>, line_end: &[u8]) -> Vec<u8> {
    if !message.is_empty() && !message.ends_with(line_end) {
        message.extend(line_end);
    }
    message
}

/// A command with a full answer to it.
fn exchange() -> impl Strategy<Value = (Command<'static>, Vec<u8>)> {
    let words = || "[ -~]{0,20}";
    let simple = select(vec![Command::Noop, Command::Rset, Command::Dele(7)]);
    let accepted = (simple, words()).prop_map(|(command, words)| (command, format!("+OK {words}\r\n").into_bytes()));
    let any_command = select(vec![
        Command::Capa,
        Command::Stat,
        Command::List(None),
        Command::List(Some(1)),
        Command::Uidl(None),
        Command::Retr(1),
        Command::Top { message: 1, lines: 0 },
    ]);
    let refused =
        (any_command, words()).prop_map(|(command, words)| (command, format!("-ERR {words}\r\n").into_bytes()));
    let stat = any::<(u32, u64)>()
        .prop_map(|(messages, octets)| (Command::Stat, format!("+OK {messages} {octets}\r\n").into_bytes()));
    let listing = vec(1..u32::MAX, 0..10).prop_map(|numbers| {
        let rows: String = numbers.iter().map(|number| format!("{number} {number}0\r\n")).collect();
        (Command::List(None), format!("+OK\r\n{rows}.\r\n").into_bytes())
    });
    let unique_ids = vec((1..u32::MAX, "[!-~]{0,70}"), 0..10).prop_map(|rows| {
        let rows: String = rows.iter().map(|(number, unique_id)| format!("{number} {unique_id}\r\n")).collect();
        (Command::Uidl(None), format!("+OK\r\n{rows}.\r\n").into_bytes())
    });
    let message = (any::<bool>(), dotty(), line_end()).prop_map(|(whole, message, line_end)| {
        let command = if whole { Command::Retr(1) } else { Command::Top { message: 1, lines: 0 } };
        let stuffed = stuff(&ended(message, line_end), line_end);
        (command, [b"+OK", line_end, &stuffed, b".", line_end].concat())
    });
    prop_oneof![1 => accepted, 1 => refused, 1 => stat, 1 => listing, 1 => unique_ids, 4 => message]
}

/// Enqueues commands, and hears what the session says to octets in segments of these sizes, an empty one now and then.
fn hear(mut session: Session, commands: &[Command<'_>], octets: &[u8], sizes: &[usize]) -> (Vec<Heard>, Session) {
    for command in commands {
        session.enqueue(*command).unwrap();
    }
    let mut heard = Vec::new();
    let mut rest = octets;
    for size in sizes.iter().copied().chain([0]).cycle() {
        let (segment, behind) = rest.split_at(size.min(rest.len()));
        rest = behind;
        if feed(&mut session, segment, &mut heard).is_err() || rest.is_empty() {
            break;
        }
    }
    (heard, session)
}

/// Limits that even short tests reach.
fn low_limits() -> Limits {
    Limits { reply_line: 64, listing_entries: 4, ..Limits::default() }
}

proptest! {
    #[test]
    fn any_split_of_a_session_means_the_same(exchanges in vec(exchange(), 0..8), sizes in sizes()) {
        let (commands, answers): (Vec<_>, Vec<_>) = exchanges.into_iter().unzip();
        let answers = answers.concat();
        let new = || signed_in(Limits::default());
        let (whole, mut session) = hear(new(), &commands, &answers, &[answers.len().max(1)]);
        prop_assert_eq!(session.in_flight(), 0);
        prop_assert_eq!(session.end_of_input(), Ok(()));
        let (split, session) = hear(new(), &commands, &answers, &sizes);
        prop_assert_eq!(session.in_flight(), 0);
        prop_assert_eq!(split, whole);
    }

    #[test]
    fn any_split_of_any_octets_means_the_same(
        commands in vec(exchange().prop_map(|(command, _)| command), 0..8),
        octets in prop_oneof![chatty(), dotty()],
        sizes in sizes(),
    ) {
        // What holds after each call, the error that is repeated among it, is checked as the session is fed.
        let new = || signed_in(low_limits());
        let (whole, mut session) = hear(new(), &commands, &octets, &[octets.len().max(1)]);
        let (split, mut session_of_split) = hear(new(), &commands, &octets, &sizes);
        prop_assert_eq!(split, whole);
        prop_assert_eq!(session_of_split.state(), session.state());
        prop_assert_eq!(session_of_split.in_flight(), session.in_flight());
        prop_assert_eq!(session_of_split.end_of_input(), session.end_of_input());
    }

    #[test]
    fn a_greeting_of_any_octets(octets in prop_oneof![chatty(), vec(any::<u8>(), 0..100)], sizes in sizes()) {
        let new = || Session::new(low_limits());
        let (whole, session) = hear(new(), &[], &octets, &[octets.len().max(1)]);
        let (split, session_of_split) = hear(new(), &[], &octets, &sizes);
        prop_assert_eq!(split, whole);
        prop_assert_eq!(session_of_split.state(), session.state());
        prop_assert_eq!(session_of_split.timestamp(), session.timestamp());
    }

    #[test]
    fn what_was_stuffed_comes_back(message in dotty(), line_end in line_end(), behind in dotty(), sizes in sizes()) {
        let message = ended(message, line_end);
        let sent = [&stuff(&message, line_end)[..], b".", line_end].concat();
        let end = Some(sent.len());
        let retrieved = retrieve(line_end, &[sent, behind].concat(), sizes.into_iter().cycle());
        prop_assert_eq!(retrieved, Decoded { content: message, end });
    }

    #[test]
    fn any_octets_are_decoded_by_the_plain_rules(octets in dotty(), line_end in line_end(), sizes in sizes()) {
        prop_assert_eq!(retrieve(line_end, &octets, sizes.into_iter().cycle()), decode(&octets, line_end));
    }
}

#[test]
fn all_short_contents_in_all_two_segments() {
    const ALPHABET: [u8; 4] = *b".\r\nx";
    let mut contents = vec![Vec::new()];
    let mut first_of_length = 0;
    for _ in 0..7 {
        let longer = contents[first_of_length..].iter();
        let longer: Vec<_> =
            longer.flat_map(|content| ALPHABET.map(|octet| [&content[..], &[octet]].concat())).collect();
        first_of_length = contents.len();
        contents.extend(longer);
    }
    assert_eq!(contents.len(), 21_845);
    for content in contents {
        for line_end in [&b"\r\n"[..], b"\n"] {
            let expected = decode(&content, line_end);
            for cut in 0..=content.len() {
                let two = retrieve(line_end, &content, [cut, content.len() - cut]);
                assert_eq!(two, expected, "{content:?} cut at {cut}, lines end in {line_end:?}");
            }
            let single = retrieve(line_end, &content, []);
            assert_eq!(single, expected, "{content:?} octet by octet, lines end in {line_end:?}");
        }
    }
}
