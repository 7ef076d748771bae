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
use pop3_protocol::sasl::Mechanism;
use pop3_protocol::{Command, Limits, Session, State};
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
    let words = [&b"+OK"[..], b"-ERR", b"+", b"+ eA==", b"+OK 2 320", b"1 120", b"1 x", b"[IN-USE]", b" ", b"."];
    let word = select(words.to_vec()).prop_map(<[u8]>::to_vec);
    let end = select(vec![&b"\r\n"[..], b"\n", b"\r"]).prop_map(<[u8]>::to_vec);
    let piece = prop_oneof![4 => word, 4 => end, 1 => any::<u8>().prop_map(|octet| vec![octet])];
    vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// What a client may do, and may not, in AUTHORIZATION.
fn acts() -> impl Strategy<Value = Act> {
    let commands = [Command::Stls, Command::Capa, Command::Lang(None), Command::Utf8, Command::Quit];
    prop_oneof![
        2 => Just(LOGIN),
        3 => any::<bool>().prop_map(|proves| Act::Respond { proves }),
        2 => select(commands.to_vec()).prop_map(Act::Enqueue),
        1 => Just(Act::Enqueue(Command::Stls)),
        1 => Just(Act::Cancel),
        1 => Just(Act::TlsEstablished),
        1 => Just(Act::Nothing),
    ]
}

/// One line, or two.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let line = select(vec![&b"+OK\r\n"[..], b"+OK eA==\n", b"-ERR no\r\n", b"+\r\n", b"+ eA==\r\n", b".\r\n"]);
    prop_oneof![
        5 => line.clone().prop_map(<[u8]>::to_vec),
        1 => (line.clone(), line).prop_map(|(one, other)| [one, other].concat()),
    ]
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
        Command::Lang(None),
        Command::Lang(Some("en")),
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
    let languages = vec("[!-~]{0,8} [ -~]{0,20}", 0..10).prop_map(|rows| {
        let rows: String = rows.iter().map(|row| format!(".{row}\r\n")).collect();
        (Command::Lang(None), format!("+OK\r\n{rows}.\r\n").into_bytes())
    });
    let message = (any::<bool>(), dotty(), line_end()).prop_map(|(whole, message, line_end)| {
        let command = if whole { Command::Retr(1) } else { Command::Top { message: 1, lines: 0 } };
        let stuffed = stuff(&ended(message, line_end), line_end);
        (command, [b"+OK", line_end, &stuffed, b".", line_end].concat())
    });
    prop_oneof![1 => accepted, 1 => refused, 1 => stat, 1 => listing, 1 => unique_ids, 1 => languages, 4 => message]
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

/// What a client does in AUTHORIZATION, each time before it hears the server.
#[derive(Clone, Copy, Debug)]
enum Act {
    Nothing,
    Enqueue(Command<'static>),
    Respond { proves: bool },
    Cancel,
    TlsEstablished,
}

const LOGIN: Act = Act::Enqueue(Command::Auth { mechanism: Mechanism::Login, initial: None, proves: false });

/// What the session says in a dialogue, in which each of the server's turns comes in its own segments.
fn hear_dialogue<'t, S: IntoIterator<Item = &'t [u8]>>(
    turns: &'t [(Act, Vec<u8>)],
    segments: impl Fn(usize, &'t [u8]) -> S,
) -> (Vec<Heard>, State, usize) {
    let mut session = Session::new(low_limits());
    let mut heard = Vec::new();
    let mut failed = false;
    for (turn, (act, octets)) in turns.iter().enumerate() {
        let result = match *act {
            Act::Nothing => Ok(()),
            Act::Enqueue(command) => session.enqueue(command),
            Act::Respond { proves } => session.respond(b"tim", proves),
            Act::Cancel => session.cancel(),
            Act::TlsEstablished => session.tls_established(),
        };
        if let Err(error) = result {
            heard.push(Heard::Said(format!("not done: {error}")));
        }
        for segment in segments(turn, octets) {
            failed = failed || feed(&mut session, segment, &mut heard).is_err();
        }
    }
    for said in &mut heard {
        // Shows what has come, and that is not the whole line.
        if let Heard::Said(text) = said
            && text.starts_with("error: sent clear text behind its answer to STLS: ")
        {
            *text = "clear text".to_owned();
        }
    }
    (heard, session.state(), session.in_flight())
}

fn in_one(_: usize, octets: &[u8]) -> [&[u8]; 1] {
    [octets]
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
    fn any_split_of_any_dialogue_means_the_same(
        turns in vec((acts(), prop_oneof![3 => lines(), 1 => chatty()]), 0..8),
        sizes in sizes(),
    ) {
        let greeting = (Act::Nothing, b"+OK\r\n".to_vec());
        let turns: Vec<_> = [greeting].into_iter().chain(turns).collect();
        let split = hear_dialogue(&turns, |turn, octets| octets.chunks(sizes[turn % sizes.len()]));
        prop_assert_eq!(split, hear_dialogue(&turns, in_one));
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

/// A sign-in by `AUTH`, one that is given up, and `STLS`, quiet and attacked: each turn of the server in all two and three
/// segments.
#[test]
fn dialogues_in_all_three_segments() {
    let proves = |proves| Act::Respond { proves };
    let greeting = (Act::Nothing, "+OK <1896.697170952@dbc.mtview.ca.us>\r\n");
    let stls = Act::Enqueue(Command::Stls);
    let languages = "+OK\r\nen English\r\n..x\r\n.\r\n";
    let dialogues = [
        vec![
            greeting,
            (LOGIN, "+ VXNlcm5hbWU6\r\n"),
            (Act::Cancel, "-ERR [SYS/TEMP] cancelled\r\n"),
            (LOGIN, "+OK VXNlcm5hbWU6\r\n"),
            (proves(false), "+OK UGFzc3dvcmQ6\n"),
            (proves(true), "+OK signed in\r\n"),
            (Act::Enqueue(Command::Lang(None)), languages),
        ],
        vec![greeting, (LOGIN, "+ VXNlcm5hbWU6\r\n+OK\r\n"), (proves(true), "+OK\r\n")],
        vec![
            greeting,
            (stls, "-ERR not now\r\n"),
            (stls, "+OK begin\r\n"),
            (Act::TlsEstablished, ""),
            (LOGIN, "+\r\n"),
            (proves(true), "+ \r\n"),
            (proves(true), "+OK\r\n"),
        ],
        vec![greeting, (stls, "+OK begin\r\n+OK [x] y\r\n"), (Act::TlsEstablished, "+OK\r\n"), (LOGIN, "+\r\n")],
        vec![greeting, (stls, "+OK begin\r\n"), (Act::Nothing, "+OK\r\n"), (Act::TlsEstablished, "")],
    ];
    for dialogue in dialogues {
        let turns: Vec<_> = dialogue.iter().map(|(act, octets)| (*act, octets.as_bytes().to_vec())).collect();
        let whole = hear_dialogue(&turns, in_one);
        for (cut_turn, (_, octets)) in turns.iter().enumerate() {
            let cuts = (0..=octets.len()).flat_map(|first| (first..=octets.len()).map(move |second| (first, second)));
            for (first, second) in cuts {
                let cut = hear_dialogue(&turns, |turn, octets| match turn == cut_turn {
                    true => vec![&octets[..first], &octets[first..second], &octets[second..]],
                    false => vec![octets],
                });
                assert_eq!(cut, whole, "turn {cut_turn} of {turns:?} cut at {first} and {second}");
            }
        }
        assert_eq!(hear_dialogue(&turns, |_, octets| octets.chunks(1)), whole, "octet by octet");
    }
}
