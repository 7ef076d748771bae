//! What a run remembers from one of its sessions to the next.

use std::collections::{HashMap, HashSet};

use super::unique_ids::UniqueIdSet;

/// How often the connection may break at one message in a run, before the others go on without it; and at how many messages
/// in a look, before there are no more looks.
const BREAKS: u32 = 2;

/// What has become of messages in earlier sessions of the run, by unique-id.
#[derive(Debug, Default)]
pub(super) struct Tries {
    broken_at: HashMap<Vec<u8>, u32>,
    /// The same of messages without a unique-id, by their numbers.
    broken_at_number: HashMap<u32, u32>,
    /// The server has refused these messages: once a run is enough.
    refused: UniqueIdSet,
    /// Stored, and certainly under their own unique-ids.
    stored: UniqueIdSet,
    /// Files of which it is not certain whose they are: the next session recognises them.
    unconfirmed: usize,
    pub(super) transfers: TransferLength,
    /// What the server could not show without the session's coming to its end.
    unseen: Unseen,
}

/// What a session looks at before it retrieves, and could do without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// `LIST`.
    Sizes,
    /// `TOP` of a message, by its unique-id if it has one.
    Beginning(Option<Vec<u8>>),
}

#[derive(Debug, Default)]
struct Unseen {
    sizes: bool,
    beginnings: HashSet<Vec<u8>>,
    /// Those of messages without a unique-id.
    unidentified: bool,
    /// No beginning at all: the server fell silent, and to wait for that again costs more than to retrieve messages.
    is_silent: bool,
}

/// How many messages are retrieved before it is made sure which is which. What is retrieved by then when the connection breaks
/// is not certain, so that after a break there are fewer at a time.
#[derive(Debug)]
pub(super) struct TransferLength(u64);

impl TransferLength {
    /// The most.
    const MOST: u64 = 1024;

    pub(super) fn messages(&self) -> u64 {
        self.0
    }

    /// A transfer has come to its end.
    pub(super) fn grow(&mut self) {
        self.0 = self.0.saturating_mul(2).min(Self::MOST);
    }

    /// A transfer was broken off when so many messages were complete.
    pub(super) fn shrink(&mut self, complete: u64) {
        self.0 = (complete / 2).clamp(1, self.0);
    }
}

impl Default for TransferLength {
    fn default() -> Self {
        TransferLength(Self::MOST)
    }
}

impl Tries {
    /// The connection broke in the middle of this message. Whether it is to be given up.
    pub(super) fn broke_at(&mut self, number: u32, unique_id: Option<&[u8]>) -> bool {
        let breaks = match unique_id {
            Some(unique_id) => self.broken_at.entry(unique_id.to_vec()).or_default(),
            None => self.broken_at_number.entry(number).or_default(),
        };
        *breaks += 1;
        *breaks >= BREAKS
    }

    /// The server has refused this message.
    pub(super) fn give_up(&mut self, unique_id: &[u8]) {
        self.refused.insert(unique_id);
    }

    /// These messages have been fetched after all.
    pub(super) fn fetched<'u>(&mut self, unique_ids: impl IntoIterator<Item = &'u [u8]>) {
        // In most runs none has failed.
        if !self.broken_at.is_empty() {
            for unique_id in unique_ids {
                self.broken_at.remove(unique_id);
            }
        }
    }

    /// Those that can be told from others in the next run, too.
    pub(super) fn broken_and_not_given_up(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.broken_at.keys().filter(|unique_id| !self.has_given_up(0, Some(unique_id)))
    }

    pub(super) fn has_broken_at(&self, number: u32, unique_id: Option<&[u8]>) -> bool {
        self.breaks(number, unique_id) > 0
    }

    pub(super) fn has_given_up(&self, number: u32, unique_id: Option<&[u8]>) -> bool {
        self.breaks(number, unique_id) >= BREAKS
    }

    fn breaks(&self, number: u32, unique_id: Option<&[u8]>) -> u32 {
        let breaks = match unique_id {
            Some(unique_id) if self.refused.has(unique_id) => Some(&BREAKS),
            Some(unique_id) => self.broken_at.get(unique_id),
            None => self.broken_at_number.get(&number),
        };
        breaks.copied().unwrap_or_default()
    }

    /// The session has failed in this look: the next one does without.
    pub(super) fn failed_to_see(&mut self, look: &Look) {
        match look {
            Look::Sizes => self.unseen.sizes = true,
            Look::Beginning(Some(unique_id)) => drop(self.unseen.beginnings.insert(unique_id.clone())),
            Look::Beginning(None) => self.unseen.unidentified = true,
        }
    }

    /// The server has fallen silent in a look at a beginning.
    pub(super) fn fell_silent(&mut self) {
        self.unseen.is_silent = true;
    }

    pub(super) fn may_see_sizes(&self) -> bool {
        !self.unseen.sizes
    }

    pub(super) fn may_see_beginning(&self, unique_id: Option<&[u8]>) -> bool {
        if self.unseen.is_silent || self.unseen.beginnings.len() >= BREAKS as usize {
            return false;
        }
        unique_id.map_or(!self.unseen.unidentified, |unique_id| !self.unseen.beginnings.contains(unique_id))
    }

    /// These messages were stored, and nothing speaks against their being what they were asked for as.
    pub(super) fn stored<'u>(&mut self, unique_ids: impl IntoIterator<Item = &'u [u8]>) {
        unique_ids.into_iter().for_each(|unique_id| self.stored.insert(unique_id));
    }

    /// So many files were stored in a transfer that was broken off.
    pub(super) fn stored_unconfirmed(&mut self, files: usize) {
        self.unconfirmed += files;
    }

    /// How many of so many messages that were found to be stored an earlier run has stored.
    pub(super) fn stored_earlier(&mut self, recognised: usize) -> usize {
        let by_this_run = recognised.min(self.unconfirmed);
        self.unconfirmed -= by_this_run;
        recognised - by_this_run
    }

    /// Whether it was certainly stored by this run, so that there is no doubt which message it is.
    pub(super) fn has_stored(&self, unique_id: Option<&[u8]>) -> bool {
        unique_id.is_some_and(|unique_id| self.stored.has(unique_id))
    }
}

