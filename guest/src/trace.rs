//! The lines of sessions, in the words of the contract.

use alloc::vec::Vec;

use crate::types::TraceLine;

/// Collects the lines of the sessions that were given it. Clones collect together.
#[derive(Clone, Debug, Default)]
pub struct Trace(pub(crate) pop3_protocol::Trace);

impl Trace {
    /// See `trace.lines` in `wit/client.wit`.
    pub fn lines(&self) -> Vec<TraceLine> {
        let line = |line: pop3_protocol::TraceLine| TraceLine { from_server: line.from_server, text: line.text };
        self.0.take().into_iter().map(line).collect()
    }
}
