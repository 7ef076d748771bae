//! What became of each message: the file behind `--state`.
//!
//! The names of a group of messages are noted before any of them is delivered, then that they are; before `DELE` it is noted
//! that this goes out, and what a later session does not list any more is gone. Whatever dies in between: the next run finds
//! the files under their names, or knows that there are none, and the server says what is left there.

mod entry;
mod error;
mod file;
mod lock;
mod notes;
mod repair;
mod report;
mod schema;
mod under_way;

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use crate::fingerprint::Fingerprint;
use crate::likeness::ContentHash;

pub use entry::{Begun, Entry, EntryState, FailedBefore, UnderWay};
pub use error::{JournalError, JournalErrorKind};
pub use notes::Notes;
pub use repair::Repaired;
pub use report::AccountReport;

/// The messages of each account by their unique-ids (RFC 1939 section 7, UIDL), and what became of them.
///
/// An SQLite database in write-ahead mode: noting something about a group of messages costs one flush to the disk instead of
/// the three or four of a rollback journal. Several processes of one machine may share the file; machines must not share it
/// over a network file system. Calls block for as long as the disk takes, and what they note is durable when they return.
#[derive(Debug)]
pub struct Journal {
    database: Connection,
    path: PathBuf,
    /// The names of the file and of its write-ahead log are durable.
    is_named: bool,
    /// Which file was opened; a repair puts another one in its place.
    inode: u64,
    /// Locked until this is dropped.
    locks: Vec<File>,
}

impl Journal {
    /// Notes something about an account, a name such as `user@host:port`, all of it or nothing.
    ///
    /// # Errors
    /// Then nothing is noted, or, with [`JournalError::Directory`], not durably. [`JournalErrorKind::Busy`] when another process kept the file for ten seconds.
    pub fn note<T>(
        &mut self,
        account: &str,
        notes: impl FnOnce(&Notes<'_>) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let path = &self.path;
        let named = |error| JournalError::of(path, error);
        // Immediate, so that waiting for another writer happens here, where it can be waited for.
        let transaction = self.database.transaction_with_behavior(TransactionBehavior::Immediate).map_err(named)?;
        transaction
            .execute("INSERT INTO account (name) VALUES (?1) ON CONFLICT DO NOTHING", [account])
            .map_err(named)?;
        let id = account_id(&transaction, account).map_err(named)?.unwrap_or_default();
        let noted = notes(&Notes::new(&transaction, path, id))?;
        transaction.commit().map_err(named)?;
        if !self.is_named {
            // SQLite does that too, and says nothing where it fails.
            file::flush_directory(path)?;
            self.is_named = true;
        }
        Ok(noted)
    }

    /// Gives an account another name, unless there is one of that name.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), JournalError> {
        let renamed = self.database.execute("UPDATE OR IGNORE account SET name = ?2 WHERE name = ?1", [from, to]);
        renamed.map(drop).map_err(|error| JournalError::of(&self.path, error))
    }

