//! What a component can do to its host.

use alloc::vec::Vec;
use core::hint::black_box;

use wasi::clocks::monotonic_clock;
use wasi::io::poll;

use crate::network;
use crate::tls;
use crate::types::Error;
use crate::words;

/// Does what the first word says, with the rest of the words. Most deeds never come to an end of their own.
pub(crate) fn perform(deed: &str) -> Result<(), Error> {
    let told = deed;
    let (deed, rest) = deed.split_once(' ').unwrap_or((deed, ""));
    match deed {
        "spin" => spin(),
        "ask-the-clock" => ask_the_clock(),
        "poll-what-is-ready" => poll_what_is_ready(),
        "park" => park(),
        "allocate" => allocate(rest.parse().unwrap_or(usize::MAX)),
        "trap" => core::arch::wasm32::unreachable(),
        "recurse" => {
            black_box(recurse(1));
        }
        "hoard-timers" => hoard(|| monotonic_clock::subscribe_duration(u64::MAX)),
        "hoard-sockets" => hoard(network::socket),
        "hoard-sessions" => hoard(crate::verbs::session),
        "poll-a-long-list" => poll_a_long_list(),
        "connect" => return network::connect(rest),
        "bind" => return network::bind(rest),
        "listen" => return network::listen(rest),
        "write-unasked" => return network::write_unasked(rest),
        "handshake" => return tls::handshake(told, rest),
        "handshake-twice" => return tls::handshake(told, rest).and_then(|()| tls::handshake(told, rest)),
        // As if nothing had happened.
        "handshake-in-vain" => drop(tls::handshake(told, rest)),
        "fail" => return Err(words::error(rest)),
        _ => {}
    }
    Ok(())
}

fn spin() {
    let mut count = 0_u64;
    loop {
        count = black_box(count).wrapping_add(1);
    }
}

/// As `spin`, with most of the time spent on the host's side.
fn ask_the_clock() {
    loop {
        black_box(monotonic_clock::now());
    }
}

/// As `ask_the_clock`, with calls that could wait but never do.
fn poll_what_is_ready() {
    let elapsed = monotonic_clock::subscribe_duration(0);
    loop {
        elapsed.block();
    }
}

/// Waits in the host for what will not happen in 584 years.
pub(crate) fn park() {
    monotonic_clock::subscribe_duration(u64::MAX).block();
}

/// So many octets, all held at a time.
fn allocate(octets: usize) {
    const AT_A_TIME: usize = 64 << 10;
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    while hoard.len() < octets / AT_A_TIME {
        hoard.push(alloc::vec![1; AT_A_TIME]);
        black_box(&hoard);
    }
}

/// Not a loop in disguise: each level needs what the ones below give.
#[expect(unconditional_recursion, reason = "the stack ends, and that is the point")]
fn recurse(level: u64) -> u64 {
    let frame = [level; 16];
    let below = recurse(black_box(level + 1));
    black_box(&frame).iter().fold(below, |sum, value| sum.wrapping_add(*value))
}

fn hoard<T>(mut one: impl FnMut() -> T) {
    loop {
        core::mem::forget(one());
    }
}

/// One handle takes four octets of this list, and many more in the host.
fn poll_a_long_list() {
    let timer = monotonic_clock::subscribe_duration(0);
    poll::poll(&alloc::vec![&timer; 500_000]);
}
