//! `APOP`: the greeting's timestamp and the digest (RFC 1939 §7).

use core::fmt;

use alloc::vec::Vec;
use md5::{Digest, Md5};

/// A greeting's timestamp: a msg-id of RFC 822 §4.6 in printable ASCII, brackets included.
///
/// Servers have no reason to send anything else, and a man in the middle has: chosen octets that no msg-id can have
/// make MD5 collide, and step by step give away the password (CVE-2007-1558).
#[derive(Clone, PartialEq, Eq)]
pub struct Timestamp(Vec<u8>);

impl Timestamp {
    /// The first msg-id in a greeting. Looks at each octet a bounded number of times.
    pub(crate) fn find(greeting: &[u8]) -> Option<Self> {
        let mut candidates = greeting.split(|octet| *octet == b'<').skip(1);
        candidates.find_map(|candidate| {
            let inside = candidate.get(..memchr::memchr(b'>', candidate)?)?;
            let (local, domain) = inside.split_at_checked(memchr::memrchr(b'@', inside)?)?;
            let domain = domain.get(1..)?;
            let valid = is_local_part(local) && is_domain(domain);
            valid.then(|| Timestamp([b"<", inside, b">"].concat()))
        })
    }

    /// The timestamp as sent, brackets included.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The digest that proves the secret: MD5 over timestamp and secret, in lower-case hexadecimal.
    pub(crate) fn digest(&self, secret: &[u8]) -> [u8; 32] {
        let mut md5 = Md5::new();
        md5.update(&self.0);
        md5.update(secret);
        let mut hex = [0; 32];
        for (pair, octet) in hex.chunks_exact_mut(2).zip(md5.finalize()) {
            pair.copy_from_slice(&[hex_digit(octet >> 4), hex_digit(octet & 0xf)]);
        }
        hex
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({})", crate::escape(&self.0, usize::MAX))
    }
}

fn is_local_part(octets: &[u8]) -> bool {
    match octets {
        [b'"', quoted @ .., b'"'] => quoted.iter().all(|octet| is_printable(*octet) && !matches!(octet, b'"' | b'\\')),
        octets => is_dotted_atoms(octets),
    }
}

fn is_domain(octets: &[u8]) -> bool {
    match octets {
        [b'[', literal @ .., b']'] => {
            literal.iter().all(|octet| is_printable(*octet) && !matches!(octet, b'[' | b']' | b'\\'))
        }
        octets => is_dotted_atoms(octets),
    }
}

fn is_dotted_atoms(octets: &[u8]) -> bool {
    octets.split(|octet| *octet == b'.').all(|atom| !atom.is_empty() && atom.iter().all(|octet| is_atom_octet(*octet)))
}

fn is_atom_octet(octet: u8) -> bool {
    is_printable(octet) && !br#"()<>@,;:\".[]"#.contains(&octet)
}

fn is_printable(octet: u8) -> bool {
    octet.is_ascii_graphic()
}

pub(crate) fn hex_digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => b'a' + nibble - 10,
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    fn found(greeting: &[u8]) -> Option<alloc::vec::Vec<u8>> {
        Timestamp::find(greeting).map(|timestamp| timestamp.as_bytes().to_vec())
    }

    #[test]
    fn digest_of_rfc_1939() {
        let timestamp = Timestamp::find(b"POP3 server ready <1896.697170952@dbc.mtview.ca.us>").unwrap();
        assert_eq!(&timestamp.digest(b"tanstaaf"), b"c4c9334bac560ecc979e58001b3e22fb");
    }

    #[test]
    fn msg_ids() {
        assert_eq!(found(b"hi <1.2@host> there").unwrap(), b"<1.2@host>");
        assert_eq!(found(b"<not one> <1@[127.0.0.1]>").unwrap(), b"<1@[127.0.0.1]>");
        assert_eq!(found(b"<<1@h>").unwrap(), b"<1@h>");
        assert_eq!(found(b"<\"a b\"@h>"), None);
        assert_eq!(found(b"<\"a:b\"@h>").unwrap(), b"<\"a:b\"@h>");
    }

    #[test]
    fn everything_else_is_no_timestamp() {
        for greeting in [
            &b""[..],
            b"ready",
            b"<>",
            b"<@>",
            b"<a@>",
            b"<@b>",
            b"<ab>",
            b"<a@b",
            b"<a b@c>",
            b"<a@b@c>",
            b"<a..b@c>",
            b"<a@b.>",
            b"<a@\xff>",
            b"<a\x80@b>",
            b"<a@b\x01>",
            b"<a@b\x00>",
            b"<a@b\x7f>",
        ] {
            assert_eq!(found(greeting), None, "{greeting:?}");
        }
    }
}
