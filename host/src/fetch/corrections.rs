//! What a session has found out about messages that earlier ones have stored, to be noted before it goes on.

use std::sync::Arc;

use super::FetchError;
use super::by_number::ByNumber;
use super::known::Known;
use super::ledger::Ledger;
use super::pool::Pool;
use super::unique_ids::UniqueIds;
use super::vanished::Away;
use crate::journal::{Entry, EntryState, now};

/// How long the journal remembers what the server does not list any more, in seconds: 90 days.
const REMEMBERED: u64 = 90 * 24 * 60 * 60;

#[derive(Debug, Default)]
pub(super) struct Corrections {
    /// What is known of these messages now.
    pub(super) entries: ByNumber<Known>,
    /// These are not to be fetched, with their sizes in the scan listing. They may be all that there are.
    pub(super) marked_seen: Vec<(u32, Option<u64>)>,
    /// Listed again, after they were not.
    pub(super) returned: Vec<u32>,
    /// Known, although it is noted that they have failed.
    pub(super) recovered: Vec<u32>,
    /// Not listed any more.
    pub(super) away: Away,
    /// Nothing is open any more of what a run that was broken off has left under these rows.
    pub(super) settled: Vec<i64>,
}

impl Corrections {
    /// None so far, of so many messages.
    pub(super) fn of(messages: u32) -> Self {
        Corrections { entries: ByNumber::of(messages), ..Corrections::default() }
    }

    /// Also what was recognised in this pool, or is in doubt. Gives the rest of it.
    pub(super) async fn note(
        self,
        mut pool: Pool,
        ledger: &Ledger,
        unique_ids: &Arc<UniqueIds>,
    ) -> Result<Pool, FetchError> {
        let Corrections { entries, marked_seen, returned, recovered, away, settled } = self;
        let has_entries = !entries.is_empty() || pool.named().next().is_some() || !marked_seen.is_empty();
        let has_others = !returned.is_empty() || !recovered.is_empty() || away != Away::None || !settled.is_empty();
        if !has_entries && !has_others {
            return Ok(pool);
        }
        let unique_ids = Arc::clone(unique_ids);
        let note = ledger.aside(move |journal, account| {
            let marked =
                |(number, listed): &(u32, Option<u64>)| (*number, Entry::left(EntryState::MarkedSeen, *listed, now()));
            // In the order in which most servers give unique-ids, for the sake of the disk.
            let mut named: Vec<(u32, &Known)> = pool.named().collect();
            named.sort_unstable_by_key(|(number, _)| *number);
            let entries = entries.iter().chain(named.iter().copied());
            let entries = entries.map(|(number, known)| (number, known.entry()));
            let entries = entries.chain(marked_seen.iter().map(marked));
            let entries = entries.filter_map(|(number, entry)| Some((unique_ids.get(number)?, entry)));
            journal.note(account, |notes| {
                let mut returned = returned.iter().filter_map(|number| unique_ids.get(*number));
                returned.try_for_each(|unique_id| notes.present(unique_id))?;
                if away != Away::None {
                    let mut listed = unique_ids.in_order();
                    let is_unseen = |id: &[u8]| away == Away::Nameless && id.first() != Some(&0);
                    notes.absent_unless(|id| is_unseen(id) || listed.next(id).is_some())?;
                }
                notes.store_all(entries.clone())?;
                let recovered = recovered.iter().filter_map(|number| unique_ids.get(*number));
                notes.recovered(entries.map(|(unique_id, _)| unique_id).chain(recovered))?;
                settled.iter().try_for_each(|row| notes.settle(*row, &[]))?;
                notes.prune(REMEMBERED)
            })?;
            pool.shrink();
            Ok(pool)
        });
        note.await
    }
}
