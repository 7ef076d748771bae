//! Stored messages whose unique-ids are of no use: they are recognised by what they are.

use super::known::Known;
use crate::fingerprint::Fingerprint;
use crate::journal::{Entry, EntryState};

/// Each stands for one message, also where several are the same. All that the journal knows may be here.
#[derive(Debug, Default)]
pub(super) struct Pool {
    rows: Vec<Row>,
    /// The rows are in the order of their beginnings.
    is_ordered: bool,
}

#[derive(Debug)]
struct Row {
    stored: Known,
    /// A place from which on the next row is that has not been taken: that of this one, or a later one. Of no meaning where
    /// there is no order.
    next: u32,
    /// The message that it was recognised as, or else 0.
    number: u32,
}

impl Pool {
    /// Adds a stored message; one without a fingerprint cannot be recognised.
    pub(super) fn add(&mut self, stored: Known) {
        if stored.fingerprint().is_some() {
            self.disorder();
            self.rows.push(Row { stored, next: 0, number: 0 });
        }
    }

    pub(super) fn add_all(&mut self, mut other: Pool) {
        self.disorder();
        other.disorder();
        if self.rows.is_empty() {
            self.rows = other.rows;
        } else {
            self.rows.append(&mut other.rows);
        }
    }

    /// Whether a message like this one has not been recognised.
    pub(super) fn has(&mut self, like: &Entry) -> bool {
        like.fingerprint.is_some_and(|begins| self.find(begins, |stored| stored.octets == like.octets).is_some())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.free(0) >= self.rows.len()
    }

    /// Takes a message that begins so and that the server lists under this number with so many octets. Where it lists none, a
    /// message that was cut short could be taken for a whole one.
    pub(super) fn recognise(&mut self, number: u32, begins: Fingerprint, listed: Option<u64>) -> Option<Entry> {
        let is_it = |stored: &Entry| listed.is_some() && (stored.listed == listed || stored.octets == listed);
        let row = self.take(begins, is_it)?;
        // The server was not told to delete it under the unique-id that it has now.
        let entry = Entry { state: EntryState::Delivered, listed, ..row.stored.entry() };
        *row = Row { stored: entry.into(), number, next: row.next };
        Some(entry)
    }

    /// Takes a message that begins so and has so many octets.
    pub(super) fn take_retrieved(&mut self, begins: Fingerprint, octets: u64) -> Option<Entry> {
        let row = self.take(begins, |stored| stored.octets == Some(octets))?;
        Some(Entry { state: EntryState::Delivered, ..row.stored.entry() })
    }

    /// Leaves out a message that is accounted for already.
    pub(super) fn forget(&mut self, like: &Entry) {
        if let Some(begins) = like.fingerprint {
            self.take(begins, |stored| stored.octets == like.octets);
        }
    }

    /// The messages that were recognised, and what is known of them now, until others are added.
    pub(super) fn recognised(&self) -> impl Iterator<Item = (u32, &Known)> + Clone {
        self.rows.iter().filter(|row| row.number > 0).map(|row| (row.number, &row.stored))
    }

    /// Gives back the memory of those that were taken.
    pub(super) fn shrink(&mut self) {
        self.disorder();
        self.rows.shrink_to_fit();
    }

    fn take(&mut self, begins: Fingerprint, is_it: impl Fn(&Entry) -> bool) -> Option<&mut Row> {
        let place = self.find(begins, is_it)?;
        self.skip_to(place, place + 1);
        self.rows.get_mut(place)
    }

    fn find(&mut self, begins: Fingerprint, is_it: impl Fn(&Entry) -> bool) -> Option<usize> {
        self.order();
        let begins = Some(begins);
        let first = self.rows.partition_point(|row| row.stored.fingerprint() < begins);
        let mut place = self.free(first);
        // Of many that begin alike, those that were taken are passed over once.
        self.skip_to(first, place);
        loop {
            let row = self.rows.get(place).filter(|row| row.stored.fingerprint() == begins)?;
            if is_it(&row.stored.entry()) {
                return Some(place);
            }
            place = self.free(place + 1);
        }
    }

    /// The first place from this one on that has not been taken.
    fn free(&self, mut place: usize) -> usize {
        while let Some(row) = self.rows.get(place).filter(|row| !self.is_free(place, row)) {
            place = row.next as usize;
        }
        place
    }

    fn is_free(&self, place: usize, row: &Row) -> bool {
        !self.is_ordered || row.next as usize == place
    }

    fn skip_to(&mut self, place: usize, next: usize) {
        if let (Some(skipped), Ok(next)) = (self.rows.get_mut(place), u32::try_from(next)) {
            skipped.next = next;
        }
    }

