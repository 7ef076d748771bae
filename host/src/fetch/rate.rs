//! The fewest octets that a server has to send.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{FetchError, MinRate};
use crate::sandbox::contract::Piece;
use crate::session::Transfer;

/// Counts what a server sends, while it is waited for.
pub(super) struct Rate {
    least: MinRate,
    /// What is left of the time over which is counted, and what came in it.
    left: Duration,
    octets: u64,
}

impl Rate {
    pub(super) fn new(least: MinRate) -> Self {
        Rate { least, left: least.over, octets: 0 }
    }

    /// The next pieces of a transfer, or [`FetchError::TooSlow`].
    pub(super) async fn next(&mut self, transfer: &mut Transfer<'_>) -> Result<Vec<Piece>, FetchError> {
        let began = Instant::now();
        let Ok(pieces) = timeout(self.left, transfer.next()).await else { return Err(self.too_slow()) };
        let pieces = pieces?;
        for piece in &pieces {
            if let Piece::Content(octets) = piece {
                self.octets = self.octets.saturating_add(octets.len() as u64);
            }
        }
        self.left = self.left.saturating_sub(began.elapsed());
        if self.enough() {
            (self.left, self.octets) = (self.least.over, 0);
        }
        Ok(pieces)
    }

    /// What was to come in all of the time has come.
    fn enough(&self) -> bool {
        self.octets as f64 >= self.least.octets as f64 * self.least.over.as_secs_f64()
    }

    fn too_slow(&self) -> FetchError {
        FetchError::TooSlow { least: self.least.octets }
    }
}
