//! Processor, memory, stack and handles.

use std::fs;
use std::time::Instant;

use popfetch::{Limits, Stopped};

use crate::{BUSY, PATIENCE, assert_goes_on, connecting, limits, misbehaving, sandbox, sandbox_of, session, stopped};

#[tokio::test]
async fn whoever_never_answers_is_stopped() {
    let sandbox = sandbox();
    for deed in ["spin", "ask-the-clock", "poll-what-is-ready"] {
        let begin = Instant::now();
        assert_eq!(stopped(connecting(&sandbox, deed).await), Stopped::Busy(BUSY), "{deed}");
        let took = begin.elapsed();
        assert!((BUSY..PATIENCE).contains(&took), "{deed} was stopped after {took:?}");
    }
    assert_goes_on(&sandbox).await;
}

#[tokio::test]
async fn each_verb_has_that_time_anew() {
    let sandbox = sandbox();
    let mut session = session(&sandbox, "noop spin; stat 1").await;
    // Much more than one verb may take, as long as each is quick.
    for _ in 0..100 {
        session.stat().await.unwrap();
    }
    assert_eq!(stopped(session.noop().await.unwrap_err()), Stopped::Busy(BUSY));
    // The component was left in the middle of something, and is not entered again.
    assert!(!session.is_usable());
    assert_eq!(stopped(session.stat().await.unwrap_err()), Stopped::Busy(BUSY));
    assert_eq!(stopped(session.quit().await.unwrap_err()), Stopped::Busy(BUSY));
    assert_goes_on(&sandbox).await;
}

#[tokio::test]
async fn whoever_wants_more_and_more_memory_is_stopped() {
    let sandbox = sandbox();
    assert_eq!(stopped(connecting(&sandbox, "allocate").await), Stopped::Memory(8 << 20));
    // The wall stands where it is said to: there is room for most of that, and none for a little more.
    session(&sandbox, "noop allocate 6000000").await.noop().await.unwrap();
    let mut session = session(&sandbox, "noop allocate 9000000").await;
    assert_eq!(stopped(session.noop().await.unwrap_err()), Stopped::Memory(8 << 20));
    assert_goes_on(&sandbox).await;
}

#[tokio::test]
async fn whoever_traps_is_stopped() {
    let sandbox = sandbox();
    for (deed, cause) in [("trap", "unreachable"), ("recurse", "call stack exhausted")] {
        let Stopped::Trapped(why) = stopped(connecting(&sandbox, deed).await) else { panic!("{deed} did not trap") };
        assert!(why.contains(cause) && !why.contains('\n'), "{deed}: {why}");
    }
    assert_goes_on(&sandbox).await;
}

#[tokio::test]
async fn whoever_hoards_handles_is_stopped() {
    let sandbox = sandbox();
    for deed in ["hoard-timers", "hoard-sockets", "hoard-sessions", "poll-a-long-list"] {
        let begin = Instant::now();
        let why = stopped(connecting(&sandbox, deed).await);
        // Not by the time that it took, but by the number of them.
        assert!(matches!(why, Stopped::Trapped(_)), "{deed}: {why}");
        assert!(begin.elapsed() < PATIENCE, "{deed}");
    }
    assert_goes_on(&sandbox).await;
}

#[tokio::test]
async fn whoever_hands_over_too_much_at_once_is_stopped() {
    let sandbox = sandbox();
    let mut small = session(&sandbox, "capabilities 900000").await;
    assert!(small.capabilities().await.unwrap()[0].name.len() > 900_000);
    let mut large = session(&sandbox, "capabilities 2000000").await;
    assert!(matches!(stopped(large.capabilities().await.unwrap_err()), Stopped::Trapped(_)));
    // Few octets each, but of many.
    let mut many = session(&sandbox, "scan-listings 200000").await;
    assert!(matches!(stopped(many.scan_listings().await.unwrap_err()), Stopped::Trapped(_)));
    assert_goes_on(&sandbox).await;
}

#[tokio::test]
async fn what_is_no_text_is_not_taken_for_one() {
    let sandbox = sandbox();
    assert!(matches!(stopped(connecting(&sandbox, "fail not-utf8").await), Stopped::Trapped(_)));
    assert_goes_on(&sandbox).await;
}

/// The host's own memory, for what it holds in the name of a component.
#[tokio::test]
async fn a_flood_does_not_reach_the_host() {
    const OCTETS: usize = 300 << 20;
    // As wide as the walls are by default.
    let sandbox = sandbox_of(&misbehaving(), Limits { busy: BUSY, ..Limits::default() });
    let before = resident();
    for deed in ["allocate", "hoard-timers", "hoard-sockets", "hoard-sessions", "poll-a-long-list"] {
        for _ in 0..3 {
            stopped(connecting(&sandbox, deed).await);
        }
        // Other tests of this process run at the same time; what each of them holds is small beside this.
        let grown = resident().saturating_sub(before);
        assert!(grown < OCTETS, "{deed} left {} MiB behind", grown >> 20);
    }
    assert_eq!(limits().resources, Limits::default().resources);
}

/// Octets of this process that are in memory.
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}
