//! What a session keeps in memory: little, whatever the server sends, and no secret that was sent.
#![allow(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a counting allocator is unsafe by nature, and functions they share fail a test by a panic"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use pop3_protocol::sasl::Mechanism;
use pop3_protocol::{Command, Event, Limits, ProtocolError, Session, Trace};

/// What a session may need beside the input: a line or two of the limit's length, the queue, and some words of an error.
const BOUND: usize = 16 * 1024;
const SECRET: &[u8] = b"pw-S3cret-7f";
/// The same in base64.
const ENCODED: &[u8] = b"cHctUzNjcmV0LTdm";

/// The system's allocator, which counts for each thread, as each test runs on its own.
struct Counting;

thread_local! {
    static NOW: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
    /// Blocks given back with the secret in them.
    static LEAKED: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: all is passed on to the system's allocator. `realloc` is the trait's own: allocate, copy, deallocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        NOW.set(NOW.get().wrapping_add(layout.size()));
        PEAK.set(PEAK.get().max(NOW.get()));
        // SAFETY: the caller keeps the contract of `alloc`. Zeroed, as `dealloc` reads the block.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        NOW.set(NOW.get().wrapping_sub(layout.size()));
        // SAFETY: the block has the layout's size, was initialised by `alloc`, and nobody else has it any more.
        let octets = unsafe { std::slice::from_raw_parts(block, layout.size()) };
        if has(octets, SECRET) || has(octets, ENCODED) {
            LEAKED.set(LEAKED.get() + 1);
        }
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

fn has(octets: &[u8], secret: &[u8]) -> bool {
    memchr::memmem::find(octets, secret).is_some()
}

/// The most octets that were allotted at a time while the action ran, beside those from before it.
fn peak(action: impl FnOnce()) -> usize {
    let before = NOW.get();
    PEAK.set(before);
    action();
    PEAK.get() - before
}

/// A session in TRANSACTION.
fn signed_in() -> Session {
    let mut session = Session::new(Limits::default());
    assert_eq!(feed(&mut session, &mut b"+OK\r\n".to_owned()), 1);
    session.enqueue(Command::User("mrose")).unwrap();
    assert_eq!(feed(&mut session, &mut b"+OK\r\n".to_owned()), 1);
    session.enqueue(Command::Pass(b"mvan99")).unwrap();
    assert_eq!(feed(&mut session, &mut b"+OK\r\n".to_owned()), 1);
    session
}

/// Gives a session a segment, which allots nothing by itself; how many events that were.
fn feed(session: &mut Session, mut segment: &mut [u8]) -> usize {
    let mut events = 0;
    loop {
        let step = session.receive(segment).unwrap();
        let consumed = step.consumed;
        match step.event {
            None => return events,
            Some(_) => events += 1,
        }
        segment = &mut segment[consumed..];
    }
}

#[test]
fn a_body_of_64_mib() {
    const SEGMENT: usize = 64 * 1024;
    // Long lines, short lines, stuffed dots; no line end fits the size of a segment.
    let mut lines = b"..a stuffed line\r\n".to_vec();
    lines.extend([b'x'; 5000]);
    lines.extend(b"\r\n\r\n.\rno end\r\n");
    let source: Vec<u8> = lines.iter().copied().cycle().take(SEGMENT + lines.len()).collect();
    let mut segment = vec![0; SEGMENT];
    let mut session = signed_in();
    session.enqueue(Command::Retr(1)).unwrap();
    let mut octets = 0;
    let allotted = peak(|| {
        assert_eq!(feed(&mut session, &mut b"+OK\r\n".to_owned()), 1);
        let mut offset = 0;
        for _ in 0..1024 {
            segment.copy_from_slice(&source[offset..offset + SEGMENT]);
            offset = (offset + SEGMENT) % lines.len();
            let step = session.receive(&mut segment).unwrap();
            assert_eq!(step.consumed, SEGMENT);
            let Some(Event::Content { held, at }) = step.event else { panic!("no content") };
            octets += held.len() + at.len();
        }
    });
    assert!(octets > 66_000_000, "{octets}");
    assert!(allotted < BOUND, "{allotted} octets for a body");
}

#[test]
fn listings_of_250_000_rows() {
    for (command, row) in [
        (Command::List(None), &b"4294967295 18446744073709551615\r\n"[..]),
        (Command::Uidl(None), b"4294967295 a-unique-id-of-seventy-octets-0123456789012345678901234567890123456789\r\n"),
        (Command::Capa, b"CAPABILITY WITH MANY WORDS\r\n"),
        (Command::Lang(None), b"en-Latn-GB-boont-r-extended-sequence-x-private English Boontling dialect\r\n"),
    ] {
        let mut session = signed_in();
        session.enqueue(command).unwrap();
        let mut segment = [0; 100];
        let mut rows = 0;
        let allotted = peak(|| {
            assert_eq!(feed(&mut session, &mut b"+OK\r\n".to_owned()), 1);
            for _ in 0..250_000 {
                // Rows in halves, so that each is put together in the session's buffer.
                let (head, tail) = segment[..row.len()].split_at_mut(row.len() / 2);
                head.copy_from_slice(&row[..row.len() / 2]);
                tail.copy_from_slice(&row[row.len() / 2..]);
                rows += feed(&mut session, head) + feed(&mut session, tail);
            }
        });
        assert_eq!(rows, 250_000);
        assert!(allotted < BOUND, "{allotted} octets for {command:?}");
        let failure = session.receive(&mut row.to_vec()).unwrap_err();
        assert!(matches!(failure, ProtocolError::TooManyRows { limit: 250_000, .. }), "{failure:?}");
    }
}

/// 10,000 exchanges of `AUTH`, each given up after a long challenge in two segments.
#[test]
fn exchanges_of_any_number() {
    let challenge = [b"+ ".to_vec(), vec![b'x'; 4000], b"\r\n".to_vec()].concat();
    let mut segment = challenge.clone();
    let mut session = Session::new(Limits::default());
    assert_eq!(feed(&mut session, &mut b"+OK\r\n".to_owned()), 1);
    let allotted = peak(|| {
        for _ in 0..10_000 {
            session.enqueue(Command::Auth { mechanism: Mechanism::CramMd5, initial: None, proves: false }).unwrap();
            segment.copy_from_slice(&challenge);
            let (head, tail) = segment.split_at_mut(2001);
            assert_eq!(feed(&mut session, head) + feed(&mut session, tail), 1);
            session.cancel().unwrap();
            assert_eq!(feed(&mut session, &mut b"-ERR\r\n".to_owned()), 1);
            drop(session.take_output());
        }
    });
    assert!(allotted < BOUND, "{allotted} octets for exchanges");
}

/// Whoever takes a trace only at the end has a bound too, even for lines of nothing.
#[test]
fn a_trace_that_nobody_takes() {
    let mut session = signed_in();
    let trace = Trace::default();
    session.trace_to(trace.clone());
    let allotted = peak(|| {
        session.enqueue(Command::Capa).unwrap();
        assert_eq!(feed(&mut session, &mut b"+OK\r\n".to_owned()), 1);
        for _ in 0..250_000 {
            assert_eq!(feed(&mut session, &mut b"\r\n".to_owned()), 1);
        }
    });
    // Lists of lines double when they grow, and for a moment there are the old one and the new.
    assert!(allotted < 3 << 20, "{allotted} octets for a trace");
    assert!(trace.take().len() > 10_000);
}

#[test]
fn a_line_without_end() {
    let mut segment = [b'x'; 1000];
    let mut session = Session::new(Limits::default());
    let allotted = peak(|| {
        for _ in 0..4 {
            assert_eq!(feed(&mut session, &mut segment), 0);
        }
        for _ in 0..1000 {
            let failure = session.receive(&mut segment).unwrap_err();
            assert!(matches!(failure, ProtocolError::LineTooLong { limit: 4096, .. }), "{failure:?}");
        }
    });
    assert!(allotted < BOUND, "{allotted} octets for a line");
}

#[test]
fn secrets_are_wiped() {
    let secret = Command::Pass(SECRET);
    // Sent, wiped by the caller as the session asks for.
    let mut session = Session::new(Limits::default());
    assert_eq!(feed(&mut session, &mut b"+OK\r\n".to_owned()), 1);
    session.enqueue(Command::User("mrose")).unwrap();
    assert_eq!(feed(&mut session, &mut b"+OK\r\n".to_owned()), 1);
    session.enqueue(secret).unwrap();
    // More commands behind it, for which the output has to grow.
    for _ in 0..100 {
        session.enqueue(Command::Capa).unwrap();
    }
    session.enqueue(Command::User("mrose")).unwrap();
    session.enqueue(Command::Quit).unwrap();
    let mut output = session.take_output();
    assert!(has(&output, SECRET));
    output.fill(0);
    drop(output);
    assert_eq!(LEAKED.get(), 0, "copies are left behind when the output grows");

    // Never sent.
    let mut session = Session::new(Limits::default());
    assert_eq!(feed(&mut session, &mut b"+OK\r\n".to_owned()), 1);
    session.enqueue(Command::User("mrose")).unwrap();
    assert_eq!(feed(&mut session, &mut b"+OK\r\n".to_owned()), 1);
    session.enqueue(secret).unwrap();
    assert!(!format!("{session:?} {secret:?}").contains("S3cret"));
    drop(session);
    assert_eq!(LEAKED.get(), 0, "a copy is left behind when the session is dropped");
}

/// A session in an exchange of PLAIN, and what the client says in it.
fn challenged() -> Session {
    let mut session = Session::new(Limits::default());
    assert_eq!(feed(&mut session, &mut b"+OK\r\n".to_owned()), 1);
    session.enqueue(Command::Auth { mechanism: Mechanism::Plain, initial: None, proves: false }).unwrap();
    assert_eq!(feed(&mut session, &mut b"+\r\n".to_owned()), 1);
    session
}

#[test]
fn responses_are_wiped() {
    let initial = |session: &mut Session| {
        let auth = Command::Auth { mechanism: Mechanism::Plain, initial: Some(SECRET), proves: true };
        session.enqueue(auth).unwrap();
        assert!(!has(format!("{session:?} {auth:?}").as_bytes(), SECRET));
    };
    // Sent, wiped by the caller; with the trace, which keeps no copy.
    for at_once in [false, true] {
        let trace = Trace::default();
        let mut session = if at_once { Session::new(Limits::default()) } else { challenged() };
        session.trace_to(trace.clone());
        if at_once {
            assert_eq!(feed(&mut session, &mut b"+OK\r\n".to_owned()), 1);
            initial(&mut session);
        } else {
            session.respond(SECRET, true).unwrap();
        }
        let shown = format!("{session:?} {trace:?}");
        assert!(!has(shown.as_bytes(), SECRET) && !has(shown.as_bytes(), ENCODED), "{shown}");
        let mut output = session.take_output();
        assert!(has(&output, ENCODED));
        output.fill(0);
        drop((output, session, trace));
        assert_eq!(LEAKED.get(), 0, "copies are left behind, at once: {at_once}");
    }
    // Never sent, and grown.
    let mut session = challenged();
    session.respond(SECRET, false).unwrap();
    assert_eq!(feed(&mut session, &mut b"+\r\n".to_owned()), 1);
    session.respond(&[b'x'; 16_500], true).unwrap();
    drop(session);
    assert_eq!(LEAKED.get(), 0, "a copy is left behind when the session is dropped");
}
