//! What a run tells while it runs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::policy::Skipped;
use crate::session::{Reply, SessionError};

/// Takes the events of a run. It is called from several threads, and should return soon.
pub type Events = Arc<dyn Fn(Event<'_>) + Send + Sync>;

/// Something has happened. `number` is that of a message in this session; octets are counted after unstuffing.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The answer to `STAT`.
    Maildrop {
        /// Messages.
        messages: u32,
        /// Their size as the server counts.
        octets: u64,
    },
    /// What is known was compared with what is there.
    Planned {
        /// Messages to retrieve.
        retrieve: u32,
        /// Messages that an earlier run has stored.
        known: u32,
    },
    /// A message is left for later.
    Skipped {
        /// The message.
        number: u32,
        /// Its size by the scan listing, where that was asked for.
        octets: Option<u64>,
        /// Why.
        why: &'a Skipped,
    },
    /// In a dry run: a message would be retrieved.
    WouldRetrieve {
        /// The message.
        number: u32,
        /// And deleted at the server then.
        delete: bool,
    },
    /// In a dry run: a message would be left out.
    WouldSkip {
        /// The message.
        number: u32,
        /// Its size, where that is known.
        octets: Option<u64>,
        /// Why.
        why: &'a Skipped,
    },
    /// In a dry run: a message that is stored would be deleted at the server.
    WouldDelete {
        /// The message.
        number: u32,
    },
    /// A message begins to arrive.
    Begin {
        /// The message.
        number: u32,
        /// Its size as the server says.
        announced: Option<u64>,
    },
    /// A part of it was written.
    Content {
        /// How much.
        octets: usize,
    },
    /// A message is durable.
    Stored {
        /// The message.
        number: u32,
        /// Its size.
        octets: u64,
        /// Its unique-id, where there is a state.
        unique_id: Option<&'a [u8]>,
        /// Where it is.
        path: &'a Path,
    },
    /// A message was retrieved, and is one that is stored already. It was not stored again.
    Recognised {
        /// The message.
        number: u32,
        /// Its size.
        octets: u64,
    },
    /// The connection broke each time in the middle of a message; the others go on without it.
    GivenUp {
        /// The message.
        number: u32,
        /// What became of the connection.
        cause: &'a SessionError,
    },
    /// The session has failed, and another one is opened to go on where it stopped.
    Reconnecting {
        /// What became of it.
        cause: &'a SessionError,
        /// After so long.
        after: Duration,
    },
    /// The server would not give a message.
    Refused {
        /// The message.
        number: u32,
        /// Its words.
        reply: &'a Reply,
    },
    /// The server has deleted a message: it has confirmed the end of the session.
    Deleted {
        /// The message.
        number: u32,
    },
    /// The server would not delete a message.
    NotDeleted {
        /// The message.
        number: u32,
        /// Its words.
        reply: &'a Reply,
    },
    /// The server has confirmed the end of the session.
    Quit,
    /// Something to know that does not stop the run.
    Warning(Warning),
}

/// Something to know that does not stop a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// `UIDL` was refused, and the server does not show the beginnings of messages (`TOP`) either.
    #[error(
        "all messages are retrieved each time, for the server has neither unique-ids nor TOP; those that are stored are not \
         stored again ({0})"
    )]
    NoUniqueIds(SessionError),
    /// Messages without a unique-id, or with one that another message has too, at a server that does not show their
    /// beginnings.
    #[error(
        "{0} of the messages have no unique-id of their own and are retrieved each time; those that are stored are not stored \
         again"
    )]
    UnusableUniqueIds(u32),
    /// Messages that were to be marked as seen and have nothing to be remembered by.
    #[error(
        "{0} of the messages cannot be marked as seen, for they have no unique-id of their own and the server does not show their \
         beginnings (TOP); the next run fetches them"
    )]
    NotMarked(u32),
    /// Messages of which it cannot be known how old they are.
    #[error("{0} of the messages are fetched whatever their age, for the server does not show their headers (TOP)")]
    UnknownAge(u32),
    /// All unique-ids have changed.
    #[error("the server has given new unique-ids to all messages; {0} were recognised as stored by their beginnings")]
    NewUniqueIds(u32),
    /// `QUIT` failed, with nothing to delete.
    #[error("everything is stored, but the session did not end well: {0}")]
    NoGoodbye(SessionError),
}
