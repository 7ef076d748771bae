//! How octets are put on the wire: line ends, segments, and the time between them.

use std::time::Duration;

use super::Ending;

/// How the server writes, whatever it writes.
#[derive(Clone, Debug)]
pub struct Wire {
    /// What ends a line.
    pub line_end: LineEnd,
    /// How output is cut into writes. Each write is a segment of its own as far as the kernel goes along (`TCP_NODELAY`
    /// is set); a [`pause`](Self::pause) makes it sure that the client sees them one by one.
    pub segments: Segments,
    /// Time between two segments.
    pub pause: Duration,
    /// Time before the replies to what was read at once: the round trip of a distant server. Commands that arrive
    /// together pay once.
    pub latency: Duration,
    /// True writes the replies to all commands of one read together, as servers do. False writes each reply on its own.
    pub coalesce: bool,
    /// Before which dots another dot is put.
    pub stuffing: Stuffing,
    /// Ends each connection in this way after so many octets, the greeting included. Where all the others are to be
    /// honest, take it away with [`ModelServer::change`](super::ModelServer::change) after the first.
    pub cut_after: Option<(u64, Ending)>,
    /// `SO_RCVBUF` in octets: a small one stops a client that pipelines without reading. `None` leaves the kernel's.
    pub receive_buffer: Option<u32>,
}

impl Default for Wire {
    fn default() -> Self {
        Self {
            line_end: LineEnd::Crlf,
            segments: Segments::Whole,
            pause: Duration::ZERO,
            latency: Duration::ZERO,
            coalesce: true,
            stuffing: Stuffing::AfterCrlf,
            cut_after: None,
            receive_buffer: None,
        }
    }
}

/// What ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    /// CRLF, as RFC 1939 §3 says.
    Crlf,
    /// LF alone, everywhere: every CRLF that would be sent becomes LF. Use it together with [`Stuffing::AfterAnyLf`]
    /// when messages have bare LF.
    Lf,
}

/// How output is cut into writes.
#[derive(Clone, Debug)]
pub enum Segments {
    /// As much as there is.
    Whole,
    /// So many octets a write; 1 shows every split.
    Each(usize),
    /// A new write begins at each of these offsets, which are rising and count all octets of the connection, the
    /// greeting included.
    At(Vec<u64>),
    /// Writes of these sizes in turn, and again from the first.
    Cycle(Vec<usize>),
    /// Writes of 1 to `largest` octets, the same for the same seed.
    Random {
        /// What the sizes depend on.
        seed: u64,
        /// The largest write in octets.
        largest: usize,
    },
}

/// Before which dots of a message another dot is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stuffing {
    /// A dot that begins a line, where lines end with CRLF (RFC 1939 §3).
    AfterCrlf,
    /// As before, and a dot after a bare LF, as servers do which keep messages with LF.
    AfterAnyLf,
}
