//! What a server said, made safe to show.

use alloc::string::String;
use core::fmt::Write;

use crate::printable::is_printable;

/// The octets as text: printable characters of UTF-8 stay, every other octet becomes `\xNN`. No more than `most`
/// octets of the input are taken; `…` stands for the rest.
///
/// Controls, also those of C1, and the invisible characters that reorder or hide text never stay.
pub fn escape(octets: &[u8], most: usize) -> String {
    let shown = octets.get(..most).unwrap_or(octets);
    let mut text = String::with_capacity(shown.len());
    for chunk in shown.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_printable(character) {
                text.push(character);
            } else {
                push_octets(&mut text, character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        push_octets(&mut text, chunk.invalid());
    }
    if shown.len() < octets.len() {
        text.push('…');
    }
    text
}

fn push_octets(text: &mut String, octets: &[u8]) {
    for octet in octets {
        // Writing to a String cannot fail.
        let _ = write!(text, "\\x{octet:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn text_stays_and_controls_do_not() {
        assert_eq!(escape("größe 日本".as_bytes(), 100), "größe 日本");
        assert_eq!(escape(b"\x1b[2J\r\0\x7f", 100), "\\x1b[2J\\x0d\\x00\\x7f");
        assert_eq!(escape(b"caf\xe9 \xc2\x9b31m", 100), "caf\\xe9 \\xc2\\x9b31m");
        assert_eq!(escape("a\u{202e}b".as_bytes(), 100), "a\\xe2\\x80\\xaeb");
    }

    #[test]
    fn escaping_twice_is_escaping_once() {
        let once = escape(b"\\ \x1b \xff", 100);
        assert_eq!(escape(once.as_bytes(), 100), once);
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(escape(b"abcdef", 3), "abc…");
    }
}
