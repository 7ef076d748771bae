//! What was read and is still to be looked at.

use alloc::vec::Vec;
use core::ops::Range;

/// The octets of one read.
#[derive(Default)]
pub(crate) struct Inbox {
    octets: Vec<u8>,
    at: usize,
}

impl Inbox {
    pub(crate) fn of(octets: Vec<u8>) -> Self {
        Inbox { octets, at: 0 }
    }

    pub(crate) fn rest(&mut self) -> &mut [u8] {
        self.octets.get_mut(self.at..).unwrap_or_default()
    }

    pub(crate) fn skip(&mut self, consumed: usize) {
        self.at = self.at.saturating_add(consumed).min(self.octets.len());
    }

    /// The octets at `content` of the rest, of which `consumed` are done with. Where nothing else was in one read,
    /// they are handed on without a copy.
    pub(crate) fn content(&mut self, content: Range<usize>, consumed: usize) -> Vec<u8> {
        if self.at == 0 && content.start == 0 && consumed == self.octets.len() {
            let mut octets = core::mem::take(&mut self.octets);
            octets.truncate(content.end);
            return octets;
        }
        let octets = self.rest().get(content).unwrap_or_default().to_vec();
        self.skip(consumed);
        octets
    }
}
