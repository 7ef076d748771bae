//! The rules of delivery and deletion that a recording has to keep.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    path::{Path, PathBuf},
};

use super::{Disk, Survivors, Unmodelled, image::is_delivered};
use crate::recording::{Event, Moment, Operation, Source};

/// What a recording is held against.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    /// What was on the disk before the run.
    pub disk: Disk,
    /// The contents of the messages at the server, the first is number 1.
    pub messages: &'a [Vec<u8>],
    /// The file of the journal; its write-ahead log has a longer name.
    pub journal: PathBuf,
}

/// A rule that was broken, at an event counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A file was made visible to readers before its content was durable.
    VisibleTooEarly {
        /// At which event.
        at: usize,
        /// Under which name.
        path: PathBuf,
    },
    /// DELE was sent for a message that is not durable in the Maildir.
    NotDurable {
        /// At which event.
        at: usize,
        /// The message-number.
        number: usize,
    },
    /// DELE was sent for a message whose delivery no flush of the journal has followed.
    NotRecorded {
        /// At which event.
        at: usize,
        /// The message-number.
        number: usize,
    },
    /// A message that the server was told to delete for good is not durable any more.
    LostLater {
        /// At which event.
        at: usize,
        /// The message-number.
        number: usize,
    },
    /// The recording has something in it that the model does not know.
    Unmodelled {
        /// At which event.
        at: usize,
        /// What it is.
        what: String,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::VisibleTooEarly { at, path } => {
                write!(f, "event {at}: {} is visible before its content is durable", path.display())
            }
            Self::NotDurable { at, number } => write!(f, "event {at}: DELE {number} before the message is durable"),
            Self::NotRecorded { at, number } => {
                write!(f, "event {at}: DELE {number} before a flush of the journal has followed the delivery")
            }
            Self::LostLater { at, number } => {
                write!(f, "event {at}: message {number} was deleted by a QUIT and is not durable")
            }
            Self::Unmodelled { at, what } => write!(f, "event {at}: unknown to the model: {what}"),
        }
    }
}

/// What was broken in a recording, in its order.
///
/// Where a call takes its time, the rules take it for what is worst: a flush covers what was there when it began, from its
/// end on, and what is sent or made visible is so from the beginning of the call.
pub fn check(events: &[Event], expected: Expected<'_>) -> Vec<Violation> {
    let mut checker = Checker {
        durable_since: HashMap::new(),
        disk: expected.disk,
        messages: expected.messages,
        journal: expected.journal,
        journal_written: 0,
        journal_flushes: HashMap::new(),
        recorded: 0,
        line: Vec::new(),
        marked: BTreeSet::new(),
        deleted: BTreeSet::new(),
        violations: Vec::new(),
    };
    checker.note_durable(0);
    for (at, event) in events.iter().enumerate() {
        checker.event(at, event);
    }
    checker.violations
}

struct Checker<'a> {
    disk: Disk,
    messages: &'a [Vec<u8>],
    journal: PathBuf,
    /// The event since which a message is durable, 0 for before the run.
    durable_since: HashMap<usize, usize>,
    /// The beginning of the write to the journal that was the last one to come to its end.
    journal_written: usize,
    /// What [`journal_written`](Self::journal_written) was when the flush began that a thread is busy with.
    journal_flushes: HashMap<i32, usize>,
    /// Everything that was written to the journal by a call that began up to this event is durable.
    recorded: usize,
    /// What was sent of a command whose end has not been.
    line: Vec<u8>,
    /// The messages that DELE was sent for, and of these, those that a QUIT followed.
    marked: BTreeSet<usize>,
    deleted: BTreeSet<usize>,
    violations: Vec<Violation>,
}

impl Checker<'_> {
    fn event(&mut self, at: usize, event: &Event) {
        if event.moment == Moment::Before {
            match &event.operation {
                Operation::Rename { from, to } => self.becomes_visible(at, self.disk.whole(from).is_some(), to),
                Operation::Link { from: Source::Named(from), to } => {
                    self.becomes_visible(at, self.disk.whole(from).is_some(), to);
                }
                Operation::Link { from: Source::Open(file), to } => {
                    self.becomes_visible(at, self.disk.whole_unnamed(file.inode).is_some(), to);
                }
                Operation::Open { path, creates: true, .. } if is_delivered(path) => {
                    self.becomes_visible(at, false, path)
                }
                Operation::Send { octets } => self.sent(at, octets),
                _ => {}
            }
        }
        self.journal_event(at, event);
        if let Err(Unmodelled(what)) = self.disk.play(event) {
            self.violations.push(Violation::Unmodelled { at, what });
        }
        let is_on_disk = event.operation.is_on_disk() && !matches!(event.operation, Operation::Close { .. });
        if is_on_disk && matches!(event.moment, Moment::After(Ok(_))) {
            self.note_durable(at);
        }
    }

    fn becomes_visible(&mut self, at: usize, is_whole: bool, path: &Path) {
        if is_delivered(path) && !is_whole {
            self.violations.push(Violation::VisibleTooEarly { at, path: path.to_owned() });
        }
    }

    fn journal_event(&mut self, at: usize, event: &Event) {
        let is_journal = |path: &Path| {
            let (path, journal) = (path.as_os_str().as_encoded_bytes(), self.journal.as_os_str().as_encoded_bytes());
            path.starts_with(journal) && !path.ends_with(b"-shm") && !path.ends_with(b".lock")
        };
        match (&event.operation, event.moment) {
            // It has begun at some time before; this is as late as it can be.
            (Operation::Write { file, .. }, Moment::After(Ok(_))) if is_journal(&file.path) => {
                self.journal_written = at
            }
            (Operation::Flush { file }, Moment::Before) if !is_journal(&file.path) => {}
            (Operation::Flush { .. } | Operation::FlushAll, Moment::Before) => {
                self.journal_flushes.insert(event.thread, self.journal_written);
            }
            (Operation::Flush { .. } | Operation::FlushAll, Moment::After(result)) => {
                if let Some(written) = self.journal_flushes.remove(&event.thread)
                    && result.is_ok()
                {
                    self.recorded = self.recorded.max(written);
                }
            }
            _ => {}
        }
    }

    fn sent(&mut self, at: usize, octets: &[u8]) {
        self.line.extend_from_slice(octets);
        while let Some(end) = memchr::memchr(b'\n', &self.line) {
            let line: Vec<u8> = self.line.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim().to_owned();
            if let Some(number) = line.strip_prefix("DELE ").and_then(|number| number.parse::<usize>().ok()) {
                self.marked.insert(number);
                match self.durable_since.get(&number) {
                    None => self.violations.push(Violation::NotDurable { at, number }),
                    // What was there before the run was recorded by another one.
                    Some(0) => {}
                    Some(since) if self.recorded > *since => {}
                    Some(_) => self.violations.push(Violation::NotRecorded { at, number }),
                }
            } else if line == "QUIT" {
                self.deleted.append(&mut self.marked);
            } else if line == "RSET" {
                self.marked.clear();
            }
        }
    }

    /// Looks which messages are durable now.
    fn note_durable(&mut self, at: usize) {
        let image = self.disk.image(Survivors::Nothing);
        let delivered: BTreeSet<&[u8]> = image.delivered().map(|(_, content)| content).collect();
        for (number, message) in (1..).zip(self.messages) {
            if delivered.contains(message.as_slice()) {
                self.durable_since.entry(number).or_insert(at);
            } else {
                self.durable_since.remove(&number);
                if self.deleted.contains(&number) {
                    self.violations.push(Violation::LostLater { at, number });
                }
            }
        }
    }
}
