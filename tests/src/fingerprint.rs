//! Sizes and SHA-256 digests of messages, and the comparison of two heaps of them: nothing lost, nothing twice, nothing
//! changed.

use std::{collections::BTreeMap, fmt};

use sha2::{Digest, Sha256};

use crate::maildrop::{Content, LfLines};

/// What identifies the octets of a message, without the octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// What a reader of a failed comparison recognises the message by. It does not count in a comparison.
    pub label: String,
    /// Size.
    pub octets: u64,
    /// SHA-256 of the octets.
    pub sha256: [u8; 32],
}

impl Fingerprint {
    /// The fingerprint of these octets.
    pub fn of(label: impl Into<String>, octets: &[u8]) -> Self {
        Self { label: label.into(), octets: octets.len() as u64, sha256: Sha256::digest(octets).into() }
    }

    /// The fingerprint of content as it is.
    pub fn of_content(label: impl Into<String>, content: &Content) -> Self {
        let mut hasher = Sha256::new();
        let mut reader = content.reader();
        while let Some(piece) = reader.next_piece() {
            hasher.update(piece);
        }
        Self { label: label.into(), octets: content.len(), sha256: hasher.finalize().into() }
    }

    /// The fingerprint of content when each CRLF has become LF. Bare CR and bare LF stay.
    pub fn of_content_lf(label: impl Into<String>, content: &Content) -> Self {
        let (mut hasher, mut octets) = (Sha256::new(), 0);
        let (mut lines, mut converted) = (LfLines::default(), Vec::new());
        let mut reader = content.reader();
        while let Some(piece) = reader.next_piece() {
            converted.clear();
            lines.convert(piece, &mut converted);
            hasher.update(&converted);
            octets += converted.len() as u64;
        }
        converted.clear();
        lines.finish(&mut converted);
        hasher.update(&converted);
        octets += converted.len() as u64;
        Self { label: label.into(), octets, sha256: hasher.finalize().into() }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} octets, sha256 ", self.octets)?;
        for octet in &self.sha256[..6] {
            write!(f, "{octet:02x}")?;
        }
        write!(f, "…, {}", self.label)
    }
}

/// Compares two heaps of messages; the order does not matter, the number of equal ones does.
///
/// # Errors
/// What is missing and what is there but should not be.
pub fn compare(
    expected: impl IntoIterator<Item = Fingerprint>,
    found: impl IntoIterator<Item = Fingerprint>,
) -> Result<(), Difference> {
    // Per digest: those that are still to be found.
    let mut open: BTreeMap<[u8; 32], Vec<Fingerprint>> = BTreeMap::new();
    for fingerprint in expected {
        open.entry(fingerprint.sha256).or_default().push(fingerprint);
    }
    let known: Vec<[u8; 32]> = open.keys().copied().collect();
    let (mut unexpected, mut repeated) = (Vec::new(), Vec::new());
    for fingerprint in found {
        if open.get_mut(&fingerprint.sha256).and_then(Vec::pop).is_some() {
            continue;
        }
        match known.binary_search(&fingerprint.sha256) {
            Ok(_) => repeated.push(fingerprint),
            Err(_) => unexpected.push(fingerprint),
        }
    }
    let missing: Vec<Fingerprint> = open.into_values().flatten().collect();
    if missing.is_empty() && unexpected.is_empty() && repeated.is_empty() {
        return Ok(());
    }
    Err(Difference { missing, repeated, unexpected })
}

/// How two heaps of messages differ. It prints as a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Expected, but not found, or not found often enough.
    pub missing: Vec<Fingerprint>,
    /// Expected, but found more often than that: duplicates.
    pub repeated: Vec<Fingerprint>,
    /// Found, but nothing like it was expected: changed on the way, cut, or foreign.
    pub unexpected: Vec<Fingerprint>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        let parts = [("missing", &self.missing), ("once too often", &self.repeated), ("unexpected", &self.unexpected)];
        for (what, fingerprints) in parts {
            if !fingerprints.is_empty() {
                writeln!(f, "{} {what}:", fingerprints.len())?;
            }
            for fingerprint in fingerprints.iter().take(SHOWN) {
                writeln!(f, "  {fingerprint}")?;
            }
            if fingerprints.len() > SHOWN {
                writeln!(f, "  … and {} more", fingerprints.len() - SHOWN)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Difference {}

#[cfg(test)]
mod tests {
    use super::*;

    fn heap(contents: &[&str]) -> Vec<Fingerprint> {
        contents.iter().map(|content| Fingerprint::of(*content, content.as_bytes())).collect()
    }

    #[test]
    fn order_does_not_count_but_number_does() {
        assert_eq!(compare(heap(&["a", "b", "b"]), heap(&["b", "a", "b"])), Ok(()));
        let difference = compare(heap(&["a", "b"]), heap(&["b", "b", "c"])).unwrap_err();
        assert_eq!(difference.missing, heap(&["a"]));
        assert_eq!(difference.repeated, heap(&["b"]));
        assert_eq!(difference.unexpected, heap(&["c"]));
        assert!(difference.to_string().contains("1 once too often:\n  1 octets, sha256 3e23e8160039…, b"));
    }

    #[test]
    fn line_ends_become_lf_and_bare_ones_stay() {
        for (crlf, lf) in
            [("a\r\nb\r\n", "a\nb\n"), ("a\rb\r\n", "a\rb\n"), ("a\r\r\nb\n\r\n", "a\r\nb\n\n"), ("a\r", "a\r")]
        {
            let fingerprint = Fingerprint::of_content_lf("", &Content::from(crlf.as_bytes().to_vec()));
            assert_eq!(fingerprint, Fingerprint::of("", lf.as_bytes()), "{crlf:?}");
        }
        let generated = Content::generated(5, 300_001);
        let lf = String::from_utf8(generated.to_vec()).unwrap().replace("\r\n", "\n");
        assert_eq!(Fingerprint::of_content_lf("", &generated), Fingerprint::of("", lf.as_bytes()));
    }
}
