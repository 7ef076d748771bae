//! Messages that the last session listed and this one does not.

use super::known::Known;
use super::pool::Pool;
use crate::journal::Entry;

/// How many they are, and what those of them that are stored may be recognised by under other unique-ids.
#[derive(Debug, Default)]
pub(super) struct Vanished {
    named: Kind,
    /// What had no unique-id of its own.
    nameless: Kind,
}

#[derive(Debug, Default)]
struct Kind {
    messages: usize,
    /// Some of them may be at the server all the same.
    has_stored: bool,
    stored: Pool,
}

/// Which of them are to be noted as away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Away {
    #[default]
    None,
    /// Those without a unique-id of the server's: it has shown none, and may have the others still.
    Nameless,
    All,
}

impl Vanished {
    pub(super) fn add(&mut self, unique_id: &[u8], entry: Entry) {
        let kind = if unique_id.first() == Some(&0) { &mut self.nameless } else { &mut self.named };
        kind.messages += 1;
        if entry.may_be_at_server() {
            kind.has_stored = true;
            kind.stored.add(Known::from(entry));
        }
    }

    /// One that had no unique-id is there, and is this.
    pub(super) fn take_out_nameless(&mut self, entry: &Entry) {
        // One that was away before is not among these.
        if entry.absent_since.is_none() {
            self.nameless.messages = self.nameless.messages.saturating_sub(1);
            if entry.may_be_at_server() {
                self.nameless.stored.forget(entry);
            }
        }
    }

    /// Whether some may be at the server under other identities: of those that had none of the server's own, or of all.
    pub(super) fn has_stored(&self, with_named: bool) -> bool {
        self.nameless.has_stored || with_named && self.named.has_stored
    }

    /// Takes out what these may be recognised by.
    pub(super) fn take_stored(&mut self, with_named: bool) -> Pool {
        let mut stored = std::mem::take(&mut self.nameless.stored);
        let named = std::mem::take(&mut self.named.stored);
        if with_named {
            stored.add_all(named);
        }
        stored
    }

    /// Which are away, where the server has shown all unique-ids, or all messages that have none.
    pub(super) fn away(&self, shows_unique_ids: bool, shows_beginnings: bool) -> Away {
        match (self.named.messages, self.nameless.messages) {
            (1.., _) if shows_unique_ids => Away::All,
            (_, 1..) if shows_unique_ids || shows_beginnings => Away::Nameless,
            _ => Away::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Away, Vanished};
    use crate::journal::{Entry, EntryState};
    use crate::likeness::Likeness;

    fn stored(octets: u64) -> Entry {
        Entry::delivered(Likeness { octets, ..Likeness::of(b"Subject: x\r\n\r\n") }, None)
    }

    #[test]
    fn those_without_a_name_may_always_be_recognised() {
        let mut vanished = Vanished::default();
        vanished.add(b"a", stored(1));
        assert!(!vanished.has_stored(false) && vanished.has_stored(true));
        vanished.add(b"\0b", stored(2));
        vanished.add(b"\0c", Entry { state: EntryState::Gone, ..stored(3) });
        assert!(vanished.has_stored(false));
        let mut pool = vanished.take_stored(false);
        assert!(!pool.has(&stored(1)) && pool.has(&stored(2)) && !pool.has(&stored(3)));
    }

    #[test]
    fn what_is_there_after_all_has_not_vanished() {
        let mut vanished = Vanished::default();
        vanished.add(b"\0a", stored(1));
        vanished.add(b"\0b", stored(1));
        vanished.take_out_nameless(&Entry { absent_since: Some(1), ..stored(1) });
        vanished.take_out_nameless(&stored(1));
        assert_eq!(vanished.away(false, true), Away::Nameless);
        let mut pool = vanished.take_stored(true);
        assert!(pool.take_retrieved(&stored(1)).is_some() && pool.is_empty());
        vanished.take_out_nameless(&Entry { state: EntryState::Gone, ..stored(1) });
        assert_eq!(vanished.away(false, true), Away::None);
    }

    #[test]
    fn what_has_a_name_may_be_there_unseen() {
        let mut vanished = Vanished::default();
        vanished.add(b"a", stored(1));
        assert_eq!([vanished.away(false, true), vanished.away(true, false)], [Away::None, Away::All]);
        vanished.add(b"\0b", stored(1));
        assert_eq!([vanished.away(false, true), vanished.away(false, false)], [Away::Nameless, Away::None]);
    }
}
