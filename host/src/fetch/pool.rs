//! Stored messages whose unique-ids are of no use: they are recognised by what they are.

use std::collections::BTreeMap;

use crate::fingerprint::Fingerprint;
use crate::journal::{Entry, EntryState};

/// Each stands for one message, also where several are the same.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// Those of the same fingerprint are counted.
    stored: BTreeMap<(Fingerprint, u32), Stored>,
}

/// What is of interest of an entry. All that the journal knows may be here.
#[derive(Clone, Copy, Debug)]
struct Stored {
    octets: Option<u64>,
    listed: Option<u64>,
    since: Option<u64>,
}

impl Stored {
    /// The server was not told to delete it under the unique-id that it has now.
    fn as_entry(self, fingerprint: Fingerprint) -> Entry {
        let Stored { octets, listed, since } = self;
        let state = EntryState::Delivered;
        Entry { state, octets, listed, fingerprint: Some(fingerprint), since, absent_since: None }
    }
}

impl Pool {
    /// Adds a stored message; one without a fingerprint cannot be recognised.
    pub(super) fn add(&mut self, entry: Entry) {
        if let Some(fingerprint) = entry.fingerprint {
            let last = self.like(fingerprint).next_back();
            let next = last.map_or(0, |((_, count), _)| count.saturating_add(1));
            let Entry { octets, listed, since, .. } = entry;
            self.stored.insert((fingerprint, next), Stored { octets, listed, since });
        }
    }

    pub(super) fn add_all(&mut self, other: Pool) {
        other.stored.into_iter().for_each(|((fingerprint, _), stored)| self.add(stored.as_entry(fingerprint)));
    }

    /// Whether a message like this one has not been recognised.
    pub(super) fn has(&self, entry: &Entry) -> bool {
        entry
            .fingerprint
            .is_some_and(|fingerprint| self.like(fingerprint).any(|(_, other)| other.octets == entry.octets))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.stored.is_empty()
    }

    /// Takes a message that begins so and that the server lists with so many octets. Where it lists none, a message that was
    /// cut short could be taken for a whole one.
    pub(super) fn take_listed(&mut self, fingerprint: Fingerprint, listed: Option<u64>) -> Option<Entry> {
        self.take(fingerprint, |stored| {
            listed.is_some_and(|listed| stored.listed == Some(listed) || stored.octets == Some(listed))
        })
    }

    /// Takes a message that begins so and has so many octets.
    pub(super) fn take_retrieved(&mut self, fingerprint: Fingerprint, octets: u64) -> Option<Entry> {
        self.take(fingerprint, |stored| stored.octets == Some(octets))
    }

    /// Leaves out a message that is accounted for already.
    pub(super) fn forget(&mut self, entry: &Entry) {
        if let Some(fingerprint) = entry.fingerprint {
            self.take(fingerprint, |other| other.octets == entry.octets);
        }
    }

    fn take(&mut self, fingerprint: Fingerprint, is_it: impl Fn(&Stored) -> bool) -> Option<Entry> {
        let place = self.like(fingerprint).find(|(_, stored)| is_it(stored)).map(|(place, _)| *place)?;
        self.stored.remove(&place).map(|stored| stored.as_entry(fingerprint))
    }

    fn like(&self, fingerprint: Fingerprint) -> impl DoubleEndedIterator<Item = (&(Fingerprint, u32), &Stored)> {
        self.stored.range((fingerprint, 0)..=(fingerprint, u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::{Fingerprint, Pool};
    use crate::journal::Entry;

    #[test]
    fn each_message_is_recognised_once() {
        let fingerprint = Fingerprint::of(b"Subject: x\r\n\r\n");
        let mut pool = Pool::default();
        pool.add(Entry::delivered(14, Some(15), fingerprint));
        pool.add(Entry::delivered(14, None, fingerprint));
        assert!(pool.take_listed(Fingerprint::of(b"Subject: y\r\n\r\n"), None).is_none());
        assert!(pool.take_listed(fingerprint, Some(99)).is_none());
        assert!(pool.take_listed(fingerprint, None).is_none());
        assert_eq!(pool.take_listed(fingerprint, Some(15)).and_then(|entry| entry.listed), Some(15));
        assert!(pool.take_retrieved(fingerprint, 13).is_none());
        assert!(pool.take_retrieved(fingerprint, 14).is_some());
        assert!(pool.take_retrieved(fingerprint, 14).is_none());
        assert!(pool.is_empty());
    }
}
