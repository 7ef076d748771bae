//! Which messages to retrieve.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use super::{Event, Events, FetchError, UniqueIds, Warning};
use crate::delivery::Maildir;
use crate::journal::{Entry, EntryState, Journal};
use crate::session::{Session, UniqueIdListing};

/// What to do with each message of the maildrop.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Not stored yet, in ascending order.
    pub(super) retrieve: Vec<u32>,
    /// Stored by an earlier run.
    pub(super) known: Vec<u32>,
    /// When they were, in seconds since 1970.
    since: HashMap<u32, u64>,
    /// The unique-ids that may be recorded.
    pub(super) unique_ids: UniqueIds,
    pub(super) journal: Option<(Journal, String)>,
}

impl Plan {
    /// Asks the server for its unique-ids where there is a journal to compare them with.
    ///
    /// A unique-id alone is not trusted where a message is to be deleted that this run does not fetch: servers reuse
    /// them. There its size in the scan listing has to be the one that was stored; otherwise it is fetched again.
    pub(super) async fn new(
        session: &mut Session,
        messages: u32,
        journal: Option<(Journal, String)>,
        maildir: &Maildir,
        delete: bool,
        events: &Events,
    ) -> Result<Self, FetchError> {
        let everything = |journal| Plan { retrieve: (1..=messages).collect(), journal, ..Plan::default() };
        let Some((mut journal, account)) = journal else { return Ok(everything(None)) };
        if messages == 0 {
            return Ok(everything(None));
        }
        let listing = match session.unique_ids().await {
            Ok(listing) => listing,
            Err(refusal) if refusal.is_lack() => {
                events(Event::Warning(Warning::NoUniqueIds(refusal)));
                return Ok(everything(None));
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(row) = listing.iter().find(|row| !(1..=messages).contains(&row.number)) {
            return Err(FetchError::NoSuchMessage { number: row.number, messages });
        }
        let unique_ids = usable(listing);
        let without = messages as usize - unique_ids.len();
        if without > 0 {
            events(Event::Warning(Warning::UnusableUniqueIds(super::count(without))));
        }
        // Reading the file blocks, and for long when it knows many.
        let maildir = maildir.clone();
        let present: HashSet<Vec<u8>> = unique_ids.values().cloned().collect();
        let (journal, account, stored) = tokio::task::spawn_blocking(move || {
            let stored = stored(&mut journal, &account, &maildir, &present);
            (journal, account, stored)
        })
        .await
        .map_err(|_| FetchError::Internal("the thread that reads the journal ended early"))?;
        let stored = stored?;
        let stored_as = |number: &u32| unique_ids.get(number).and_then(|unique_id| stored.get(unique_id));
        let size_of = |number: &u32| stored_as(number).map(|stored| &stored.octets);
        let (mut known, mut retrieve): (Vec<u32>, Vec<u32>) =
            (1..=messages).partition(|number| size_of(number).is_some());
        if delete && !known.is_empty() {
            let sizes = sizes(session).await?;
            let same: Vec<u32>;
            (same, known) = known.into_iter().partition(|number| sizes.get(number) == size_of(number));
            retrieve.append(&mut known);
            retrieve.sort_unstable();
            known = same;
        }
        let since = known.iter().filter_map(|number| Some((*number, stored_as(number)?.since?))).collect();
        Ok(Plan { retrieve, known, since, unique_ids, journal: Some((journal, account)) })
    }

    /// The messages of earlier runs that are to be deleted now: all of them, or those that were stored so long ago.
    pub(super) fn old_enough(&self, delete: bool, delete_after: Option<Duration>) -> Vec<u32> {
        let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_secs());
        let is_old = |number: &u32| {
            let age = self.since.get(number).map_or(0, |since| now.saturating_sub(*since));
            delete || delete_after.is_some_and(|after| age >= after.as_secs())
        };
        self.known.iter().copied().filter(is_old).collect()
    }
}

/// A message that is stored.
struct Stored {
    octets: u64,
    /// When it was, in seconds since 1970.
    since: Option<u64>,
}

/// The messages that are stored, by unique-id, after what an earlier run has left open is settled.
fn stored(
    journal: &mut Journal,
    account: &str,
    maildir: &Maildir,
    present: &HashSet<Vec<u8>>,
) -> Result<HashMap<Vec<u8>, Stored>, FetchError> {
    let entries = journal.entries(account)?;
    let (open, settled): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|(_, entry)| entry.state == EntryState::Retrieving);
    let delivered = find_delivered(journal, account, maildir, open)?;
    // What the server was told to delete and does not show any more is gone.
    let (gone, settled): (Vec<_>, Vec<_>) = settled
        .into_iter()
        .partition(|(unique_id, entry)| entry.state == EntryState::DeletionSent && !present.contains(unique_id));
    journal.forget(account, &gone.iter().map(|(unique_id, _)| unique_id.as_slice()).collect::<Vec<_>>())?;
    let settled = settled.into_iter().map(|(unique_id, entry)| {
        let stored = Stored { octets: entry.octets.unwrap_or_default(), since: entry.since };
        (unique_id, stored)
    });
    // What was found only now is not old enough for any deletion.
    let delivered = delivered.into_iter().map(|(unique_id, octets)| (unique_id, Stored { octets, since: None }));
    Ok(settled.chain(delivered).collect())
}

