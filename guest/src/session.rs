//! The verbs of a session, apart from signing in and transferring.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use pop3_protocol::{Capability as CapabilityRow, Command, Event, Limits, Sent, escape};
use wasi::clocks::monotonic_clock::Duration;
use wasi::sockets::network::IpSocketAddress;
use zeroize::Zeroize;

use crate::connection::Connection;
use crate::deadline::Deadline;
use crate::failure::{refusal, reply};
use crate::inbox::Inbox;
use crate::tls;
use crate::trace::Trace;
use crate::types::{
    Capability, Deletion, Endpoint, Error, Excess, Greeting, Language, Maildrop, Misbehaviour, Options, Reply,
    ScanListing, Security, UniqueIdListing, Wait,
};

/// What one read asks for while a line is awaited, and while rows or content are. The host allots as much.
const READ_LINE: u64 = 4 * 1024;
const READ_BULK: u64 = 64 * 1024;

/// Octets of all capabilities. Real ones have some hundred; each word of them costs the memory of many octets.
const MOST_CAPABILITY_OCTETS: u32 = 64 * 1024;

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
    /// The latest answer to `CAPA` in this state.
    capabilities: Option<Vec<Capability>>,
    /// The server said that it takes commands ahead of their replies.
    pipelining: bool,
    pub(crate) transferring: bool,
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
            capabilities: None,
            pipelining: false,
            transferring: false,
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

    /// See `session.capabilities` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn capabilities(&mut self) -> Result<Vec<Capability>, Error> {
        (self.pipelining, self.capabilities) = (false, None);
        let bound = self.options.limits.listing_octets.min(MOST_CAPABILITY_OCTETS);
        let capabilities = self.listing(Command::Capa, bound, |event| match event {
            Event::Capability(row) => Some((capability(row), row.octets().len())),
            _ => None,
        })?;
        self.pipelining = capabilities.iter().any(|capability| capability.name == "PIPELINING");
        self.capabilities = Some(capabilities.clone());
        Ok(capabilities)
    }

    /// See `session.utf8` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn utf8(&mut self) -> Result<(), Error> {
        self.command(Command::Utf8)
    }

    /// See `session.languages` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn languages(&mut self) -> Result<Vec<Language>, Error> {
        let bound = self.options.limits.listing_octets.min(MOST_CAPABILITY_OCTETS);
        self.listing(Command::Lang(None), bound, |event| match event {
            Event::Language { tag, description } => {
                let octets = tag.len() + description.len();
                let (tag, description) = (escape(tag, usize::MAX), escape(description, usize::MAX));
                Some((Language { tag, description }, octets))
            }
            _ => None,
        })
    }

    /// See `session.speak` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn speak(&mut self, language: &str) -> Result<Reply, Error> {
        self.enqueue(Command::Lang(Some(language)))?;
        self.answer(|event| match event {
            Event::Accepted { reply: words, .. } => Some(reply(words)),
            _ => None,
        })
    }

    /// See `session.stat` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn stat(&mut self) -> Result<Maildrop, Error> {
        self.enqueue(Command::Stat)?;
        let maildrop = self.answer(|event| match event {
            Event::Maildrop { messages, octets } => Some(Maildrop { messages, octets }),
            _ => None,
        })?;
        // Whoever has the number makes lists of that length.
        let bound = self.options.limits.listing_entries;
        if maildrop.messages > bound {
            self.abandon();
            return Err(exceeded("listing-entries", bound, "STAT"));
        }
        Ok(maildrop)
    }

    /// See `session.scan-listing` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn scan_listing(&mut self, message: u32) -> Result<ScanListing, Error> {
        self.enqueue(Command::List(Some(message)))?;
        self.answer(scan_listing)
    }

    /// See `session.scan-listings` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn scan_listings(&mut self) -> Result<Vec<ScanListing>, Error> {
        let bound = self.options.limits.listing_octets;
        let rows = self.listing(Command::List(None), bound, |event| Some((scan_listing(event)?, 0)))?;
        self.check_each_once("LIST", rows.iter().map(|row| row.number).collect())?;
        Ok(rows)
    }

    /// See `session.unique-id` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn unique_id(&mut self, message: u32) -> Result<UniqueIdListing, Error> {
        self.enqueue(Command::Uidl(Some(message)))?;
        self.answer(unique_id_listing)
    }

    /// See `session.unique-ids` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn unique_ids(&mut self) -> Result<Vec<UniqueIdListing>, Error> {
        let bound = self.options.limits.listing_octets;
        let rows = self.listing(Command::Uidl(None), bound, |event| {
            let row = unique_id_listing(event)?;
            let octets = row.unique_id.len();
            Some((row, octets))
        })?;
        self.check_each_once("UIDL", rows.iter().map(|row| row.number).collect())?;
        Ok(rows)
    }

    /// See `session.delete` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn delete(&mut self, messages: &[u32]) -> Result<Vec<Deletion>, Error> {
        self.check_messages(messages)?;
        self.check_free()?;
        let mut unsent = messages.iter();
        let mut deletions = Vec::with_capacity(messages.len());
        while deletions.len() < messages.len() {
            self.send_ahead(|| unsent.next().map(|message| Command::Dele(*message)))?;
            let deletion = self.next_event(|event| match event {
                Event::Accepted { sent: Sent::Dele(number), .. } => {
                    Some(Deletion { number: number.get(), refused: None })
                }
                Event::Refused { sent: Sent::Dele(number), reply: words } => {
                    Some(Deletion { number: number.get(), refused: Some(reply(words)) })
                }
                _ => None,
            })?;
            deletions.push(deletion.ok_or_else(out_of_step)?);
        }
        Ok(deletions)
    }

    /// See `session.reset` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn reset(&mut self) -> Result<(), Error> {
        self.command(Command::Rset)
    }

    /// See `session.noop` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn noop(&mut self) -> Result<(), Error> {
        self.command(Command::Noop)
    }

    /// See `session.quit` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn quit(&mut self) -> Result<(), Error> {
        self.enqueue(Command::Quit)?;
        let quit = self.await_quit();
        match self.connection.take() {
            Some(connection) if quit.is_ok() => connection.close(),
            connection => self.connection = connection,
        }
        self.abandon();
        quit
    }

    /// Sends a command that is answered by one line.
    pub(crate) fn command(&mut self, command: Command<'_>) -> Result<(), Error> {
        self.enqueue(command)?;
        self.answer(|event| matches!(event, Event::Accepted { .. }).then_some(()))
    }

    /// Adds a command, unless the state of the session or of a transfer forbids it.
    pub(crate) fn enqueue(&mut self, command: Command<'_>) -> Result<(), Error> {
        self.check_free()?;
        self.check_nothing_unasked()?;
        Ok(self.core.enqueue(command)?)
    }

    /// Refuses a verb where the session is at its end or belongs to a transfer.
    pub(crate) fn check_free(&self) -> Result<(), Error> {
        if self.transferring {
            return Err(Error::InvalidState("a transfer is not at its end".to_owned()));
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
    pub(crate) fn check_nothing_follows(&mut self) -> Result<(), Error> {
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

    /// Refuses credentials that could not be sent, before the first of them is.
    pub(crate) fn check_credentials(&self, user: &str, secret: &[u8]) -> Result<(), Error> {
        Ok(self.core.check_credentials(user, secret)?)
    }

    /// Refuses message 0, before any command about another one is sent.
    pub(crate) fn check_messages(&self, messages: &[u32]) -> Result<(), Error> {
        if messages.contains(&0) {
            return Err(Error::InvalidArgument("messages are counted from 1".to_owned()));
        }
        Ok(())
    }

    /// Adds commands while the server may take more ahead of their replies.
    pub(crate) fn send_ahead<'c>(&mut self, mut next: impl FnMut() -> Option<Command<'c>>) -> Result<(), Error> {
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

    pub(crate) fn in_flight(&self) -> usize {
        self.core.in_flight()
    }

    pub(crate) fn has_timestamp(&self) -> bool {
        self.core.timestamp().is_some()
    }

    /// What the server has answered to `CAPA`, if it was asked since the last change of state.
    pub(crate) fn latest_capabilities(&self) -> Option<&[Capability]> {
        self.capabilities.as_deref()
    }

    pub(crate) fn server(&self) -> (&str, u16) {
        (&self.server.0, self.server.1)
    }

    pub(crate) fn scram_iterations(&self) -> RangeInclusive<u32> {
        self.options.scram_iterations.least..=self.options.scram_iterations.most
    }

    /// Answers a challenge.
    pub(crate) fn respond(&mut self, response: &[u8], proves: bool) -> Result<(), Error> {
        Ok(self.core.respond(response, proves)?)
    }

    /// Gives up the exchange.
    pub(crate) fn cancel(&mut self) -> Result<(), Error> {
        Ok(self.core.cancel()?)
    }

    /// The next event in what was read already; nothing where more must be read.
    pub(crate) fn buffered<T>(&mut self, take: impl FnOnce(Event<'_>) -> T) -> Result<Option<Arrived<T>>, Error> {
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
    pub(crate) fn exchange(&mut self) -> Result<(), Error> {
        self.send()?;
        match self.fill(self.options.timeouts.reply, Wait::Reply)? {
            Filled::Octets => Ok(()),
            Filled::End => Err(at_its_end()),
        }
    }

    /// Sends what is to be sent, and forgets it.
    pub(crate) fn send(&mut self) -> Result<(), Error> {
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
    pub(crate) fn abandon(&mut self) {
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

    pub(crate) fn next_event<T>(&mut self, take: impl FnOnce(Event<'_>) -> T) -> Result<T, Error> {
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

    /// Asks for a listing and takes its rows, each with the octets that count against the bound.
    fn listing<T>(
        &mut self,
        command: Command<'_>,
        bound: u32,
        take: impl Fn(Event<'_>) -> Option<(T, usize)>,
    ) -> Result<Vec<T>, Error> {
        let sent = command.keyword();
        self.enqueue(command)?;
        self.answer(|event| matches!(event, Event::Accepted { .. }).then_some(()))?;
        let mut rows = Vec::new();
        let mut octets = 0;
        loop {
            let row = self.next_event(|event| match event {
                Event::ListingEnd => Ok(None),
                event => take(event).map(Some).ok_or_else(out_of_step),
            })??;
            let Some((row, length)) = row else { return Ok(rows) };
            octets += length;
            if octets > as_usize(bound) {
                self.abandon();
                return Err(exceeded("listing-octets", bound, sent));
            }
            rows.push(row);
        }
    }

    /// A listing that names a message twice does not say which row is true.
    fn check_each_once(&mut self, command: &str, mut numbers: Vec<u32>) -> Result<(), Error> {
        if !numbers.is_sorted() {
            numbers.sort_unstable();
        }
        let twice = numbers.array_windows().find(|[number, next]| number == next);
        let Some([number, _]) = twice else { return Ok(()) };
        self.abandon();
        Err(Error::Misbehaved(Misbehaviour {
            command: Some(command.to_owned()),
            problem: "the same message twice".to_owned(),
            line: number.to_string(),
        }))
    }

    fn await_quit(&mut self) -> Result<(), Error> {
        loop {
            let answer = self.buffered(|event| match event {
                Event::Refused { sent, reply } => Err(Error::Refused(refusal(sent, reply))),
                _ => Ok(()),
            })?;
            match answer {
                Some(Arrived::Event(answer)) => return answer,
                Some(Arrived::Content { .. }) => return Err(out_of_step()),
                None => self.send()?,
            }
            if let Filled::End = self.fill(self.options.timeouts.quit, Wait::Quit)? {
                return Ok(());
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
pub(crate) enum Arrived<T> {
    Event(T),
    Content {
        /// Octets in front of the others.
        held: &'static [u8],
        octets: Vec<u8>,
    },
}

fn capability(row: CapabilityRow<'_>) -> Capability {
    let shown = |word: &[u8]| escape(word, usize::MAX);
    Capability { name: shown(row.name()).to_ascii_uppercase(), parameters: row.parameters().map(shown).collect() }
}

fn scan_listing(event: Event<'_>) -> Option<ScanListing> {
    match event {
        Event::ScanListing { number, octets } => Some(ScanListing { number: number.get(), octets }),
        _ => None,
    }
}

fn unique_id_listing(event: Event<'_>) -> Option<UniqueIdListing> {
    match event {
        Event::UniqueId { number, unique_id } => {
            Some(UniqueIdListing { number: number.get(), unique_id: unique_id.to_vec() })
        }
        _ => None,
    }
}

fn exceeded(limit: &str, bound: u32, command: &str) -> Error {
    Error::LimitExceeded(Excess { limit: limit.to_owned(), bound, command: Some(command.to_owned()) })
}

/// An event that does not belong to the command. The core gives none; a session that saw one could not go on.
pub(crate) fn out_of_step() -> Error {
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
