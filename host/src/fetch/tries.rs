//! What a run remembers from one of its sessions to the next.

use std::collections::HashMap;

use crate::journal::{Entry, FailedBefore, now};

/// How often the connection may break at one message in a run, before the others go on without it.
const BREAKS: u32 = 2;

/// How long a message that has failed in a second run is left alone, in seconds; four times as long after each further run.
const FIRST_GAP: u64 = 60;
const LONGEST_GAP: u64 = 24 * 60 * 60;

/// The messages at which connections have broken, by unique-id.
#[derive(Debug)]
pub(super) struct Tries {
    broken_at: HashMap<Vec<u8>, u32>,
    began: u64,
}

impl Tries {
    pub(super) fn new() -> Self {
        Tries { broken_at: HashMap::new(), began: now() }
    }

    /// The connection broke in the middle of this message. Whether it is to be given up.
    pub(super) fn broke_at(&mut self, unique_id: &[u8]) -> bool {
        let breaks = self.broken_at.entry(unique_id.to_vec()).or_default();
        *breaks += 1;
        *breaks >= BREAKS
    }

    /// The server has refused this message: once a run is enough.
    pub(super) fn give_up(&mut self, unique_id: &[u8]) {
        self.broken_at.insert(unique_id.to_vec(), BREAKS);
    }

    pub(super) fn has_broken_at(&self, unique_id: &[u8]) -> bool {
        self.broken_at.contains_key(unique_id)
    }

    pub(super) fn has_given_up(&self, unique_id: &[u8]) -> bool {
        self.broken_at.get(unique_id).is_some_and(|breaks| *breaks >= BREAKS)
    }

    /// Whether it was certainly stored by this run, so that there is no doubt which message it is. In the second in which the
    /// run began, another one may have ended.
    pub(super) fn is_of_this_run(&self, entry: &Entry) -> bool {
        entry.since.is_some_and(|since| since > self.began)
    }
}

/// What is noted of a message that has failed in one more run.
pub(super) fn failed_again(before: Option<&FailedBefore>, cause: String) -> FailedBefore {
    let runs = before.map_or(0, |before| before.runs).saturating_add(1);
    let gap = match runs {
        0 | 1 => 0,
        runs => FIRST_GAP.saturating_mul(4_u64.saturating_pow(runs - 2)).min(LONGEST_GAP),
    };
    FailedBefore { runs, again_at: now().saturating_add(gap), cause }
}

#[cfg(test)]
mod tests {
    use super::{FIRST_GAP, LONGEST_GAP, Tries, failed_again};
    use crate::journal::now;

    #[test]
    fn gaps_grow_from_none_to_a_day() {
        let mut failure = None;
        let mut gaps = Vec::new();
        for _ in 0..9 {
            let again = failed_again(failure.as_ref(), "cause".to_owned());
            gaps.push(again.again_at.saturating_sub(now()));
            failure = Some(again);
        }
        let expected = [0, FIRST_GAP, 240, 960, 3840, 15360, 61440, LONGEST_GAP, LONGEST_GAP];
        assert!(gaps.iter().zip(expected).all(|(gap, expected)| gap.abs_diff(expected) <= 1), "{gaps:?}");
    }

    #[test]
    fn a_message_is_given_up_when_it_breaks_a_second_connection() {
        let mut tries = Tries::new();
        assert!(!tries.has_broken_at(b"a"));
        assert!(!tries.broke_at(b"a"));
        assert!(tries.has_broken_at(b"a") && !tries.has_given_up(b"a"));
        assert!(tries.broke_at(b"a"));
        assert!(tries.has_given_up(b"a") && !tries.has_broken_at(b"b"));
    }
}
