//! What stands for each message.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::by_number::ByNumber;
use crate::session;

/// The unique-ids by message number, and for messages without what stands for them, in one piece of memory.
#[derive(Clone, Debug, Default)]
pub(super) struct UniqueIds {
    octets: Vec<u8>,
    places: ByNumber<Place>,
}

/// Where a unique-id is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    start: u32,
    length: u32,
}

impl Place {
    pub(super) fn new(start: usize, length: usize) -> Self {
        // A listing has fewer octets than that.
        let number = |octets| u32::try_from(octets).unwrap_or(u32::MAX);
        Place { start: number(start), length: number(length) }
    }

    pub(super) fn of<'o>(&self, octets: &'o [u8]) -> Option<&'o [u8]> {
        octets.get(self.start as usize..)?.get(..self.length as usize)
    }
}

impl UniqueIds {
    /// None so far, of so many messages.
    pub(super) fn of(messages: u32) -> Self {
        UniqueIds { octets: Vec::new(), places: ByNumber::of(messages) }
    }

    /// Those of a listing that stand for one message: not empty, and on no other message. One that begins with NUL, which no
    /// server has (RFC 1939 §7), could be taken for what stands for messages without.
    pub(super) fn usable(listing: session::UniqueIds, messages: u32) -> Self {
        let mut places = ByNumber::of(messages);
        let mut start = 0;
        for (number, unique_id) in listing.iter() {
            if !matches!(unique_id, [] | [0, ..]) {
                places.insert(number, Place::new(start, unique_id.len()));
            }
            start += unique_id.len();
        }
        let mut unique_ids = UniqueIds { octets: listing.into_octets(), places };
        for number in unique_ids.in_order().ambiguous() {
            unique_ids.places.remove(number);
        }
        unique_ids
    }

    pub(super) fn get(&self, number: u32) -> Option<&[u8]> {
        self.places.get(number)?.of(&self.octets)
    }

    /// As [`get`](Self::get), to keep.
    pub(super) fn owned(&self, number: u32) -> Option<Vec<u8>> {
        self.get(number).map(<[u8]>::to_vec)
    }

    pub(super) fn has(&self, number: u32) -> bool {
        self.places.has(number)
    }

    /// Nothing stood for the message before.
    pub(super) fn insert(&mut self, number: u32, unique_id: &[u8]) {
        self.places.insert(number, Place::new(self.octets.len(), unique_id.len()));
        self.octets.extend_from_slice(unique_id);
    }

    /// In ascending order of the messages.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.places.iter().filter_map(|(number, place)| Some((number, place.of(&self.octets)?)))
    }

    pub(super) fn in_order(&self) -> InOrder<'_> {
        let mut messages: Vec<u32> = self.places.iter().map(|(number, _)| number).collect();
        messages.sort_unstable_by_key(|number| self.get(*number));
        InOrder { unique_ids: self, messages, at: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

/// The messages in the order of their unique-ids.
#[derive(Debug)]
pub(super) struct InOrder<'u> {
    unique_ids: &'u UniqueIds,
    messages: Vec<u32>,
    /// Those before were smaller than what was asked for last.
    at: usize,
}

impl InOrder<'_> {
    pub(super) fn messages(&self) -> &[u32] {
        &self.messages
    }

    /// The messages whose unique-ids others have, too.
    fn ambiguous(&self) -> Vec<u32> {
        let same = self.messages.chunk_by(|one, next| self.unique_ids.get(*one) == self.unique_ids.get(*next));
        same.filter(|messages| messages.len() > 1).flatten().copied().collect()
    }

    /// The message that has this unique-id, which is not smaller than the one that was asked for before.
    pub(super) fn next(&mut self, unique_id: &[u8]) -> Option<u32> {
        let ahead = self.messages.get(self.at..).unwrap_or_default();
        self.at += ahead.iter().take_while(|number| self.unique_ids.get(**number) < Some(unique_id)).count();
        self.messages.get(self.at).copied().filter(|number| self.unique_ids.get(*number) == Some(unique_id))
    }

    /// The message that has this unique-id.
    pub(super) fn find(&self, unique_id: &[u8]) -> Option<u32> {
        let at = self.messages.binary_search_by(|number| self.unique_ids.get(*number).cmp(&Some(unique_id)));
        at.ok().and_then(|at| self.messages.get(at)).copied()
    }
}

/// A set of unique-ids, of whichever length, in a few octets each: the first 128 bits of their SHA-256.
#[derive(Debug, Default)]
pub(super) struct UniqueIdSet(HashSet<[u8; 16]>);

impl UniqueIdSet {
    pub(super) fn insert(&mut self, unique_id: &[u8]) {
        self.0.insert(Self::hash(unique_id));
    }

    pub(super) fn has(&self, unique_id: &[u8]) -> bool {
        // In most runs, and in the first session of each, there is nothing to compare with.
        !self.0.is_empty() && self.0.contains(&Self::hash(unique_id))
    }

    fn hash(unique_id: &[u8]) -> [u8; 16] {
        let hash: [u8; 32] = Sha256::digest(unique_id).into();
        hash.first_chunk().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{UniqueIdSet, UniqueIds};
    use crate::session;

    #[test]
    fn a_set_has_what_was_put_into_it() {
        let mut set = UniqueIdSet::default();
        assert!(!set.has(b"a"));
        set.insert(b"a");
        set.insert(b"");
        assert!(set.has(b"a") && set.has(b"") && !set.has(b"b"));
    }

    #[test]
    fn only_what_stands_for_one_message_is_usable() {
        let rows = [(2, "b"), (1, "a"), (3, ""), (4, "b"), (5, "../c"), (6, "\0x")];
        let listing: session::UniqueIds = rows.iter().map(|(number, row)| (*number, row.as_bytes())).collect();
        let mut usable = UniqueIds::usable(listing, 6);
        assert_eq!(usable.iter().collect::<Vec<_>>(), [(1, b"a".as_slice()), (5, b"../c")]);
        assert_eq!((usable.get(2), usable.get(7), usable.get(0)), (None, None, None));
        usable.insert(2, b"\0b");
        assert_eq!((usable.get(2), usable.get(1)), (Some(b"\0b".as_slice()), Some(b"a".as_slice())));
    }
}