    /// Those of these messages that are known. The cost grows with their number, and hardly with what else is known.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn known<'i>(
        &self,
        account: &str,
        unique_ids: impl IntoIterator<Item = &'i [u8]>,
    ) -> Result<HashMap<Vec<u8>, Entry>, JournalError> {
        let mut known = HashMap::new();
        self.each_known(account, unique_ids, |unique_id, entry| {
            known.insert(unique_id.to_vec(), entry);
        })?;
        Ok(known)
    }

    /// Gives those of these messages that are known, in the same order.
    ///
    /// # Errors
    /// As [`known`](Self::known).
    pub fn each_known<'i>(
        &self,
        account: &str,
        unique_ids: impl IntoIterator<Item = &'i [u8]>,
        mut take: impl FnMut(&'i [u8], Entry),
    ) -> Result<(), JournalError> {
        self.read(account, |database, account| {
            if !has_any(database, account)? {
                return Ok(());
            }
            let mut query = database.prepare_cached(
                "SELECT state, octets, listed, fingerprint, since, absent_since, content FROM message
                     WHERE account = ?1 AND absent_since = 0 AND unique_id = ?2
                 UNION ALL
                 SELECT state, octets, listed, fingerprint, since, absent_since, content FROM message INDEXED BY absent
                     WHERE account = ?1 AND absent_since > 0 AND unique_id = ?2",
            )?;
            for unique_id in unique_ids {
                let entry = query.query_row(params![account, unique_id], entry).optional()?.flatten();
                entry.into_iter().for_each(|entry| take(unique_id, entry));
            }
            Ok(())
        })
    }

    /// Gives each message that was there when the account was last looked at, in the order of their unique-ids.
    ///
    /// # Errors
    /// As [`known`](Self::known).
    pub fn each_present(&self, account: &str, mut take: impl FnMut(&[u8], Entry)) -> Result<(), JournalError> {
        self.read(account, |database, account| {
            let mut query = database.prepare_cached(
                "SELECT state, octets, listed, fingerprint, since, absent_since, content, unique_id FROM message
                 WHERE account = ?1 AND absent_since = 0 ORDER BY unique_id",
            )?;
            let mut rows = query.query([account])?;
            while let Some(row) = rows.next()? {
                if let Some(entry) = entry(row)? {
                    take(row.get_ref(7)?.as_blob()?, entry);
                }
            }
            Ok(())
        })
    }

    /// Whether messages are stored that the server has not said to have deleted.
    ///
    /// # Errors
    /// As [`known`](Self::known).
    pub fn has_stored(&self, account: &str) -> Result<bool, JournalError> {
        self.read(account, |database, account| {
            let (delivered, sent) = (EntryState::Delivered as u8, EntryState::DeletionSent as u8);
            let doubted = EntryState::Doubted as u8;
            database
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM message WHERE account = ?1 AND state IN (?2, ?3, ?4))")?
                .query_row(params![account, delivered, sent, doubted], |row| row.get(0))
        })
    }

    /// What a run that did not come to its end was about to deliver.
    ///
    /// # Errors
    /// As [`known`](Self::known).
    pub fn under_way(&self, account: &str) -> Result<Vec<UnderWay>, JournalError> {
        self.read(account, |database, account| {
            let mut query = database.prepare_cached("SELECT id, messages FROM under_way WHERE account = ?1")?;
            let rows = query.query_map([account], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))?;
            // What cannot be read names no file that could be found.
            rows.map(|row| {
                row.map(|(row, octets)| UnderWay { row, messages: under_way::decode(&octets).unwrap_or_default() })
            })
            .collect()
        })
    }

    /// How those of these messages have failed that could not be fetched.
    ///
    /// # Errors
    /// As [`known`](Self::known).
    pub fn failures<'i>(
        &self,
        account: &str,
        unique_ids: impl IntoIterator<Item = &'i [u8]>,
    ) -> Result<HashMap<Vec<u8>, FailedBefore>, JournalError> {
        self.read(account, |database, account| {
            let mut failures = HashMap::new();
            for unique_id in unique_ids {
                failures.extend(failure_of(database, account, unique_id)?.map(|failure| (unique_id.to_vec(), failure)));
            }
            Ok(failures)
        })
    }

    /// Gives each message that could not be fetched, in the order of their unique-ids.
    ///
    /// # Errors
    /// As [`known`](Self::known).
    pub fn each_failure(&self, account: &str, mut take: impl FnMut(&[u8], FailedBefore)) -> Result<(), JournalError> {
        self.read(account, |database, account| {
            let mut query = database.prepare_cached(
                "SELECT runs, again_at, cause, unique_id FROM failure WHERE account = ?1 ORDER BY unique_id",
            )?;
            let mut rows = query.query([account])?;
            while let Some(row) = rows.next()? {
                take(row.get_ref(3)?.as_blob()?, failure(row)?);
            }
            Ok(())
        })
    }

    /// Reads something about an account; nothing where nothing was ever noted about it.
    fn read<T: Default>(
        &self,
        account: &str,
        read: impl FnOnce(&Connection, i64) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        let done = account_id(&self.database, account)
            .and_then(|account| account.map_or_else(|| Ok(T::default()), |account| read(&self.database, account)));
        done.map_err(|error| JournalError::of(&self.path, error))
    }
}

fn account_id(database: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    database.prepare_cached("SELECT id FROM account WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()
}

fn has_any(database: &Connection, account: i64) -> rusqlite::Result<bool> {
    database
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM message WHERE account = ?1)")?
        .query_row([account], |row| row.get(0))
}

fn failure_of(database: &Connection, account: i64, unique_id: &[u8]) -> rusqlite::Result<Option<FailedBefore>> {
    database
        .prepare_cached("SELECT runs, again_at, cause FROM failure WHERE account = ?1 AND unique_id = ?2")?
        .query_row(params![account, unique_id], failure)
        .optional()
}

/// The first three columns.
fn failure(row: &Row<'_>) -> rusqlite::Result<FailedBefore> {
    let again_at = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
    Ok(FailedBefore { runs: row.get(0)?, again_at, cause: row.get(2)? })
}

/// The first seven columns; nothing for a state that no version has written.
fn entry(row: &Row<'_>) -> rusqlite::Result<Option<Entry>> {
    let number = |column| -> rusqlite::Result<_> {
        let number: Option<i64> = row.get(column)?;
        Ok(number.and_then(|number| u64::try_from(number).ok()))
    };
    let Some(state) = EntryState::of(row.get(0)?) else { return Ok(None) };
    let fingerprint: Option<Vec<u8>> = row.get(3)?;
    Ok(Some(Entry {
        state,
        octets: number(1)?,
        listed: number(2)?,
        fingerprint: fingerprint.as_deref().and_then(Fingerprint::from_octets),
        since: number(4)?,
        absent_since: number(5)?.filter(|since| *since > 0),
        content: row.get::<_, Option<i64>>(6)?.map(|hash| ContentHash(hash.cast_unsigned())),
    }))
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_secs())
}

#[cfg(test)]
mod tests;
