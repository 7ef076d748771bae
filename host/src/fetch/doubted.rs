//! Stored messages whose unique-ids stand for others now, perhaps: which is which shows when they are retrieved.

use super::by_number::ByNumber;
use super::known::Known;
use super::pool::Pool;
use crate::journal::Entry;

/// Messages that are listed under a unique-id that is known, and may have been exchanged among each other: a server whose
/// unique-ids are numbers gives each to the next one when a message goes. One whose unique-id is new is not among them.
#[derive(Debug, Default)]
pub(super) struct Doubted {
    messages: ByNumber<()>,
    stored: Pool,
    /// An earlier version has noted no beginning: they are known again by their unique-ids and sizes alone.
    without_beginning: ByNumber<Known>,
}

impl Doubted {
    pub(super) fn of(messages: u32) -> Self {
        let (messages, without_beginning) = (ByNumber::of(messages), ByNumber::of(messages));
        Doubted { messages, stored: Pool::default(), without_beginning }
    }

    /// What the unique-id of this message stood for.
    pub(super) fn insert(&mut self, number: u32, stored: Known) {
        if stored.fingerprint().is_some() {
            self.messages.insert(number, ());
            self.stored.add(stored);
        } else {
            self.without_beginning.insert(number, stored);
        }
    }

    /// This message is certainly another one than its unique-id stood for.
    pub(super) fn insert_exchanged(&mut self, number: u32) {
        self.messages.insert(number, ());
    }

    /// Takes what is stored of a message that has arrived, if it is one of them.
    pub(super) fn take(&mut self, number: u32, arrived: &Entry) -> Option<Entry> {
        if self.messages.has(number) {
            return self.stored.take_retrieved(arrived);
        }
        self.without_beginning.get(number).map(Known::entry).filter(|entry| entry.octets == arrived.octets)
    }
}

#[cfg(test)]
mod tests {
    use super::{Doubted, Entry};
    use crate::likeness::Likeness;

    fn message(subject: u32) -> Entry {
        Entry::delivered(Likeness::of(format!("Subject: {subject}\r\n\r\n").as_bytes()), None)
    }

    fn three() -> Doubted {
        let mut doubted = Doubted::of(4);
        (1..=3).for_each(|number| doubted.insert(number, message(number).into()));
        doubted
    }

    #[test]
    fn they_may_be_exchanged_and_each_is_taken_once() {
        let mut doubted = three();
        let mut take = |number, subject| doubted.take(number, &message(subject)).is_some();
        assert!(take(1, 2) && take(2, 1));
        assert!(!take(3, 2));
        assert!(take(3, 3));
    }

    #[test]
    fn a_new_message_is_none_of_them() {
        let mut doubted = three();
        assert!(doubted.take(4, &message(1)).is_none());
        assert!(doubted.take(1, &Entry { octets: Some(13), ..message(1) }).is_none());
        assert!(doubted.take(1, &message(1)).is_some());
    }

    #[test]
    fn without_a_beginning_it_is_its_unique_id_that_counts() {
        let mut doubted = three();
        doubted.insert(4, Entry { fingerprint: None, content: None, ..message(4) }.into());
        assert!(doubted.take(4, &Entry { octets: Some(13), ..message(1) }).is_none());
        assert!(doubted.take(4, &message(1)).is_some());
    }
}
