//! What is known of a message, in as few octets as may be: a journal may know of a quarter of a million.

use crate::fingerprint::Fingerprint;
use crate::journal::{Entry, EntryState};
use crate::likeness::ContentHash;

/// In the place of nothing. Of the hashes of contents, this is one that says nothing then, as if it had not been noted.
const NONE: u64 = u64::MAX;

/// The same of a time, up to the year 2106.
const NO_TIME: u32 = u32::MAX;

/// An entry of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    octets: u64,
    listed: u64,
    content: u64,
    since: u32,
    fingerprint: Option<Fingerprint>,
    state: EntryState,
    /// The session before did not list it.
    was_absent: bool,
}

impl Known {
    /// What is to be noted when the server lists it.
    pub(super) fn entry(&self) -> Entry {
        let number = |number: u64| (number != NONE).then_some(number);
        Entry {
            state: self.state,
            octets: number(self.octets),
            listed: number(self.listed),
            fingerprint: self.fingerprint,
            content: number(self.content).map(ContentHash),
            since: (self.since != NO_TIME).then(|| self.since.into()),
            absent_since: None,
        }
    }

    pub(super) fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint
    }

    /// Whether the server lists it again after it was deleted and away: it may be another one, with a number as its unique-id.
    pub(super) fn has_come_back(&self) -> bool {
        self.state == EntryState::Gone && self.was_absent
    }
}

impl From<Entry> for Known {
    fn from(entry: Entry) -> Self {
        let Entry { state, octets, listed, fingerprint, content, since, absent_since } = entry;
        // A server may say any number.
        let number = |number: Option<u64>| number.map_or(NONE, |number| number.min(NONE - 1));
        Known {
            octets: number(octets),
            listed: number(listed),
            content: content.map_or(NONE, |content| content.0),
            since: since.map_or(NO_TIME, |since| u32::try_from(since).unwrap_or(NO_TIME).min(NO_TIME - 1)),
            fingerprint,
            state,
            was_absent: absent_since.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Known;
    use crate::journal::{Entry, EntryState};
    use crate::likeness::Likeness;

    #[test]
    fn it_is_what_the_entry_is() {
        let message = Likeness::of(b"Subject: x\r\n\r\n");
        let left = Entry::left(EntryState::TooOld, None, 0);
        let empty = Likeness { octets: 0, ..message };
        for entry in [Entry::delivered(empty, None), Entry::delivered(message, Some(15)), left] {
            assert_eq!(Known::from(entry).entry(), entry);
            let absent = Entry { absent_since: Some(1), ..entry };
            assert_eq!(Known::from(absent).entry(), entry);
            assert!(!Known::from(absent).has_come_back());
            let gone = Entry { state: EntryState::Gone, ..absent };
            assert!(Known::from(gone).has_come_back() && !Known::from(Known::from(gone).entry()).has_come_back());
        }
        let large = Entry { octets: Some(u64::MAX), since: Some(u64::MAX), ..left };
        let known = Known::from(large).entry();
        assert_eq!((known.octets, known.since), (Some(u64::MAX - 1), Some(u64::from(u32::MAX) - 1)));
    }

    #[test]
    fn it_is_small_also_where_there_may_be_none() {
        assert_eq!(size_of::<Option<Known>>(), 48);
    }
}
