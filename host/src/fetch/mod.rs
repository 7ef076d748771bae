//! One account's run: plan, retrieve, deliver, record, delete.
//!
//! Retrieval and delivery overlap: the session hands pieces to a thread that writes, flushes and records them in
//! groups. `DELE` is sent for what that thread has reported as durable, and for nothing else.

mod error;
mod event;
mod plan;
mod policy;
mod storing;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::delivery::Maildir;
use crate::journal::Journal;
use crate::sandbox::contract::{self, Piece};
use crate::session::{MessageRefused, Reply, ResponseCode, Session, SessionError};

pub use error::FetchError;
pub use event::{Event, Events, Warning};
use plan::Plan;
use policy::Choice;
pub use policy::{Policy, Skipped};
use storing::{Stored, Storing, Work};

/// The bounds of one transfer, at whose end it is certain which message is which: what is stored is remembered then.
const TRANSFER_MESSAGES: u64 = 128;
const TRANSFER_OCTETS: u64 = 16 << 20;

/// How many messages are deleted at a time.
const DELETIONS: usize = 1000;

/// How many batches of pieces, each of 64 KiB and a little more, may wait for the disk.
const BATCHES_WAITING: usize = 32;

/// Where messages go, and what happens to them at the server.
#[derive(Debug)]
pub struct FetchOptions {
    /// The destination.
    pub maildir: Maildir,
    /// What was stored before, and the name of the account there. Messages that it knows are not fetched again.
    pub journal: Option<(Journal, String)>,
    /// Delete at the server what is stored.
    pub delete: bool,
    /// Delete at the server what was stored so long ago, where `delete` does not do so at once. It needs the journal.
    pub delete_after: Option<Duration>,
    /// Which of the new messages are taken.
    pub policy: Policy,
    /// Only tell what would be done. Nothing is retrieved and nothing deleted.
    pub dry_run: bool,
}

impl FetchOptions {
    /// Fetches everything into this Maildir each time, and leaves it at the server.
    pub fn to(maildir: Maildir) -> Self {
        FetchOptions {
            maildir,
            journal: None,
            delete: false,
            delete_after: None,
            policy: Policy::default(),
            dry_run: false,
        }
    }
}

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
    /// Messages that the server has deleted.
    pub deleted: u32,
    /// Messages that the server would not give.
    pub refused: u32,
    /// Messages that the server would not delete.
    pub not_deleted: u32,
    /// Each refusal was for a trouble that will pass.
    pub temporary: bool,
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
/// A failure stops the run before `DELE` or `QUIT`, so that the server deletes nothing.
pub async fn fetch(session: Session, options: FetchOptions, events: Events) -> Outcome {
    let mut run = Run { events, summary: Summary { temporary: true, ..Summary::default() } };
    let result = run.run(session, options).await;
    Outcome { summary: run.summary, result }
}

struct Run {
    events: Events,
    summary: Summary,
}

impl Run {
    async fn run(&mut self, mut session: Session, options: FetchOptions) -> Result<(), FetchError> {
        let FetchOptions { maildir, journal, delete, delete_after, policy, dry_run } = options;
        let deletes = delete || delete_after.is_some();
        session.look_for_pipelining().await?;
        let maildrop = session.stat().await?;
        self.summary.messages = maildrop.messages;
        (self.events)(Event::Maildrop { messages: maildrop.messages, octets: maildrop.octets });

        let mut plan = Plan::new(&mut session, maildrop.messages, journal, &maildir, deletes, &self.events).await?;
        self.summary.known = count(plan.known.len());
        let sizes = if policy.asks_sizes() { plan::sizes(&mut session).await? } else { HashMap::new() };
        let Choice { retrieve, skipped } = policy.choose(std::mem::take(&mut plan.retrieve), &sizes);
        self.summary.skipped = count(skipped.len());
        (self.events)(Event::Planned { retrieve: count(retrieve.len()), known: self.summary.known });
        for (number, why) in skipped {
            (self.events)(Event::Skipped { number, octets: sizes.get(&number).copied(), why });
        }
        if dry_run {
            retrieve.iter().for_each(|number| (self.events)(Event::WouldRetrieve { number: *number, delete }));
            let deleted = plan.old_enough(delete, delete_after);
            deleted.iter().for_each(|number| (self.events)(Event::WouldDelete { number: *number }));
            return self.quit(session).await;
        }

        let storing = Storing {
            maildir,
            journal: plan.journal.take(),
            unique_ids: std::mem::take(&mut plan.unique_ids),
            events: Arc::clone(&self.events),
            names: HashMap::new(),
        };
        // The sizes of the messages are not known; their average is.
        let average = maildrop.octets.checked_div(maildrop.messages.into()).unwrap_or_default().max(1);
        let at_a_time = (TRANSFER_OCTETS / average).clamp(1, TRANSFER_MESSAGES);
        let transfers = retrieve.chunks(usize::try_from(at_a_time).unwrap_or(1));
        let Stored { messages: stored, journal, unique_ids, .. } =
            self.retrieve(&mut session, transfers, storing).await?;
        let old = plan.old_enough(delete, delete_after);
        let durable: Vec<u32> = if delete { old.into_iter().chain(stored).collect() } else { old };
        if durable.is_empty() {
            return self.quit(session).await;
        }
        let identified = durable.iter().filter_map(|number| unique_ids.get(number).cloned()).collect();
        // What has become of it the next session shows: there are servers that confirm QUIT and delete nothing.
        note_deletions(journal, identified).await?;
        self.delete(&mut session, &durable).await?;
        self.quit(session).await
    }

