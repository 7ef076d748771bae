//! Pieces on their way to the thread that stores, many at a time: to wake it costs as much as to write a small message, and
//! takes the processor from a server on the same machine.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;

use super::storing::Work;
use crate::sandbox::contract::Piece;

/// How many octets make a batch, and how long they may be waited for.
const OCTETS: usize = 256 << 10;
const TIME: Duration = Duration::from_millis(5);

/// What a piece counts beside its octets.
const PIECE: usize = 64;

/// Pieces that wait for more of them.
#[derive(Default)]
pub(super) struct Batch {
    pieces: Vec<Piece>,
    octets: usize,
    until: Option<Instant>,
}

impl Batch {
    pub(super) fn add(&mut self, pieces: Vec<Piece>) {
        self.until = self.until.or_else(|| Some(Instant::now() + TIME));
        self.octets = pieces.iter().map(octets).fold(self.octets, usize::saturating_add);
        self.pieces.extend(pieces);
    }

    pub(super) fn is_full(&self) -> bool {
        self.octets >= OCTETS
    }

    /// When the pieces that are there go even if no others come.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Hands over what is there, unless the thread that stores has enough to do: what it does not take keeps.
    pub(super) fn offer(&mut self, work: &mpsc::Sender<Work>) {
        let pieces = std::mem::take(&mut self.pieces);
        if pieces.is_empty() {
            return;
        }
        match work.try_send(Work::Pieces(pieces)) {
            Err(TrySendError::Full(Work::Pieces(pieces))) => self.pieces = pieces,
            _ => *self = Batch::default(),
        }
    }

    /// Hands over what is there. Where nobody takes it, that shows in [`mpsc::Sender::is_closed`].
    pub(super) async fn hand_over(&mut self, work: &mpsc::Sender<Work>) {
        let Batch { pieces, .. } = std::mem::take(self);
        if !pieces.is_empty() {
            let _ = work.send(Work::Pieces(pieces)).await;
        }
    }
}

fn octets(piece: &Piece) -> usize {
    PIECE
        + match piece {
            Piece::Content(octets) => octets.len(),
            Piece::Refused(refused) => refused.reply.text.len(),
            Piece::Begin(_) | Piece::End(_) => 0,
        }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::{Batch, OCTETS};
    use crate::fetch::storing::Work;
    use crate::sandbox::contract::{MessageEnd, Piece};

    #[tokio::test]
    async fn a_batch_is_full_of_octets_or_of_pieces() {
        let (work, mut works) = mpsc::channel(2);
        for piece in [Piece::Content(vec![0; OCTETS / 8]), Piece::End(MessageEnd { number: 1, octets: 1 })] {
            let mut batch = Batch::default();
            assert!(batch.until().is_none());
            let mut count = 0;
            while !batch.is_full() {
                batch.add(vec![piece.clone()]);
                count += 1;
            }
            assert!((8..10_000).contains(&count) && batch.until().is_some());
            batch.hand_over(&work).await;
            assert!(!batch.is_full() && batch.until().is_none());
            let Some(Work::Pieces(pieces)) = works.recv().await else { panic!("pieces") };
            assert_eq!(pieces.len(), count);
            // Nothing is no work.
            batch.hand_over(&work).await;
            batch.offer(&work);
            assert!(works.try_recv().is_err());
        }
    }

    #[tokio::test]
    async fn what_is_not_taken_keeps() {
        let (work, mut works) = mpsc::channel(1);
        let mut batch = Batch::default();
        for _ in 0..2 {
            batch.add(vec![Piece::Content(vec![0; OCTETS])]);
            batch.offer(&work);
        }
        assert!(batch.is_full() && batch.until().is_some());
        assert!(matches!(works.recv().await, Some(Work::Pieces(pieces)) if pieces.len() == 1));
        batch.offer(&work);
        assert!(batch.until().is_none());
        assert!(matches!(works.recv().await, Some(Work::Pieces(pieces)) if pieces.len() == 1));
    }
}