/// Of the messages that an earlier run was busy with when it ended, those that are in the Maildir; the others are forgotten.
fn find_delivered(
    journal: &mut Journal,
    account: &str,
    maildir: &Maildir,
    open: Vec<(Vec<u8>, Entry)>,
) -> Result<Vec<(Vec<u8>, u64)>, FetchError> {
    let names: HashSet<_> = open.iter().filter_map(|(_, entry)| entry.file.clone()).collect();
    let found = maildir.find(&names)?;
    let mut delivered = Vec::new();
    let mut lost = Vec::new();
    for (unique_id, entry) in open {
        match entry.file.as_ref().and_then(|file| found.get(file)) {
            Some(octets) => delivered.push((unique_id, *octets)),
            None => lost.push(unique_id),
        }
    }
    let noted: Vec<_> = delivered.iter().map(|(unique_id, octets)| (unique_id.as_slice(), *octets)).collect();
    journal.delivered(account, &noted)?;
    journal.forget(account, &lost.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
    Ok(delivered)
}

/// The sizes of the scan listing; none where the server refuses it.
pub(super) async fn sizes(session: &mut Session) -> Result<HashMap<u32, u64>, FetchError> {
    match session.scan_listings().await {
        Ok(rows) => Ok(rows.into_iter().map(|row| (row.number, row.octets)).collect()),
        Err(refusal) if refusal.is_lack() => Ok(HashMap::new()),
        Err(error) => Err(error.into()),
    }
}

/// Those unique-ids that stand for one message: not empty, and on no other message of the listing. Messages without
/// one are fetched each time; the other way round, a message would be lost.
fn usable(listing: Vec<UniqueIdListing>) -> UniqueIds {
    let mut seen = HashSet::new();
    let mut twice = HashSet::new();
    for row in &listing {
        if !seen.insert(row.unique_id.as_slice()) {
            twice.insert(row.unique_id.clone());
        }
    }
    listing
        .into_iter()
        .filter(|row| !row.unique_id.is_empty() && !twice.contains(&row.unique_id))
        .map(|row| (row.number, row.unique_id))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{UniqueIdListing, usable};

    #[test]
    fn only_what_stands_for_one_message_is_usable() {
        let row = |number, unique_id: &str| UniqueIdListing { number, unique_id: unique_id.into() };
        let usable = usable(vec![row(1, "a"), row(2, "b"), row(3, ""), row(4, "b"), row(5, "../c")]);
        let mut numbers: Vec<u32> = usable.into_keys().collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 5]);
    }
}
