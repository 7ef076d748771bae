//! Messages that could not be fetched: noted with the cause, left alone for a while, and told to the user.

use std::sync::Arc;

use super::FetchError;
use super::ledger::Ledger;
use super::policy::Skipped;
use super::unique_ids::UniqueIds;
use crate::journal::{FailedBefore, JournalError, Notes, now};

/// How long a message that has failed in a second run is left alone, in seconds; four times as long after each further run.
const FIRST_GAP: u64 = 60;
const LONGEST_GAP: u64 = 24 * 60 * 60;

/// Of how many the causes are in memory at a time: all messages may have failed, each with words of its own.
const LOT: usize = 1000;

/// A message that has failed in this run.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) unique_id: Vec<u8>,
    pub(super) cause: String,
}

impl Failed {
    pub(super) fn note(&self, notes: &Notes<'_>) -> Result<(), JournalError> {
        let before = notes.failure(&self.unique_id)?;
        notes.failed(&self.unique_id, &again(before.as_ref(), self.cause.clone()))
    }
}

/// Notes that these messages have failed in one more run.
pub(super) async fn note(failed: Vec<Failed>, ledger: &Ledger) -> Result<(), FetchError> {
    if failed.is_empty() {
        return Ok(());
    }
    let note = ledger.aside(move |journal, account| {
        Ok(journal.note(account, |notes| failed.iter().try_for_each(|failed| failed.note(notes)))?)
    });
    note.await
}

/// Tells why these messages are left alone. Gives the last cause.
pub(super) async fn tell(
    messages: &[u32],
    unique_ids: &Arc<UniqueIds>,
    ledger: &Ledger,
    mut tell: impl FnMut(u32, &Skipped),
) -> Result<Option<String>, FetchError> {
    let mut last = None;
    for lot in messages.chunks(LOT) {
        let (asked, all) = (lot.to_vec(), Arc::clone(unique_ids));
        let failures = ledger.aside(move |journal, account| {
            Ok(journal.failures(account, asked.iter().filter_map(|number| all.get(*number)))?)
        });
        let mut failures = failures.await?;
        for number in lot {
            let failure = unique_ids.get(*number).and_then(|unique_id| failures.remove(unique_id));
            let failure = failure.unwrap_or_else(broken_twice);
            last = Some(failure.cause.clone());
            tell(*number, &Skipped::FailedBefore(Box::new(failure)));
        }
    }
    Ok(last)
}

/// Of a message without a unique-id, of which only the run itself knows.
fn broken_twice() -> FailedBefore {
    FailedBefore { runs: 1, again_at: now(), cause: "the session came to its end in it twice".to_owned() }
}

fn again(before: Option<&FailedBefore>, cause: String) -> FailedBefore {
    let runs = before.map_or(0, |before| before.runs).saturating_add(1);
    let gap = match runs {
        0 | 1 => 0,
        runs => FIRST_GAP.saturating_mul(4_u64.saturating_pow(runs - 2)).min(LONGEST_GAP),
    };
    FailedBefore { runs, again_at: now().saturating_add(gap), cause }
}

#[cfg(test)]
mod tests {
    use super::{FIRST_GAP, LONGEST_GAP, again};
    use crate::journal::now;

    #[test]
    fn gaps_grow_from_none_to_a_day() {
        let mut failure = None;
        let mut gaps = Vec::new();
        for _ in 0..9 {
            let next = again(failure.as_ref(), "cause".to_owned());
            gaps.push(next.again_at.saturating_sub(now()));
            failure = Some(next);
        }
        let expected = [0, FIRST_GAP, 240, 960, 3840, 15360, 61440, LONGEST_GAP, LONGEST_GAP];
        assert!(gaps.iter().zip(expected).all(|(gap, expected)| gap.abs_diff(expected) <= 1), "{gaps:?}");
    }
}
