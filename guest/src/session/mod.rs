//! A session: connects, sends commands and waits for what they bring. The verbs of the contract are in the files of this
//! folder.

mod exchange;
mod sign_in;
mod transfer;
mod unique_ids;
mod verbs;

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use pop3_protocol::{Command, Event, Limits, Sent, escape};
use wasi::clocks::monotonic_clock::Duration;
use wasi::sockets::network::IpSocketAddress;
use zeroize::Zeroize;

use crate::connection::Connection;
use crate::deadline::Deadline;
use crate::failure::{refusal, reply};
use crate::inbox::Inbox;
use crate::tls;
use crate::trace::Trace;
use crate::types::{Capability, Endpoint, Error, Excess, Greeting, Misbehaviour, Options, Security, Wait};

pub use transfer::Transfer;

/// What one read asks for while a line is awaited, and while rows or content are. The host allots as much.
const READ_LINE: u64 = 4 * 1024;
const READ_BULK: u64 = 64 * 1024;

/// Commands in flight, whatever the limits permit: more octets than the network holds would have to wait for a server
/// that waits for its replies to be read.
const MOST_IN_FLIGHT: usize = 1024;

/// How much of an offending line an error shows.
const SHOWN: usize = 120;

/// One connection to one server. The verbs are documented in `wit/client.wit`.
pub struct Session {
    core: pop3_protocol::Session,
    /// Gone when the session is at its end.
    connection: Option<Connection>,
    inbox: Inbox,
    options: Options,
    /// When the session as a whole is too long.
    bound: Option<Deadline>,
    greeting: Greeting,
    /// As TLS and OAuth name the server.
    server: (String, u16),
    capabilities: Asked,
    /// The server said that it takes commands ahead of their replies.
    pipelining: bool,
    transferring: bool,
    /// The unique-ids of a survey that were not all given.
    listing: Option<unique_ids::Listing>,
}

/// What became of the latest `CAPA`.
enum Asked {
    NotYet,
    /// The server does not know it.
    Refused,
    Answered(Vec<Capability>),
}

/// What a read has brought.
enum Filled {
    Octets,
    /// The server has closed the connection, and may.
    End,
}

