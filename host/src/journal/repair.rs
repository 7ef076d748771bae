//! A journal whose file is damaged: set aside, with what can still be read of it in a new one.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::{Journal, JournalError, now};

/// The tables, in the order in which their rows refer to each other, and what their rows are read by. From both ends, so
/// that what is behind a damaged page is found, too; accounts also by their names, which are in an index with all that there is.
const TABLES: [(&str, &str); 6] = [
    ("account", "id"),
    ("account", "name"),
    ("message", "account, absent_since, unique_id"),
    // As schema 3 orders them.
    ("message", "account, unique_id"),
    ("under_way", "id"),
    ("failure", "account, unique_id"),
];

/// What has become of a damaged journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// Where the damaged file is now.
    pub aside: PathBuf,
    /// How many messages are known in the new one.
    pub messages: u64,
}

impl Journal {
    /// Sets a damaged journal aside, and takes what can be read of it over into a new one. Nothing is done about one that is
    /// sound.
    ///
    /// # Errors
    /// [`JournalError::Held`] while a run uses it; [`JournalError::NotOurs`] for a file that is something else. The file is in
    /// its place then, as it was.
    pub fn repair(path: &Path) -> Result<Option<Repaired>, JournalError> {
        let damaged = match Self::open(path) {
            Ok(journal) if journal.check().is_ok_and(|complaints| complaints.is_empty()) => return Ok(None),
            Ok(journal) => journal,
            Err(JournalError::Damaged { .. } | JournalError::Emptied { .. }) => Self::open_damaged(path)?,
            Err(error) => return Err(error),
        };
        let _alone = damaged.lock_out()?;
        let path = damaged.path.clone();
        let beside = |ending: &str| {
            let mut name: OsString = path.clone().into_os_string();
            name.push(ending);
            PathBuf::from(name)
        };
        let new = beside(".repaired");
        // What an attempt that was broken off has left.
        let _ = fs::remove_file(&new);
        let journal = Self::open(&new)?;
        for (table, key) in TABLES {
            for order in ["ASC", "DESC"] {
                copy(&damaged.database, &journal.database, table, key, order)
                    .map_err(|error| JournalError::of(&new, error))?;
            }
        }
        let messages = count(&journal.database).map_err(|error| JournalError::of(&new, error))?;
        // Closed, each file is whole: nothing of it is in a log beside it any more.
        drop((damaged, journal));
        let mut time = now();
        while beside(&damaged_since(time)).exists() {
            time += 1;
        }
        let aside = beside(&damaged_since(time));
        let moved =
            set_aside(&path, &aside, &beside).and_then(|()| fs::rename(&new, &path)).and_then(|()| flush(&path));
        moved.map_err(|source| JournalError::of_creation(&path, source))?;
        Ok(Some(Repaired { aside, messages }))
    }
}

fn damaged_since(time: u64) -> String {
    format!(".damaged-{time}")
}

/// Copies the rows of a table up to the first one that cannot be read.
fn copy(from: &Connection, to: &Connection, table: &str, key: &str, order: &str) -> rusqlite::Result<()> {
    let keys: Vec<String> = key.split(", ").map(|column| format!("{column} {order}")).collect();
    let Ok(mut query) = from.prepare(&format!("SELECT * FROM {table} ORDER BY {}", keys.join(", "))) else {
        return Ok(());
    };
    let columns = query.column_count();
    // Schema 3 has NULL where 0 stands for "never" now.
    let place = |name: &str| if name == "absent_since" { "ifnull(?, 0)" } else { "?" };
    let places = query.column_names().into_iter().map(place).collect::<Vec<_>>().join(", ");
    // An earlier version has fewer of them.
    let names = query.column_names().join(", ");
    let Ok(mut rows) = query.query([]) else { return Ok(()) };
    to.execute_batch("BEGIN IMMEDIATE; PRAGMA defer_foreign_keys = ON")?;
    let mut insert = to.prepare(&format!("INSERT OR IGNORE INTO {table} ({names}) VALUES ({places})"))?;
    while let Ok(Some(row)) = rows.next() {
        let values = (0..columns).map(|column| row.get::<_, Value>(column)).collect::<rusqlite::Result<Vec<_>>>();
        let Ok(values) = values else { continue };
        // A row that the new tables do not take, such as one of an account that is lost, is of no use.
        let _ = insert.execute(params_from_iter(values));
    }
    // Where a row refers to nothing after all, the table stays without those of this pass.
    to.execute_batch("COMMIT").or_else(|_| to.execute_batch("ROLLBACK"))
}

fn count(database: &Connection) -> rusqlite::Result<u64> {
    database.query_row("SELECT count(*) FROM message", [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
}

/// The damaged file gets a second name, so that there is one under the first name at any time; what belongs to it goes
/// along.
fn set_aside(path: &Path, aside: &Path, beside: &impl Fn(&str) -> PathBuf) -> io::Result<()> {
    fs::hard_link(path, aside)?;
    for part in ["-wal", "-shm"] {
        let mut to = aside.as_os_str().to_owned();
        to.push(part);
        match fs::rename(beside(part), to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => done?,
        }
    }
    Ok(())
}

fn flush(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}
