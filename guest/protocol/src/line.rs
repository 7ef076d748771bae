//! Lines out of segments.

use alloc::vec::Vec;

/// Collects a line whose parts arrive in several segments. A line that arrives whole is never copied.
#[derive(Debug, Default)]
pub(crate) struct LineBuffer {
    /// The beginning of a line whose end has not come, or the line that was given last.
    partial: Vec<u8>,
    /// `partial` was given and belongs to the past.
    given: bool,
}

/// What a segment gave.
pub(crate) enum Fed<'a> {
    /// A line, and how many octets of the segment belong to it.
    Line { line: Line<'a>, consumed: usize },
    /// The segment is consumed whole, and the line goes on.
    More,
    /// The line is over the limit.
    TooLong,
}

/// A line without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) octets: &'a [u8],
    /// How the line ended.
    pub(crate) ending: LineEnding,
}

/// What a server ends its lines with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnding {
    CrLf,
    /// LF alone, which RFC 1939 does not know.
    Lf,
}

impl LineBuffer {
    /// Takes octets up to the next LF. `limit` counts the octets of the line with its end.
    pub(crate) fn feed<'a>(&'a mut self, segment: &'a [u8], limit: usize) -> Fed<'a> {
        if core::mem::take(&mut self.given) {
            self.partial.clear();
        }
        let room = limit.saturating_sub(self.partial.len());
        let within = segment.get(..room).unwrap_or(segment);
        match memchr::memchr(b'\n', within).and_then(|end| within.split_at_checked(end + 1)) {
            Some((head, _)) if self.partial.is_empty() => Fed::Line { line: Line::of(head), consumed: head.len() },
            Some((head, _)) => {
                self.partial.extend_from_slice(head);
                self.given = true;
                Fed::Line { line: Line::of(&self.partial), consumed: head.len() }
            }
            None if within.len() < segment.len() || within.len() == room => Fed::TooLong,
            None => {
                self.partial.extend_from_slice(within);
                Fed::More
            }
        }
    }

    /// The part of a line that has come.
    pub(crate) fn unfinished(&self) -> &[u8] {
        if self.given { &[] } else { &self.partial }
    }
}

impl<'a> Line<'a> {
    /// Takes the line end from octets that end in LF.
    fn of(octets: &'a [u8]) -> Self {
        match octets {
            [octets @ .., b'\r', b'\n'] => Line { octets, ending: LineEnding::CrLf },
            [octets @ .., b'\n'] => Line { octets, ending: LineEnding::Lf },
            octets => Line { octets, ending: LineEnding::Lf },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fed, Line, LineBuffer, LineEnding};

    const LIMIT: usize = 8;

    #[track_caller]
    fn assert_line(buffer: &mut LineBuffer, segment: &[u8], octets: &[u8], ending: LineEnding, consumed: usize) {
        match buffer.feed(segment, LIMIT) {
            Fed::Line { line, consumed: taken } => assert_eq!((line, taken), (Line { octets, ending }, consumed)),
            _ => panic!("no line"),
        }
    }

    #[track_caller]
    fn assert_more(buffer: &mut LineBuffer, segment: &[u8], unfinished: &[u8]) {
        assert!(matches!(buffer.feed(segment, LIMIT), Fed::More));
        assert_eq!(buffer.unfinished(), unfinished);
    }

    #[test]
    fn a_whole_line_is_not_copied() {
        let mut buffer = LineBuffer::default();
        let segment = b"abc\r\nd";
        let Fed::Line { line, consumed: 5 } = buffer.feed(segment, LIMIT) else { panic!("no line") };
        assert!(core::ptr::eq(line.octets, &segment[..3]));
        assert_eq!(buffer.partial.capacity(), 0);
    }

    #[test]
    fn parts_are_put_together_and_forgotten() {
        let mut buffer = LineBuffer::default();
        assert_more(&mut buffer, b"", b"");
        assert_more(&mut buffer, b"ab", b"ab");
        assert_more(&mut buffer, b"c\r", b"abc\r");
        assert_line(&mut buffer, b"\nd\n", b"abc", LineEnding::CrLf, 1);
        assert_eq!(buffer.unfinished(), b"");
        assert_line(&mut buffer, b"d\n", b"d", LineEnding::Lf, 2);
        assert_more(&mut buffer, b"e", b"e");
        assert_line(&mut buffer, b"\n", b"e", LineEnding::Lf, 1);
        assert_line(&mut buffer, b"\r\n", b"", LineEnding::CrLf, 2);
        assert_line(&mut buffer, b"\n", b"", LineEnding::Lf, 1);
        assert_line(&mut buffer, b"\r\r\n", b"\r", LineEnding::CrLf, 3);
    }

    #[test]
    fn the_limit_counts_the_line_end() {
        assert_line(&mut LineBuffer::default(), b"123456\r\n", b"123456", LineEnding::CrLf, 8);
        let mut buffer = LineBuffer::default();
        assert_more(&mut buffer, b"1234567", b"1234567");
        assert_line(&mut buffer, b"\n9", b"1234567", LineEnding::Lf, 1);
        for over in [&b"12345678"[..], b"1234567\r\n", b"12345678\n", b"123456789"] {
            assert!(matches!(LineBuffer::default().feed(over, LIMIT), Fed::TooLong), "{over:?}");
            let mut buffer = LineBuffer::default();
            assert_more(&mut buffer, &over[..7], &over[..7]);
            assert!(matches!(buffer.feed(&over[7..], LIMIT), Fed::TooLong), "{over:?}");
        }
    }
}
