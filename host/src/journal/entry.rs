//! What the journal knows of a message.

use std::ffi::OsString;

use crate::fingerprint::Fingerprint;
use crate::likeness::{ContentHash, Likeness};

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EntryState {
    /// It is in the Maildir, durably.
    Delivered = 1,
    /// It is in the Maildir, and the server may have deleted it.
    DeletionSent = 2,
    /// It is in the Maildir, and the server has said that it has deleted it, or does not list it any more after it was told to.
    Gone = 3,
    /// It was there when the user wanted to start from then on. It is not in the Maildir, and never deleted.
    MarkedSeen = 4,
    /// It was too old to be fetched. It is not in the Maildir, and never deleted.
    TooOld = 5,
    /// It begins as one that is in the Maildir, of which the rest of the entry tells, and may be another one: it is to be
    /// retrieved and compared. Noted so that the one in the Maildir is known also if that is broken off.
    Doubted = 6,
}

impl EntryState {
    /// A number that no version has written is that of nothing.
    pub(super) fn of(number: u8) -> Option<Self> {
        [Self::Delivered, Self::DeletionSent, Self::Gone, Self::MarkedSeen, Self::TooOld, Self::Doubted]
            .into_iter()
            .find(|state| *state as u8 == number)
    }

    /// The word for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::DeletionSent => "deletion sent",
            Self::Gone => "gone",
            Self::MarkedSeen => "marked as seen",
            Self::TooOld => "too old",
            Self::Doubted => "in doubt",
        }
    }
}

/// What is known of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How far it has come.
    pub state: EntryState,
    /// The octets that were stored; nothing where none were.
    pub octets: Option<u64>,
    /// The octets that the server's scan listing said, which may be others.
    pub listed: Option<u64>,
    /// Its beginning.
    pub fingerprint: Option<Fingerprint>,
    /// All of its content.
    pub content: Option<ContentHash>,
    /// When it was stored, in seconds since 1970; for [`EntryState::TooOld`], its date.
    pub since: Option<u64>,
    /// When a session first did not list it, in seconds since 1970.
    pub absent_since: Option<u64>,
}

impl Entry {
    /// Of a message that is stored now.
    pub fn delivered(message: Likeness, listed: Option<u64>) -> Self {
        let Likeness { fingerprint, octets, content } = message;
        Entry {
            state: EntryState::Delivered,
            octets: Some(octets),
            listed,
            fingerprint: Some(fingerprint),
            content: Some(content),
            since: Some(super::now()),
            absent_since: None,
        }
    }

    /// Of a message that is not to be fetched.
    pub fn left(state: EntryState, listed: Option<u64>, since: u64) -> Self {
        Entry { state, octets: None, listed, fingerprint: None, content: None, since: Some(since), absent_since: None }
    }

    /// Whether it is in the Maildir, or was.
    pub fn is_stored(&self) -> bool {
        self.may_be_at_server() || self.state == EntryState::Gone
    }

    /// Whether it is stored, and the server has not said that it has deleted it: a message like it may be this one.
    pub fn may_be_at_server(&self) -> bool {
        matches!(self.state, EntryState::Delivered | EntryState::DeletionSent | EntryState::Doubted)
    }

    /// Whether both are of the same message, for all that is known. Earlier versions have noted no hash of the content.
    pub fn is_like(&self, other: &Entry) -> bool {
        let content = self.content.zip(other.content);
        self.fingerprint.is_some()
            && (self.fingerprint, self.octets) == (other.fingerprint, other.octets)
            && content.is_none_or(|(one, another)| one == another)
    }

    /// The size to expect in the scan listing: as it was there, or else as many octets as were stored.
    pub fn expected_size(&self) -> Option<u64> {
        self.listed.or(self.octets)
    }
}

/// A message that was about to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Its unique-id, or what stands for it; empty where nothing does.
    pub id: Vec<u8>,
    /// The name of its file.
    pub file: OsString,
}

/// Messages that were about to be delivered, noted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// For [`Notes::settle`](super::Notes::settle).
    pub row: i64,
    /// The messages.
    pub messages: Vec<Begun>,
}

/// A message that could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedBefore {
    /// In how many runs.
    pub runs: u32,
    /// When it may be tried again, in seconds since 1970.
    pub again_at: u64,
    /// Why it failed, in words for people.
    pub cause: String,
}
