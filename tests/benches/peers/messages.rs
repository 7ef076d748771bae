//! The messages of the maildrops, the same each time.

use std::fmt;

use popfetch_tests::{fingerprint::Fingerprint, maildrop::Content};

/// Less than this is too little for the generator of the suites, which makes a header and lines with dots.
const GENERATED: usize = 512;

/// The messages of one maildrop: so many, so large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mail {
    pub(crate) count: usize,
    /// Octets of each message.
    pub(crate) octets: usize,
}

impl Mail {
    /// All messages. The seed makes those of one maildrop others than those of the next.
    pub(crate) fn messages(self, seed: u64) -> impl Iterator<Item = Vec<u8>> {
        (0..self.count).map(move |number| message(seed << 32 | number as u64, self.octets))
    }
}

/// What has to arrive: octet for octet, or with LF where there was CRLF.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    pub(crate) crlf: Vec<Fingerprint>,
    pub(crate) lf: Vec<Fingerprint>,
}

impl Expected {
    /// Takes note of a message.
    pub(crate) fn add(&mut self, message: &[u8]) {
        let label = format!("message {}", self.crlf.len() + 1);
        self.crlf.push(Fingerprint::of(label.clone(), message));
        self.lf.push(Fingerprint::of_content_lf(label, &Content::from(message.to_vec())));
    }
}

fn message(seed: u64, octets: usize) -> Vec<u8> {
    if octets >= GENERATED {
        return Content::generated(seed, octets as u64).to_vec();
    }
    let mut message = format!("From: a@example.org\r\nMessage-ID: <{seed}@example.org>\r\n\r\n").into_bytes();
    message.resize(octets - 2, b'x');
    message.extend_from_slice(b"\r\n");
    message
}

impl fmt::Display for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × ", grouped(self.count))?;
        match self.octets {
            octets if octets % (1 << 20) == 0 => write!(f, "{} MiB", octets >> 20),
            octets if octets % (1 << 10) == 0 => write!(f, "{} KiB", octets >> 10),
            octets => write!(f, "{octets} octets"),
        }
    }
}

/// With a comma before each three digits.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(",")
}
