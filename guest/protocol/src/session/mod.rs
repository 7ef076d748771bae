//! The session: which command may go out, and what the octets that come in mean.

mod event;
mod progress;
mod sending;
mod state;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroize;

use crate::apop::Timestamp;
use crate::body::Body;
use crate::command::{Command, Sent};
use crate::error::{CommandError, ProtocolError};
use crate::escape::escape;
use crate::line::{Fed, LineBuffer};
use crate::repeat::Repeat;
use crate::reply::{Status, may_become_a_reply, status_line};
use crate::trace::Trace;
use progress::{Answer, Progress};

pub use event::{Event, Step};
pub use state::State;

/// How much of an offending line an error shows.
const SHOWN: usize = 120;

/// What a server may send, and a caller too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of one line of a reply or a listing with its line end. RFC 2449 §4 allows servers 512.
    pub reply_line: usize,
    /// Rows of one listing.
    pub listing_entries: usize,
    /// Octets of a user name or a secret.
    pub credential: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { reply_line: 4096, listing_entries: 250_000, credential: 16 * 1024 }
    }
}

/// The client's side of one connection. See the [crate] for how to drive it.
pub struct Session {
    limits: Limits,
    state: State,
    timestamp: Option<Timestamp>,
    /// The latest command was `USER`, and it was accepted.
    user_accepted: bool,
    /// Where the exchange of `AUTH` is, while there is one.
    exchange: Exchange,
    output: Vec<u8>,
    /// Commands whose replies have not come or not ended, oldest first.
    awaited: VecDeque<Sent>,
    reading: Reading,
    line: LineBuffer,
    /// Of the message that is read.
    repeat: Repeat,
    failure: Option<ProtocolError>,
    trace: Option<Trace>,
}

/// Whose turn it is in the exchange of `AUTH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exchange {
    /// The server's; and whether the client has said what proves who it is.
    Server { proved: bool },
    /// The client's: there is a challenge.
    Client,
    /// The server's, which has nothing to say but `-ERR`: the client has given up.
    Cancelled,
}

/// Where in the oldest awaited reply the input is.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one in a session, and no message should cost an allocation")]
enum Reading {
    Reply,
    Rows { seen: usize },
    Content(Body),
}

impl Session {
    /// A connection on which nothing has been sent or received.
    pub fn new(limits: Limits) -> Self {
        Session {
            limits,
            state: State::Greeting,
            timestamp: None,
            user_accepted: false,
            exchange: Exchange::Cancelled,
            output: Vec::new(),
            awaited: VecDeque::from([Sent::Connection]),
            reading: Reading::Reply,
            line: LineBuffer::default(),
            repeat: Repeat::default(),
            failure: None,
            trace: None,
        }
    }

    /// Gives each line of both sides to `trace` from here on.
    pub fn trace_to(&mut self, trace: Trace) {
        self.trace = Some(trace);
    }

    /// The state, as far as the replies that have come tell.
    pub fn state(&self) -> State {
        self.state
    }

    /// The greeting's timestamp for `APOP`, if it has one.
    pub fn timestamp(&self) -> Option<&Timestamp> {
        self.timestamp.as_ref()
    }

    /// The oldest command whose reply has not come or not ended.
    pub fn awaited(&self) -> Option<Sent> {
        self.awaited.front().copied()
    }

    /// How many commands are not answered to the end.
    pub fn in_flight(&self) -> usize {
        self.awaited.len()
    }

    /// Whether much is to come: rows or content, and not just a line.
    pub fn expects_bulk(&self) -> bool {
        use Sent::{Capa, LangAll, ListAll, Retr, Top, UidlAll};
        self.awaited.iter().any(|sent| matches!(sent, Capa | LangAll | ListAll | UidlAll | Retr(_) | Top(_)))
    }

    /// Whether the first line of the content that has come may turn out to be the `+OK` line of `RETR` once more, which the
    /// end of the message tells ([`Event::MessageEnd`]). Who wants to leave it out must keep the content back until then.
    pub fn may_be_repeated(&self) -> bool {
        matches!(&self.reading, Reading::Content(body) if self.repeat.is_possible(body.octets()))
    }

    /// The beginning of a line whose end has not come. Where nothing is awaited, it can be no answer to a command that
    /// is sent later.
    pub fn unfinished_line(&self) -> &[u8] {
        self.line.unfinished()
    }

    /// Says that TLS protects the connection from here on: the session is in AUTHORIZATION as after the greeting, and what
    /// the server said in clear text about its capabilities is to be forgotten (RFC 2595 §4).
    ///
    /// # Errors
    ///
    /// `STLS` was not accepted before.
    pub fn tls_established(&mut self) -> Result<(), CommandError> {
        if self.state != State::Handshake {
            return Err(CommandError::State { command: Command::Stls.keyword(), state: self.state });
        }
        self.state = State::Authorization;
        if let Some(trace) = &self.trace {
            trace.note("TLS is established");
        }
        Ok(())
    }

