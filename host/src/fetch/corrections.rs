//! What a session has found out about messages that earlier ones have stored, to be noted before it goes on.

use super::FetchError;
use super::ledger::Ledger;
use crate::journal::Entry;

/// How long the journal remembers what the server does not list any more, in seconds: 90 days.
const REMEMBERED: u64 = 90 * 24 * 60 * 60;

#[derive(Debug, Default)]
pub(super) struct Corrections {
    /// What is known of these now.
    pub(super) entries: Vec<(Vec<u8>, Entry)>,
    /// Listed again, after they were not.
    pub(super) returned: Vec<Vec<u8>>,
    /// Not listed any more.
    pub(super) vanished: Vec<Vec<u8>>,
    /// Nothing is open any more of what a run that was broken off has left under these rows.
    pub(super) settled: Vec<i64>,
}

impl Corrections {
    pub(super) async fn note(self, ledger: &Ledger) -> Result<(), FetchError> {
        let Corrections { entries, returned, vanished, settled } = self;
        if entries.is_empty() && returned.is_empty() && vanished.is_empty() && settled.is_empty() {
            return Ok(());
        }
        let note = ledger.aside(move |journal, account| {
            let noted = journal.note(account, |notes| {
                returned.iter().try_for_each(|unique_id| notes.present(unique_id))?;
                vanished.iter().try_for_each(|unique_id| notes.absent(unique_id))?;
                notes.store_all(entries.iter().map(|(unique_id, entry)| (unique_id.as_slice(), entry)))?;
                notes.recovered(entries.iter().map(|(unique_id, _)| unique_id.as_slice()))?;
                settled.iter().try_for_each(|row| notes.settle(*row, &[]))?;
                notes.prune(REMEMBERED)
            });
            Ok(noted?)
        });
        note.await
    }
}
