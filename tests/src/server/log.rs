//! What was said, by whom and when.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Condvar, Mutex, MutexGuard},
    time::{Duration, Instant},
};

/// What is kept of something that was sent: enough for every status line, and not a message of a gigabyte.
const HEAD: usize = 512;

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The connection was accepted.
    Opened,
    /// A line from the client, without its line end. Escaped where it is not printable ASCII.
    Client,
    /// Octets from the client that the server threw away unanswered, see [`Pipelining`](super::Pipelining).
    Discarded,
    /// The server sent something, or did something else, which is told in words in brackets.
    Server,
    /// The server is done with the connection.
    Closed,
}

/// One thing that was said or done.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The connection, counted from 1.
    pub connection: usize,
    /// Time since the server started.
    pub at: Duration,
    /// Who did it.
    pub direction: Direction,
    /// Whether it was under TLS.
    pub tls: bool,
    /// What it was. Long ones are cut.
    pub text: String,
}

/// All that was said so far. It prints one line an entry.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    /// In the order of time.
    pub entries: Vec<Entry>,
    /// The connections on which there is TLS now.
    secured: BTreeSet<usize>,
    opened: usize,
    closed: usize,
}

impl Transcript {
    /// The lines which clients sent, over all connections.
    pub fn commands(&self) -> Vec<String> {
        self.of(Direction::Client).map(|entry| entry.text.clone()).collect()
    }

    /// The lines which the client of the n-th connection sent, from 1.
    pub fn commands_of(&self, connection: usize) -> Vec<String> {
        self.of(Direction::Client)
            .filter(|entry| entry.connection == connection)
            .map(|entry| entry.text.clone())
            .collect()
    }

    /// What clients sent without TLS, over all connections: lines, and octets that the server threw away. Handshakes
    /// are not among it.
    pub fn commands_in_clear(&self) -> Vec<String> {
        let from_clients = |entry: &&Entry| matches!(entry.direction, Direction::Client | Direction::Discarded);
        self.entries.iter().filter(from_clients).filter(|entry| !entry.tls).map(|entry| entry.text.clone()).collect()
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.opened
    }

    /// How many connections are open now.
    pub fn open_connections(&self) -> usize {
        self.opened - self.closed
    }

    fn still_open(&self) -> BTreeSet<usize> {
        let of = |direction| self.of(direction).map(|entry| entry.connection).collect::<BTreeSet<_>>();
        of(Direction::Opened).difference(&of(Direction::Closed)).copied().collect()
    }

    fn add(&mut self, mut entry: Entry) {
        entry.tls = self.secured.contains(&entry.connection);
        match entry.direction {
            Direction::Opened => self.opened += 1,
            Direction::Closed => self.closed += 1,
            _ => {}
        }
        self.entries.push(entry);
    }

    fn of(&self, direction: Direction) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.direction == direction)
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Entry { connection, at, direction, tls, text } in &self.entries {
            let tls = if *tls { " [tls]" } else { "" };
            let who = match direction {
                Direction::Opened => "(opened)",
                Direction::Client => "C:",
                Direction::Discarded => "C (discarded):",
                Direction::Server => "S:",
                Direction::Closed => "(closed)",
            };
            writeln!(f, "{connection} {:7.3}s{tls} {who} {text}", at.as_secs_f64())?;
        }
        Ok(())
    }
}

/// Where all connections of a server write what happens, and where a test waits for it.
#[derive(Debug)]
pub(super) struct Log {
    started: Instant,
    transcript: Mutex<Transcript>,
    written: Condvar,
}

impl Log {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), transcript: Mutex::default(), written: Condvar::new() }
    }

    pub(super) fn write(&self, connection: usize, direction: Direction, octets: &[u8]) {
        let mut text = octets[..octets.len().min(HEAD)].escape_ascii().to_string();
        if octets.len() > HEAD {
            text += &format!("… ({} octets)", octets.len());
        }
        self.lock().add(Entry { connection, at: self.started.elapsed(), direction, tls: false, text });
        self.written.notify_all();
    }

    /// The server has gone, and so have all connections that were open.
    pub(super) fn close_all(&self) {
        for connection in self.with(Transcript::still_open) {
            self.write(connection, Direction::Closed, b"");
        }
    }

    /// What is written about this connection from now on was under TLS.
    pub(super) fn secure(&self, connection: usize) {
        self.lock().secured.insert(connection);
    }

    pub(super) fn transcript(&self) -> Transcript {
        self.lock().clone()
    }

    /// Reads something from the transcript without a copy of it.
    pub(super) fn with<T>(&self, read: impl FnOnce(&Transcript) -> T) -> T {
        read(&self.lock())
    }

    /// Waits until `done` says so; false when it did not within `patience`.
    pub(super) fn wait_until(&self, patience: Duration, mut done: impl FnMut(&Transcript) -> bool) -> bool {
        let (_guard, timeout) = self
            .written
            .wait_timeout_while(self.lock(), patience, |transcript| !done(transcript))
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        !timeout.timed_out()
    }

    fn lock(&self) -> MutexGuard<'_, Transcript> {
        // A test that panicked while it looked at the transcript has not left it half written.
        self.transcript.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
