//! The file of a journal: made, recognised, brought up to date.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::schema::{self, APPLICATION_ID, SCHEMA_VERSION};
use super::{Journal, JournalError};

/// How long to wait for another process that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

impl Journal {
    /// Opens the file, or makes it with mode 0600. A file that is not ours is never changed.
    ///
    /// # Errors
    /// [`JournalErrorKind::Configuration`](super::JournalErrorKind::Configuration) for a file that is something else or of a
    /// later version, [`JournalErrorKind::CannotCreate`](super::JournalErrorKind::CannotCreate) for one that cannot be made
    /// or written, else as the disk has it.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        // SQLite gives a meaning to names such as ":memory:"; an absolute path is always a file.
        let path = std::path::absolute(path).map_err(|source| JournalError::of_creation(path, source))?;
        let is_new = create_if_missing(&path)?;
        let path = resolve(&path)?;
        // Before it is opened: a file that is put there meanwhile is taken for another one, and never the other way round.
        let metadata = std::fs::metadata(&path).map_err(|source| JournalError::of_creation(&path, source))?;
        // Neither CREATE, since SQLite's mode would be 0644, nor URI: a path is a path.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(&path, flags).map_err(|error| JournalError::of(&path, error))?;
        let mut journal = Self { database, path, is_named: false, inode: metadata.ino(), locks: Vec::new() };
        // Whoever has locked it has found tables in it.
        if !is_new && metadata.len() == 0 && journal.was_locked() && journal.contents()? == Contents::Nothing {
            return Err(JournalError::Emptied { path: journal.path });
        }
        journal.prepare()?;
        Ok(journal)
    }

    /// Opens a file that is damaged, to read from it what can be read: also one that has become shorter.
    pub(super) fn open_damaged(path: &Path) -> Result<Self, JournalError> {
        let path = resolve(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(&path, flags).map_err(|error| JournalError::of(&path, error))?;
        // So SQLite reads the pages that there are, and does not ask for those that its header counts.
        database.pragma_update(None, "writable_schema", true).map_err(|error| JournalError::of(&path, error))?;
        Ok(Self { database, path, is_named: false, inode: 0, locks: Vec::new() })
    }

    /// A journal that ends with this value: what is stored is known within one run only.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn in_memory() -> Result<Self, JournalError> {
        let path = PathBuf::from("(in memory)");
        let database = Connection::open_in_memory().map_err(|error| JournalError::of(&path, error))?;
        schema::create(&database).map_err(|error| JournalError::of(&path, error))?;
        Ok(Self { database, path, is_named: true, inode: 0, locks: Vec::new() })
    }

    fn prepare(&mut self) -> Result<(), JournalError> {
        let is_read_only =
            self.database.is_readonly(rusqlite::MAIN_DB).map_err(|error| JournalError::of(&self.path, error))?;
        if is_read_only {
            return Err(JournalError::Denied {
                path: self.path.clone(),
                source: io::ErrorKind::PermissionDenied.into(),
            });
        }
        self.set_up_connection().map_err(|error| JournalError::of(&self.path, error))?;
        if self.contents()? == Contents::Ours { Ok(()) } else { self.create_schema() }
    }

    fn set_up_connection(&self) -> rusqlite::Result<()> {
        self.database.busy_timeout(BUSY_TIMEOUT)?;
        // The same as FULL in write-ahead mode. Where that mode is not to be had, a commit is durable only with EXTRA,
        // which also flushes the directory after the rollback journal is removed.
        self.database.pragma_update(None, "synchronous", "EXTRA")?;
        self.database.pragma_update(None, "foreign_keys", true)
    }

    fn create_schema(&mut self) -> Result<(), JournalError> {
        let named = |error| JournalError::of(&self.path, error);
        // Another process may be doing the same: whoever is second finds the first one's work.
        self.database.execute_batch("BEGIN IMMEDIATE").map_err(named)?;
        let created = self.contents().and_then(|contents| match contents {
            Contents::Ours => Ok(()),
            Contents::Older(version) => schema::bring_up_to_date(&self.database, version).map_err(named),
            // To SQLite a file of one octet or of zeros only is empty as well. It is not: somebody wrote it.
            Contents::Nothing if self.file_length()? > 0 => Err(JournalError::NotOurs { path: self.path.clone() }),
            Contents::Nothing => schema::create(&self.database).map_err(named),
        });
        // Kind and version are a part of the transaction: there is never half a schema.
        created.and_then(|()| self.database.execute_batch("COMMIT").map_err(named))?;
        match self.database.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())) {
            // Another process is using the file meanwhile. A rollback journal is as safe, and slower.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(()),
            done => done.map_err(named),
        }
    }

    fn file_length(&self) -> Result<u64, JournalError> {
        let metadata = std::fs::metadata(&self.path).map_err(|source| JournalError::of_creation(&self.path, source))?;
        Ok(metadata.len())
    }

    fn contents(&self) -> Result<Contents, JournalError> {
        // All in one, for another process may be making the tables just now.
        let read = self.database.query_row(
            "SELECT (SELECT count(*) FROM sqlite_schema),
                    (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version)",
            [],
            |row| Ok((row.get::<_, i32>(1)?, row.get::<_, i32>(2)?, row.get::<_, i64>(0)?)),
        );
        let path = &self.path;
        match read.map_err(|error| JournalError::of(path, error))? {
            (0, 0, 0) => Ok(Contents::Nothing),
            (APPLICATION_ID, SCHEMA_VERSION, _) => Ok(Contents::Ours),
            (APPLICATION_ID, version @ 1..SCHEMA_VERSION, _) => Ok(Contents::Older(version)),
            (APPLICATION_ID, found, _) if found > SCHEMA_VERSION => {
                Err(JournalError::NewerSchema { path: path.clone(), found, known: SCHEMA_VERSION })
            }
            _ => Err(JournalError::NotOurs { path: path.clone() }),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Contents {
    Nothing,
    /// Of this version.
    Older(i32),
    Ours,
}

/// Makes the names durable that the directory of this file has.
pub(super) fn flush_directory(path: &Path) -> Result<(), JournalError> {
    let Some(directory) = path.parent() else { return Ok(()) };
    let flushed = File::open(directory).and_then(|directory| directory.sync_all());
    flushed.map_err(|source| JournalError::Directory { path: directory.to_owned(), source })
}

/// The file itself, whichever links lead to it: what is beside it, its locks above all, is there for all that use it.
fn resolve(path: &Path) -> Result<PathBuf, JournalError> {
    path.canonicalize().map_err(|source| JournalError::of_creation(path, source))
}

/// Makes the file, and says whether it had to. An empty file is a valid database to SQLite. Its directory entry becomes durable with the first note.
fn create_if_missing(path: &Path) -> Result<bool, JournalError> {
    // Closing any descriptor of a file ends all locks that the process has on it (POSIX), also those of a database that
    // is open in another thread. So a file that exists is not opened here, and no other thread sees ours before it is
    // closed.
    static CREATING: Mutex<()> = Mutex::new(());
    let _alone = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => Ok(false),
            Ok(_) => Err(JournalError::NotOurs { path: path.to_owned() }),
            Err(source) => Err(JournalError::CannotCreate { path: path.to_owned(), source }),
        },
        Err(error) => Err(JournalError::of_creation(path, error)),
    }
}