impl Session {
    /// See `session.connect` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn connect(endpoint: &Endpoint, options: Options, trace: Option<&Trace>) -> Result<Self, Error> {
        if endpoint.security != Security::Cleartext && !tls::SUPPORTED {
            return Err(tls::not_supported());
        }
        let bound = options.timeouts.session.map(|duration| Deadline::after(duration, Wait::Session));
        let connection = Connection::open(&endpoint.addresses, options.timeouts.connect, bound)?;
        let mut session = Self::over(connection, endpoint, options, bound);
        if let Some(trace) = trace {
            session.core.trace_to(trace.0.clone());
        }
        if endpoint.security == Security::ImplicitTls {
            session.start_tls()?;
        }
        session.greet()?;
        if endpoint.security == Security::StartTls {
            session.command(Command::Stls)?;
            // Whatever has come with the answer is an attack, which the core finds.
            session.core.receive(session.inbox.rest())?;
            session.start_tls()?;
            session.core.tls_established()?;
        }
        Ok(session)
    }

    fn over(connection: Connection, endpoint: &Endpoint, options: Options, bound: Option<Deadline>) -> Self {
        let limits = Limits {
            reply_line: as_usize(options.limits.reply_line),
            listing_entries: as_usize(options.limits.listing_entries),
            credential: as_usize(options.limits.credential),
        };
        let port = endpoint.addresses.first().map_or(0, |address| match address {
            IpSocketAddress::Ipv4(v4) => v4.port,
            IpSocketAddress::Ipv6(v6) => v6.port,
        });
        Session {
            core: pop3_protocol::Session::new(limits),
            connection: Some(connection),
            inbox: Inbox::default(),
            options,
            bound,
            greeting: Greeting { text: String::new(), timestamp: None },
            server: (endpoint.server_name.clone(), port),
            capabilities: Asked::NotYet,
            pipelining: false,
            transferring: false,
            listing: None,
        }
    }

    fn start_tls(&mut self) -> Result<(), Error> {
        let deadline = Deadline::after(self.options.timeouts.connect, Wait::Tls).or_earlier(self.bound);
        let connection = self.connection.take().ok_or_else(at_its_end)?;
        self.connection = Some(connection.start_tls(&self.server.0, deadline)?);
        Ok(())
    }

    fn greet(&mut self) -> Result<(), Error> {
        let text = self.answer(|event| match event {
            Event::Greeting(words) => Some(reply(words).text),
            _ => None,
        })?;
        let timestamp = self.core.timestamp().map(|timestamp| escape(timestamp.as_bytes(), usize::MAX));
        self.greeting = Greeting { text, timestamp };
        Ok(())
    }

    /// See `session.greeting` in `wit/client.wit`.
    pub fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// Sends a command that is answered by one line.
    fn command(&mut self, command: Command<'_>) -> Result<(), Error> {
        self.enqueue(command)?;
        self.answer(|event| matches!(event, Event::Accepted { .. }).then_some(()))
    }

    /// Adds a command, unless the state of the session or of a transfer forbids it.
    fn enqueue(&mut self, command: Command<'_>) -> Result<(), Error> {
        self.check_free()?;
        self.check_nothing_unasked()?;
        Ok(self.core.enqueue(command)?)
    }

    /// Refuses a verb where the session is at its end or belongs to a transfer.
    fn check_free(&self) -> Result<(), Error> {
        if self.transferring {
            return Err(Error::InvalidState("a transfer is not at its end".to_owned()));
        }
        if self.listing.is_some() {
            return Err(Error::InvalidState("not all unique-ids of a survey were taken".to_owned()));
        }
        if self.connection.is_none() {
            return Err(at_its_end());
        }
        Ok(())
    }

    /// What has come while nothing was asked is no answer, and must not be taken for that of the command to be sent
    /// next: a reply sent twice would answer for a message, and text behind an unstuffed dot for its end.
    fn check_nothing_unasked(&mut self) -> Result<(), Error> {
        if self.core.in_flight() > 0 {
            return Ok(());
        }
        self.check_nothing_follows()
    }

    /// Refuses to go on where more has come than what was looked at.
    fn check_nothing_follows(&mut self) -> Result<(), Error> {
        let unasked = [self.core.unfinished_line(), self.inbox.rest()].concat();
        if unasked.is_empty() {
            return Ok(());
        }
        let line = unasked.split(|octet| *octet == b'\n').next().unwrap_or_default();
        let line = escape(line.trim_ascii_end(), SHOWN);
        self.abandon();
        let problem = "a line that nothing asked for".to_owned();
        Err(Error::Misbehaved(Misbehaviour { command: None, problem, line }))
    }

    /// Refuses message 0, before any command about another one is sent.
    fn check_messages(&self, messages: &[u32]) -> Result<(), Error> {
        if messages.contains(&0) {
            return Err(Error::InvalidArgument("messages are counted from 1".to_owned()));
        }
        Ok(())
    }

    /// Adds commands while the server may take more ahead of their replies.
    fn send_ahead<'c>(&mut self, mut next: impl FnMut() -> Option<Command<'c>>) -> Result<(), Error> {
        self.check_nothing_unasked()?;
        let in_flight = as_usize(self.options.limits.in_flight).clamp(1, MOST_IN_FLIGHT);
        let most = if self.pipelining { in_flight } else { 1 };
        while self.core.in_flight() < most
            && let Some(command) = next()
        {
            self.core.enqueue(command)?;
        }
        Ok(())
    }

    /// The next event in what was read already; nothing where more must be read.
    fn buffered<T>(&mut self, take: impl FnOnce(Event<'_>) -> T) -> Result<Option<Arrived<T>>, Error> {
        let step = self.core.receive(self.inbox.rest())?;
        let consumed = step.consumed;
        let event = step.event.map(|event| match event {
            Event::Content { held, at } => Err((held, at)),
            event => Ok(take(event)),
        });
        Ok(match event {
            None => {
                self.inbox.skip(consumed);
                None
            }
            Some(Ok(taken)) => {
                self.inbox.skip(consumed);
                Some(Arrived::Event(taken))
            }
            Some(Err((held, at))) => Some(Arrived::Content { held, octets: self.inbox.content(at, consumed) }),
        })
    }

    /// Sends what is to be sent, and reads more.
    fn exchange(&mut self) -> Result<(), Error> {
        self.send()?;
        let wait = if self.core.awaited() == Some(Sent::Connection) { Wait::Greeting } else { Wait::Reply };
        match self.fill(self.options.timeouts.reply, wait)? {
            Filled::Octets => Ok(()),
            Filled::End => Err(at_its_end()),
        }
    }

    /// Sends what is to be sent, and forgets it.
    fn send(&mut self) -> Result<(), Error> {
        let mut output = self.core.take_output();
        if output.is_empty() {
            return Ok(());
        }
        let deadline = Deadline::after(self.options.timeouts.send, Wait::Send).or_earlier(self.bound);
        let sent = self.connection.as_mut().ok_or_else(at_its_end)?.write(&output, deadline);
        output.zeroize();
        sent.inspect_err(|_| self.abandon())
    }

    /// Ends the connection without `QUIT`: after a failure, a late reply could be taken for that of another command.
    fn abandon(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.cut();
        }
    }

    /// Waits for one event. `take` gives nothing for one that does not belong there.
    fn answer<T>(&mut self, take: impl FnOnce(Event<'_>) -> Option<T>) -> Result<T, Error> {
        self.next_event(|event| match event {
            Event::Refused { sent, reply } => Err(Error::Refused(refusal(sent, reply))),
            event => take(event).ok_or_else(out_of_step),
        })?
    }

    fn next_event<T>(&mut self, take: impl FnOnce(Event<'_>) -> T) -> Result<T, Error> {
        let mut take = Some(take);
        loop {
            let taken = self.buffered(|event| take.take().map(|take| take(event)))?;
            match taken {
                Some(Arrived::Event(Some(taken))) => return Ok(taken),
                Some(_) => return Err(out_of_step()),
                None => self.exchange()?,
            }
        }
    }

    /// Reads what has arrived, waiting for it for as long as `timeout`.
    fn fill(&mut self, timeout: Duration, wait: Wait) -> Result<Filled, Error> {
        let most = if self.core.expects_bulk() { READ_BULK } else { READ_LINE };
        // A server that never pauses never makes anybody wait; the bound holds all the same.
        self.bound.map_or(Ok(()), Deadline::check).inspect_err(|_| self.abandon())?;
        let deadline = Deadline::after(timeout, wait).or_earlier(self.bound);
        let read = self.connection.as_mut().ok_or_else(at_its_end)?.read(most, deadline);
        let octets = read.inspect_err(|_| self.abandon())?;
        if octets.is_empty() {
            self.abandon();
            self.core.end_of_input()?;
            return Ok(Filled::End);
        }
        self.inbox = Inbox::of(octets);
        Ok(Filled::Octets)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// An event, or content.
enum Arrived<T> {
    Event(T),
    Content {
        /// Octets in front of the others.
        held: &'static [u8],
        octets: Vec<u8>,
    },
}

fn exceeded(limit: &str, bound: u32, command: &str) -> Error {
    Error::LimitExceeded(Excess { limit: limit.to_owned(), bound, command: Some(command.to_owned()) })
}

/// An event that does not belong to the command. The core gives none; a session that saw one could not go on.
fn out_of_step() -> Error {
    Error::Misbehaved(Misbehaviour {
        command: None,
        problem: "an answer to another command".to_owned(),
        line: String::new(),
    })
}

fn at_its_end() -> Error {
    Error::InvalidState("the session is at its end".to_owned())
}

/// Limits are 32 bits wide, as `usize` is in the sandbox.
fn as_usize(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
