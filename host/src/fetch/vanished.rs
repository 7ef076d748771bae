//! Messages that the last session listed and this one does not.

use super::unique_ids::Place;
use crate::journal::Entry;

/// Their unique-ids, in ascending order and in one piece of memory, and what is known of them: it may be all that the journal
/// has.
#[derive(Debug, Default)]
pub(super) struct Vanished {
    octets: Vec<u8>,
    rows: Vec<Row>,
    /// One for each row, until they are forgotten.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Row {
    place: Place,
    /// It is there after all.
    is_out: bool,
}

impl Vanished {
    /// Adds one whose unique-id is behind those of all others.
    pub(super) fn push(&mut self, unique_id: &[u8], entry: Entry) {
        self.rows.push(Row { place: Place::new(self.octets.len(), unique_id.len()), is_out: false });
        self.octets.extend_from_slice(unique_id);
        self.entries.push(entry);
    }

    /// This one is there, though not under a unique-id of the server's.
    pub(super) fn take_out(&mut self, unique_id: &[u8]) {
        let octets = &self.octets;
        if let Ok(at) = self.rows.binary_search_by(|row| row.place.of(octets).cmp(&Some(unique_id))) {
            self.rows.get_mut(at).into_iter().for_each(|row| row.is_out = true);
        }
    }

    /// Takes out those that have a unique-id of the server's: it has shown none, and may have them still.
    pub(super) fn keep_nameless(&mut self) {
        let octets = &self.octets;
        self.rows.iter_mut().for_each(|row| row.is_out |= !matches!(row.place.of(octets), Some([0, ..])));
    }

    pub(super) fn unique_ids(&self) -> impl Iterator<Item = &[u8]> {
        self.rows.iter().filter(|row| !row.is_out).filter_map(|row| row.place.of(&self.octets))
    }

    /// With what is known of each.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &Entry)> {
        let all = self.rows.iter().zip(&self.entries).filter(|(row, _)| !row.is_out);
        all.filter_map(|(row, entry)| Some((row.place.of(&self.octets)?, entry)))
    }

    /// The unique-ids stay.
    pub(super) fn forget_entries(&mut self) {
        self.entries = Vec::new();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.iter().all(|row| row.is_out)
    }
}

#[cfg(test)]
mod tests {
    use super::Vanished;
    use crate::journal::{Entry, EntryState};

    #[test]
    fn what_is_there_after_all_has_not_vanished() {
        let entry = |since| Entry::left(EntryState::TooOld, None, since);
        let mut vanished = Vanished::default();
        assert!(vanished.is_empty());
        for (since, unique_id) in (0..).zip([&b"a"[..], b"b", b"ba", b"c"]) {
            vanished.push(unique_id, entry(since));
        }
        for unique_id in [&b""[..], b"b", b"bb", b"d"] {
            vanished.take_out(unique_id);
        }
        let left: Vec<_> = vanished.iter().map(|(unique_id, entry)| (unique_id, entry.since)).collect();
        assert_eq!(left, [(&b"a"[..], Some(0)), (b"ba", Some(2)), (b"c", Some(3))]);
        vanished.forget_entries();
        assert_eq!(vanished.unique_ids().collect::<Vec<_>>(), [&b"a"[..], b"ba", b"c"]);
        for unique_id in [b"a".as_slice(), b"ba", b"c"] {
            vanished.take_out(unique_id);
        }
        assert!(vanished.is_empty());
    }

    #[test]
    fn what_has_a_name_may_be_there_unseen() {
        let mut vanished = Vanished::default();
        for unique_id in [&b"\0a"[..], b"\0b", b"a"] {
            vanished.push(unique_id, Entry::left(EntryState::TooOld, None, 0));
        }
        vanished.keep_nameless();
        assert_eq!(vanished.unique_ids().collect::<Vec<_>>(), [&b"\0a"[..], b"\0b"]);
    }
}
