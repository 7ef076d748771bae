//! Stored messages whose unique-ids are of no use: they are recognised by what they are.

use super::known::Known;
use crate::fingerprint::Fingerprint;
use crate::journal::{Entry, EntryState};
use crate::likeness::ContentHash;

/// Each stands for one message, also where several are the same. All that the journal knows may be here.
#[derive(Debug, Default)]
pub(super) struct Pool {
    rows: Vec<Row>,
    /// The rows are in the order of their [`Place`]s.
    is_ordered: bool,
}

/// Beginning, octets and content.
type Place = (Option<Fingerprint>, Option<u64>, Option<ContentHash>);

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
        self.find_like(like).is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.free(0) >= self.rows.len()
    }

    /// Takes as many messages as these are, which the server lists with so many octets and which begin so, and gives what is
    /// known of them; nothing where there are not as many.
    ///
    /// Where there are fewer, one of those that the server has is another one, behind what it has shown. So may be one that
    /// it was told to delete, and perhaps has deleted. Then they stay here as in doubt, and which is which shows when the
    /// messages are retrieved.
    pub(super) fn recognise(&mut self, numbers: &[u32], begins: Fingerprint, listed: u64) -> Vec<(u32, Entry)> {
        let has_size = |stored: &Entry| stored.listed == Some(listed) || stored.octets == Some(listed);
        let is_there = |stored: &Entry| stored.state == EntryState::Delivered && has_size(stored);
        let certain = self.find_all(numbers.len(), begins, is_there);
        if certain.len() < numbers.len() {
            let doubted = self.find_all(numbers.len(), begins, has_size);
            self.name(&doubted, numbers, listed, EntryState::Doubted);
            return Vec::new();
        }
        let recognised = self.name(&certain, numbers, listed, EntryState::Delivered);
        certain.into_iter().for_each(|place| self.skip_to(place, place + 1));
        recognised
    }

    /// These are listed under these numbers.
    fn name(&mut self, places: &[usize], numbers: &[u32], listed: u64, state: EntryState) -> Vec<(u32, Entry)> {
        let mut named = Vec::new();
        for (number, place) in numbers.iter().zip(places) {
            if let Some(row) = self.rows.get_mut(*place) {
                let entry = Entry { state, listed: Some(listed), ..row.stored.entry() };
                (row.stored, row.number) = (entry.into(), *number);
                named.push((*number, entry));
            }
        }
        named
    }

    /// Takes the message that has arrived.
    pub(super) fn take_retrieved(&mut self, arrived: &Entry) -> Option<Entry> {
        let place = self.find_like(arrived)?;
        self.skip_to(place, place + 1);
        self.rows.get(place).map(|row| row.stored.entry())
    }

    /// Leaves out a message that is accounted for already.
    pub(super) fn forget(&mut self, like: &Entry) {
        if let Some(place) = self.find_like(like) {
            self.skip_to(place, place + 1);
        }
    }

    /// The messages that were recognised or are in doubt, and what is known of them now, until others are added.
    pub(super) fn named(&self) -> impl Iterator<Item = (u32, &Known)> + Clone {
        self.rows.iter().filter(|row| row.number > 0).map(|row| (row.number, &row.stored))
    }

    /// Gives back the memory of those that were taken.
    pub(super) fn shrink(&mut self) {
        self.disorder();
        self.rows.shrink_to_fit();
    }

    /// A message that is like this one: rather one of which as much is known.
    fn find_like(&mut self, like: &Entry) -> Option<usize> {
        let (begins, octets, content) = place_of(like);
        begins?;
        [content, None].into_iter().find_map(|content| self.find_from((begins, octets, content), like))
    }

    /// The first free row from this place on, if it is like this one.
    fn find_from(&mut self, place: Place, like: &Entry) -> Option<usize> {
        self.order();
        let first = self.rows.partition_point(|row| place_of(&row.stored.entry()) < place);
        let found = self.free(first);
        // Of many that are alike, those that were taken are passed over once.
        self.skip_to(first, found);
        self.rows.get(found).filter(|row| row.stored.entry().is_like(like)).map(|_| found)
    }

    /// The places of the first of those that begin so and are wanted, up to so many.
    fn find_all(&mut self, most: usize, begins: Fingerprint, is_it: impl Fn(&Entry) -> bool) -> Vec<usize> {
        let mut places = Vec::new();
        while places.len() < most {
            let from = places.last().map(|place| place + 1);
            let Some(place) = self.find(begins, from, &is_it) else { break };
            places.push(place);
        }
        places
    }

    /// The first free row that begins so and is wanted, from a place on.
    fn find(&mut self, begins: Fingerprint, from: Option<usize>, is_it: impl Fn(&Entry) -> bool) -> Option<usize> {
        self.order();
        let begins = Some(begins);
        let first = from.unwrap_or_else(|| self.rows.partition_point(|row| row.stored.fingerprint() < begins));
        let mut place = self.free(first);
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
                let entry = row.stored.entry();
                (place_of(&entry), entry.listed, entry.since)
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

fn place_of(entry: &Entry) -> Place {
    (entry.fingerprint, entry.octets, entry.content)
}

#[cfg(test)]
mod tests {
    use super::{Fingerprint, Pool};
    use crate::journal::{Entry, EntryState};
    use crate::likeness::{ContentHash, Likeness};

    fn fingerprint(subject: u32) -> Fingerprint {
        Fingerprint::of(format!("Subject: {subject}\r\n\r\n").as_bytes())
    }

    fn stored(octets: u64, content: u64, subject: u32) -> Entry {
        Entry::delivered(Likeness { fingerprint: fingerprint(subject), octets, content: ContentHash(content) }, None)
    }

    #[test]
    fn each_message_is_recognised_once() {
        let begins = fingerprint(0);
        let mut pool = Pool::default();
        pool.add(Entry { listed: Some(15), ..stored(14, 0, 0) }.into());
        pool.add(stored(14, 0, 0).into());
        assert!(pool.recognise(&[1], fingerprint(1), 14).is_empty());
        assert!(pool.recognise(&[1], begins, 99).is_empty());
        assert_eq!(
            pool.recognise(&[1], begins, 15).iter().map(|(_, entry)| entry.listed).collect::<Vec<_>>(),
            [Some(15)]
        );
        assert!(pool.take_retrieved(&stored(13, 0, 0)).is_none());
        assert!(pool.has(&stored(14, 0, 0)) && !pool.is_empty());
        assert!(pool.take_retrieved(&stored(14, 0, 0)).is_some());
        assert!(pool.take_retrieved(&stored(14, 0, 0)).is_none());
        assert!(!pool.has(&stored(14, 0, 0)) && pool.is_empty());
    }

    #[test]
    fn what_was_retrieved_is_another_message_where_its_content_is() {
        let mut pool = Pool::default();
        [2, 3].into_iter().for_each(|content| pool.add(stored(14, content, 0).into()));
        assert!([1, 4].into_iter().all(|content| pool.take_retrieved(&stored(14, content, 0)).is_none()));
        assert!(pool.take_retrieved(&stored(14, 3, 0)).is_some() && !pool.has(&stored(14, 3, 0)));
        // Of an earlier version; that of which more is known goes first.
        pool.add(Entry { content: None, ..stored(14, 0, 0) }.into());
        assert_eq!(pool.take_retrieved(&stored(14, 2, 0)).unwrap().content.map(|content| content.0), Some(2));
        assert!(pool.take_retrieved(&stored(14, 9, 0)).is_some() && pool.is_empty());
        pool.add(stored(14, 5, 0).into());
        pool.forget(&Entry { content: None, ..stored(14, 0, 0) });
        assert!(pool.is_empty());
    }

    #[test]
    fn more_messages_than_stored_ones_are_not_recognised_by_their_beginnings() {
        let three = || {
            let mut pool = Pool::default();
            [1, 2].into_iter().for_each(|content| pool.add(stored(14, content, 0).into()));
            pool.add(Entry { state: EntryState::DeletionSent, ..stored(14, 3, 0) }.into());
            pool
        };
        let mut pool = three();
        assert!(pool.recognise(&[1, 2, 3], fingerprint(0), 14).is_empty());
        assert!(pool.named().count() == 3 && pool.named().all(|(_, known)| known.entry().state == EntryState::Doubted));
        assert!((1..=3).all(|content| pool.take_retrieved(&stored(14, content, 0)).is_some()) && pool.is_empty());

        let mut pool = three();
        let numbers = |recognised: Vec<(u32, Entry)>| recognised.iter().map(|(number, _)| *number).collect::<Vec<_>>();
        assert_eq!(numbers(pool.recognise(&[1, 2], fingerprint(0), 14)), [1, 2]);
        assert!(pool.recognise(&[3], fingerprint(0), 14).is_empty());
        assert!(pool.take_retrieved(&stored(14, 3, 0)).is_some());
    }

    #[test]
    fn those_that_were_recognised_are_told() {
        let entries: Vec<Entry> = (0..9).map(|octets| stored(octets, octets, 0)).collect();
        let mut pool = Pool::default();
        entries.iter().for_each(|entry| pool.add((*entry).into()));
        for (number, octets) in [(7, 3), (5, 8)] {
            let recognised = pool.recognise(&[number], fingerprint(0), octets);
            assert_eq!(
                recognised.iter().map(|(number, entry)| (*number, entry.octets)).collect::<Vec<_>>(),
                [(number, Some(octets))]
            );
        }
        pool.forget(&entries[0]);
        let recognised: Vec<_> = pool.named().map(|(number, known)| (number, known.entry().octets)).collect();
        assert_eq!(recognised, [(7, Some(3)), (5, Some(8))]);
        pool.shrink();
        assert_eq!(pool.named().count(), 0);
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
            let entry = stored(u64::from(dice / 16 % 4), u64::from(dice / 512 % 3), dice / 64 % 8);
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
                    let place = all.iter().position(|one| one.is_like(&entry));
                    assert_eq!(pool.has(&entry), place.is_some());
                    if dice == 5 {
                        pool.forget(&entry);
                    } else {
                        let taken = pool.take_retrieved(&entry);
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
        let entry = stored(14, 0, 0);
        (0..COUNT).for_each(|_| pool.add(entry.into()));
        // A search from the first one each time would take minutes.
        assert_eq!((0..=COUNT).filter_map(|_| pool.take_retrieved(&entry)).count(), COUNT);
    }
}
