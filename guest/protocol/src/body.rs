//! The content of a message: finds its end and takes the stuffing off its dots, in place (RFC 1939 §3).

use core::ops::Range;

use memchr::memmem;

use crate::line::LineEnding;

/// Unstuffs one message over any number of segments.
///
/// The line end of the reply's first line says what the server calls a line. After CRLF only `CRLF . CRLF` is the end
/// and only a dot after CRLF is stuffed: bare LF is content. After bare LF, lines end at every LF, and `LF . LF` as
/// well as `LF . CRLF` is the end.
#[derive(Debug)]
pub(crate) struct Body {
    ending: LineEnding,
    /// Finds a line end with a dot behind it.
    dot_line: memmem::Finder<'static>,
    at: At,
    /// Octets of content so far.
    octets: u64,
}

/// What came right before the octet that is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// A line end: a dot would be stuffing or the end.
    LineStart,
    /// A line end and a dot, which is not content in any case.
    Dot,
    /// A line end, a dot and CR: the CR is content unless LF follows.
    DotCr,
    /// CR, given as content.
    Cr,
    /// Anything else.
    Text,
    /// The end of the message.
    End,
}

/// What became of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unstuffed {
    /// Octets of the segment that belong to the message.
    pub(crate) consumed: usize,
    /// Whether a CR that was held back since an earlier segment is content, in front of `content`.
    pub(crate) held_cr: bool,
    /// Where in the segment the content now is.
    pub(crate) content: Range<usize>,
}

impl Body {
    /// A message whose `+OK` line ended so.
    pub(crate) fn after(ending: LineEnding) -> Self {
        let dot_line: &[u8] = match ending {
            LineEnding::CrLf => b"\r\n.",
            LineEnding::Lf => b"\n.",
        };
        Body { ending, dot_line: memmem::Finder::new(dot_line), at: At::LineStart, octets: 0 }
    }

    /// Octets of content given so far.
    pub(crate) fn octets(&self) -> u64 {
        self.octets
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at == At::End
    }

    /// Takes octets up to the end of the message. The content is moved together inside the segment.
    pub(crate) fn unstuff(&mut self, segment: &mut [u8]) -> Unstuffed {
        let mut read = 0;
        let mut held_cr = false;
        // Content stands at start..written. It starts where the first content does, so that nothing moves until a dot
        // has been taken out.
        let mut content: Option<Range<usize>> = None;
        while self.at != At::End {
            let Some(&octet) = segment.get(read) else { break };
            match self.at {
                At::LineStart if octet == b'.' => {
                    self.at = At::Dot;
                    read += 1;
                }
                At::Dot if octet == b'\r' => {
                    self.at = At::DotCr;
                    read += 1;
                }
                At::Dot if octet == b'\n' && self.ending == LineEnding::Lf => {
                    self.at = At::End;
                    read += 1;
                }
                At::DotCr if octet == b'\n' => {
                    self.at = At::End;
                    read += 1;
                }
                At::DotCr => {
                    // The CR is content after all. It is in this segment unless the segment begins here.
                    self.at = At::Cr;
                    match read.checked_sub(1) {
                        Some(cr) => keep(segment, &mut content, cr..read),
                        None => held_cr = true,
                    }
                }
                _ => {
                    let end = self.line_end(segment, read);
                    keep(segment, &mut content, read..end);
                    read = end;
                }
            }
        }
        let content = content.unwrap_or(0..0);
        self.octets += u64::from(held_cr) + content.len() as u64;
        Unstuffed { consumed: read, held_cr, content }
    }