    /// The octets to send, which it forgets. They may hold secrets: wipe them when they are sent.
    pub fn take_output(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.output)
    }

    /// Takes octets from the server, at most up to the end of one event. Call it again with what it has not consumed,
    /// until it gives no event; an empty input is allowed.
    ///
    /// # Errors
    ///
    /// The server does not speak POP3; every further call gives the same error.
    pub fn receive<'a>(&'a mut self, input: &'a mut [u8]) -> Result<Step<'a>, ProtocolError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if self.state == State::Handshake && !input.is_empty() {
            let line = input.split(|octet| *octet == b'\n').next().unwrap_or_default();
            let failure = ProtocolError::ClearBehindStls { line: escape(line.trim_ascii_end(), SHOWN) };
            return Err(fail(&mut self.state, &mut self.failure, failure));
        }
        if let Reading::Content(body) = &mut self.reading {
            let unstuffed = body.unstuff(input);
            let consumed = unstuffed.consumed;
            if unstuffed.held_cr || !unstuffed.content.is_empty() {
                let held: &[u8] = if unstuffed.held_cr { b"\r" } else { b"" };
                self.repeat.take(held);
                self.repeat.take(input.get(unstuffed.content.clone()).unwrap_or_default());
                return Ok(Step { consumed, event: Some(Event::Content { held, at: unstuffed.content }) });
            }
            let event = if body.is_at_end() { self.end_message() } else { None };
            return Ok(Step { consumed, event });
        }
        if self.state == State::Closed && self.awaited.is_empty() {
            // What a server says after the end is of no consequence.
            return Ok(Step { consumed: input.len(), event: None });
        }
        self.receive_line(input)
    }

    /// Says that the server has closed the connection.
    ///
    /// # Errors
    ///
    /// A reply is missing or cut short, or what has come of the greeting is the beginning of something else. For `QUIT`,
    /// `+OK` counts also without its line end.
    pub fn end_of_input(&mut self) -> Result<(), ProtocolError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let ended = match self.awaited() {
            None => true,
            Some(Sent::Quit) => status_line(self.line.unfinished()).is_some_and(|line| line.status == Status::Ok),
            Some(_) => false,
        };
        if ended {
            self.awaited.clear();
            self.state = State::Closed;
            return Ok(());
        }
        let unfinished = self.line.unfinished();
        let failure = match self.awaited() {
            // Another protocol, such as the alert of a TLS server, which has no line end.
            Some(after @ Sent::Connection) if !may_become_a_reply(unfinished) => {
                ProtocolError::NotAReply { after, line: escape(unfinished, SHOWN) }
            }
            after => ProtocolError::Closed { after },
        };
        Err(fail(&mut self.state, &mut self.failure, failure))
    }

    fn end_message(&mut self) -> Option<Event<'static>> {
        let Reading::Content(body) = core::mem::replace(&mut self.reading, Reading::Reply) else { return None };
        if let Some(trace) = &self.trace {
            trace.content(body.octets());
        }
        let octets = body.octets();
        match self.awaited.pop_front() {
            Some(Sent::Retr(number) | Sent::Top(number)) => {
                Some(Event::MessageEnd { number, octets, repeated: self.repeat.length(octets) })
            }
            _ => None,
        }
    }

    fn receive_line<'a>(&'a mut self, input: &'a mut [u8]) -> Result<Step<'a>, ProtocolError> {
        let after = self.awaited.front().copied();
        let limit = self.limits.reply_line;
        let (line, consumed) = match self.line.feed(input, limit) {
            Fed::More => return Ok(Step { consumed: input.len(), event: None }),
            Fed::TooLong => {
                let failure = ProtocolError::LineTooLong { after, limit };
                return Err(fail(&mut self.state, &mut self.failure, failure));
            }
            Fed::Line { line, consumed } => (line, consumed),
        };
        if let Some(trace) = &self.trace {
            trace.received(after, line.octets);
        }
        let mut progress = Progress {
            limits: &self.limits,
            state: &mut self.state,
            timestamp: &mut self.timestamp,
            user_accepted: &mut self.user_accepted,
            exchange: &mut self.exchange,
            reading: &mut self.reading,
            repeat: &mut self.repeat,
            is_latest: self.awaited.len() == 1,
        };
        let outcome = match after {
            None => Err(ProtocolError::Unsolicited { line: escape(line.octets, SHOWN) }),
            Some(sent) => progress.line(sent, line),
        };
        match outcome {
            Ok((event, Answer::Complete)) => {
                self.awaited.pop_front();
                Ok(Step { consumed, event: Some(event) })
            }
            Ok((event, Answer::GoesOn)) => Ok(Step { consumed, event: Some(event) }),
            Err(failure) => Err(fail(&mut self.state, &mut self.failure, failure)),
        }
    }
}

/// Ends a session by an error, which every later call repeats.
fn fail(state: &mut State, failed: &mut Option<ProtocolError>, failure: ProtocolError) -> ProtocolError {
    *state = State::Closed;
    *failed = Some(failure.clone());
    failure
}

impl Drop for Session {
    fn drop(&mut self) {
        self.output.zeroize();
    }
}

impl fmt::Debug for Session {
    /// Without the output, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("state", &self.state).field("awaited", &self.awaited).finish_non_exhaustive()
    }
}
