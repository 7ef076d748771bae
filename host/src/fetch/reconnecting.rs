//! Another session after one that has failed.

use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use super::failures::{self, Failed};
use super::ledger::Ledger;
use super::tries::{Look, Tries};
use super::{Event, Events, FetchError, Summary};
use crate::sandbox::contract::Error;
use crate::session::{Session, SessionError, Wait};

/// The first pause; each further one in a row is twice as long. Chance makes it up to twice as long again.
const PAUSE: Duration = Duration::from_millis(200);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How many times more a run may reconnect than in a row: a server may close each session after some messages.
const IN_ALL: u32 = 100;

/// How commands of the next session go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// As the server announces.
    AsAnnounced,
    /// Each after the reply to the one before: the server announces PIPELINING, and does not seem to keep to it.
    OneByOne,
}

/// What a failure has struck.
#[derive(Debug)]
pub(super) struct Interruption {
    /// Commands were sent ahead of their replies.
    pub(super) sent_ahead: bool,
    /// Messages that were stored in the session.
    pub(super) progress: usize,
    pub(super) is_retrieving: bool,
    /// What it was looking at, which the next one can do without.
    pub(super) look: Option<Look>,
    /// The message in whose middle it came, and what stands for it in the journal.
    pub(super) message: Option<u32>,
    pub(super) unique_id: Option<Vec<u8>>,
}

impl Interruption {
    /// Remembers the message in whose middle the session failed. Once that has happened twice in a run it is noted in the
    /// journal, too.
    pub(super) async fn note(
        &self,
        error: &FetchError,
        tries: &mut Tries,
        ledger: &Ledger,
        events: &Events,
        summary: &mut Summary,
    ) -> Result<(), FetchError> {
        let FetchError::Session(error) = error else { return Ok(()) };
        if let Some(look) = &self.look {
            tries.failed_to_see(look);
            if is_timeout(error) && *look != Look::Sizes {
                tries.fell_silent();
            }
        }
        let Some(number) = self.message else { return Ok(()) };
        if !tries.broke_at(number, self.unique_id.as_deref()) {
            return Ok(());
        }
        summary.failed = summary.failed.saturating_add(1);
        events(Event::GivenUp { number, cause: error });
        summary.cause = Some(error.to_string());
        let failed = |unique_id: &Vec<u8>| Failed { unique_id: unique_id.clone(), cause: error.to_string() };
        failures::note(self.unique_id.iter().map(failed).collect(), ledger).await
    }

    /// Notes all messages in whose middle the run has failed when it ends, so that the next one begins with others: it may be one
    /// that takes longer than a run may, or there may be more of them than times to reconnect.
    pub(super) async fn note_end(&self, error: &FetchError, tries: &Tries, ledger: &Ledger) -> Result<(), FetchError> {
        let cause = match error {
            FetchError::Session(cause) => cause.to_string(),
            FetchError::TooSlow { .. } => error.to_string(),
            _ => return Ok(()),
        };
        let awaited = self.message.zip(self.unique_id.as_ref());
        let last = awaited.filter(|(number, unique_id)| !tries.has_broken_at(*number, Some(unique_id)));
        let last = last.map(|(_, unique_id)| unique_id);
        let failed = tries.broken_and_not_given_up().chain(last);
        let failed = failed.map(|unique_id| Failed { unique_id: unique_id.clone(), cause: cause.clone() });
        failures::note(failed.collect(), ledger).await
    }
}

/// How often it is tried.
#[derive(Debug)]
pub(super) struct Reconnecting {
    most: u32,
    left: u32,
    in_all: u32,
    sending: Sending,
    /// There is no other session from here on.
    until: Option<Instant>,
}

impl Reconnecting {
    pub(super) fn new(most: u32, deadline: Option<Duration>) -> Self {
        let until = deadline.and_then(|deadline| Instant::now().checked_add(deadline));
        Reconnecting { most, left: most, in_all: most.saturating_mul(IN_ALL), sending: Sending::AsAnnounced, until }
    }

    /// Opens another session; gives the error back where that is of no use, or was tried too often.
    pub(super) async fn after<E: Display>(
        &mut self,
        error: FetchError,
        interruption: &Interruption,
        reconnect: &mut impl AsyncFnMut(Sending) -> Result<Session, E>,
        events: &Events,
    ) -> Result<Session, FetchError> {
        let cause = match error {
            FetchError::Session(cause) if self.is_of_use(&cause, interruption) => cause,
            error => return Err(error),
        };
        // A server that announces PIPELINING and cannot falls silent, closes, or answers out of step.
        if interruption.sent_ahead && (interruption.progress == 0 || !is_lost(&cause)) {
            self.sending = Sending::OneByOne;
        }
        if interruption.progress > 0 {
            self.left = self.most;
        }
        loop {
            // To wait for a silent server costs more than to be cut off.
            let cost = if is_timeout(&cause) { 2 } else { 1 };
            match (self.left.checked_sub(cost), self.in_all.checked_sub(1)) {
                (Some(left), Some(in_all)) => (self.left, self.in_all) = (left, in_all),
                _ => return Err(cause.into()),
            }
            let after = self.pause();
            if self.until.is_some_and(|until| Instant::now() + after >= until) {
                return Err(cause.into());
            }
            events(Event::Reconnecting { cause: &cause, after });
            tokio::time::sleep(after).await;
            if let Ok(session) = reconnect(self.sending).await {
                return Ok(session);
            }
        }
    }

    fn is_of_use(&self, cause: &SessionError, interruption: &Interruption) -> bool {
        match cause {
            SessionError::Pop3(Error::Closed(_) | Error::Network(_)) => true,
            SessionError::Pop3(Error::Timeout(Wait::Reply) | Error::Misbehaved(_)) => {
                interruption.is_retrieving || interruption.sent_ahead || interruption.look.is_some()
            }
            SessionError::Pop3(Error::LimitExceeded(_)) => interruption.is_retrieving || interruption.look.is_some(),
            _ => false,
        }
    }

    fn pause(&self) -> Duration {
        let before = self.most.saturating_sub(self.left).saturating_sub(1);
        let pause = PAUSE.saturating_mul(2_u32.saturating_pow(before)).min(LONGEST_PAUSE);
        // The standard library seeds its hash maps from the operating system's randomness.
        let chance = RandomState::new().hash_one(self.in_all) % 1000;
        pause.saturating_add(pause.saturating_mul(u32::try_from(chance).unwrap_or(0)) / 1000)
    }
}

/// Whether the connection was lost, and nothing said that should not be.
fn is_lost(error: &SessionError) -> bool {
    matches!(error, SessionError::Pop3(Error::Closed(_) | Error::Network(_)))
}

fn is_timeout(error: &SessionError) -> bool {
    matches!(error, SessionError::Pop3(Error::Timeout(_)))
}
