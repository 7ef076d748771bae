//! What tells a message from others where its unique-id does not.

use sha2::{Digest, Sha256};

/// How many lines of the body belong to a fingerprint: as many as `TOP` is asked for.
pub(crate) const FINGERPRINTED_LINES: u32 = 10;

/// The first 128 bits of SHA-256 over the header and the first ten lines of the body, without their line ends.
///
/// The same whether the octets came by `RETR` or by `TOP n 10` (RFC 1939 §7), where servers treat the end of the last line
/// differently.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// Of a message that begins so. What is behind the tenth line does not count.
    pub fn of(message: &[u8]) -> Self {
        let mut beginning = Beginning::default();
        beginning.write(message);
        beginning.finish()
    }

    /// As the journal keeps it; nothing for octets that are none.
    pub(crate) fn from_octets(octets: &[u8]) -> Option<Self> {
        octets.try_into().ok().map(Fingerprint)
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// The beginning of a message, on its way.
#[derive(Debug, Default)]
pub(crate) struct Beginning {
    hash: Sha256,
    /// Line ends of the body so far.
    body_lines: u32,
    in_body: bool,
    /// The line that is being read has octets.
    has_octets: bool,
}

impl Beginning {
    /// Takes the next octets, split anywhere.
    pub(crate) fn write(&mut self, mut octets: &[u8]) {
        while !self.is_complete()
            && let Some(at) = memchr::memchr2(b'\r', b'\n', octets)
        {
            let (line, rest) = octets.split_at(at);
            self.hash_line(line);
            if rest.first() == Some(&b'\n') {
                self.end_line();
            }
            octets = rest.get(1..).unwrap_or_default();
        }
        if !self.is_complete() {
            self.hash_line(octets);
        }
    }

    pub(crate) fn finish(self) -> Fingerprint {
        let digest = self.hash.finalize();
        let mut short = [0; 16];
        short.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Fingerprint(short)
    }

    /// Nothing that comes now counts.
    pub(crate) fn is_complete(&self) -> bool {
        self.body_lines >= FINGERPRINTED_LINES
    }

    fn hash_line(&mut self, octets: &[u8]) {
        if !octets.is_empty() {
            self.hash.update(octets);
            self.has_octets = true;
        }
    }

    fn end_line(&mut self) {
        if self.in_body {
            self.body_lines += 1;
        } else {
            self.in_body = !self.has_octets;
        }
        self.has_octets = false;
    }
}

#[cfg(test)]
mod tests {
    use super::{Beginning, Fingerprint};

    const MESSAGE: &[u8] = b"Subject: a\r\nTo: b\r\n\r\n1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7\r\n8\r\n9\r\n10\r\n11\r\n";

    #[test]
    fn ten_lines_of_the_body_count() {
        let whole = Fingerprint::of(MESSAGE);
        let end = MESSAGE.windows(4).position(|window| window == b"\r\n11").unwrap();
        assert_eq!(whole, Fingerprint::of(&MESSAGE[..end]), "as TOP gives it without its last line end");
        assert_eq!(whole, Fingerprint::of(&[&MESSAGE[..end], b"\r\nother"].concat()));
        assert_ne!(whole, Fingerprint::of(&MESSAGE[..end - 1]));
    }

    #[test]
    fn header_and_body_count() {
        for (one, other) in [
            (&b"Subject: a\r\n\r\nx"[..], &b"Subject: b\r\n\r\nx"[..]),
            (b"Subject: a\r\n\r\nx", b"Subject: a\r\n\r\ny"),
            (b"", b"x"),
        ] {
            assert_ne!(Fingerprint::of(one), Fingerprint::of(other));
        }
    }

    #[test]
    fn line_ends_do_not_count() {
        let lf: Vec<u8> = MESSAGE.iter().copied().filter(|octet| *octet != b'\r').collect();
        assert_eq!(Fingerprint::of(MESSAGE), Fingerprint::of(&lf));
    }

    #[test]
    fn it_is_the_same_however_the_octets_come() {
        for size in 1..MESSAGE.len() {
            let mut beginning = Beginning::default();
            MESSAGE.chunks(size).for_each(|chunk| beginning.write(chunk));
            assert_eq!(beginning.finish(), Fingerprint::of(MESSAGE), "{size}");
        }
    }
}
