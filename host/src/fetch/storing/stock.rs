//! Files without a name, made ahead in a thread of their own: to make one takes the system as long as to write a small message.

use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use crate::delivery::{Blank, Maildir};

/// How many are made at a time. One such lot is in use, and one is ready or being made, each of it an open file.
const LOT: usize = 32;

/// For fewer messages than this it is not worth a thread.
const WORTH_IT: usize = 4 * LOT;

/// Where the process may not have so many files open, others need them more: the journal, and further accounts.
const ENOUGH_DESCRIPTORS: u64 = 4096;

/// Empty files for messages to come. Without any, each is made when its message arrives.
#[derive(Default)]
pub(super) struct Stock<'scope> {
    at_hand: Vec<Blank>,
    coming: Option<Receiver<Vec<Blank>>>,
    making: Option<ScopedJoinHandle<'scope, ()>>,
}

impl<'scope> Stock<'scope> {
    /// Begins to make as many as there will be messages. The thread ends when it is done or when this is dropped.
    pub(super) fn start(scope: &'scope Scope<'scope, '_>, maildir: Maildir, messages: usize) -> Self {
        if messages < WORTH_IT || !has_enough_descriptors() {
            return Stock::default();
        }
        let (ready, coming) = sync_channel(0);
        let make = move || {
            let mut left = messages;
            while left > 0 {
                let lot: Vec<Blank> = (0..left.min(LOT)).map_while(|_| maildir.blank()).collect();
                // Whatever is in the way, who makes one for a message finds it, too, and says so.
                if lot.is_empty() || ready.send(lot).is_err() {
                    break;
                }
                left = left.saturating_sub(LOT);
            }
        };
        // Where there is no thread to be had, it does without.
        match Builder::new().spawn_scoped(scope, make) {
            Ok(making) => Stock { at_hand: Vec::new(), coming: Some(coming), making: Some(making) },
            Err(_) => Stock::default(),
        }
    }

    /// Closes all of them. There are none from here on.
    pub(super) fn give_up(&mut self) {
        let Stock { at_hand, coming, making } = std::mem::take(self);
        drop((at_hand, coming));
        // It holds some until it has ended; a panic of it has made none.
        let _ = making.map(ScopedJoinHandle::join);
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

fn has_enough_descriptors() -> bool {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.is_none_or(|limit| limit >= ENOUGH_DESCRIPTORS)
}