    fn order(&mut self) {
        if !self.is_ordered {
            self.rows.sort_unstable_by_key(|row| {
                let Entry { fingerprint, octets, listed, since, .. } = row.stored.entry();
                (fingerprint, octets, listed, since)
            });
            (0..).zip(&mut self.rows).for_each(|(place, row)| row.next = place);
            self.is_ordered = true;
        }
    }

    /// Drops those that were taken.
    fn disorder(&mut self) {
        if std::mem::take(&mut self.is_ordered) {
            let mut place = 0..;
            self.rows.retain(|row| place.next() == Some(row.next));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fingerprint, Pool};
    use crate::journal::Entry;

    fn fingerprint(subject: u32) -> Fingerprint {
        Fingerprint::of(format!("Subject: {subject}\r\n\r\n").as_bytes())
    }

    #[test]
    fn each_message_is_recognised_once() {
        let begins = fingerprint(0);
        let mut pool = Pool::default();
        pool.add(Entry::delivered(14, Some(15), begins).into());
        pool.add(Entry::delivered(14, None, begins).into());
        assert!(pool.recognise(1, fingerprint(1), None).is_none());
        assert!(pool.recognise(1, begins, Some(99)).is_none());
        assert!(pool.recognise(1, begins, None).is_none());
        assert_eq!(pool.recognise(1, begins, Some(15)).and_then(|entry| entry.listed), Some(15));
        assert!(pool.take_retrieved(begins, 13).is_none());
        assert!(pool.has(&Entry::delivered(14, None, begins)) && !pool.is_empty());
        assert!(pool.take_retrieved(begins, 14).is_some());
        assert!(pool.take_retrieved(begins, 14).is_none());
        assert!(!pool.has(&Entry::delivered(14, None, begins)) && pool.is_empty());
    }

    #[test]
    fn those_that_were_recognised_are_told() {
        let entries: Vec<Entry> = (0..9).map(|octets| Entry::delivered(octets, None, fingerprint(0))).collect();
        let mut pool = Pool::default();
        entries.iter().for_each(|entry| pool.add((*entry).into()));
        assert_eq!(pool.recognise(7, fingerprint(0), Some(3)).unwrap().octets, Some(3));
        assert_eq!(pool.recognise(5, fingerprint(0), Some(8)).unwrap().octets, Some(8));
        pool.forget(&entries[0]);
        let recognised: Vec<_> = pool.recognised().map(|(number, known)| (number, known.entry().octets)).collect();
        assert_eq!(recognised, [(7, Some(3)), (5, Some(8))]);
        pool.shrink();
        assert_eq!(pool.recognised().count(), 0);
        let left: Vec<usize> = (0..9).filter(|at| pool.has(&entries[*at])).collect();
        assert_eq!(left, [1, 2, 4, 5, 6, 7]);
    }

    /// Against a list that is searched from its beginning.
    #[test]
    fn any_order_of_adding_and_taking_gives_each_message_once() {
        let mut pool = Pool::default();
        let mut all: Vec<Entry> = Vec::new();
        let mut random = 1_u64;
        for _ in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let dice = u32::try_from(random >> 33).unwrap();
            let entry = Entry::delivered(u64::from(dice / 16 % 4), None, fingerprint(dice / 64 % 8));
            match dice % 16 {
                0..3 => {
                    pool.add(entry.into());
                    all.push(entry);
                }
                3 => {
                    let mut other = Pool::default();
                    other.add(entry.into());
                    pool.add_all(other);
                    all.push(entry);
                }
                4 => {
                    assert_eq!(pool.is_empty(), all.is_empty());
                    pool.shrink();
                    assert_eq!(pool.rows.len(), all.len());
                }
                dice => {
                    let is_it = |one: &Entry| (one.fingerprint, one.octets) == (entry.fingerprint, entry.octets);
                    let place = all.iter().position(is_it);
                    assert_eq!(pool.has(&entry), place.is_some());
                    if dice == 5 {
                        pool.forget(&entry);
                    } else {
                        let taken = pool.take_retrieved(entry.fingerprint.unwrap(), entry.octets.unwrap());
                        assert_eq!(taken.is_some(), place.is_some());
                    }
                    if let Some(place) = place {
                        all.swap_remove(place);
                    }
                }
            }
        }
    }

    #[test]
    fn many_that_are_the_same_are_taken_as_fast_as_others() {
        let mut pool = Pool::default();
        const COUNT: usize = 300_000;
        let entry = Entry::delivered(14, None, fingerprint(0));
        (0..COUNT).for_each(|_| pool.add(entry.into()));
        // A search from the first one each time would take minutes.
        assert_eq!((0..=COUNT).filter_map(|_| pool.take_retrieved(fingerprint(0), 14)).count(), COUNT);
    }
}
