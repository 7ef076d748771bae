//! What became of each message: the file behind `--state`.
//!
//! A message is first noted under the name that its file will have, then delivered, then noted as delivered; before `DELE`
//! it is noted that this goes out, and it is forgotten when a later session does not show its unique-id any more. Whatever
//! dies in between: the next run finds the file under its name, or knows that there is none, and the server says what is left
//! there.

mod error;
mod file;
mod lock;

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

pub use error::{JournalError, JournalErrorKind};
pub use lock::MailboxLock;

/// The messages (RFC 1939 section 7, UIDL) of each account, and what became of them.
///
/// An SQLite database in write-ahead mode: noting something about a group of messages costs one flush to the disk instead of
/// the three or four of a rollback journal. Several processes of one machine may share the file; machines must not share it
/// over a network file system. Calls block for as long as the disk takes, and what they note is durable when they return.
#[derive(Debug)]
pub struct Journal {
    database: Connection,
    path: PathBuf,
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EntryState {
    /// It may be in the Maildir, under the name of the entry.
    Retrieving = 0,
    /// It is in the Maildir, durably.
    Delivered = 1,
    /// It is in the Maildir, and the server may have deleted it.
    DeletionSent = 2,
}

/// What is known of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How far it has come.
    pub state: EntryState,
    /// The name of its file; nothing for messages of the first version of this file.
    pub file: Option<OsString>,
    /// The octets that were stored; nothing while it is being retrieved.
    pub octets: Option<u64>,
    /// When it was stored, in seconds since 1970; nothing while it is being retrieved.
    pub since: Option<u64>,
}

impl Journal {
    /// All entries of an account, a name such as `user@host:port`, by their unique-ids. Some 150 octets of memory each.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entries(&self, account: &str) -> Result<HashMap<Vec<u8>, Entry>, JournalError> {
        let read = || -> rusqlite::Result<_> {
            let Some(account) = account_id(&self.database, account)? else { return Ok(HashMap::new()) };
            let count: i64 =
                self.database
                    .query_row("SELECT count(*) FROM entry WHERE account = ?1", [account], |row| row.get(0))?;
            let mut entries = HashMap::with_capacity(usize::try_from(count).unwrap_or(0));
            let mut query = self
                .database
                .prepare_cached("SELECT unique_id, state, file, octets, since FROM entry WHERE account = ?1")?;
            let mut rows = query.query([account])?;
            while let Some(row) = rows.next()? {
                let number = |column| -> rusqlite::Result<_> {
                    let number: Option<i64> = row.get(column)?;
                    Ok(number.and_then(|number| u64::try_from(number).ok()))
                };
                let entry = Entry {
                    state: state_of(row.get(1)?),
                    file: row.get::<_, Option<Vec<u8>>>(2)?.map(OsString::from_vec),
                    octets: number(3)?,
                    since: number(4)?,
                };
                entries.insert(row.get(0)?, entry);
            }
            Ok(entries)
        };
        read().map_err(|error| JournalError::of(&self.path, error))
    }

    /// Notes under which names these messages are going to be delivered. An older entry of such a unique-id is forgotten.
    ///
    /// # Errors
    /// Then none of them is noted. [`JournalErrorKind::Busy`] when another process kept the file for ten seconds.
    pub fn begin(&mut self, account: &str, messages: &[(&[u8], &OsStr)]) -> Result<(), JournalError> {
        self.change(account, messages, |transaction, account, (unique_id, file)| {
            let mut insert = transaction.prepare_cached(
                "INSERT OR REPLACE INTO entry (account, unique_id, state, file) VALUES (?1, ?2, ?3, ?4)",
            )?;
            insert.execute(params![account, unique_id, EntryState::Retrieving as u8, file.as_bytes()])
        })
    }

    /// Notes that these messages are in the Maildir, durably and from now on, with so many octets.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn delivered(&mut self, account: &str, messages: &[(&[u8], u64)]) -> Result<(), JournalError> {
        self.change(account, messages, |transaction, account, (unique_id, octets)| {
            let mut update = transaction.prepare_cached(
                "UPDATE entry SET state = ?3, octets = ?4, since = unixepoch() WHERE account = ?1 AND unique_id = ?2",
            )?;
            // A size beyond what SQLite can hold is that of no message.
            let octets = i64::try_from(*octets).unwrap_or(i64::MAX);
            update.execute(params![account, unique_id, EntryState::Delivered as u8, octets])
        })
    }

    /// Notes that the server is told to delete these messages. To be called before it is.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn deletion_sent(&mut self, account: &str, messages: &[&[u8]]) -> Result<(), JournalError> {
        self.change(account, messages, |transaction, account, unique_id| {
            let mut update =
                transaction.prepare_cached("UPDATE entry SET state = ?3 WHERE account = ?1 AND unique_id = ?2")?;
            update.execute(params![account, unique_id, EntryState::DeletionSent as u8])
        })
    }

    /// Forgets these messages: the server has them no more, or they were never stored.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn forget(&mut self, account: &str, messages: &[&[u8]]) -> Result<(), JournalError> {
        self.change(account, messages, |transaction, account, unique_id| {
            let mut delete = transaction.prepare_cached("DELETE FROM entry WHERE account = ?1 AND unique_id = ?2")?;
            delete.execute(params![account, unique_id])
        })
    }

    /// Changes the entries of these messages in one transaction.
    fn change<T>(
        &mut self,
        account: &str,
        messages: &[T],
        change: impl Fn(&Transaction<'_>, i64, &T) -> rusqlite::Result<usize>,
    ) -> Result<(), JournalError> {
        if messages.is_empty() {
            return Ok(());
        }
        let mut write = || -> rusqlite::Result<_> {
            // Immediate, so that waiting for another writer happens here, where it can be waited for.
            let transaction = self.database.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute("INSERT INTO account (name) VALUES (?1) ON CONFLICT DO NOTHING", [account])?;
            if let Some(account) = account_id(&transaction, account)? {
                for message in messages {
                    change(&transaction, account, message)?;
                }
            }
            transaction.commit()
        };
        write().map_err(|error| JournalError::of(&self.path, error))
    }
}

fn account_id(database: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    database.prepare_cached("SELECT id FROM account WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()
}

/// A state that no version has written is that of a message of which nothing is certain.
fn state_of(value: u8) -> EntryState {
    match value {
        1 => EntryState::Delivered,
        2 => EntryState::DeletionSent,
        _ => EntryState::Retrieving,
    }
}

#[cfg(test)]
mod tests;
