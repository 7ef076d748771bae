//! What a session has found out about messages that earlier ones have stored, to be noted before it goes on.

use std::sync::Arc;

use super::FetchError;
use super::ledger::Ledger;
use super::unique_ids::UniqueIds;
use super::vanished::Vanished;
use crate::journal::{Entry, EntryState, now};

/// How long the journal remembers what the server does not list any more, in seconds: 90 days.
const REMEMBERED: u64 = 90 * 24 * 60 * 60;

#[derive(Debug, Default)]
pub(super) struct Corrections {
    /// What is known of these messages now.
    pub(super) entries: Vec<(u32, Entry)>,
    /// These are not to be fetched, with their sizes in the scan listing. They may be all that there are.
    pub(super) marked_seen: Vec<(u32, Option<u64>)>,
    /// Listed again, after they were not.
    pub(super) returned: Vec<u32>,
    /// Not listed any more.
    pub(super) vanished: Vanished,
    /// Nothing is open any more of what a run that was broken off has left under these rows.
    pub(super) settled: Vec<i64>,
}

impl Corrections {
    pub(super) async fn note(self, ledger: &Ledger, unique_ids: &Arc<UniqueIds>) -> Result<(), FetchError> {
        let Corrections { entries, marked_seen, returned, vanished, settled } = self;
        let is_empty = entries.is_empty() && marked_seen.is_empty() && returned.is_empty() && vanished.is_empty();
        if is_empty && settled.is_empty() {
            return Ok(());
        }
        let unique_ids = Arc::clone(unique_ids);
        let note = ledger.aside(move |journal, account| {
            let marked =
                |(number, listed): &(u32, Option<u64>)| (*number, Entry::left(EntryState::MarkedSeen, *listed, now()));
            let entries = entries.iter().copied().chain(marked_seen.iter().map(marked));
            let entries = entries.filter_map(|(number, entry)| Some((unique_ids.get(number)?, entry)));
            let noted = journal.note(account, |notes| {
                let mut returned = returned.iter().filter_map(|number| unique_ids.get(*number));
                returned.try_for_each(|unique_id| notes.present(unique_id))?;
                vanished.unique_ids().try_for_each(|unique_id| notes.absent(unique_id))?;
                notes.store_all(entries.clone())?;
                notes.recovered(entries.map(|(unique_id, _)| unique_id))?;
                settled.iter().try_for_each(|row| notes.settle(*row, &[]))?;
                notes.prune(REMEMBERED)
            });
            Ok(noted?)
        });
        note.await
    }
}
