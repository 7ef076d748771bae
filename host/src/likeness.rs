//! What a whole message is known again by.

use std::hash::Hasher;

use twox_hash::XxHash3_64;

use crate::fingerprint::{Beginning, Fingerprint};

/// What a whole message is known again by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Likeness {
    /// Its beginning.
    pub fingerprint: Fingerprint,
    /// Its octets.
    pub octets: u64,
    /// All of its content.
    pub content: ContentHash,
}

impl Likeness {
    /// Of this message.
    pub fn of(message: &[u8]) -> Self {
        let mut observed = Observed::default();
        observed.write(message);
        observed.finish()
    }
}

/// 64 bits of XXH3 over all octets of a message.
///
/// It tells messages apart whose beginnings and sizes are the same, and costs little also where they are large. No attacker is
/// kept off by it: what a sender cannot choose, such as what servers on the way add, is in the beginning, under SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub u64);

/// A message on its way.
#[derive(Default)]
pub(crate) struct Observed {
    beginning: Beginning,
    octets: u64,
    content: XxHash3_64,
}

impl Observed {
    /// Takes the next octets, split anywhere.
    pub(crate) fn write(&mut self, octets: &[u8]) {
        self.beginning.write(octets);
        self.octets = self.octets.saturating_add(octets.len() as u64);
        self.content.write(octets);
    }

    pub(crate) fn finish(self) -> Likeness {
        let Observed { beginning, octets, content } = self;
        Likeness { fingerprint: beginning.finish(), octets, content: ContentHash(content.finish()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{ContentHash, Likeness, Observed};
    use crate::fingerprint::Fingerprint;

    #[test]
    fn all_octets_count() {
        let message = |last: &str| format!("Subject: a\r\n\r\n{}{last}\r\n", "line\r\n".repeat(1000)).into_bytes();
        let (one, other) = (Likeness::of(&message("1")), Likeness::of(&message("2")));
        assert_eq!((one.fingerprint, one.octets), (other.fingerprint, other.octets));
        assert_ne!(one.content, other.content);
        assert_eq!(one.fingerprint, Fingerprint::of(&message("1")));
        assert_eq!(one.octets, message("1").len() as u64);
    }

    #[test]
    fn it_is_the_same_however_the_octets_come() {
        let message: Vec<u8> = (0..3000_u32).flat_map(u32::to_be_bytes).collect();
        for size in [1, 7, 255, 256, 257, 4096] {
            let mut observed = Observed::default();
            message.chunks(size).for_each(|chunk| observed.write(chunk));
            assert_eq!(observed.finish(), Likeness::of(&message), "{size}");
        }
    }

    /// A journal outlives the version that has written it.
    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(Likeness::of(b"").content, ContentHash(0x2d06_8005_38d3_94c2));
    }
}
