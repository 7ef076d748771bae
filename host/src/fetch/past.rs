//! What earlier runs have left behind: the journal's entries for what the server lists now, and files of a run that was
//! ended in the middle.

use std::collections::HashSet;

use super::FetchError;
use super::by_number::ByNumber;
use super::known::Known;
use super::unique_ids::UniqueIds;
use super::vanished::Vanished;
use crate::delivery::Maildir;
use crate::journal::Journal;
use crate::likeness::Likeness;

/// What the journal and the Maildir say before a session begins to retrieve.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// The entries of listed messages, by number.
    pub(super) known: ByNumber<Known>,
    /// Messages that the last session listed and this one does not.
    pub(super) vanished: Vanished,
    /// Listed messages that were away for a while.
    pub(super) returned: Vec<u32>,
    /// Files of messages of which it is not noted that they were delivered.
    pub(super) leftovers: Vec<Leftover>,
    /// Where the journal has these.
    pub(super) rows: Vec<i64>,
    /// When listed messages that have failed are to be tried again, in seconds since 1970.
    pub(super) failures: ByNumber<u64>,
}

/// A file that was delivered, or may have been delivered for another message than it was asked for.
#[derive(Clone, Debug)]
pub(super) struct Leftover {
    pub(super) unique_id: Vec<u8>,
    pub(super) found: Likeness,
}

impl Past {
    /// Reads the journal, and looks for files where a run was broken off. It blocks.
    pub(super) fn read(
        journal: &mut Journal,
        account: &str,
        maildir: &Maildir,
        unique_ids: &UniqueIds,
        messages: u32,
    ) -> Result<Self, FetchError> {
        let mut known = ByNumber::of(messages);
        let mut vanished = Vanished::default();
        let mut listed = unique_ids.in_order();
        journal.each_present(account, |unique_id, entry| match listed.next(unique_id) {
            Some(number) => known.insert(number, entry.into()),
            None => vanished.add(unique_id, entry),
        })?;
        let mut returned = Vec::new();
        let others: Vec<u32> = listed.messages().iter().copied().filter(|number| !known.has(*number)).collect();
        journal.each_known(
            account,
            others.iter().filter_map(|number| unique_ids.get(*number)),
            |unique_id, entry| {
                if let Some(number) = listed.find(unique_id) {
                    known.insert(number, entry.into());
                    returned.push(number);
                }
            },
        )?;
        let mut failures = ByNumber::of(messages);
        journal.each_failure(account, |unique_id, failure| {
            listed.find(unique_id).into_iter().for_each(|number| failures.insert(number, failure.again_at));
        })?;
        let under_way = journal.under_way(account)?;
        let names: HashSet<_> =
            under_way.iter().flat_map(|group| &group.messages).map(|begun| begun.file.clone()).collect();
        let files = maildir.find(&names)?;
        let rows = under_way.iter().map(|group| group.row).collect();
        let leftovers = under_way
            .into_iter()
            .flat_map(|group| group.messages)
            .filter_map(|begun| Some(Leftover { found: *files.get(&begun.file)?, unique_id: begun.id }))
            .collect();
        Ok(Past { known, vanished, returned, leftovers, rows, failures })
    }
}
