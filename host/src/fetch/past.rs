//! What earlier runs have left behind: the journal's entries for what the server lists now, and files of a run that was
//! ended in the middle.

use std::collections::{HashMap, HashSet};

use super::{FetchError, UniqueIds};
use crate::delivery::{Found, Maildir};
use crate::journal::{Entry, FailedBefore, Journal};

/// What the journal and the Maildir say before a session begins to retrieve.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// The entries of listed messages, by unique-id.
    pub(super) known: HashMap<Vec<u8>, Entry>,
    /// Messages that the last session listed and this one does not.
    pub(super) vanished: Vec<(Vec<u8>, Entry)>,
    /// Listed messages that were away for a while.
    pub(super) returned: Vec<Vec<u8>>,
    /// Files of messages of which it is not noted that they were delivered.
    pub(super) leftovers: Vec<Leftover>,
    /// Where the journal has these.
    pub(super) rows: Vec<i64>,
    pub(super) failures: HashMap<Vec<u8>, FailedBefore>,
}

/// A file that was delivered, or may have been delivered for another message than it was asked for.
#[derive(Clone, Debug)]
pub(super) struct Leftover {
    pub(super) unique_id: Vec<u8>,
    pub(super) found: Found,
}

impl Past {
    /// Reads the journal, and looks for files where a run was broken off. It blocks.
    pub(super) fn read(
        journal: &mut Journal,
        account: &str,
        maildir: &Maildir,
        unique_ids: &UniqueIds,
    ) -> Result<Self, FetchError> {
        let mut present: HashMap<Vec<u8>, Entry> = journal.present(account)?.into_iter().collect();
        let mut known = HashMap::new();
        let mut others = Vec::new();
        for unique_id in unique_ids.values() {
            match present.remove_entry(unique_id) {
                Some((unique_id, entry)) => drop(known.insert(unique_id, entry)),
                None => others.push(unique_id.as_slice()),
            }
        }
        let away = journal.known(account, others)?;
        let returned = away.keys().cloned().collect();
        known.extend(away);
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
        let vanished = present.into_iter().collect();
        Ok(Past { known, vanished, returned, leftovers, rows, failures: journal.failures(account)? })
    }
}
