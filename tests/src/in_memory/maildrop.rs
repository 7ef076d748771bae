//! A maildrop of many like messages, of any size.

/// Messages that differ in their first line only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bulk {
    /// How many.
    pub messages: u32,
    /// Octets of each, line ends included: at least 64.
    pub octets: usize,
}

/// A line of the body, and how many of them make a block. One line of a block begins with a dot.
const LINE: &[u8; 78] = b"What is sent in bulk is read by nobody, but each octet of it must arrive. 123\n";
const LINES: usize = 840;

impl Bulk {
    /// The content of a message, counted from 1, in pieces as RFC 1939 has it before dots are stuffed.
    pub fn pieces(self, number: u32) -> impl Iterator<Item = Vec<u8>> {
        let header = header(number);
        let block = block();
        let mut left = self.octets.saturating_sub(header.len());
        let rest = std::iter::from_fn(move || {
            let octets = left.min(block.len());
            left -= octets;
            (octets > 0).then(|| end_of(&block, octets).to_vec())
        });
        std::iter::once(header).chain(rest)
    }
}

/// The last octets of a block, so that a message ends with the end of a line.
pub(super) fn end_of(block: &[u8], octets: usize) -> &[u8] {
    &block[block.len() - octets..]
}

pub(super) fn header(number: u32) -> Vec<u8> {
    format!("Message-Number: {number}\r\nSubject: in bulk\r\n\r\n").into_bytes()
}

/// Some 64 KiB of lines.
pub(super) fn block() -> Vec<u8> {
    let mut block: Vec<u8> = Vec::with_capacity(LINE.len() * LINES);
    for line in 0..LINES {
        let begin = block.len();
        block.extend_from_slice(&LINE[..LINE.len() - 2]);
        block.extend_from_slice(b"\r\n");
        if line == LINES / 2 || line == LINES - 3 {
            block[begin] = b'.';
        }
    }
    block
}

/// As it goes over the wire: a dot at the beginning of a line is doubled. `begins_line`: the octets begin a line.
pub(super) fn stuffed(octets: &[u8], begins_line: bool) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(octets.len() + 8);
    let mut at_begin = begins_line;
    for &octet in octets {
        if at_begin && octet == b'.' {
            stuffed.push(b'.');
        }
        stuffed.push(octet);
        at_begin = octet == b'\n';
    }
    stuffed
}
