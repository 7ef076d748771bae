//! The thread that stores: pieces become files, files become durable in groups.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};

use tokio::sync::mpsc::Receiver;
use tokio::sync::mpsc::error::TryRecvError;

use super::{Event, Events, FetchError, UniqueIds};
use crate::delivery::{Incoming, Maildir, PartialDelivery};
use crate::journal::Journal;
use crate::sandbox::contract::{MessageBegin, MessageEnd, Piece};

/// The bounds of a group. Each message of a group holds an open file.
const GROUP_MESSAGES: usize = 128;
const GROUP_OCTETS: u64 = 32 << 20;

/// Takes the pieces of one transfer.
pub(super) struct Storing {
    pub(super) maildir: Maildir,
    /// Where to note what becomes of the messages, under which account.
    pub(super) journal: Option<(Journal, String)>,
    pub(super) unique_ids: UniqueIds,
    pub(super) events: Events,
    /// The names of the files of the transfer that runs.
    pub(super) names: HashMap<u32, OsString>,
}

/// What there is to do.
#[derive(Debug)]
pub(super) enum Work {
    /// These messages are asked for.
    Transfer(Vec<u32>),
    /// To store these.
    Pieces(Vec<Piece>),
    /// The transfer has come to its end: each message is the one that it was asked for as.
    Confirmed,
    /// The transfer has failed so that its messages may be others than those asked for.
    Distrusted,
}

/// What has come of it.
#[derive(Debug, Default)]
pub(super) struct Stored {
    /// The messages that are durable and recorded.
    pub(super) messages: Vec<u32>,
    /// Their octets.
    pub(super) octets: u64,
    /// How many more are durable, but may be others than those asked for.
    pub(super) unattributed: usize,
    /// What stopped it.
    pub(super) failure: Option<FetchError>,
    /// The journal and the unique-ids, for what is to be noted about deletions.
    pub(super) journal: Option<(Journal, String)>,
    pub(super) unique_ids: UniqueIds,
    /// Messages of the transfer that runs: durable, but not yet known for certain to be what they were asked for as.
    unconfirmed: Vec<Unconfirmed>,
}

/// A durable message.
#[derive(Debug)]
struct Unconfirmed {
    number: u32,
    octets: u64,
    /// It has the size that the server announced, if it announced one.
    exact: bool,
}

/// Complete messages that are not durable yet.
#[derive(Default)]
struct Group {
    complete: Vec<Unconfirmed>,
    messages: Vec<Incoming>,
    octets: u64,
}

impl Storing {
    /// Runs until there is no more to do, or storing fails. A message whose end has not come leaves nothing behind.
    pub(super) fn run(mut self, mut work: Receiver<Work>) -> Stored {
        let mut stored = Stored::default();
        let done = self.store_all(&mut work, &mut stored);
        let remembered = self.remember_exact(&mut stored);
        let forgotten = self.forget_undelivered();
        stored.failure = done.and(remembered).and(forgotten).err();
        (stored.journal, stored.unique_ids) = (self.journal.take(), std::mem::take(&mut self.unique_ids));
        stored
    }

