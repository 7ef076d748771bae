//! Which of the new messages a run takes.

use std::time::Duration;

use super::by_number::ByNumber;
use crate::journal::FailedBefore;

/// Bounds of one run. Messages that they leave out stay at the server, and are new to the next run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The most octets of a message, by the server's scan listing.
    pub max_size: Option<u64>,
    /// The fewest.
    pub min_size: Option<u64>,
    /// How many messages.
    pub limit: Option<u32>,
    /// The most octets of all of them together. The first message is taken in any case, or else one that is larger would
    /// never be.
    pub limit_octets: Option<u64>,
    /// How long ago it may have arrived, by its header (`TOP`). One whose header does not say so is taken.
    pub newer_than: Option<Duration>,
}

/// Why a message is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// [`Policy::max_size`]
    TooLarge,
    /// [`Policy::min_size`]
    TooSmall,
    /// [`Policy::limit`] or [`Policy::limit_octets`], which those before it have used up.
    OverLimit,
    /// [`Policy::newer_than`]
    TooOld,
    /// It could not be fetched before, and it is not the time to try again.
    FailedBefore(Box<FailedBefore>),
    /// It was marked as seen, for [`FetchOptions::mark_seen`](super::FetchOptions::mark_seen).
    MarkedSeen,
    /// The same was wanted, and there is nothing to remember it by.
    Nameless,
}

/// What earlier sessions of a run have stored.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stored {
    pub(super) messages: u32,
    pub(super) octets: u64,
}

/// What becomes of the new messages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) retrieve: Vec<u32>,
    pub(super) skipped: Vec<(u32, Skipped)>,
}

impl Policy {
    /// Whether the sizes of the messages have to be known.
    pub(super) fn asks_sizes(&self) -> bool {
        self.max_size.is_some() || self.min_size.is_some() || self.limit_octets.is_some()
    }

    /// Parts the messages, in their order, for a run that has stored so much already. One whose size the server does not tell
    /// is within all bounds of size.
    pub(super) fn choose(&self, messages: Vec<u32>, sizes: &ByNumber<u64>, stored: Stored) -> Choice {
        let mut choice = Choice::default();
        let mut octets = stored.octets;
        for number in messages {
            let size = sizes.get(number).copied();
            let so_far = stored.messages as usize + choice.retrieve.len();
            let with_it = octets.saturating_add(size.unwrap_or_default());
            let skipped = if size.is_some_and(|size| self.max_size.is_some_and(|most| size > most)) {
                Some(Skipped::TooLarge)
            } else if size.is_some_and(|size| self.min_size.is_some_and(|least| size < least)) {
                Some(Skipped::TooSmall)
            } else if self.limit.is_some_and(|limit| so_far >= limit as usize)
                || so_far > 0 && self.limit_octets.is_some_and(|limit| with_it > limit)
            {
                Some(Skipped::OverLimit)
            } else {
                None
            };
            match skipped {
                Some(why) => choice.skipped.push((number, why)),
                None => {
                    choice.retrieve.push(number);
                    octets = with_it;
                }
            }
        }
        choice
    }
}

#[cfg(test)]
mod tests {
    use super::{ByNumber, Choice, Policy, Skipped, Stored};

    fn choose(policy: Policy, sizes: &[u64]) -> Choice {
        let sizes = listed(sizes);
        let messages = sizes.iter().map(|(number, _)| number).collect();
        policy.choose(messages, &sizes, Stored::default())
    }

    fn listed(octets: &[u64]) -> ByNumber<u64> {
        let mut sizes = ByNumber::of(10);
        (1..).zip(octets).for_each(|(number, octets)| sizes.insert(number, *octets));
        sizes
    }

    #[test]
    fn without_bounds_everything_is_taken() {
        let choice = choose(Policy::default(), &[1, u64::MAX, 3]);
        assert_eq!(choice, Choice { retrieve: vec![1, 2, 3], skipped: vec![] });
        assert!(!Policy { limit: Some(1), ..Policy::default() }.asks_sizes());
    }

    #[test]
    fn bounds_of_size_are_included() {
        let policy = Policy { max_size: Some(20), min_size: Some(10), ..Policy::default() };
        let choice = choose(policy, &[9, 10, 20, 21]);
        assert_eq!(choice.retrieve, [2, 3]);
        assert_eq!(choice.skipped, [(1, Skipped::TooSmall), (4, Skipped::TooLarge)]);
    }

    #[test]
    fn limits_count_what_is_taken() {
        let policy = Policy { limit: Some(2), max_size: Some(20), ..Policy::default() };
        let choice = choose(policy, &[30, 1, 1, 1]);
        assert_eq!(choice.retrieve, [2, 3]);
        assert_eq!(choice.skipped, [(1, Skipped::TooLarge), (4, Skipped::OverLimit)]);
        assert!(choose(Policy { limit: Some(0), ..Policy::default() }, &[1]).retrieve.is_empty());
    }

    #[test]
    fn octets_are_limited_but_for_the_first_message() {
        let policy = |limit| Policy { limit_octets: Some(limit), ..Policy::default() };
        assert_eq!(choose(policy(10), &[50, 1]).retrieve, [1]);
        assert_eq!(choose(policy(10), &[5, 6, 5]).retrieve, [1, 3]);
        assert_eq!(choose(policy(10), &[5, u64::MAX]).retrieve, [1]);
    }

    #[test]
    fn limits_are_those_of_all_sessions_of_a_run() {
        let sizes = listed(&[7, 3]);
        let stored = Stored { messages: 1, octets: 6 };
        let policy = Policy { limit_octets: Some(10), ..Policy::default() };
        assert_eq!(policy.choose(vec![1, 2], &sizes, stored).retrieve, [2]);
        let policy = Policy { limit: Some(2), ..Policy::default() };
        assert_eq!(policy.choose(vec![1, 2], &sizes, stored).retrieve, [1]);
    }

    #[test]
    fn a_message_of_unknown_size_is_taken() {
        let policy = Policy { max_size: Some(1), min_size: Some(1), limit_octets: Some(1), ..Policy::default() };
        assert_eq!(policy.choose(vec![1, 2], &ByNumber::default(), Stored::default()).retrieve, [1, 2]);
    }
}
