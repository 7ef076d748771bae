//! From the server to the thread that stores.

use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::rate::Rate;
use super::storing::{Stored, Storing, Work};
use super::tries::TransferLength;
use super::{Event, Events, FetchError, FetchOptions, MinRate};
use crate::sandbox::contract::{self, MessageRefused, Piece};
use crate::session::{Session, SessionError};

/// The most octets of one transfer, at whose end it is certain which message is which: what is stored is noted then. Each end
/// costs two round trips.
const TRANSFER_OCTETS: u64 = 64 << 20;

/// How many batches of pieces, each of 64 KiB and a little more, may wait for the disk.
const BATCHES_WAITING: usize = 32;

pub(super) struct Retrieving<'s> {
    session: &'s mut Session,
    pub(super) work: mpsc::Sender<Work>,
    storing: JoinHandle<Stored>,
    min_rate: Option<MinRate>,
    keep_alive: Duration,
    /// While a transfer runs.
    pub(super) awaited: Option<Awaited>,
}

/// What a transfer waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Awaited {
    /// The first message whose end has not come; none when all have, and the server is only to show that it is in step.
    pub(super) message: Option<u32>,
}

impl<'s> Retrieving<'s> {
    pub(super) fn new(session: &'s mut Session, storing: Storing, options: &FetchOptions) -> Self {
        let (work, waiting) = mpsc::channel(BATCHES_WAITING);
        let from = work.downgrade();
        Retrieving {
            session,
            work,
            storing: tokio::task::spawn_blocking(move || storing.run(waiting, from)),
            min_rate: options.min_rate,
            keep_alive: options.keep_alive,
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
        if wait_for(handed_over, self.session, Some(self.keep_alive)).await.is_err() {
            return Ok(());
        }
        self.awaited = Some(Awaited { message: messages.first().copied() });
        let transferred = self.transfer(messages, events).await;
        match &transferred {
            Ok(()) => length.grow(),
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
        transferred?;
        self.awaited = None;
        Ok(())
    }

    /// The thread, once it has everything.
    pub(super) fn finish(self) -> JoinHandle<Stored> {
        self.storing
    }

    /// Hands pieces on until the transfer is at its end, or nobody takes them.
    async fn transfer(&mut self, messages: &[u32], events: &Events) -> Result<(), FetchError> {
        let mut unended = messages.iter().copied();
        let mut awaited = unended.next();
        let mut rate = self.min_rate.map(Rate::new);
        let mut transfer = self.session.retrieve(messages).await?;
        loop {
            let pieces = match &mut rate {
                Some(rate) => rate.next(&mut transfer).await?,
                None => transfer.next().await?,
            };
            if pieces.is_empty() {
                // Nobody there: the failure is known when storing has ended.
                let _ = self.work.send(Work::Confirmed).await;
                return Ok(());
            }
            for piece in &pieces {
                match piece {
                    Piece::Refused(MessageRefused { number, reply }) => {
                        events(Event::Refused { number: *number, reply });
                        awaited = unended.next();
                    }
                    Piece::End(_) => awaited = unended.next(),
                    Piece::Begin(_) | Piece::Content(_) => {}
                }
            }
            self.awaited = Some(Awaited { message: awaited });
            if self.work.send(Work::Pieces(pieces)).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// Waits for a work of this side, during which the server hears a `NOOP` now and then. Its answer is of no interest: a server
/// that has closed the session meanwhile shows at the next command.
pub(super) async fn wait_for<T>(
    work: impl Future<Output = T>,
    session: &mut Session,
    keep_alive: Option<Duration>,
) -> T {
    let mut work = std::pin::pin!(work);
    let Some(interval) = keep_alive else { return work.await };
    loop {
        match timeout(interval, work.as_mut()).await {
            Ok(done) => return done,
            Err(_) if session.is_usable() => drop(session.noop().await),
            Err(_) => return work.await,
        }
    }
}

/// Whether the server may have answered about other messages than it was asked for; not where it has only gone or fallen
/// silent.
fn is_out_of_step(error: &SessionError) -> bool {
    use contract::Error::{Closed, Network, Timeout};
    !matches!(error, SessionError::Pop3(Closed(_) | Network(_) | Timeout(_)))
}
