//! What others said, made safe for a terminal and a log.

#[path = "../../guest/protocol/src/printable.rs"]
mod printable;

use std::fmt;

use printable::is_printable;

/// The octets as text: printable characters of UTF-8 stay, every other octet becomes `\xNN`.
///
/// Not printable are the controls (C0, DEL, C1), invisible characters that reorder or hide text, line and paragraph
/// separators, and octets that are not UTF-8. A backslash stays as it is, so that what was escaped before, by the
/// sandbox for example, comes out unchanged.
pub fn escape(octets: &[u8]) -> Escaped<'_> {
    escape_cut(octets, usize::MAX)
}

/// As [`escape()`], in at most `most` characters. Where that is too few, `…` is the last of them.
pub fn escape_cut(octets: &[u8], most: usize) -> Escaped<'_> {
    Escaped { octets, most }
}

/// Text that is safe to show; made by [`escape()`] and [`escape_cut`].
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a> {
    octets: &'a [u8],
    most: usize,
}

impl Escaped<'_> {
    fn fits(&self) -> bool {
        let mut left = self.most;
        pieces(self.octets).all(|piece| match left.checked_sub(piece.width()) {
            Some(rest) => {
                left = rest;
                true
            }
            None => false,
        })
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.fits() {
            return pieces(self.octets).try_for_each(|piece| piece.fmt(f));
        }
        let Some(mut left) = self.most.checked_sub(1) else { return Ok(()) };
        for piece in pieces(self.octets) {
            // A piece is never split: half of `\x1b` would be another text.
            let Some(rest) = left.checked_sub(piece.width()) else { break };
            left = rest;
            piece.fmt(f)?;
        }
        f.write_str("…")
    }
}

enum Piece {
    Printable(char),
    Octet(u8),
}

impl Piece {
    /// In characters.
    fn width(&self) -> usize {
        match self {
            Self::Printable(_) => 1,
            Self::Octet(_) => r"\xNN".len(),
        }
    }

    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        match self {
            Self::Printable(character) => f.write_char(*character),
            Self::Octet(octet) => write!(f, "\\x{octet:02x}"),
        }
    }
}

fn pieces(octets: &[u8]) -> impl Iterator<Item = Piece> {
    octets.utf8_chunks().flat_map(|chunk| {
        let invalid = chunk.invalid().iter().map(|octet| Piece::Octet(*octet));
        chunk.valid().chars().flat_map(character_pieces).chain(invalid)
    })
}

fn character_pieces(character: char) -> impl Iterator<Item = Piece> {
    let printable = is_printable(character);
    let mut encoded = [0; 4];
    let length = if printable { 0 } else { character.encode_utf8(&mut encoded).len() };
    let octets = encoded.into_iter().take(length).map(Piece::Octet);
    printable.then_some(Piece::Printable(character)).into_iter().chain(octets)
}

#[cfg(test)]
mod tests {
    use super::{escape, escape_cut};

    #[test]
    fn printable_text_stays() {
        let text = r#"größe 日本 🙂 "quoted" C:\new \x1b"#;
        assert_eq!(escape(text.as_bytes()).to_string(), text);
    }

    #[test]
    fn controls_do_not_stay() {
        assert_eq!(escape(b"\x1b[2J\r\n\t\0\x7f").to_string(), r"\x1b[2J\x0d\x0a\x09\x00\x7f");
        // CSI of C1, which some terminals obey.
        assert_eq!(escape("\u{9b}31m".as_bytes()).to_string(), r"\xc2\x9b31m");
    }

    #[test]
    fn characters_that_hide_or_reorder_do_not_stay() {
        for hidden in "\u{ad}\u{61c}\u{200b}\u{200f}\u{2028}\u{2029}\u{202e}\u{2066}\u{2069}\u{feff}\u{e0041}".chars() {
            let shown = escape(format!("a{hidden}b").as_bytes()).to_string();
            assert!(shown.is_ascii() && shown.starts_with(r"a\x") && shown.ends_with('b'), "{shown}");
        }
    }

    #[test]
    fn what_is_not_utf8_is_shown_octet_by_octet() {
        assert_eq!(escape(b"caf\xe9").to_string(), r"caf\xe9");
        assert_eq!(escape(b"\xe2\x80").to_string(), r"\xe2\x80");
        assert_eq!(escape(b"\xc0\xafx\xed\xa0\x80").to_string(), r"\xc0\xafx\xed\xa0\x80");
    }

    #[test]
    fn escaping_twice_is_escaping_once() {
        let every_octet: Vec<u8> = (0..=255).collect();
        let once = escape(&every_octet).to_string();
        assert_eq!(escape(once.as_bytes()).to_string(), once);
        let cut = escape_cut(&every_octet, 50).to_string();
        assert_eq!(escape_cut(cut.as_bytes(), 50).to_string(), cut);
    }

    #[test]
    fn long_text_is_cut_to_the_characters_asked_for() {
        assert_eq!(escape_cut(b"abcdef", 6).to_string(), "abcdef");
        assert_eq!(escape_cut(b"abcdef", 5).to_string(), "abcd…");
        assert_eq!(escape_cut("äöüß".as_bytes(), 3).to_string(), "äö…");
        assert_eq!(escape_cut(b"abcdef", 1).to_string(), "…");
        assert_eq!(escape_cut(b"abcdef", 0).to_string(), "");
        assert_eq!(escape_cut(b"", 0).to_string(), "");
    }

    #[test]
    fn an_escape_is_never_cut_in_two() {
        assert_eq!(escape_cut(b"ab\x1bcd", 6).to_string(), "ab…");
        assert_eq!(escape_cut(b"ab\x1bcd", 7).to_string(), r"ab\x1b…");
        assert_eq!(escape_cut(b"ab\x1bcd", 8).to_string(), r"ab\x1bcd");
    }
}
