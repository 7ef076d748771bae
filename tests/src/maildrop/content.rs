//! The octets of one message: held once and shared, or made on the fly so that size costs no memory.

use std::{fmt, sync::Arc};

use super::Random;

/// Octets of a line of generated content, with its CRLF.
const LINE: usize = 78;
/// Lines that are made from the seed and then repeated.
const LINES: usize = 840;
/// What a generated message has at least: its header and some lines.
const SMALLEST: u64 = 512;

/// The content of a message as it is meant to arrive at the user: before dot-stuffing, with CRLF line ends.
///
/// A clone shares the octets.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// Octets in memory, shared by all clones.
    Octets(Arc<[u8]>),
    /// Made while it is read, see [`Content::generated`].
    Generated {
        /// What the octets depend on, with their count.
        seed: u64,
        /// Size of the whole content.
        octets: u64,
    },
}

impl Content {
    /// Content of exactly `octets` octets, made while it is read, and the same each time. It has a header, lines of 76
    /// characters of which some begin with dots, a number in every 64 KiB that shows loss and reordering, and a CRLF at
    /// its end.
    ///
    /// # Panics
    /// When `octets` is under 512.
    pub fn generated(seed: u64, octets: u64) -> Self {
        assert!(octets >= SMALLEST, "generated content has at least {SMALLEST} octets, not {octets}");
        Self::Generated { seed, octets }
    }

    /// Size in octets.
    pub fn len(&self) -> u64 {
        match self {
            Self::Octets(octets) => octets.len() as u64,
            Self::Generated { octets, .. } => *octets,
        }
    }

    /// True for a message of no octets.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the content from its beginning, in pieces.
    pub fn reader(&self) -> Reader {
        let source = match self {
            Self::Octets(octets) => Source::Octets(Arc::clone(octets)),
            Self::Generated { seed, .. } => Source::Generated(Generator::new(*seed)),
        };
        Reader { source, position: 0, end: self.len(), total: self.len() }
    }

    /// The whole content in memory.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(usize::try_from(self.len()).expect("content fits in memory"));
        let mut reader = self.reader();
        while let Some(piece) = reader.next_piece() {
            all.extend_from_slice(piece);
        }
        all
    }

    /// How many octets the reply to `TOP` has for `lines` lines of the body: the header, the empty line, and these
    /// lines (RFC 1939 §7).
    pub fn top_octets(&self, lines: u64) -> u64 {
        let (mut position, mut line_start, mut in_body, mut left) = (0, 0, false, lines);
        let mut reader = self.reader();
        while let Some(piece) = reader.next_piece() {
            for feed in memchr::memchr_iter(b'\n', piece) {
                let line_end = position + feed as u64 + 1;
                // An empty line is CRLF alone; a bare LF is content.
                let empty = line_end - line_start == 2;
                line_start = line_end;
                if in_body {
                    left -= 1;
                } else if empty {
                    in_body = true;
                }
                if in_body && left == 0 {
                    return line_end;
                }
            }
            position += piece.len() as u64;
        }
        position
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Octets(octets) => write!(f, "Content({} octets)", octets.len()),
            Self::Generated { seed, octets } => write!(f, "Content({octets} octets of seed {seed})"),
        }
    }
}

impl From<Vec<u8>> for Content {
    fn from(octets: Vec<u8>) -> Self {
        Self::Octets(octets.into())
    }
}

/// Reads a [`Content`] in pieces of up to 64 KiB (or the whole of it when it is in memory anyway).
pub struct Reader {
    source: Source,
    position: u64,
    end: u64,
    total: u64,
}

impl Reader {
    /// Ends the reading after `octets` octets, or at the end of the content when that comes first.
    pub fn limit(mut self, octets: u64) -> Self {
        self.end = self.total.min(octets);
        self
    }

