//! What a transfer may give next.

use std::vec;

use crate::sandbox::contract::{MessageBegin, MessageEnd, MessageRefused, Piece};

/// The most octets of one piece of content.
const PIECE: usize = 64 << 10;

/// Checks that pieces come as `wit/` promises: the messages that were asked for, in that order, one after the other,
/// with as many octets as their ends say.
///
/// The component does so. But what is stored and deleted hangs on the numbers, and it is the component that a server
/// can lead astray, not this.
#[derive(Debug)]
pub(super) struct Order {
    unseen: vec::IntoIter<u32>,
    /// The message that has begun, and its octets so far.
    current: Option<(u32, u64)>,
}

impl Order {
    /// Of a transfer of these messages.
    pub(super) fn of(messages: &[u32]) -> Self {
        Order { unseen: Vec::from(messages).into_iter(), current: None }
    }

    /// Takes the next pieces; none are the end of the transfer. An error says what is wrong with them.
    pub(super) fn check(&mut self, pieces: &[Piece]) -> Result<(), String> {
        if pieces.is_empty() && (self.current.is_some() || self.unseen.len() > 0) {
            return Err("a transfer ended before its last message".to_owned());
        }
        pieces.iter().try_for_each(|piece| self.check_piece(piece))
    }

    fn check_piece(&mut self, piece: &Piece) -> Result<(), String> {
        match (piece, self.current) {
            (Piece::Begin(MessageBegin { number, .. }), None) => {
                self.take(*number)?;
                self.current = Some((*number, 0));
                Ok(())
            }
            (Piece::Refused(MessageRefused { number, .. }), None) => self.take(*number),
            (Piece::Content(content), Some((number, octets))) if (1..=PIECE).contains(&content.len()) => {
                self.current = Some((number, octets.saturating_add(content.len() as u64)));
                Ok(())
            }
            (Piece::End(MessageEnd { number, octets }), Some(current)) if current == (*number, *octets) => {
                self.current = None;
                Ok(())
            }
            (Piece::Content(content), Some((number, _))) => {
                Err(format!("{} octets of message {number} in one piece", content.len()))
            }
            (Piece::Content(_), None) => Err("content of no message".to_owned()),
            (Piece::End(MessageEnd { number, octets }), Some((current, given))) => Err(format!(
                "the end of message {number} with {octets} octets, after {given} octets of message {current}"
            )),
            (Piece::End(MessageEnd { number, .. }), None) => {
                Err(format!("the end of message {number}, which had not begun"))
            }
            (Piece::Begin(MessageBegin { number, .. }) | Piece::Refused(MessageRefused { number, .. }), Some(_)) => {
                Err(format!("message {number} before the end of another"))
            }
        }
    }

    fn take(&mut self, number: u32) -> Result<(), String> {
        match self.unseen.next() {
            Some(expected) if expected == number => Ok(()),
            Some(expected) => Err(format!("message {number} in the place of message {expected}")),
            None => Err(format!("message {number}, which was not asked for")),
        }
    }
}
