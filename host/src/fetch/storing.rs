//! The thread that stores: pieces become files, and the journal learns what has become of them.

mod refusal;
mod settling;
mod stock;

use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::Arc;

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{Receiver, WeakSender};

use super::failures::Failed;
use super::ledger::Ledger;
use super::plan::Evidence;
use super::unique_ids::UniqueIds;
use super::{Event, Events, FetchError};
use crate::delivery::{Incoming, Maildir};
use crate::fingerprint::Fingerprint;
use crate::journal::{Begun, Entry};
use crate::likeness::Observed;
use crate::sandbox::contract::{MessageBegin, MessageEnd, MessageRefused, Piece};
use settling::{Complete, Group, Settler};
use stock::Stock;

pub(super) use refusal::{cause, is_temporary};

/// Takes the pieces of a session's transfers.
pub(super) struct Storing {
    maildir: Maildir,
    ledger: Ledger,
    evidence: Evidence,
    events: Events,
    /// Rows of the journal about what an earlier run has left open: settled when everything is retrieved.
    open_rows: Vec<i64>,
    /// How many messages the transfer that runs has.
    transfer: usize,
    /// The names of their files, by message, and where the journal has them.
    names: HashMap<u32, OsString>,
    row: Option<i64>,
    /// What is certain and not yet noted.
    certain: Vec<(Vec<u8>, Entry)>,
    /// What the server would not give, and is not yet noted.
    failed: Vec<Failed>,
    /// Rows of which nothing is open any more.
    settled: Vec<i64>,
    stored: Stored,
}

/// What there is to do.
#[derive(Debug)]
pub(super) enum Work {
    /// These messages are asked for.
    Transfer(Vec<u32>),
    /// To store these.
    Pieces(Vec<Piece>),
    /// The transfer has come to its end: messages are those that they were asked for as.
    Confirmed(Shown),
    /// The transfer has failed so that its messages may be others than those asked for.
    Distrusted,
    /// All transfers have come to their ends.
    Complete,
    /// The thread that delivers can take another group: what is there goes out even if the server is silent.
    Ready,
}

/// Which messages of a transfer are certain.
#[derive(Debug)]
pub(super) enum Shown {
    All,
    /// Those that begin so.
    Only(HashMap<u32, Fingerprint>),
}

/// What has come of it.
#[derive(Debug, Default)]
pub(super) struct Stored {
    /// The messages that are durable and noted, in the order in which they were stored.
    pub(super) messages: Vec<u32>,
    /// How many files were delivered.
    pub(super) files: usize,
    /// Their octets.
    pub(super) octets: u64,
    /// Messages that were retrieved and then found to be stored already.
    pub(super) recognised: Vec<u32>,
    /// Messages that the server would not give, and whether one of them for a trouble that will not pass.
    pub(super) refused: Vec<u32>,
    pub(super) is_refused_for_good: bool,
    /// The words of the last refusal.
    pub(super) refusal: Option<String>,
    /// What stopped it.
    pub(super) failure: Option<FetchError>,
    /// What stands for each message in the journal.
    pub(super) unique_ids: Arc<UniqueIds>,
    /// Messages of the transfer that runs: durable, but not yet known for certain to be what they were asked for as.
    unconfirmed: Vec<Complete>,
}

/// The message that arrives.
struct Current {
    file: Incoming,
    announced: Option<u64>,
    observed: Observed,
}

/// Messages on their way to the disk.
struct Arriving<'scope> {
    current: Option<Current>,
    group: Group,
    settler: Settler,
    stock: Stock<'scope>,
}

impl Arriving<'_> {
    fn settle_all(&mut self, stored: &mut Stored) -> Result<(), FetchError> {
        self.settler.settle_all(&mut self.group, stored)
    }
}

impl Storing {
    pub(super) fn new(
        maildir: Maildir,
        ledger: Ledger,
        evidence: Evidence,
        open_rows: Vec<i64>,
        events: Events,
    ) -> Self {
        Storing {
            maildir,
            ledger,
            evidence,
            events,
            open_rows,
            transfer: 0,
            names: HashMap::new(),
            row: None,
            certain: Vec::new(),
            failed: Vec::new(),
            settled: Vec::new(),
            stored: Stored::default(),
        }
    }

