//! What is known of messages, by their numbers.

/// Something about each message of a maildrop, or about some of them. It takes as much memory for one as for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ByNumber<T> {
    /// As long as the largest number so far; messages are counted from 1.
    all: Vec<Option<T>>,
    /// Of so many messages. What a server says of others is of no interest, and must cost no memory.
    messages: u32,
}

impl<T> ByNumber<T> {
    pub(super) fn of(messages: u32) -> Self {
        ByNumber { all: Vec::new(), messages }
    }

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.all.get(Self::index(number)?)?.as_ref()
    }

    pub(super) fn has(&self, number: u32) -> bool {
        self.get(number).is_some()
    }

    pub(super) fn insert(&mut self, number: u32, what: T) {
        let Some(index) = Self::index(number).filter(|_| number <= self.messages) else { return };
        if self.all.len() <= index {
            // At once for all, for to grow by doubling it would need three times as much.
            self.all.reserve_exact(usize::try_from(self.messages).unwrap_or(index).saturating_sub(self.all.len()));
            self.all.resize_with(index + 1, || None);
        }
        if let Some(place) = self.all.get_mut(index) {
            *place = Some(what);
        }
    }

    pub(super) fn remove(&mut self, number: u32) {
        if let Some(place) = Self::index(number).and_then(|index| self.all.get_mut(index)) {
            *place = None;
        }
    }

    /// In ascending order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> + Clone {
        (1..).zip(&self.all).filter_map(|(number, what)| Some((number, what.as_ref()?)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.iter().all(Option::is_none)
    }

    fn index(number: u32) -> Option<usize> {
        usize::try_from(number.checked_sub(1)?).ok()
    }
}

/// Of no messages.
impl<T> Default for ByNumber<T> {
    fn default() -> Self {
        Self::of(0)
    }
}

#[cfg(test)]
mod tests {
    use super::ByNumber;

    #[test]
    fn there_is_one_thing_for_each_message_of_the_maildrop() {
        let mut all = ByNumber::of(3);
        assert!(all.is_empty());
        for (number, what) in [(3, 'c'), (1, 'x'), (1, 'a'), (0, 'z'), (4, 'z'), (u32::MAX, 'z')] {
            all.insert(number, what);
        }
        assert_eq!(all.iter().collect::<Vec<_>>(), [(1, &'a'), (3, &'c')]);
        assert!(all.has(1) && !all.has(2) && !all.has(0) && !all.has(u32::MAX) && !all.is_empty());
        [3, 0, 9].into_iter().for_each(|number| all.remove(number));
        assert_eq!(all.iter().collect::<Vec<_>>(), [(1, &'a')]);
    }
}