    fn store_all(&mut self, work: &mut Receiver<Work>, stored: &mut Stored) -> Result<(), FetchError> {
        let mut group = Group::default();
        let mut current: Option<(Incoming, Option<u64>)> = None;
        loop {
            let next = match work.try_recv() {
                Ok(next) => next,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    // The network is slower than the disk: use the time.
                    self.settle(&mut group, stored)?;
                    match work.blocking_recv() {
                        Some(next) => next,
                        None => break,
                    }
                }
            };
            match next {
                Work::Transfer(messages) => self.note_names(&messages)?,
                Work::Pieces(pieces) => {
                    for piece in pieces {
                        self.store(piece, &mut current, &mut group)?;
                        if group.messages.len() >= GROUP_MESSAGES || group.octets >= GROUP_OCTETS {
                            self.settle(&mut group, stored)?;
                        }
                    }
                }
                Work::Confirmed => {
                    self.settle(&mut group, stored)?;
                    self.record(stored)?;
                    // The server has refused to give what is left.
                    self.forget_undelivered()?;
                }
                Work::Distrusted => {
                    self.settle(&mut group, stored)?;
                    stored.forget_unconfirmed();
                }
            }
        }
        self.settle(&mut group, stored)
    }

    /// Notes under which names the messages of a transfer will be delivered, before any of them is.
    fn note_names(&mut self, messages: &[u32]) -> Result<(), FetchError> {
        let Some((journal, account)) = &mut self.journal else { return Ok(()) };
        let identified = messages.iter().filter(|number| self.unique_ids.contains_key(number));
        self.names = identified.map(|number| (*number, self.maildir.unique_name())).collect();
        let entries: Vec<(&[u8], &OsStr)> = self
            .names
            .iter()
            .filter_map(|(number, name)| Some((self.unique_ids.get(number)?.as_slice(), name.as_os_str())))
            .collect();
        Ok(journal.begin(account, &entries)?)
    }

    /// What is left of the names belongs to messages that were not delivered, or of which it is not known which they are.
    fn forget_undelivered(&mut self) -> Result<(), FetchError> {
        let Some((journal, account)) = &mut self.journal else { return Ok(()) };
        let unique_ids = self.names.keys().filter_map(|number| self.unique_ids.get(number).map(Vec::as_slice));
        journal.forget(account, &unique_ids.collect::<Vec<_>>())?;
        self.names.clear();
        Ok(())
    }

    /// After a transfer that was broken off: up to the first message whose size is not the announced one, nothing speaks
    /// against its messages being those that were asked for. To fetch them again with each run that breaks off would
    /// fill the Maildir with copies.
    fn remember_exact(&mut self, stored: &mut Stored) -> Result<(), FetchError> {
        let exact = stored.unconfirmed.iter().take_while(|message| message.exact).count();
        let others = stored.unconfirmed.split_off(exact);
        let recorded = self.record(stored);
        stored.unconfirmed = others;
        stored.forget_unconfirmed();
        recorded
    }

    fn store(
        &mut self,
        piece: Piece,
        current: &mut Option<(Incoming, Option<u64>)>,
        group: &mut Group,
    ) -> Result<(), FetchError> {
        match piece {
            Piece::Begin(MessageBegin { number, announced }) => {
                (self.events)(Event::Begin { number, announced });
                let message = match self.names.get(&number) {
                    Some(name) => self.maildir.begin_as(name.clone())?,
                    None => self.maildir.begin()?,
                };
                *current = Some((message, announced));
            }
            Piece::Content(octets) => {
                if let Some((message, _)) = current {
                    message.write(&octets)?;
                    (self.events)(Event::Content { octets: octets.len() });
                }
            }
            Piece::End(MessageEnd { number, octets }) => {
                if let Some((message, announced)) = current.take() {
                    group.octets += octets;
                    group.complete.push(Unconfirmed {
                        number,
                        octets,
                        exact: announced.is_none_or(|announced| announced == octets),
                    });
                    group.messages.push(message);
                }
            }
            Piece::Refused(_) => {}
        }
        Ok(())
    }

    /// Makes a group durable.
    fn settle(&mut self, group: &mut Group, stored: &mut Stored) -> Result<(), FetchError> {
        let Group { complete, messages, .. } = std::mem::take(group);
        if messages.is_empty() {
            return Ok(());
        }
        let (paths, failure) = match self.maildir.deliver(messages) {
            Ok(paths) => (paths, None),
            Err(PartialDelivery { delivered, error }) => (delivered, Some(error)),
        };
        for (message, path) in complete.into_iter().zip(&paths) {
            let Unconfirmed { number, octets, .. } = message;
            let unique_id = self.unique_ids.get(&number).map(Vec::as_slice);
            (self.events)(Event::Stored { number, octets, unique_id, path });
            stored.unconfirmed.push(message);
        }
        failure.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Notes what is durable: in this order, for a crash between the two leaves files that the next run finds by their names.
    fn record(&mut self, stored: &mut Stored) -> Result<(), FetchError> {
        let confirmed = std::mem::take(&mut stored.unconfirmed);
        for Unconfirmed { number, octets, .. } in &confirmed {
            stored.messages.push(*number);
            stored.octets += octets;
            self.names.remove(number);
        }
        if let Some((journal, account)) = &mut self.journal {
            let messages = confirmed
                .iter()
                .filter_map(|message| Some((self.unique_ids.get(&message.number)?.as_slice(), message.octets)));
            journal.delivered(account, &messages.collect::<Vec<_>>())?;
        }
        Ok(())
    }
}

impl Stored {
    /// They are in the Maildir and count as stored, but which messages they are is not known: they are not remembered,
    /// and not deleted.
    fn forget_unconfirmed(&mut self) {
        for Unconfirmed { octets, .. } in std::mem::take(&mut self.unconfirmed) {
            self.octets += octets;
            self.unattributed += 1;
        }
    }
}

impl std::fmt::Debug for Storing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Storing").field("maildir", &self.maildir).finish_non_exhaustive()
    }
}
