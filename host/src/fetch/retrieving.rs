//! From the server to the thread that stores.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{timeout, timeout_at};

use super::batch::Batch;
use super::glimpse::{Dates, glimpses};
use super::rate::Rate;
use super::storing::{Shown, Stored, Storing, Work};
use super::tries::TransferLength;
use super::{Event, Events, FetchError, FetchOptions, MinRate};
use crate::sandbox::contract::{self, MessageRefused, Piece};
use crate::session::{Session, SessionError, Transfer};

/// The most octets of one transfer, at whose end it is certain which message is which: what is stored is noted then. Each end
/// costs two round trips.
const TRANSFER_OCTETS: u64 = 64 << 20;

/// How many batches of pieces may wait for the disk.
const BATCHES_WAITING: usize = 8;

pub(super) struct Retrieving<'s> {
    session: &'s mut Session,
    pub(super) work: mpsc::Sender<Work>,
    storing: JoinHandle<Stored>,
    min_rate: Option<MinRate>,
    keep_alive: Duration,
    /// The session has asked for messages before, or for their beginnings: an answer that comes twice may be one of those.
    has_asked: bool,
    /// While a transfer runs.
    pub(super) awaited: Option<Awaited>,
}

/// What the server has answered in a transfer.
#[derive(Debug, Default)]
struct Answers {
    /// Messages whose ends have come.
    given: Vec<u32>,
    has_refused: bool,
}

/// What a transfer waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Awaited {
    /// The first message whose end has not come; none when all have, and the server is only to show that it is in step.
    pub(super) message: Option<u32>,
}

impl<'s> Retrieving<'s> {
    /// `has_looked`: the session has asked for the beginnings of messages.
    pub(super) fn new(session: &'s mut Session, storing: Storing, options: &FetchOptions, has_looked: bool) -> Self {
        let (work, waiting) = mpsc::channel(BATCHES_WAITING);
        let from = work.downgrade();
        Retrieving {
            session,
            work,
            storing: tokio::task::spawn_blocking(move || storing.run(waiting, from)),
            min_rate: options.min_rate,
            keep_alive: options.keep_alive,
            has_asked: has_looked,
            awaited: None,
        }
    }

    /// Retrieves these messages, whose average size is known, or until nobody takes them.
    pub(super) async fn retrieve(
        &mut self,
        mut messages: &[u32],
        average: u64,
        length: &mut TransferLength,
        events: &Events,
    ) -> Result<(), FetchError> {
        let most = (TRANSFER_OCTETS / average.max(1)).max(1);
        while !messages.is_empty() {
            let at_a_time = usize::try_from(most.min(length.messages())).unwrap_or(1);
            let (now, later) = messages.split_at(at_a_time.min(messages.len()));
            self.retrieve_some(now, length, events).await?;
            if self.work.is_closed() {
                return Ok(());
            }
            messages = later;
        }
        Ok(())
    }

    /// The same of one transfer.
    async fn retrieve_some(
        &mut self,
        messages: &[u32],
        length: &mut TransferLength,
        events: &Events,
    ) -> Result<(), FetchError> {
        let handed_over = self.work.send(Work::Transfer(messages.to_vec()));
        let (handed_over, lost) = wait_for(handed_over, self.session, Some(self.keep_alive)).await;
        if handed_over.is_err() {
            return Ok(());
        }
        lost.map_or(Ok(()), Err)?;
        self.awaited = Some(Awaited { message: messages.first().copied() });
        let transferred = match self.transfer(messages, events).await {
            Ok(_) if self.work.is_closed() => return Ok(()),
            Ok(answers) => self.look_whether_in_step(messages).await.map(|()| answers),
            Err(error) => Err(error),
        };
        match &transferred {
            Ok(_) => length.grow(),
            Err(_) => {
                let awaited = self.awaited.and_then(|awaited| awaited.message);
                let complete = messages.iter().take_while(|number| Some(**number) != awaited).count();
                length.shrink(complete as u64);
            }
        }
        if let Err(FetchError::Session(error)) = &transferred
            && is_out_of_step(error)
        {
            // Nobody there: what it would be told is the failure that is known already.
            let _ = self.work.send(Work::Distrusted).await;
        }
        let answers = transferred?;
        let shown = if self.may_be_shifted(&answers) { self.look_at(answers.given).await? } else { Shown::All };
        // Nobody there: the failure is known when storing has ended.
        let _ = self.work.send(Work::Confirmed(shown)).await;
        self.awaited = None;
        Ok(())
    }

