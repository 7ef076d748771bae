//! Content in segments of any sizes, against the plain rules. The first octet chooses the line ends (LF if it is odd) and
//! how many of the octets behind it are sizes of segments.
#![no_main]

#[path = "../../tests/naive/mod.rs"]
mod naive;
#[path = "../../tests/retrieval/mod.rs"]
mod retrieval;

use libfuzzer_sys::fuzz_target;
use naive::{decode, stuff};
use retrieval::{Decoded, retrieve};

fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    let line_end: &[u8] = if choice % 2 == 1 { b"\n" } else { b"\r\n" };
    let (sizes, octets) = rest.split_at(usize::from(choice / 2 % 8).min(rest.len()));
    let sizes = || sizes.iter().map(|size| usize::from(*size));
    assert_eq!(retrieve(line_end, octets, sizes()), decode(octets, line_end));

    let message = if octets.ends_with(line_end) { octets.to_vec() } else { [octets, line_end].concat() };
    let sent = [&stuff(&message, line_end)[..], b".", line_end].concat();
    let end = Some(sent.len());
    assert_eq!(retrieve(line_end, &sent, sizes()), Decoded { content: message, end });
});
