//! CRLF to LF, over pieces that may be cut anywhere.

/// Turns each CRLF into LF. Bare CR and bare LF stay as they are.
#[derive(Clone, Debug, Default)]
pub struct LfLines {
    /// The last piece ended with a CR whose LF may still come.
    held: bool,
}

impl LfLines {
    /// Appends the converted `piece` to `converted`.
    pub fn convert(&mut self, piece: &[u8], converted: &mut Vec<u8>) {
        let mut rest = piece;
        if self.held && !rest.is_empty() {
            self.held = false;
            if rest[0] != b'\n' {
                converted.push(b'\r');
            }
        }
        while let Some(at) = memchr::memchr(b'\r', rest) {
            converted.extend_from_slice(&rest[..at]);
            rest = &rest[at + 1..];
            match rest.first() {
                Some(b'\n') => {}
                Some(_) => converted.push(b'\r'),
                None => self.held = true,
            }
        }
        converted.extend_from_slice(rest);
    }

    /// Appends what is still held when nothing more will come.
    pub fn finish(&mut self, converted: &mut Vec<u8>) {
        if std::mem::take(&mut self.held) {
            converted.push(b'\r');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_does_not_depend_on_where_pieces_are_cut() {
        let text = b"\r\na\r\nb\rc\nd\r\r\n\r\n.\r\n\r";
        for size in 1..text.len() {
            let (mut lines, mut converted) = (LfLines::default(), Vec::new());
            for piece in text.chunks(size) {
                lines.convert(piece, &mut converted);
            }
            lines.finish(&mut converted);
            assert_eq!(converted, b"\na\nb\rc\nd\r\n\n.\n\r", "in pieces of {size}");
        }
    }
}