#[cfg(test)]
mod tests {
    use super::{Look, TransferLength, Tries};

    #[test]
    fn a_message_that_was_refused_is_given_up() {
        let mut tries = Tries::default();
        assert!(!tries.broke_at(1, Some(b"a")));
        assert_eq!(tries.broken_and_not_given_up().collect::<Vec<_>>(), [b"a"]);
        assert!(!tries.broke_at(2, Some(b"fetched")));
        tries.fetched([&b"fetched"[..], b"another"]);
        assert_eq!(tries.broken_and_not_given_up().collect::<Vec<_>>(), [b"a"]);
        tries.give_up(b"a");
        assert!(tries.has_given_up(1, Some(b"a")) && !tries.has_given_up(2, Some(b"b")));
        assert_eq!(tries.broken_and_not_given_up().count(), 0);
    }

    #[test]
    fn looks_that_break_sessions_come_to_an_end() {
        let mut tries = Tries::default();
        tries.failed_to_see(&Look::Beginning(Some(b"a".to_vec())));
        assert!(!tries.may_see_beginning(Some(b"a")) && tries.may_see_beginning(Some(b"b")));
        tries.failed_to_see(&Look::Beginning(Some(b"b".to_vec())));
        assert!(!tries.may_see_beginning(Some(b"c")) && !tries.may_see_beginning(None));
    }

    #[test]
    fn a_server_that_falls_silent_in_a_look_is_looked_at_no_more() {
        let mut tries = Tries::default();
        tries.failed_to_see(&Look::Beginning(Some(b"a".to_vec())));
        tries.fell_silent();
        assert!(!tries.may_see_beginning(Some(b"b")) && !tries.may_see_beginning(None) && tries.may_see_sizes());
    }

    #[test]
    fn what_was_stored_in_a_broken_transfer_is_of_this_run() {
        let mut tries = Tries::default();
        tries.stored_unconfirmed(2);
        assert_eq!((tries.stored_earlier(1), tries.stored_earlier(3), tries.stored_earlier(1)), (0, 2, 1));
    }

    #[test]
    fn transfers_are_shorter_after_a_break_and_grow_again() {
        let mut length = TransferLength::default();
        length.grow();
        assert_eq!(length.messages(), TransferLength::MOST);
        length.shrink(100);
        assert_eq!(length.messages(), 50);
        length.shrink(70);
        assert_eq!(length.messages(), 35);
        length.shrink(0);
        assert_eq!(length.messages(), 1);
        length.grow();
        assert_eq!(length.messages(), 2);
    }

    #[test]
    fn a_message_is_given_up_when_it_breaks_a_second_connection() {
        for (number, unique_id) in [(1, Some(&b"a"[..])), (1, None)] {
            let mut tries = Tries::default();
            assert!(!tries.has_broken_at(number, unique_id));
            assert!(!tries.broke_at(number, unique_id));
            assert!(tries.has_broken_at(number, unique_id) && !tries.has_given_up(number, unique_id));
            assert!(tries.broke_at(number, unique_id));
            assert!(tries.has_given_up(number, unique_id));
            assert!(!tries.has_broken_at(2, Some(b"b")) && !tries.has_broken_at(2, None));
        }
    }
}