    /// The next piece, never empty; `None` at the end.
    pub fn next_piece(&mut self) -> Option<&[u8]> {
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        if left == 0 {
            return None;
        }
        let piece = match &mut self.source {
            Source::Octets(octets) => &octets[..left],
            Source::Generated(generator) => generator.piece(self.position, self.total, left),
        };
        self.position += piece.len() as u64;
        Some(piece)
    }
}

enum Source {
    Octets(Arc<[u8]>),
    Generated(Generator),
}

struct Generator {
    header: Vec<u8>,
    block: Vec<u8>,
    piece: Vec<u8>,
}

impl Generator {
    fn new(seed: u64) -> Self {
        let header = format!(
            "From: Generator <generator@example.org>\r\nTo: Reader <reader@example.org>\r\n\
             Subject: generated {seed}\r\nMessage-ID: <{seed}@generated.example.org>\r\n\r\n"
        );
        Self { header: header.into_bytes(), block: lines(seed), piece: Vec::new() }
    }

    /// At most `limit` octets from `position` on, for content of `total` octets. Each call gives the rest of the header
    /// or a block.
    fn piece(&mut self, position: u64, total: u64, limit: usize) -> &[u8] {
        self.piece.clear();
        let header = self.header.len() as u64;
        if position < header {
            self.piece.extend_from_slice(&self.header[position as usize..]);
        } else {
            let (number, offset) =
                ((position - header) / self.block.len() as u64, (position - header) % self.block.len() as u64);
            self.block[..16].copy_from_slice(format!("{number:016}").as_bytes());
            self.piece.extend_from_slice(&self.block[offset as usize..]);
        }
        self.piece.truncate(limit);
        // Wherever the size cuts the lines, the content ends with CRLF and has no bare CR.
        let end = position + self.piece.len() as u64;
        for at in position.max(total - 3)..end {
            let octet = &mut self.piece[(at - position) as usize];
            match total - at {
                1 => *octet = b'\n',
                2 => *octet = b'\r',
                _ if *octet == b'\r' => *octet = b'x',
                _ => {}
            }
        }
        &self.piece
    }
}

/// Lines of base64 characters, one in sixteen begins with one to three dots.
fn lines(seed: u64) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut random = Random::new(seed);
    let mut lines: Vec<u8> =
        random.octets(LINE * LINES).iter().map(|octet| ALPHABET[usize::from(octet % 64)]).collect();
    for (index, line) in lines.chunks_mut(LINE).enumerate() {
        line[LINE - 2..].copy_from_slice(b"\r\n");
        if index % 16 == 1 {
            let dots = random.between(1, 3);
            line[..dots].fill(b'.');
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_content_has_the_size_that_was_asked_for_and_ends_with_crlf() {
        for octets in (512..800).chain(65_500..65_800).chain([1_000_000]) {
            let content = Content::generated(3, octets).to_vec();
            assert_eq!(content.len() as u64, octets);
            assert!(content.ends_with(b"\r\n"));
            let bare = (0..content.len()).any(|i| {
                (content[i] == b'\r' && content.get(i + 1) != Some(&b'\n'))
                    || (content[i] == b'\n' && content[i - 1] != b'\r')
            });
            assert!(!bare, "a bare CR or LF at {octets} octets");
        }
        assert_eq!(Content::generated(3, 200_000).to_vec(), Content::generated(3, 200_000).to_vec());
        assert_ne!(Content::generated(3, 200_000).to_vec(), Content::generated(4, 200_000).to_vec());
    }

    #[test]
    fn top_counts_the_header_and_lines_of_the_body() {
        let content = Content::from(b"A: 1\r\nB: 2\r\n\r\none\r\n\r\nthree\r\n".to_vec());
        assert_eq!(content.top_octets(0), 14);
        assert_eq!(content.top_octets(1), 19);
        assert_eq!(content.top_octets(2), 21);
        assert_eq!(content.top_octets(99), content.len());
        assert_eq!(Content::from(b"A: 1\r\n".to_vec()).top_octets(0), 6);
    }
}
