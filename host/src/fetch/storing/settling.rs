//! Groups of complete messages become durable, in a thread of their own: the next group is written meanwhile.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel};
use std::thread::Scope;

use tokio::sync::mpsc::WeakSender;

use super::super::{Event, Events, FetchError};
use super::{Stored, Work};
use crate::delivery::{DeliveryError, Incoming, Maildir, PartialDelivery};
use crate::journal::Entry;

/// The bounds of a group. Each message of it holds an open file.
const GROUP_MESSAGES: usize = 256;
const GROUP_OCTETS: u64 = 32 << 20;

/// A message whose end has come.
#[derive(Debug)]
pub(super) struct Complete {
    pub(super) number: u32,
    pub(super) octets: u64,
    /// What stands for it in the journal, and what the journal is to say of it.
    pub(super) unique_id: Option<Vec<u8>>,
    pub(super) entry: Entry,
    /// It has the size that the server announced, if it announced one.
    pub(super) is_exact: bool,
    /// It is stored already, and not delivered again.
    pub(super) is_known: bool,
}

/// Messages that are not durable yet, in order.
#[derive(Default)]
pub(super) struct Group {
    messages: Vec<Complete>,
    /// One for each message that is not known.
    files: Vec<Incoming>,
    octets: u64,
}

impl Group {
    /// Adds a message; the file of one that is stored already is dropped.
    pub(super) fn add(&mut self, message: Complete, file: Incoming) {
        self.octets = self.octets.saturating_add(message.octets);
        if !message.is_known {
            self.files.push(file);
        }
        self.messages.push(message);
    }

    pub(super) fn is_full(&self) -> bool {
        self.messages.len() >= GROUP_MESSAGES || self.octets >= GROUP_OCTETS
    }
}

/// What became of a group.
struct Settled {
    messages: Vec<Complete>,
    failure: Option<DeliveryError>,
}

/// The thread, seen from the one that writes.
pub(super) struct Settler {
    groups: SyncSender<Group>,
    settled: Receiver<Settled>,
    outstanding: usize,
    /// It has told why it ended.
    has_failed: bool,
}

impl Settler {
    /// `work` is where the thread that writes hears that a group can be taken.
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        maildir: Maildir,
        events: Events,
        work: WeakSender<Work>,
    ) -> Self {
        // One may wait in between.
        let (groups, arriving) = sync_channel::<Group>(1);
        let (done, settled) = channel();
        scope.spawn(move || {
            for group in arriving {
                if let Some(work) = work.upgrade() {
                    // Where there is no room, it does not wait.
                    let _ = work.try_send(Work::Ready);
                }
                let settled = settle(group, &maildir, &events);
                let has_failed = settled.failure.is_some();
                // Behind a message that could not be stored, none is.
                if done.send(settled).is_err() || has_failed {
                    break;
                }
            }
        });
        Settler { groups, settled, outstanding: 0, has_failed: false }
    }

    /// Hands a group over unless another one waits; then it may still grow.
    pub(super) fn offer(&mut self, group: &mut Group, stored: &mut Stored) -> Result<(), FetchError> {
        if group.messages.is_empty() {
            return Ok(());
        }
        match self.groups.try_send(std::mem::take(group)) {
            Ok(()) => self.outstanding += 1,
            Err(TrySendError::Full(back)) => *group = back,
            // It has failed: the group is dropped, and the failure waits.
            Err(TrySendError::Disconnected(_)) => return self.take(stored, 0),
        }
        Ok(())
    }

    /// Hands a group over, as soon as it can be taken.
    pub(super) fn settle(&mut self, group: &mut Group, stored: &mut Stored) -> Result<(), FetchError> {
        if !group.messages.is_empty() {
            match self.groups.send(std::mem::take(group)) {
                Ok(()) => self.outstanding += 1,
                // It has failed: the group is dropped, and the failure waits.
                Err(_) => return self.take(stored, 0),
            }
        }
        self.take(stored, 1)
    }

    /// Hands a group over, and waits for all that were.
    pub(super) fn settle_all(&mut self, group: &mut Group, stored: &mut Stored) -> Result<(), FetchError> {
        self.settle(group, stored)?;
        self.take(stored, 0)
    }

    /// Takes what is left when there will be no more groups.
    pub(super) fn finish(mut self, stored: &mut Stored) -> Result<(), FetchError> {
        self.take(stored, 0)
    }

    /// Takes what has become of groups, until so many are left.
    fn take(&mut self, stored: &mut Stored, left: usize) -> Result<(), FetchError> {
        while self.outstanding > left {
            let Ok(Settled { messages, failure }) = self.settled.recv() else {
                self.outstanding = 0;
                // Behind a failure that was told, nothing that was handed over is stored.
                let ended = FetchError::Internal("the thread that delivers ended early");
                return if self.has_failed { Ok(()) } else { Err(ended) };
            };
            self.outstanding -= 1;
            for message in messages {
                if !message.is_known {
                    stored.files += 1;
                    stored.octets = stored.octets.saturating_add(message.octets);
                }
                stored.unconfirmed.push(message);
            }
            if let Some(failure) = failure {
                self.has_failed = true;
                return Err(failure.into());
            }
        }
        Ok(())
    }
}

/// Makes a group durable. What is not delivered is cut off.
fn settle(group: Group, maildir: &Maildir, events: &Events) -> Settled {
    let Group { mut messages, files, .. } = group;
    let (paths, failure) = match maildir.deliver(files) {
        Ok(paths) => (paths, None),
        Err(PartialDelivery { delivered, error }) => (delivered, Some(error)),
    };
    let mut paths = paths.into_iter();
    let mut settled = 0;
    for message in &messages {
        let Complete { number, octets, unique_id, is_known, .. } = message;
        let (number, octets) = (*number, *octets);
        if *is_known {
            events(Event::Recognised { number, octets });
        } else if let Some(path) = paths.next() {
            // What begins with NUL is of our own making.
            let unique_id = unique_id.as_deref().filter(|unique_id| unique_id.first() != Some(&0));
            events(Event::Stored { number, octets, unique_id, path: &path });
        } else {
            break;
        }
        settled += 1;
    }
    messages.truncate(settled);
    Settled { messages, failure }
}
