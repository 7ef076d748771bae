//! No memory is given back with a secret in it.
#![allow(unsafe_code, reason = "an allocator that looks into blocks is unsafe by nature")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use pop3_protocol::sasl::Mechanism;

use crate::{MECHANISMS, begin};

const SECRET: &[u8] = b"pw-S3cret-7f";
/// `SaltedPassword`, `ClientKey` and `ServerKey` of RFC 5802 §3 for [`SECRET`], the salt `QSXCR+Q6sek8bf92` and 4096
/// iterations, computed elsewhere.
const KEYS: [[u8; 20]; 3] = [
    [
        0x13, 0xb1, 0x55, 0x46, 0xba, 0x16, 0x1c, 0xf4, 0xaa, 0x66, 0x05, 0x4b, 0x49, 0x09, 0xf5, 0x6b, 0x7d, 0xec,
        0x72, 0x93,
    ],
    [
        0xf5, 0x1b, 0x36, 0x92, 0x6c, 0xfd, 0x96, 0xf8, 0x53, 0x05, 0xfb, 0xb8, 0x7e, 0x92, 0x17, 0x87, 0x6b, 0x7c,
        0x2a, 0xfb,
    ],
    [
        0x6f, 0x6e, 0x73, 0x5d, 0xb9, 0x2d, 0xd8, 0x60, 0xac, 0xb6, 0xa1, 0x20, 0x4f, 0xe8, 0x5c, 0x66, 0x2f, 0x07,
        0x4a, 0xf0,
    ],
];

/// The `server-first-message` of RFC 5802 §5.
const SERVER_FIRST: &str =
    "cj1meWtvK2QybGJiRmdPTlJ2OXFreGRhd0wzcmZjTkhZSlkxWlZ2V1ZzN2oscz1RU1hDUitRNnNlazhiZjkyLGk9NDA5Ng==";

/// The system's allocator, which counts for each thread, as each test runs on its own.
struct Looking;

thread_local! {
    /// Blocks given back with the secret or a key in them.
    static LEAKED: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Looking = Looking;

// SAFETY: all is passed on to the system's allocator. `realloc` is the trait's own: allocate, copy, deallocate.
unsafe impl GlobalAlloc for Looking {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`. Zeroed, as `dealloc` reads the block.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block has the layout's size, was initialised by `alloc`, and nobody else has it any more.
        let octets = unsafe { std::slice::from_raw_parts(block, layout.size()) };
        let has = |secret: &[u8]| memchr::memmem::find(octets, secret).is_some();
        if has(SECRET) || KEYS.iter().any(|key| has(key)) {
            LEAKED.set(LEAKED.get() + 1);
        }
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[test]
fn the_allocator_sees() {
    drop(SECRET.to_vec());
    drop(KEYS[0].to_vec());
    assert_eq!(LEAKED.get(), 2);
}

#[test]
fn exchanges_that_were_begun() {
    for mechanism in MECHANISMS {
        drop(begin(mechanism, "user", SECRET));
        assert_eq!(LEAKED.get(), 0, "{mechanism}");
        let mut exchange = begin(mechanism, "user", SECRET);
        let first = exchange.initial();
        drop(exchange);
        drop(first);
        assert_eq!(LEAKED.get(), 0, "{mechanism} with its initial response");
    }
}

#[test]
fn exchanges_that_went_on() {
    for mechanism in MECHANISMS {
        for challenges in 0..4 {
            let mut exchange = begin(mechanism, "user", SECRET);
            for _ in 0..challenges {
                let _ = exchange.respond(SERVER_FIRST.as_bytes());
            }
            let complete = exchange.succeed(b"").is_ok();
            drop(exchange);
            assert_eq!(LEAKED.get(), 0, "{mechanism} after {challenges} challenges, {complete}");
        }
    }
}

/// The keys that the allocator looks for are those of the exchange: this proof was computed with them.
#[test]
fn the_keys_are_those_of_the_exchange() {
    let mut exchange = begin(Mechanism::ScramSha1, "user", SECRET);
    exchange.initial();
    let response = exchange.respond(SERVER_FIRST.as_bytes()).unwrap();
    assert!(response.octets.ends_with(b",p=bzlM81503pPkUKmQ+xa3vIobXaA="));
}
