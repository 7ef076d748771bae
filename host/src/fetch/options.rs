//! What a run is to do.

use std::time::Duration;

use super::Policy;
use crate::delivery::Maildir;
use crate::journal::Journal;

/// Where messages go, and what happens to them at the server.
#[derive(Debug)]
pub struct FetchOptions {
    /// The destination.
    pub maildir: Maildir,
    /// What became of messages before, and the name of the account there. Messages that it knows are not fetched again.
    pub journal: Option<(Journal, String)>,
    /// What is deleted at the server.
    pub deletion: Deletion,
    /// Which of the new messages are taken.
    pub policy: Policy,
    /// Only tell what would be done. Nothing is retrieved and nothing deleted.
    pub dry_run: bool,
    /// Take what is in the maildrop for known, and retrieve nothing: later runs fetch what has come since. It needs the journal.
    pub mark_seen: bool,
    /// Fewer octets end the session.
    pub min_rate: Option<MinRate>,
    /// How often in a row another session is opened without a new message, after one has failed.
    pub reconnects: u32,
    /// How long after the beginning another session may still be opened. Each session has a deadline of its own, for which its
    /// [`SessionOptions`](crate::SessionOptions) are.
    pub deadline: Option<Duration>,
    /// How long the session may be idle while messages are stored, before the server hears a `NOOP`.
    pub keep_alive: Duration,
}

impl FetchOptions {
    /// Fetches everything into this Maildir each time, and leaves it at the server.
    pub fn to(maildir: Maildir) -> Self {
        FetchOptions {
            maildir,
            journal: None,
            deletion: Deletion::Never,
            policy: Policy::default(),
            dry_run: false,
            mark_seen: false,
            min_rate: None,
            reconnects: 3,
            deadline: None,
            keep_alive: Duration::from_secs(30),
        }
    }
}

/// What is deleted at the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deletion {
    /// Nothing.
    #[default]
    Never,
    /// What is stored.
    AtOnce,
    /// What was stored so long ago. It needs the journal.
    After(Duration),
}

/// The fewest octets of messages that a server may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinRate {
    /// Octets a second.
    pub octets: u64,
    /// Over which time they are counted.
    pub over: Duration,
}
