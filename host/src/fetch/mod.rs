//! One account's run: plan, retrieve, deliver, record, delete; over several sessions where connections break.
//!
//! Retrieval and delivery overlap: the session hands pieces to a thread that writes them, and groups of them are flushed and
//! recorded meanwhile. `DELE` is sent for what is durable and noted in the journal, and for nothing else.

mod batch;
mod by_number;
mod corrections;
mod doubted;
mod error;
mod event;
mod failures;
mod glimpse;
mod identity;
mod known;
mod ledger;
mod options;
mod past;
mod plan;
mod planner;
mod policy;
mod pool;
mod rate;
mod reconnecting;
mod retrieving;
mod session_run;
mod storing;
mod survey;
mod tries;
mod unique_ids;
mod vanished;

use crate::journal::Journal;
use crate::session::Session;

pub use error::FetchError;
pub use event::{Event, Events, Warning};
use ledger::Ledger;
pub use options::{Deletion, FetchOptions, MinRate};
pub use policy::{Policy, Skipped};
use reconnecting::Reconnecting;
pub use reconnecting::Sending;
use session_run::SessionRun;
use tries::Tries;

/// What a run has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Messages in the maildrop.
    pub messages: u32,
    /// Messages stored by this run.
    pub stored: u32,
    /// Their octets.
    pub octets: u64,
    /// Messages that an earlier run has stored.
    pub known: u32,
    /// New messages that the policy has left for later.
    pub skipped: u32,
    /// New messages that could not be fetched, by this run or an earlier one whose time has not come again.
    pub failed: u32,
    /// In a dry run, messages that would be retrieved.
    pub would_retrieve: u32,
    /// In a dry run, messages that would be deleted, if those that would be retrieved are stored.
    pub would_delete: u32,
    /// Messages that the server has deleted.
    pub deleted: u32,
    /// Messages that the server would not give.
    pub refused: u32,
    /// Messages that the server would not delete.
    pub not_deleted: u32,
    /// Each refusal was for a trouble that will pass.
    pub temporary: bool,
    /// Why the last one of those that failed did.
    pub cause: Option<String>,
    /// The server's words, the last time it refused to give or to delete a message.
    pub refusal: Option<String>,
}

/// A run that has come to its end or not, and what it has done until then.
#[derive(Debug)]
pub struct Outcome {
    /// What was done. Stored messages are durable also where the run has failed.
    pub summary: Summary,
    /// What stopped it.
    pub result: Result<(), FetchError>,
}

/// Fetches all new messages of a session in TRANSACTION, and ends the session.
///
/// A failure stops the run before `QUIT`, so that the server deletes nothing (RFC 1939 §6). Where this future is dropped, the
/// thread that stores ends its group of messages in its own time; until then the journal keeps other runs away, if it was
/// [locked](Journal::lock).
///
/// The session is the only one: [`FetchOptions::reconnects`] does not count.
pub async fn fetch(session: Session, options: FetchOptions, events: Events) -> Outcome {
    let never = async |_: Sending| -> Result<Session, &str> { Err("there is no other session") };
    fetch_persistently(session, never, FetchOptions { reconnects: 0, ..options }, events).await
}

/// As [`fetch`], but where the connection breaks, `reconnect` opens another session in TRANSACTION, and the run goes on where
/// it stopped: as often in a row as [`FetchOptions::reconnects`] says without a new message.
///
/// A message in whose middle the connection breaks twice is given up, so that those behind it are fetched.
pub async fn fetch_persistently<E: std::fmt::Display>(
    session: Session,
    reconnect: impl AsyncFnMut(Sending) -> Result<Session, E>,
    mut options: FetchOptions,
    events: Events,
) -> Outcome {
    let ledger = match options.journal.take() {
        Some((journal, account)) => Ok(Ledger::new(journal, account)),
        // Within the run it has to be known what is stored, all the same.
        None => Journal::in_memory().map(|journal| Ledger::new(journal, String::new())),
    };
    let mut summary = Summary { temporary: true, ..Summary::default() };
    let result = match ledger {
        Ok(ledger) => run(session, reconnect, &options, &ledger, &events, &mut summary).await,
        Err(error) => Err(error.into()),
    };
    Outcome { summary, result }
}

async fn run<E: std::fmt::Display>(
    mut session: Session,
    mut reconnect: impl AsyncFnMut(Sending) -> Result<Session, E>,
    options: &FetchOptions,
    ledger: &Ledger,
    events: &Events,
    summary: &mut Summary,
) -> Result<(), FetchError> {
    let mut tries = Tries::default();
    let mut reconnecting = Reconnecting::new(options.reconnects, options.deadline);
    let mut is_first = true;
    loop {
        let mut attempt = SessionRun::new(options, ledger, events, &mut tries, summary, is_first);
        let result = attempt.run(session).await;
        is_first &= !attempt.has_counted;
        let interruption = attempt.interruption();
        let Err(error) = result else { return Ok(()) };
        interruption.note(&error, &mut tries, ledger, events, summary).await?;
        session = match reconnecting.after(error, &interruption, &mut reconnect, events).await {
            Ok(session) => session,
            Err(error) => {
                interruption.note_end(&error, &tries, ledger).await?;
                return Err(error);
            }
        };
    }
}

fn count(messages: usize) -> u32 {
    u32::try_from(messages).unwrap_or(u32::MAX)
}
