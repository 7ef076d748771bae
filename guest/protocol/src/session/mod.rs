//! The session: which command may go out, and what the octets that come in mean.

mod event;
mod progress;

use alloc::borrow::ToOwned;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64, Encoding};
use zeroize::{Zeroize, Zeroizing};

use crate::apop::Timestamp;
use crate::body::Body;
use crate::command::{Command, Sent, write_line};
use crate::error::{CommandError, ProtocolError};
use crate::escape::escape;
use crate::line::{Fed, LineBuffer};
use crate::repeat::Repeat;
use crate::reply::{Status, may_become_a_reply, status_line};
use crate::sasl::Mechanism;
use crate::trace::Trace;
use progress::{Answer, Progress};

pub use event::{Event, Step};

/// How much of an offending line an error shows.
const SHOWN: usize = 120;

/// The states of RFC 1939 §3, with what comes before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The greeting has not come; there is no command.
    Greeting,
    /// The server does not know who is there: the commands that sign in, and `STLS`, `UTF8`, `LANG`, `CAPA`, `QUIT`.
    Authorization,
    /// `STLS` was accepted: the next octets are TLS's, and there is no command before
    /// [`tls_established`](Session::tls_established).
    Handshake,
    /// Signed in: all but the commands that sign in.
    Transaction,
    /// `QUIT` was sent in TRANSACTION: the server removes what is marked. There is no further command.
    Update,
    /// Greeted with `-ERR`, `QUIT` was sent in AUTHORIZATION or answered, the connection is gone, or the server does not
    /// speak POP3: there is no further command.
    Closed,
}

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

    /// Checks a command and adds it to the output.
    ///
    /// # Errors
    ///
    /// The command must not be sent: its state is another, or an argument is wrong. Nothing has changed.
    pub fn enqueue(&mut self, command: Command<'_>) -> Result<(), CommandError> {
        self.check_state(&command)?;
        let sent = command.sent().ok_or(CommandError::MessageZero)?;
        match command {
            Command::User(user) => {
                self.check_argument("user name", user.as_bytes())?;
                self.write_secret_line(&[b"USER ", user.as_bytes()]);
                self.trace_sent(&[b"USER ", user.as_bytes()]);
            }
            Command::Pass(secret) => {
                if !self.user_accepted {
                    return Err(CommandError::PassWithoutUser);
                }
                self.check_argument("password", secret)?;
                self.write_secret_line(&[b"PASS ", secret]);
                self.trace_sent(&[b"PASS [password]"]);
            }
            Command::Apop { user, secret } => {
                self.check_argument("user name", user.as_bytes())?;
                self.check_argument("password", secret)?;
                let timestamp = self.timestamp.as_ref().ok_or(CommandError::NoTimestamp)?;
                let digest = timestamp.digest(secret);
                self.write_secret_line(&[b"APOP ", user.as_bytes(), b" ", &digest]);
                self.trace_sent(&[b"APOP ", user.as_bytes(), b" [digest]"]);
            }
            Command::Auth { mechanism, initial, proves } => {
                self.begin_exchange(mechanism, initial);
                self.exchange = Exchange::Server { proved: proves };
            }
            Command::Lang(Some(language)) => {
                self.check_argument("language", language.as_bytes())?;
                if !language.bytes().all(|octet| octet.is_ascii_graphic()) {
                    return Err(CommandError::NoLanguage);
                }
                self.write_secret_line(&[b"LANG ", language.as_bytes()]);
                self.trace_sent(&[b"LANG ", language.as_bytes()]);
            }
            Command::Top { message, lines } => self.write_line(format_args!("TOP {message} {lines}")),
            _ => self.write_line(format_args!("{sent}")),
        }
        self.user_accepted = false;
        self.awaited.push_back(sent);
        if command == Command::Quit {
            self.state = if self.state == State::Transaction { State::Update } else { State::Closed };
        }
        Ok(())
    }

    /// Answers the server's challenge in the exchange of `AUTH`. `response` is not yet in base64; `proves` says that with it
    /// the client has said what proves who it is, so that `+OK` is the end of the exchange.
    ///
    /// # Errors
    ///
    /// There is no challenge. Nothing has changed.
    pub fn respond(&mut self, response: &[u8], proves: bool) -> Result<(), CommandError> {
        self.check_challenged()?;
        let encoded = Zeroizing::new(Base64::encode_string(response));
        self.write_secret_line(&[encoded.as_bytes()]);
        self.trace_sent(&[if response.is_empty() { b"" } else { b"[response]" }]);
        self.exchange = Exchange::Server { proved: proves };
        Ok(())
    }

    /// Gives up the exchange of `AUTH` (RFC 5034 §4): the server's answer will be `-ERR`.
    ///
    /// # Errors
    ///
    /// There is no challenge. Nothing has changed.
    pub fn cancel(&mut self) -> Result<(), CommandError> {
        self.check_challenged()?;
        self.write_line(format_args!("*"));
        self.exchange = Exchange::Cancelled;
        Ok(())
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

    /// Checks what both commands of a sign-in with `USER` and `PASS` need, so that none is sent where the other cannot be.
    ///
    /// # Errors
    ///
    /// An argument is wrong.
    pub fn check_credentials(&self, user: &str, secret: &[u8]) -> Result<(), CommandError> {
        self.check_argument("user name", user.as_bytes())?;
        self.check_argument("password", secret)
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

    fn check_state(&self, command: &Command<'_>) -> Result<(), CommandError> {
        use Command::{Apop, Auth, Capa, Lang, Pass, Quit, Stls, User, Utf8};
        if self.state == State::Authorization {
            // Where the next line of the client, or of the server, is not one of POP3.
            let is_alone = |sent: &&Sent| matches!(sent, Sent::Auth(_) | Sent::Stls);
            let in_the_way = match command {
                Auth { .. } | Stls => self.awaited.front(),
                _ => self.awaited.iter().find(is_alone),
            };
            if let Some(awaited) = in_the_way {
                return Err(CommandError::Busy { awaited: *awaited });
            }
        }
        let allowed = match command {
            User(_) | Pass(_) | Apop { .. } | Utf8 | Auth { .. } | Stls => self.state == State::Authorization,
            Capa | Lang(_) | Quit => matches!(self.state, State::Authorization | State::Transaction),
            _ => self.state == State::Transaction,
        };
        if allowed { Ok(()) } else { Err(CommandError::State { command: command.keyword(), state: self.state }) }
    }

    fn check_challenged(&self) -> Result<(), CommandError> {
        // In an exchange that an error has ended, the next octets would be a secret for nobody.
        let is_open = self.state == State::Authorization && matches!(self.awaited(), Some(Sent::Auth(_)));
        if is_open && self.exchange == Exchange::Client { Ok(()) } else { Err(CommandError::NoChallenge) }
    }

    /// Adds the line of `AUTH`. An initial response of no octets is a `=` (RFC 5034 §4).
    fn begin_exchange(&mut self, mechanism: Mechanism, initial: Option<&[u8]>) {
        let name = mechanism.name().as_bytes();
        let Some(initial) = initial else {
            self.write_secret_line(&[b"AUTH ", name]);
            self.trace_sent(&[b"AUTH ", name]);
            return;
        };
        let encoded = match initial {
            [] => Zeroizing::new("=".to_owned()),
            initial => Zeroizing::new(Base64::encode_string(initial)),
        };
        self.write_secret_line(&[b"AUTH ", name, b" ", encoded.as_bytes()]);
        self.trace_sent(&[b"AUTH ", name, b" [initial response]"]);
    }

    fn check_argument(&self, argument: &'static str, octets: &[u8]) -> Result<(), CommandError> {
        let limit = self.limits.credential;
        if octets.is_empty() {
            Err(CommandError::Empty { argument })
        } else if octets.len() > limit {
            Err(CommandError::TooLong { argument, limit })
        } else if octets.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)) {
            Err(CommandError::ControlOctet { argument })
        } else {
            Ok(())
        }
    }

    fn trace_sent(&self, parts: &[&[u8]]) {
        if let Some(trace) = &self.trace {
            trace.sent(parts);
        }
    }

    /// Adds a line of a keyword and numbers.
    fn write_line(&mut self, line: fmt::Arguments<'_>) {
        self.make_room("TOP 4294967295 4294967295\r\n".len());
        let begin = self.output.len();
        write_line(&mut self.output, line);
        if let Some(trace) = &self.trace {
            trace.sent(&[self.output.get(begin..).unwrap_or_default().trim_ascii_end()]);
        }
    }

    /// Adds a line that may hold a secret.
    fn write_secret_line(&mut self, parts: &[&[u8]]) {
        self.make_room(parts.iter().map(|part| part.len()).sum::<usize>() + 2);
        for part in parts {
            self.output.extend_from_slice(part);
        }
        self.output.extend_from_slice(b"\r\n");
    }

    /// Lets the output grow. Left to itself, it would leave behind in memory what it has held, which may be a secret.
    fn make_room(&mut self, octets: usize) {
        let needed = self.output.len() + octets;
        if needed > self.output.capacity() {
            let mut output = Vec::with_capacity(needed.max(2 * self.output.capacity()));
            output.extend_from_slice(&self.output);
            self.output.zeroize();
            self.output = output;
        }
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

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "greeting",
            Self::Authorization => "AUTHORIZATION",
            Self::Handshake => "TLS handshake",
            Self::Transaction => "TRANSACTION",
            Self::Update => "UPDATE",
            Self::Closed => "closed",
        })
    }
}
