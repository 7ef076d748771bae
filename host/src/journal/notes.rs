//! What is noted in one transaction.

use std::path::Path;

use rusqlite::{CachedStatement, Transaction, params};

use super::{Begun, Entry, EntryState, FailedBefore, JournalError, failure_of, now, under_way};

/// How many messages are gone through at a time: there may be as many as memory has no room for.
const LOT: u32 = 1000;

/// Notes about one account, see [`Journal::note`](super::Journal::note).
#[derive(Debug)]
pub struct Notes<'t> {
    transaction: &'t Transaction<'t>,
    path: &'t Path,
    account: i64,
}

impl<'t> Notes<'t> {
    pub(super) fn new(transaction: &'t Transaction<'t>, path: &'t Path, account: i64) -> Self {
        Notes { transaction, path, account }
    }

    /// These messages are going to be delivered under these names. Gives the row for [`settle`](Self::settle).
    ///
    /// # Errors
    /// As the disk has them, as for all that follow.
    pub fn begin(&self, messages: &[Begun]) -> Result<i64, JournalError> {
        let octets = under_way::encode(messages);
        self.execute("INSERT INTO under_way (account, messages) VALUES (?1, ?2)", params![self.account, octets])?;
        Ok(self.transaction.last_insert_rowid())
    }

