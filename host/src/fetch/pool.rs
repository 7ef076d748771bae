//! Stored messages whose unique-ids are of no use: they are recognised by what they are.

use std::collections::HashMap;

use crate::fingerprint::Fingerprint;
use crate::journal::Entry;

/// Each stands for one message, also where several are the same.
#[derive(Debug, Default)]
pub(super) struct Pool {
    entries: HashMap<Fingerprint, Vec<Entry>>,
}

impl Pool {
    /// Adds a stored message; one without a fingerprint cannot be recognised.
    pub(super) fn add(&mut self, entry: Entry) {
        if let Some(fingerprint) = entry.fingerprint {
            self.entries.entry(fingerprint).or_default().push(entry);
        }
    }

    pub(super) fn add_all(&mut self, other: Pool) {
        other.entries.into_values().flatten().for_each(|entry| self.add(entry));
    }

    /// Whether a message like this one has not been recognised.
    pub(super) fn has(&self, entry: &Entry) -> bool {
        let entries = entry.fingerprint.and_then(|fingerprint| self.entries.get(&fingerprint));
        entries.is_some_and(|entries| entries.iter().any(|other| other.octets == entry.octets))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes a message that begins so and that the server lists with so many octets. Where it lists none, a message that was
    /// cut short could be taken for a whole one.
    pub(super) fn take_listed(&mut self, fingerprint: Fingerprint, listed: Option<u64>) -> Option<Entry> {
        self.take(fingerprint, |entry| {
            listed.is_some_and(|listed| entry.listed == Some(listed) || entry.octets == Some(listed))
        })
    }

    /// Takes a message that begins so and has so many octets.
    pub(super) fn take_retrieved(&mut self, fingerprint: Fingerprint, octets: u64) -> Option<Entry> {
        self.take(fingerprint, |entry| entry.octets == Some(octets))
    }

    /// Leaves out a message that is accounted for already.
    pub(super) fn forget(&mut self, entry: &Entry) {
        if let Some(fingerprint) = entry.fingerprint {
            self.take(fingerprint, |other| other.octets == entry.octets);
        }
    }

    fn take(&mut self, fingerprint: Fingerprint, is_it: impl Fn(&Entry) -> bool) -> Option<Entry> {
        let entries = self.entries.get_mut(&fingerprint)?;
        let at = entries.iter().position(is_it)?;
        let entry = entries.swap_remove(at);
        if entries.is_empty() {
            self.entries.remove(&fingerprint);
        }
        Some(entry)
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
