//! One exchange of challenges and responses: `AUTH` (RFC 5034).

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use pop3_protocol::sasl::{Exchange, Identity, Mechanism, SaslError};
use pop3_protocol::{Command, Event, Sent, escape};
use wasi::random::random::get_random_bytes;

use super::{Session, out_of_step};
use crate::failure::refusal;
use crate::types::{Error, Misbehaviour, Refusal, Reply, ScramIterations};

/// Octets of chance in a nonce (RFC 5802 §5.1).
const NONCE: u64 = 18;

/// How much of an offending challenge, and of OAuth's status, is shown, in octets.
const CHALLENGE_SHOWN: usize = 120;
const STATUS_SHOWN: usize = 1024;

/// What the server said.
enum Said {
    Challenge(Vec<u8>),
    Accepted(Vec<u8>),
    Refused(Refusal),
}

/// Why the server does not let in.
pub(super) enum Denied {
    /// `-ERR` before anything was said but the name of the mechanism.
    Unasked(Refusal),
    /// `-ERR` to what was said.
    Refused(Refusal),
    Failed(Error),
}

impl From<Error> for Denied {
    fn from(error: Error) -> Self {
        Denied::Failed(error)
    }
}

impl Session {
    /// Runs an exchange to its end: the session is in TRANSACTION then. With `at_once`, what the client says first stands on
    /// the line of `AUTH`.
    pub(super) fn authenticate(
        &mut self,
        mechanism: Mechanism,
        identity: &Identity<'_>,
        at_once: bool,
    ) -> Result<(), Denied> {
        let ScramIterations { least, most } = self.options.scram_iterations;
        let mut exchange = Exchange::begin(mechanism, identity, &get_random_bytes(NONCE), least..=most)
            .map_err(|error| Error::InvalidArgument(error.to_string()))?;
        let initial = if at_once { exchange.initial() } else { None };
        let mut has_spoken = initial.is_some();
        self.enqueue(Command::Auth {
            mechanism,
            initial: initial.as_ref().map(|initial| &**initial.octets),
            proves: initial.as_ref().is_some_and(|initial| initial.complete),
        })?;
        loop {
            match self.next_event(said)?? {
                Said::Challenge(text) => {
                    // Nothing may follow a challenge but the answer to its answer.
                    self.check_nothing_follows()?;
                    let response = match exchange.respond(&text) {
                        Ok(response) => response,
                        Err(SaslError::ScramRefused { reason }) => return Err(self.refused_by_scram(mechanism, reason)),
                        Err(error) => return Err(self.give_up(mechanism, &error, &text).into()),
                    };
                    self.core.respond(&response.octets, response.complete).map_err(Error::from)?;
                    has_spoken = true;
                }
                Said::Accepted(text) => {
                    return exchange.succeed(&text).map_err(|error| {
                        self.abandon();
                        misbehaved(mechanism, &error, &text).into()
                    });
                }
                Said::Refused(mut refusal) => {
                    refusal.status = exchange.server_error().map(|status| escape(status, STATUS_SHOWN));
                    return Err(if has_spoken { Denied::Refused(refusal) } else { Denied::Unasked(refusal) });
                }
            }
        }
    }

    /// The server refuses in the words of SCRAM, and in those of POP3 when it has heard an empty answer to them.
    fn refused_by_scram(&mut self, mechanism: Mechanism, reason: String) -> Denied {
        let answer = self.core.respond(&[], true).map_err(Error::from).and_then(|()| self.next_event(said)?);
        match answer {
            Ok(Said::Refused(mut refusal)) => {
                refusal.status = Some(reason);
                Denied::Refused(refusal)
            }
            Ok(Said::Accepted(text) | Said::Challenge(text)) => {
                self.abandon();
                misbehaved(mechanism, &SaslError::ScramRefused { reason }, &text).into()
            }
            // It has said why, and has gone.
            Err(Error::Closed(_) | Error::Network(_)) => {
                self.abandon();
                let reply = Reply { code: None, text: String::new() };
                Denied::Refused(Refusal { command: Sent::Auth(mechanism).to_string(), reply, status: Some(reason) })
            }
            Err(error) => error.into(),
        }
    }

    /// Ends an exchange that the server does not lead by the mechanism's rules, with a word to the server. What comes of that
    /// does not matter.
    fn give_up(&mut self, mechanism: Mechanism, error: &SaslError, challenge: &[u8]) -> Error {
        if self.core.cancel().is_ok() {
            let _ = self.next_event(said);
        }
        self.abandon();
        misbehaved(mechanism, error, challenge)
    }
}

fn said(event: Event<'_>) -> Result<Said, Error> {
    match event {
        Event::Challenge { text } => Ok(Said::Challenge(text.to_vec())),
        Event::Accepted { sent: Sent::Auth(_), reply } => Ok(Said::Accepted(reply.text.to_vec())),
        Event::Refused { sent, reply } => Ok(Said::Refused(refusal(sent, reply))),
        _ => Err(out_of_step()),
    }
}

fn misbehaved(mechanism: Mechanism, error: &SaslError, line: &[u8]) -> Error {
    Error::Misbehaved(Misbehaviour {
        command: Some(Sent::Auth(mechanism).to_string()),
        problem: error.to_string(),
        line: escape(line, CHALLENGE_SHOWN),
    })
}