    /// Of what was begun, only these are still open.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn settle(&self, row: i64, open: &[Begun]) -> Result<(), JournalError> {
        match open {
            [] => self.execute("DELETE FROM under_way WHERE id = ?1", [row]),
            open => {
                self.execute("UPDATE under_way SET messages = ?2 WHERE id = ?1", params![row, under_way::encode(open)])
            }
        }
    }

    /// This is what is known now of a message that the server lists.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn store(&self, unique_id: &[u8], entry: &Entry) -> Result<(), JournalError> {
        self.store_all([(unique_id, *entry)])
    }

    /// The same of many.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn store_all<'m>(
        &self,
        messages: impl IntoIterator<Item = (&'m [u8], Entry)> + Clone,
    ) -> Result<(), JournalError> {
        // What is known of it from before it was away.
        if self.has_any(
            "SELECT EXISTS (SELECT 1 FROM message INDEXED BY absent WHERE account = ?1 AND absent_since > 0)",
        )? {
            let delete =
                "DELETE FROM message INDEXED BY absent WHERE account = ?1 AND absent_since > 0 AND unique_id = ?2";
            self.each(delete, messages.clone(), |statement, (unique_id, _)| {
                statement.execute(params![self.account, unique_id])
            })?;
        }
        // A number beyond what SQLite can hold is that of no message.
        let number = |number: Option<u64>| number.map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        self.each(
            "INSERT OR REPLACE INTO message
                 (account, unique_id, state, octets, listed, fingerprint, since, content)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            messages,
            |statement, (unique_id, entry)| {
                statement.execute(params![
                    self.account,
                    unique_id,
                    entry.state as u8,
                    number(entry.octets),
                    number(entry.listed),
                    entry.fingerprint.map(|fingerprint| fingerprint.0),
                    number(entry.since),
                    entry.content.map(|content| content.0.cast_signed()),
                ])
            },
        )
    }

    /// The server is told to delete this message, which it lists. To be noted before it is.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn deletion_sent(&self, unique_id: &[u8]) -> Result<(), JournalError> {
        self.execute(
            "UPDATE message SET state = ?3 WHERE account = ?1 AND absent_since = 0 AND unique_id = ?2",
            params![self.account, unique_id, EntryState::DeletionSent as u8],
        )
    }

    /// The server has confirmed that it has deleted these messages.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn gone<'m>(&self, unique_ids: impl IntoIterator<Item = &'m [u8]>) -> Result<(), JournalError> {
        let update =
            "UPDATE message SET state = ?3 WHERE account = ?1 AND absent_since = 0 AND unique_id = ?2 AND state = ?4";
        self.each(update, unique_ids, |statement, unique_id| {
            let (sent, gone) = (EntryState::DeletionSent as u8, EntryState::Gone as u8);
            statement.execute(params![self.account, unique_id, gone, sent])
        })
    }

    /// The server lists the message again.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn present(&self, unique_id: &[u8]) -> Result<(), JournalError> {
        self.execute(
            "UPDATE OR REPLACE message INDEXED BY absent SET absent_since = 0
             WHERE account = ?1 AND absent_since > 0 AND unique_id = ?2",
            params![self.account, unique_id],
        )
    }

    /// The server does not list the message any more. If it was told to delete it, it has.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn absent(&self, unique_id: &[u8]) -> Result<(), JournalError> {
        self.execute(
            "UPDATE message SET absent_since = unixepoch(), state = CASE state WHEN ?3 THEN ?4 ELSE state END
             WHERE account = ?1 AND absent_since = 0 AND unique_id = ?2",
            params![self.account, unique_id, EntryState::DeletionSent as u8, EntryState::Gone as u8],
        )
    }

    /// The same of all messages that were there, unless this says of one that it still is. It is asked in the order of their
    /// unique-ids.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn absent_unless(&self, mut is_there: impl FnMut(&[u8]) -> bool) -> Result<(), JournalError> {
        let mut last = None;
        loop {
            let lot = self.present_behind(last.as_deref()).map_err(|error| JournalError::of(self.path, error))?;
            lot.iter().filter(|unique_id| !is_there(unique_id)).try_for_each(|unique_id| self.absent(unique_id))?;
            last = lot.into_iter().next_back();
            if last.is_none() {
                return Ok(());
            }
        }
    }

    /// The next of the messages that are there, behind this one.
    fn present_behind(&self, last: Option<&[u8]>) -> rusqlite::Result<Vec<Vec<u8>>> {
        let mut query = self.transaction.prepare_cached(
            "SELECT unique_id FROM message WHERE account = ?1 AND absent_since = 0 AND unique_id > ?2
             ORDER BY unique_id LIMIT ?3",
        )?;
        query.query_map(params![self.account, last.unwrap_or_default(), LOT], |row| row.get(0))?.collect()
    }

    /// Forgets what the server has not listed for so many seconds, and failures of messages that nobody has tried again in that
    /// time, though they might have: these are not there any more.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn prune(&self, seconds: u64) -> Result<(), JournalError> {
        let before = i64::try_from(now().saturating_sub(seconds)).unwrap_or(0);
        self.execute(
            "DELETE FROM message WHERE account = ?1 AND absent_since > 0 AND absent_since < ?2",
            params![self.account, before],
        )?;
        self.execute("DELETE FROM failure WHERE account = ?1 AND again_at < ?2", params![self.account, before])
    }

    /// How the message has failed before, if it has.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn failure(&self, unique_id: &[u8]) -> Result<Option<FailedBefore>, JournalError> {
        let failure = failure_of(self.transaction, self.account, unique_id);
        failure.map_err(|error| JournalError::of(self.path, error))
    }

    /// The message could not be fetched.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn failed(&self, unique_id: &[u8], failure: &FailedBefore) -> Result<(), JournalError> {
        let again_at = i64::try_from(failure.again_at).unwrap_or(i64::MAX);
        self.execute(
            "INSERT OR REPLACE INTO failure (account, unique_id, runs, again_at, cause) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![self.account, unique_id, failure.runs, again_at, failure.cause],
        )
    }

    /// These messages have been fetched after all, or are not to be.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn recovered<'m>(&self, unique_ids: impl IntoIterator<Item = &'m [u8]>) -> Result<(), JournalError> {
        // Of most accounts none has failed.
        if !self.has_any("SELECT EXISTS (SELECT 1 FROM failure WHERE account = ?1)")? {
            return Ok(());
        }
        self.each("DELETE FROM failure WHERE account = ?1 AND unique_id = ?2", unique_ids, |statement, unique_id| {
            statement.execute(params![self.account, unique_id])
        })
    }

    fn has_any(&self, query: &str) -> Result<bool, JournalError> {
        let found = self
            .transaction
            .prepare_cached(query)
            .and_then(|mut query| query.query_row([self.account], |row| row.get(0)));
        found.map_err(|error| JournalError::of(self.path, error))
    }

    /// Does the same with each of many.
    fn each<T>(
        &self,
        statement: &str,
        all: impl IntoIterator<Item = T>,
        execute: impl Fn(&mut CachedStatement<'_>, T) -> rusqlite::Result<usize>,
    ) -> Result<(), JournalError> {
        let done = self
            .transaction
            .prepare_cached(statement)
            .and_then(|mut statement| all.into_iter().try_for_each(|one| execute(&mut statement, one).map(drop)));
        done.map_err(|error| JournalError::of(self.path, error))
    }

    fn execute<P>(&self, statement: &str, parameters: P) -> Result<(), JournalError>
    where
        P: rusqlite::Params,
    {
        let executed =
            self.transaction.prepare_cached(statement).and_then(|mut statement| statement.execute(parameters));
        executed.map(drop).map_err(|error| JournalError::of(self.path, error))
    }
}