    /// The octets from `read` that are content for certain: up to the next line end that a dot follows, or all. Sets
    /// what stands before the octet behind them.
    fn line_end(&mut self, segment: &[u8], read: usize) -> usize {
        let rest = segment.get(read..).unwrap_or_default();
        let completes_crlf = self.at == At::Cr && rest.first() == Some(&b'\n');
        if completes_crlf && rest.get(1) == Some(&b'.') {
            self.at = At::LineStart;
            return read + 1;
        }
        if let Some(found) = self.dot_line.find(rest) {
            self.at = At::LineStart;
            return read + found + self.dot_line.needle().len() - 1;
        }
        self.at = match rest {
            [.., b'\r', b'\n'] => At::LineStart,
            [.., b'\n'] if self.ending == LineEnding::Lf => At::LineStart,
            [b'\n'] if completes_crlf => At::LineStart,
            [.., b'\r'] => At::Cr,
            _ => At::Text,
        };
        segment.len()
    }
}

/// Adds octets of the segment to the content, behind what is there.
fn keep(segment: &mut [u8], content: &mut Option<Range<usize>>, octets: Range<usize>) {
    match content {
        None => *content = Some(octets),
        Some(content) => {
            let length = octets.len();
            if content.end != octets.start {
                segment.copy_within(octets, content.end);
            }
            content.end += length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, Unstuffed};
    use crate::line::LineEnding;

    #[track_caller]
    fn assert_unstuffed(body: &mut Body, segment: &[u8], consumed: usize, held_cr: bool, at: usize, content: &[u8]) {
        let mut octets = segment.to_vec();
        let unstuffed = body.unstuff(&mut octets);
        let range = if content.is_empty() { 0..0 } else { at..at + content.len() };
        assert_eq!(unstuffed, Unstuffed { consumed, held_cr, content: range.clone() });
        assert_eq!(octets[range], *content);
    }

    #[test]
    fn content_moves_only_behind_a_dot() {
        let mut body = Body::after(LineEnding::CrLf);
        assert_unstuffed(&mut body, b"a\r\nb\r\n", 6, false, 0, b"a\r\nb\r\n");
        assert_unstuffed(&mut body, b"..c\r\nd\r\n", 8, false, 1, b".c\r\nd\r\n");
        assert_unstuffed(&mut body, b"e\r\n..f\r\n..g\r\n", 13, false, 0, b"e\r\n.f\r\n.g\r\n");
        assert_eq!(body.octets(), 6 + 7 + 11);
    }

    #[test]
    fn what_may_be_the_end_is_held_back() {
        let mut body = Body::after(LineEnding::CrLf);
        assert_unstuffed(&mut body, b"a\r\n.", 4, false, 0, b"a\r\n");
        assert_unstuffed(&mut body, b"\r", 1, false, 0, b"");
        assert_unstuffed(&mut body, b"b", 1, true, 0, b"b");
        assert_unstuffed(&mut body, b"\r\n.\r", 4, false, 0, b"\r\n");
        assert_unstuffed(&mut body, b"\r", 1, true, 0, b"\r");
        assert_unstuffed(&mut body, b"\n.\r", 3, false, 0, b"\n");
        assert!(!body.is_at_end());
        assert_unstuffed(&mut body, b"\n+OK\r\n", 1, false, 0, b"");
        assert!(body.is_at_end());
        assert_eq!(body.octets(), 3 + 2 + 2 + 2 + 1);
    }

    #[test]
    fn nothing_is_taken_behind_the_end() {
        for (ending, end) in [(LineEnding::CrLf, &b".\r\n"[..]), (LineEnding::Lf, b".\r\n"), (LineEnding::Lf, b".\n")] {
            let mut body = Body::after(ending);
            assert_unstuffed(&mut body, &[end, b"+OK\r\n"].concat(), end.len(), false, 0, b"");
            assert!(body.is_at_end());
            assert_unstuffed(&mut body, b"+OK\r\n", 0, false, 0, b"");
        }
    }

    #[test]
    fn lines_end_as_the_reply_did() {
        let mut body = Body::after(LineEnding::CrLf);
        assert_unstuffed(&mut body, b"a\n.b\n.\n..", 9, false, 0, b"a\n.b\n.\n..");
        let mut body = Body::after(LineEnding::Lf);
        assert_unstuffed(&mut body, b"a\n.b\n..\n.", 9, false, 0, b"a\nb\n.\n");
    }
}
