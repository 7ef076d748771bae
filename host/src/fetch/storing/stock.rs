//! Files without a name, made ahead in a thread of their own: to make one takes the system as long as to write a small message.

use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread::Scope;

use crate::delivery::{Blank, Maildir};

/// How many are made at a time. One such lot is in use, one is ready and one is being made, each of it an open file.
const LOT: usize = 32;

/// For fewer messages than this it is not worth a thread.
const WORTH_IT: usize = 4 * LOT;

/// Empty files for messages to come. Without any, each is made when its message arrives.
#[derive(Default)]
pub(super) struct Stock {
    at_hand: Vec<Blank>,
    coming: Option<Receiver<Vec<Blank>>>,
}

impl Stock {
    /// Begins to make as many as there will be messages. The thread ends when it is done or when this is dropped.
    pub(super) fn start<'scope>(scope: &'scope Scope<'scope, '_>, maildir: Maildir, messages: usize) -> Self {
        if messages < WORTH_IT {
            return Stock::default();
        }
        let (ready, coming) = sync_channel(0);
        scope.spawn(move || {
            let mut left = messages;
            while left > 0 {
                let lot: Vec<Blank> = (0..left.min(LOT)).map_while(|_| maildir.blank()).collect();
                // Whatever is in the way, who makes one for a message finds it, too, and says so.
                if lot.is_empty() || ready.send(lot).is_err() {
                    break;
                }
                left = left.saturating_sub(LOT);
            }
        });
        Stock { at_hand: Vec::new(), coming: Some(coming) }
    }

    /// One of them, if there is one now.
    pub(super) fn take(&mut self) -> Option<Blank> {
        if self.at_hand.is_empty() {
            match self.coming.as_ref()?.try_recv() {
                Ok(lot) => self.at_hand = lot,
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => self.coming = None,
            }
        }
        self.at_hand.pop()
    }
}
