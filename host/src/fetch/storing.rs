//! The thread that stores: pieces become files, files become durable in groups.

use tokio::sync::mpsc::Receiver;
use tokio::sync::mpsc::error::TryRecvError;

use super::{Event, Events, FetchError, UniqueIds};
use crate::delivery::{Incoming, Maildir, PartialDelivery};
use crate::sandbox::contract::{MessageBegin, MessageEnd, Piece};
use crate::state::State;

/// The bounds of a group. Each message of a group holds an open file.
const GROUP_MESSAGES: usize = 128;
const GROUP_OCTETS: u64 = 32 << 20;

/// Takes the pieces of one transfer.
pub(super) struct Storing {
    pub(super) maildir: Maildir,
    /// Where to record what is durable, under which account.
    pub(super) state: Option<(State, String)>,
    pub(super) unique_ids: UniqueIds,
    pub(super) events: Events,
}

/// What has come of it.
#[derive(Debug, Default)]
pub(super) struct Stored {
    /// The messages that are durable and recorded.
    pub(super) messages: Vec<u32>,
    /// Their octets.
    pub(super) octets: u64,
    /// What stopped it.
    pub(super) failure: Option<FetchError>,
}

/// Complete messages that are not durable yet.
#[derive(Default)]
struct Group {
    numbers: Vec<u32>,
    messages: Vec<Incoming>,
    octets: u64,
}

impl Storing {
    /// Runs until there are no more pieces, or storing fails. A message whose end has not come leaves nothing behind.
    pub(super) fn run(mut self, mut batches: Receiver<Vec<Piece>>) -> Stored {
        let mut stored = Stored::default();
        if let Err(failure) = self.store_all(&mut batches, &mut stored) {
            stored.failure = Some(failure);
        }
        stored
    }

    fn store_all(&mut self, batches: &mut Receiver<Vec<Piece>>, stored: &mut Stored) -> Result<(), FetchError> {
        let mut group = Group::default();
        let mut current: Option<Incoming> = None;
        loop {
            let batch = match batches.try_recv() {
                Ok(batch) => batch,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    // The network is slower than the disk: use the time.
                    self.settle(&mut group, stored)?;
                    match batches.blocking_recv() {
                        Some(batch) => batch,
                        None => break,
                    }
                }
            };
            for piece in batch {
                match piece {
                    Piece::Begin(MessageBegin { number, announced }) => {
                        (self.events)(Event::Begin { number, announced });
                        current = Some(self.maildir.begin()?);
                    }
                    Piece::Content(octets) => {
                        if let Some(message) = &mut current {
                            message.write(&octets)?;
                            (self.events)(Event::Content { octets: octets.len() });
                        }
                    }
                    Piece::End(MessageEnd { number, .. }) => {
                        if let Some(message) = current.take() {
                            group.octets += message.octets();
                            group.numbers.push(number);
                            group.messages.push(message);
                        }
                    }
                    Piece::Refused(_) => {}
                }
                if group.messages.len() >= GROUP_MESSAGES || group.octets >= GROUP_OCTETS {
                    self.settle(&mut group, stored)?;
                }
            }
        }
        self.settle(&mut group, stored)
    }

    /// Makes a group durable, then records it: in this order, a crash between the two brings messages a second time
    /// and never loses one.
    fn settle(&mut self, group: &mut Group, stored: &mut Stored) -> Result<(), FetchError> {
        let Group { numbers, messages, .. } = std::mem::take(group);
        if messages.is_empty() {
            return Ok(());
        }
        let sizes: Vec<u64> = messages.iter().map(Incoming::octets).collect();
        let (paths, failure) = match self.maildir.deliver(messages) {
            Ok(paths) => (paths, None),
            Err(PartialDelivery { delivered, error }) => (delivered, Some(error)),
        };
        if let Some((state, account)) = &mut self.state {
            let durable = numbers.iter().take(paths.len());
            let unique_ids: Vec<&Vec<u8>> = durable.filter_map(|number| self.unique_ids.get(number)).collect();
            state.record(account, &unique_ids)?;
        }
        for ((number, octets), path) in numbers.into_iter().zip(sizes).zip(&paths) {
            stored.messages.push(number);
            stored.octets += octets;
            let unique_id = self.unique_ids.get(&number).map(Vec::as_slice);
            (self.events)(Event::Stored { number, octets, unique_id, path });
        }
        failure.map_or(Ok(()), |error| Err(error.into()))
    }
}

impl std::fmt::Debug for Storing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Storing").field("maildir", &self.maildir).finish_non_exhaustive()
    }
}