    /// A server that is in step after several commands that were sent ahead has answered each; but where one of the answers is
    /// a refusal, it does not say of which message.
    fn may_be_shifted(&self, answers: &Answers) -> bool {
        answers.has_refused && !answers.given.is_empty() && self.session.sends_ahead()
    }

    /// The beginnings of the messages that the server has given, as far as it shows them.
    async fn look_at(&mut self, mut given: Vec<u32>) -> Result<Shown, FetchError> {
        given.sort_unstable();
        let last = given.last().copied().unwrap_or_default();
        let glimpses = glimpses(self.session, &given, last, Dates::NotWanted, &mut None).await?;
        let shown = |number: &u32| Some((*number, glimpses.fingerprint(*number)?));
        Ok(Shown::Only(given.iter().filter_map(shown).collect()))
    }

    /// A transfer of several messages shows whether the server is in step. Of one message it does not: what the server has
    /// given twice before could be taken for it.
    async fn look_whether_in_step(&mut self, messages: &[u32]) -> Result<(), FetchError> {
        let has_asked = std::mem::replace(&mut self.has_asked, true);
        match messages {
            [only] if has_asked => match self.session.scan_listing(*only).await {
                // There are servers that take a message away with RETR.
                Err(error) if !error.is_refusal() => Err(error.into()),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// The thread, once it has everything.
    pub(super) fn finish(self) -> JoinHandle<Stored> {
        self.storing
    }

    /// Hands pieces on until the transfer is at its end, or nobody takes them.
    async fn transfer(&mut self, messages: &[u32], events: &Events) -> Result<Answers, FetchError> {
        let mut unended = messages.iter().copied();
        self.awaited = Some(Awaited { message: unended.next() });
        let mut rate = self.min_rate.map(Rate::new);
        let mut answers = Answers::default();
        let mut transfer = self.session.retrieve(messages).await?;
        let mut batch = Batch::default();
        loop {
            let pieces = {
                let mut pieces = pin!(next(&mut transfer, &mut rate));
                let in_time = match batch.until() {
                    Some(until) => timeout_at(until, pieces.as_mut()).await.ok(),
                    None => None,
                };
                match in_time {
                    Some(pieces) => pieces,
                    None => {
                        batch.offer(&self.work);
                        pieces.await
                    }
                }
            };
            let is_over = pieces.as_ref().map_or(true, Vec::is_empty);
            for piece in pieces.iter().flatten() {
                match piece {
                    Piece::Refused(MessageRefused { number, reply }) => {
                        events(Event::Refused { number: *number, reply });
                        answers.has_refused = true;
                        self.awaited = Some(Awaited { message: unended.next() });
                    }
                    Piece::End(end) => {
                        answers.given.push(end.number);
                        self.awaited = Some(Awaited { message: unended.next() });
                    }
                    Piece::Begin(_) | Piece::Content(_) => {}
                }
            }
            match pieces {
                Ok(pieces) => batch.add(pieces),
                Err(error) => {
                    batch.hand_over(&self.work).await;
                    return Err(error);
                }
            }
            if is_over || batch.is_full() {
                batch.hand_over(&self.work).await;
            }
            if is_over || self.work.is_closed() {
                return Ok(answers);
            }
        }
    }
}

async fn next(transfer: &mut Transfer<'_>, rate: &mut Option<Rate>) -> Result<Vec<Piece>, FetchError> {
    match rate {
        Some(rate) => rate.next(transfer).await,
        None => Ok(transfer.next().await?),
    }
}

/// Waits for a work of this side, during which the server hears a `NOOP` now and then. Gives what became of the session, too,
/// if that is over: the server has closed it meanwhile.
pub(super) async fn wait_for<T>(
    work: impl Future<Output = T>,
    session: &mut Session,
    keep_alive: Option<Duration>,
) -> (T, Option<SessionError>) {
    let mut work = std::pin::pin!(work);
    let Some(interval) = keep_alive else { return (work.await, None) };
    loop {
        match timeout(interval, work.as_mut()).await {
            Ok(done) => return (done, None),
            Err(_) if session.is_usable() => match session.noop().await {
                Err(error) if error.ends_session() => return (work.await, Some(error)),
                // A server without NOOP has heard something, too.
                _ => {}
            },
            Err(_) => return (work.await, None),
        }
    }
}

/// Whether the server may have answered about other messages than it was asked for; not where it has only gone or fallen
/// silent.
fn is_out_of_step(error: &SessionError) -> bool {
    use contract::Error::{Closed, Network, Timeout};
    !matches!(error, SessionError::Pop3(Closed(_) | Network(_) | Timeout(_)))
}
