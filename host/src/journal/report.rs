//! What a journal holds, for people, and whether it is sound.

use rusqlite::{Connection, params};

use super::{Entry, EntryState, Journal, JournalError, entry};

/// The most complaints that a check collects.
const COMPLAINTS: usize = 20;

/// What is known of one account and one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountReport {
    /// Its name: `user@host:port`, and the Maildir behind a space.
    pub name: String,
    /// How many messages are in which state.
    pub messages: Vec<(EntryState, u64)>,
    /// How many could not be fetched.
    pub failures: u64,
    /// Whether a run was ended in the middle of storing.
    pub is_under_way: bool,
}

impl Journal {
    /// All accounts, by name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn accounts(&self) -> Result<Vec<AccountReport>, JournalError> {
        accounts(&self.database).map_err(|error| JournalError::of(&self.path, error))
    }

    /// Gives each message of an account in turn.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn each_message(&self, account: &str, mut take: impl FnMut(&[u8], &Entry)) -> Result<(), JournalError> {
        self.read(account, |database, account| {
            let mut query = database.prepare(
                "SELECT state, octets, listed, fingerprint, since, absent_since, content, unique_id FROM message
                 WHERE account = ?1 ORDER BY since, unique_id",
            )?;
            let mut rows = query.query([account])?;
            while let Some(row) = rows.next()? {
                if let Some(entry) = entry(row)? {
                    take(row.get_ref(7)?.as_blob()?, &entry);
                }
            }
            Ok(())
        })
    }

    /// Looks through the whole file. Gives what is wrong with it, in SQLite's words.
    ///
    /// # Errors
    /// When the file cannot be read at all.
    pub fn check(&self) -> Result<Vec<String>, JournalError> {
        let check = || -> rusqlite::Result<Vec<String>> {
            let mut query = self.database.prepare(&format!("PRAGMA integrity_check({COMPLAINTS})"))?;
            let complaints = query.query_map([], |row| row.get::<_, String>(0))?;
            let mut complaints = complaints.collect::<rusqlite::Result<Vec<String>>>()?;
            complaints.retain(|complaint| complaint != "ok");
            let mut query = self.database.prepare("PRAGMA foreign_key_check")?;
            let orphans = query.query_map([], |row| row.get::<_, String>(0))?.take(COMPLAINTS);
            for table in orphans {
                complaints.push(format!("a row of {} is of no account", table?));
            }
            Ok(complaints)
        };
        check().map_err(|error| JournalError::of(&self.path, error))
    }
}

fn accounts(database: &Connection) -> rusqlite::Result<Vec<AccountReport>> {
    let mut query = database.prepare("SELECT id, name FROM account ORDER BY name")?;
    let accounts = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    accounts
        .map(|account| {
            let (id, name): (i64, String) = account?;
            let mut query =
                database.prepare_cached("SELECT state, count(*) FROM message WHERE account = ?1 GROUP BY state")?;
            let states = query.query_map([id], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
            let mut messages = Vec::new();
            for state in states {
                let (state, count) = state?;
                messages.extend(EntryState::of(state).map(|state| (state, count.unsigned_abs())));
            }
            let count = |table| -> rusqlite::Result<u64> {
                let statement = format!("SELECT count(*) FROM {table} WHERE account = ?1");
                database.query_row(&statement, params![id], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
            };
            Ok(AccountReport { name, messages, failures: count("failure")?, is_under_way: count("under_way")? > 0 })
        })
        .collect()
}
