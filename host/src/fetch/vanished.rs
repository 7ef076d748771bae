//! Messages that the last session listed and this one does not.

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
    end: usize,
    is_there: bool,
}

impl Vanished {
    /// Adds one whose unique-id is behind those of all others.
    pub(super) fn push(&mut self, unique_id: &[u8], entry: Entry) {
        self.octets.extend_from_slice(unique_id);
        self.rows.push(Row { end: self.octets.len(), is_there: false });
        self.entries.push(entry);
    }

    /// This one is there, though not under a unique-id of the server's.
    pub(super) fn is_there(&mut self, unique_id: &[u8]) {
        let (octets, mut low, mut high) = (&self.octets, 0, self.rows.len());
        while low < high {
            let middle = low.midpoint(high);
            match unique_id_at(octets, &self.rows, middle).cmp(unique_id) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => {
                    self.rows.get_mut(middle).into_iter().for_each(|row| row.is_there = true);
                    return;
                }
            }
        }
    }

    pub(super) fn unique_ids(&self) -> impl Iterator<Item = &[u8]> {
        let rows = self.rows.iter().enumerate().filter(|(_, row)| !row.is_there);
        rows.map(|(at, _)| unique_id_at(&self.octets, &self.rows, at))
    }

    /// With what is known of each.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &Entry)> {
        let all = self.rows.iter().zip(&self.entries).enumerate().filter(|(_, (row, _))| !row.is_there);
        all.map(|(at, (_, entry))| (unique_id_at(&self.octets, &self.rows, at), entry))
    }

    /// The unique-ids stay.
    pub(super) fn forget_entries(&mut self) {
        self.entries = Vec::new();
    }

    /// Of those that have a unique-id of the server's it is not known: it has shown none.
    pub(super) fn keep_nameless(&mut self) {
        for at in 0..self.rows.len() {
            let has_name = unique_id_at(&self.octets, &self.rows, at).first() != Some(&0);
            self.rows.get_mut(at).into_iter().for_each(|row| row.is_there |= has_name);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.iter().all(|row| row.is_there)
    }
}

fn unique_id_at<'o>(octets: &'o [u8], rows: &[Row], at: usize) -> &'o [u8] {
    let start = at.checked_sub(1).and_then(|before| rows.get(before)).map_or(0, |row| row.end);
    rows.get(at).and_then(|row| octets.get(start..row.end)).unwrap_or_default()
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
            vanished.is_there(unique_id);
        }
        let left: Vec<_> = vanished.iter().map(|(unique_id, entry)| (unique_id, entry.since)).collect();
        assert_eq!(left, [(&b"a"[..], Some(0)), (b"ba", Some(2)), (b"c", Some(3))]);
        vanished.forget_entries();
        assert_eq!(vanished.unique_ids().collect::<Vec<_>>(), [&b"a"[..], b"ba", b"c"]);
        for unique_id in [b"a".as_slice(), b"ba", b"c"] {
            vanished.is_there(unique_id);
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