    /// Retrieves the messages, and gives what has become of them.
    async fn retrieve(
        &mut self,
        session: &mut Session,
        transfers: impl Iterator<Item = &[u32]>,
        storing: Storing,
    ) -> Result<Stored, FetchError> {
        let (work, waiting) = mpsc::channel(BATCHES_WAITING);
        let storing = tokio::task::spawn_blocking(move || storing.run(waiting));
        let mut transferred = Ok(());
        for messages in transfers {
            if work.send(Work::Transfer(messages.to_vec())).await.is_err() {
                break;
            }
            transferred = self.transfer(session, messages, &work).await;
            if transferred.is_err() || work.is_closed() {
                break;
            }
        }
        if transferred.as_ref().is_err_and(is_out_of_step) {
            // Nobody there: what it would be told is the failure that is known already.
            let _ = work.send(Work::Distrusted).await;
        }
        drop(work);
        let mut stored = storing.await.map_err(|_| FetchError::Internal("the storing thread ended early"))?;
        self.summary.stored = count(stored.messages.len() + stored.unattributed);
        self.summary.octets = stored.octets;
        // When the disk is the cause, the transfer has only seen that nobody takes its pieces.
        match stored.failure.take() {
            Some(failure) => Err(failure),
            None => transferred.map(|()| stored).map_err(FetchError::from),
        }
    }

    /// Hands pieces on until the transfer is at its end, or nobody takes them.
    async fn transfer(
        &mut self,
        session: &mut Session,
        messages: &[u32],
        work: &mpsc::Sender<Work>,
    ) -> Result<(), SessionError> {
        let mut transfer = session.retrieve(messages).await?;
        loop {
            let pieces = transfer.next().await?;
            if pieces.is_empty() {
                // Nobody there: the failure is known when storing has ended.
                let _ = work.send(Work::Confirmed).await;
                return Ok(());
            }
            for piece in &pieces {
                if let Piece::Refused(MessageRefused { number, reply }) = piece {
                    self.summary.refused += 1;
                    self.summary.temporary &= is_temporary(reply);
                    (self.events)(Event::Refused { number: *number, reply });
                }
            }
            if work.send(Work::Pieces(pieces)).await.is_err() {
                return Ok(());
            }
        }
    }

    async fn delete(&mut self, session: &mut Session, messages: &[u32]) -> Result<(), FetchError> {
        // Each refusal comes with the server's words, which a call has to hold.
        for messages in messages.chunks(DELETIONS) {
            for deletion in session.delete(messages).await? {
                match deletion.refused {
                    None => self.summary.deleted += 1,
                    Some(reply) => {
                        self.summary.not_deleted += 1;
                        self.summary.temporary &= is_temporary(&reply);
                        (self.events)(Event::NotDeleted { number: deletion.number, reply: &reply });
                    }
                }
            }
        }
        Ok(())
    }

    async fn quit(&mut self, session: Session) -> Result<(), FetchError> {
        let Err(cause) = session.quit().await else {
            (self.events)(Event::Quit);
            return Ok(());
        };
        let unconfirmed = std::mem::take(&mut self.summary.deleted);
        if unconfirmed > 0 {
            return Err(FetchError::Unconfirmed { messages: unconfirmed, cause });
        }
        // Nothing hangs on it.
        (self.events)(Event::Warning(Warning::NoGoodbye(cause)));
        Ok(())
    }
}

/// Notes in the journal, if there is one, that the server is told to delete these messages.
async fn note_deletions(journal: Option<(Journal, String)>, unique_ids: Vec<Vec<u8>>) -> Result<(), FetchError> {
    let Some((mut journal, account)) = journal else { return Ok(()) };
    let write = move || journal.deletion_sent(&account, &unique_ids.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let noted = tokio::task::spawn_blocking(write).await;
    Ok(noted.map_err(|_| FetchError::Internal("the thread that writes the journal ended early"))??)
}

fn is_temporary(reply: &Reply) -> bool {
    matches!(reply.code, Some(ResponseCode::InUse | ResponseCode::LoginDelay | ResponseCode::SysTemp))
}

/// Whether the server may have answered about other messages than it was asked for; not where it has only gone or fallen
/// silent.
fn is_out_of_step(error: &SessionError) -> bool {
    use contract::Error::{Closed, Network, Timeout};
    !matches!(error, SessionError::Pop3(Closed(_) | Network(_) | Timeout(_)))
}

/// The unique-ids by message number.
type UniqueIds = HashMap<u32, Vec<u8>>;

fn count(messages: usize) -> u32 {
    u32::try_from(messages).unwrap_or(u32::MAX)
}