    /// Runs until there is no more to do, or storing fails. A message whose end has not come leaves nothing behind.
    pub(super) fn run(mut self, mut work: Receiver<Work>, from: WeakSender<Work>) -> Stored {
        let (maildir, events) = (self.maildir.clone(), self.events.clone());
        let done = std::thread::scope(|scope| {
            let settler = Settler::start(scope, maildir.clone(), events, from);
            let mut arriving = Arriving { current: None, group: Group::default(), settler, stock: Stock::default() };
            let restock = |messages| Stock::start(scope, maildir.clone(), messages);
            let done = self.store_all(&mut work, &mut arriving, restock);
            let settled = arriving.settler.finish(&mut self.stored);
            done.and(settled)
        });
        self.remember_single();
        let noted = self.note(None);
        self.stored.failure = done.and(noted).err();
        self.stored.unique_ids = std::mem::take(&mut self.evidence.unique_ids);
        self.stored
    }

    fn store_all<'scope>(
        &mut self,
        work: &mut Receiver<Work>,
        arriving: &mut Arriving<'scope>,
        restock: impl Fn(usize) -> Stock<'scope>,
    ) -> Result<(), FetchError> {
        loop {
            let next = match work.try_recv() {
                Ok(next) => next,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    // The network is slower than the disk: use the time.
                    arriving.settler.offer(&mut arriving.group, &mut self.stored)?;
                    match work.blocking_recv() {
                        Some(next) => next,
                        None => break,
                    }
                }
            };
            match next {
                Work::Transfer(messages) => {
                    arriving.stock = restock(messages.len());
                    self.begin_transfer(&messages)?;
                }
                Work::Pieces(pieces) => {
                    for piece in pieces {
                        self.store(piece, arriving)?;
                        if arriving.group.is_full() {
                            arriving.settler.settle(&mut arriving.group, &mut self.stored)?;
                        }
                    }
                }
                Work::Confirmed(shown) => {
                    arriving.settle_all(&mut self.stored)?;
                    self.confirm(&shown);
                }
                Work::Distrusted => {
                    arriving.settle_all(&mut self.stored)?;
                    // They stay noted as under way: the next session looks whose files they are.
                    self.stored.unconfirmed.clear();
                }
                // Others may be listed another time.
                Work::Complete if self.evidence.has_open_leftovers() => {}
                Work::Complete => self.settled.append(&mut self.open_rows),
                Work::Ready => {}
            }
        }
        arriving.settle_all(&mut self.stored)
    }

    /// Notes under which names the messages of a transfer will be delivered, before any of them is.
    fn begin_transfer(&mut self, messages: &[u32]) -> Result<(), FetchError> {
        self.transfer = messages.len();
        self.names = messages.iter().map(|number| (*number, self.maildir.unique_name())).collect();
        let begun = |number: &u32| {
            let id = self.evidence.unique_ids.owned(*number).unwrap_or_default();
            Some(Begun { id, file: self.names.get(number)?.clone() })
        };
        let begun = messages.iter().filter_map(begun).collect();
        self.note(Some(begun))
    }

    fn store(&mut self, piece: Piece, arriving: &mut Arriving<'_>) -> Result<(), FetchError> {
        match piece {
            Piece::Begin(MessageBegin { number, announced }) => {
                (self.events)(Event::Begin { number, announced });
                let mut file = self.begin(number, &mut arriving.stock);
                if file.as_ref().is_err_and(|error| error.is_out_of_descriptors()) {
                    arriving.stock.give_up();
                    arriving.settle_all(&mut self.stored)?;
                    file = self.begin(number, &mut arriving.stock);
                }
                arriving.current = Some(Current { file: file?, announced, observed: Observed::default() });
            }
            Piece::Content(octets) => {
                if let Some(message) = &mut arriving.current {
                    message.observed.write(&octets);
                    message.file.write(&octets)?;
                    (self.events)(Event::Content { octets: octets.len() });
                }
            }
            Piece::End(MessageEnd { number, octets }) => {
                if let Some(Current { file, announced, observed }) = arriving.current.take() {
                    let is_exact = announced.is_none_or(|announced| announced == octets);
                    let listed = self.evidence.sizes.get(number).copied().or(announced);
                    let arrived = Entry::delivered(observed.finish(), listed);
                    let stored = self.stored_before(number, &arrived)?;
                    let is_known = stored.is_some();
                    // The file is that of then.
                    let entry = stored.map_or(arrived, |stored| Entry { since: stored.since, ..arrived });
                    let unique_id = self.evidence.unique_ids.owned(number);
                    arriving.group.add(Complete { number, octets, unique_id, entry, is_exact, is_known }, file);
                }
            }
            Piece::Refused(refused) => self.take_as_refused(&refused),
        }
        Ok(())
    }

    fn begin(&mut self, number: u32, stock: &mut Stock<'_>) -> Result<Incoming, crate::delivery::DeliveryError> {
        match (self.names.get(&number), stock.take()) {
            (Some(name), Some(blank)) => Ok(self.maildir.begin_in(blank, name.clone())),
            (Some(name), None) => self.maildir.begin_as(name.clone()),
            (None, _) => self.maildir.begin(),
        }
    }

    /// What is known of this message if it is stored already, under its own or another unique-id.
    fn stored_before(&mut self, number: u32, arrived: &Entry) -> Result<Option<Entry>, FetchError> {
        let mut stored = self.evidence.doubted.take(number, arrived);
        if let Some(fingerprint) = arrived.fingerprint.filter(|_| !self.evidence.unique_ids.has(number)) {
            let identity = self.evidence.identities.next(fingerprint);
            if stored.is_none() {
                let mut known = self.ledger.with(|journal, account| journal.known(account, [identity.as_slice()]))?;
                stored = known.remove(&identity).filter(|entry| entry.may_be_at_server() && entry.is_like(arrived));
                stored.iter().for_each(|entry| self.evidence.pool.forget(entry));
            }
            Arc::make_mut(&mut self.evidence.unique_ids).insert(number, &identity);
        }
        Ok(stored.or_else(|| self.evidence.pool.take_retrieved(arrived)))
    }

    /// The messages of the transfer are those that were asked for; others stay noted as under way. What the server has refused
    /// to give is not under way any more.
    fn confirm(&mut self, shown: &Shown) {
        let is_certain = |message: &Complete| match shown {
            Shown::All => true,
            Shown::Only(shown) => shown.get(&message.number).copied() == message.entry.fingerprint,
        };
        let (certain, open): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.stored.unconfirmed).into_iter().partition(is_certain);
        certain.into_iter().for_each(|message| self.take_as_certain(message));
        if open.is_empty() {
            self.settled.extend(self.row.take());
        }
    }

    /// After a transfer that was broken off: its messages stay noted as under way, and the next session looks whose files
    /// they are. A server that has lost a command, or answered one twice, has answered about others than were asked for. Only
    /// where one message was asked for, and has its size, there is no other.
    fn remember_single(&mut self) {
        let unconfirmed = std::mem::take(&mut self.stored.unconfirmed);
        if self.transfer == 1 {
            unconfirmed
                .into_iter()
                .filter(|message| message.is_exact)
                .for_each(|message| self.take_as_certain(message));
        }
    }

    fn take_as_certain(&mut self, message: Complete) {
        let Complete { number, unique_id, entry, is_known, .. } = message;
        let list = if is_known { &mut self.stored.recognised } else { &mut self.stored.messages };
        list.push(number);
        self.names.remove(&number);
        self.certain.extend(unique_id.map(|unique_id| (unique_id, entry)));
    }

    fn take_as_refused(&mut self, MessageRefused { number, reply }: &MessageRefused) {
        self.stored.refused.push(*number);
        self.stored.is_refused_for_good |= !is_temporary(reply);
        let cause = cause(reply);
        self.stored.refusal = Some(cause.clone());
        let unique_id = self.evidence.unique_ids.owned(*number);
        self.failed.extend(unique_id.map(|unique_id| Failed { unique_id, cause }));
    }

    /// Notes all that has become certain, what was refused, and what is begun now: one flush to the disk for both.
    fn note(&mut self, begun: Option<Vec<Begun>>) -> Result<(), FetchError> {
        let (certain, settled) = (std::mem::take(&mut self.certain), std::mem::take(&mut self.settled));
        let failed = std::mem::take(&mut self.failed);
        let open = self.row.filter(|_| begun.is_none() && !certain.is_empty());
        if certain.is_empty() && settled.is_empty() && failed.is_empty() && begun.is_none() {
            return Ok(());
        }
        let left: Vec<Begun> = self
            .names
            .iter()
            .map(|(number, file)| Begun {
                id: self.evidence.unique_ids.owned(*number).unwrap_or_default(),
                file: file.clone(),
            })
            .collect();
        let noted = self.ledger.with(|journal, account| {
            journal.note(account, |notes| {
                notes.store_all(certain.iter().map(|(unique_id, entry)| (unique_id.as_slice(), *entry)))?;
                notes.recovered(certain.iter().map(|(unique_id, _)| unique_id.as_slice()))?;
                failed.iter().try_for_each(|failed| failed.note(notes))?;
                settled.iter().try_for_each(|row| notes.settle(*row, &[]))?;
                if let Some(row) = open {
                    notes.settle(row, &left)?;
                }
                begun.map(|begun| notes.begin(&begun)).transpose()
            })
        });
        if let Some(row) = noted? {
            self.row = Some(row);
        }
        Ok(())
    }
}

impl std::fmt::Debug for Storing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Storing").field("maildir", &self.maildir).finish_non_exhaustive()
    }
}
