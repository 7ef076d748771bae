//! The `+OK` line of a message that comes twice.

use alloc::vec::Vec;

use crate::line::{Line, LineEnding};

/// Looks whether the content of a message begins with the status line of its `RETR` once more.
///
/// There are servers that answer so, and what they send twice is then the first line of the content, for all that RFC 1939
/// tells. It is certain that it is not the message's only where it is the same octet for octet, and the content is longer than
/// the size in it by just that line: no message that has the size that was announced begins with a line too much.
#[derive(Debug, Default)]
pub(crate) struct Repeat {
    /// The status line with its end; nothing where it announces no size, or the content has been seen to begin otherwise.
    line: Vec<u8>,
    announced: u64,
    /// How many octets of the content are as in the line.
    same: usize,
}

impl Repeat {
    /// Begins with a message behind this line.
    pub(crate) fn begin(&mut self, status: Line<'_>, announced: Option<u64>) {
        self.line.clear();
        self.same = 0;
        let Some(announced) = announced else { return };
        self.announced = announced;
        self.line.extend_from_slice(status.octets);
        self.line.extend_from_slice(match status.ending {
            LineEnding::CrLf => b"\r\n",
            LineEnding::Lf => b"\n",
        });
    }

    /// Takes the next octets of content.
    pub(crate) fn take(&mut self, content: &[u8]) {
        let expected = self.line.get(self.same..).unwrap_or_default();
        let compared = expected.len().min(content.len());
        if expected.get(..compared) == content.get(..compared) {
            self.same += compared;
        } else {
            self.line.clear();
        }
    }

    /// Whether the first line may still turn out not to be the message's. `octets` are those of the content so far.
    pub(crate) fn is_possible(&self, octets: u64) -> bool {
        !self.line.is_empty() && octets <= self.octets_if_repeated()
    }

    /// How many octets of a message that has ended are the repeated line.
    pub(crate) fn length(&self, octets: u64) -> usize {
        let is_repeated = self.same == self.line.len() && octets == self.octets_if_repeated();
        if is_repeated { self.line.len() } else { 0 }
    }

    fn octets_if_repeated(&self) -> u64 {
        self.announced.saturating_add(self.line.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::Repeat;
    use crate::line::{Line, LineEnding};

    const STATUS: Line<'_> = Line { octets: b"+OK 6 octets", ending: LineEnding::CrLf };

    /// Whether a repeated line is possible after each part of the content, and its length in the end.
    #[track_caller]
    fn assert_repeat(status: Line<'_>, announced: Option<u64>, content: &[&[u8]], possible: &[bool], length: usize) {
        let mut repeat = Repeat::default();
        // Nothing of an earlier message counts.
        repeat.begin(Line { octets: b"+OK 1", ending: LineEnding::Lf }, Some(1));
        repeat.take(b"+OK 1\n");
        repeat.begin(status, announced);
        let mut octets = 0;
        let mut was_possible = Vec::new();
        for part in content {
            repeat.take(part);
            octets += part.len() as u64;
            was_possible.push(repeat.is_possible(octets));
        }
        assert_eq!((was_possible.as_slice(), repeat.length(octets)), (possible, length));
    }

    #[test]
    fn a_repeated_line_is_known_by_the_size() {
        assert_repeat(STATUS, Some(6), &[b"+OK 6 octets\r\nx: y\r\n"], &[true], 14);
        assert_repeat(STATUS, Some(6), &[b"+OK", b" 6 octets\r", b"\nx:", b" y\r\n"], &[true; 4], 14);
        let lf = Line { ending: LineEnding::Lf, ..STATUS };
        assert_repeat(lf, Some(5), &[b"+OK 6 octets\nx: y\n"], &[true], 13);
        assert_repeat(Line { octets: b"+OK 0", ..lf }, Some(0), &[b"+OK 0\n"], &[true], 6);
    }

    #[test]
    fn anything_else_is_content() {
        // The announced size, less, and more.
        assert_repeat(Line { octets: b"+OK 20", ..STATUS }, Some(20), &[b"+OK 20\r\n123456789\r\n"], &[true], 0);
        assert_repeat(STATUS, Some(6), &[b"+OK 6 octets\r\nx: \r\n"], &[true], 0);
        assert_repeat(STATUS, Some(6), &[b"+OK 6 octets\r\nx: y\r\n", b"z"], &[true, false], 0);
        // Not the same line.
        assert_repeat(STATUS, Some(6), &[b"x: y\r\n"], &[false], 0);
        assert_repeat(STATUS, Some(6), &[b"+OK 6", b" octetS\r\nx: y\r\n"], &[true, false], 0);
        assert_repeat(STATUS, Some(6), &[b"+OK 6 octets\nx: y\r\n\n"], &[false], 0);
        // No size, and no content.
        assert_repeat(Line { octets: b"+OK", ..STATUS }, None, &[b"+OK\r\n"], &[false], 0);
        assert_repeat(STATUS, Some(6), &[], &[], 0);
    }
}
