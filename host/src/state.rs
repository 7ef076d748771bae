//! Which messages were stored already: the file behind `--state`.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior, params};

/// "popf" in ASCII, where SQLite keeps the kind of a database.
const APPLICATION_ID: i32 = 0x706f_7066;
/// The only schema so far.
const SCHEMA_VERSION: i32 = 1;
/// How long to wait for another process that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

const SCHEMA: &str = "
    CREATE TABLE account (
        id   INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE stored (
        account   INTEGER NOT NULL REFERENCES account (id),
        unique_id BLOB NOT NULL,
        octets    INTEGER NOT NULL,
        PRIMARY KEY (account, unique_id)
    ) STRICT, WITHOUT ROWID;
";

/// The unique-ids (RFC 1939 section 7, UIDL) of the messages that are stored, for each account.
///
/// An SQLite database in write-ahead mode: recording a group of messages costs one flush to the disk instead of the
/// three or four of a rollback journal. Several processes of one machine may share the file; machines must not share it
/// over a network file system. Calls block for as long as the disk takes.
#[derive(Debug)]
pub struct State {
    database: Connection,
    path: PathBuf,
}

/// A message that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored<'a> {
    /// Its unique-id, as the server sent it.
    pub unique_id: &'a [u8],
    /// The octets that were stored.
    pub octets: u64,
}

impl State {
    /// Opens the file, or makes it with mode 0600. A file that is not ours is never changed.
    ///
    /// # Errors
    /// [`StateErrorKind::Configuration`] for a file that is something else or of a later version,
    /// [`StateErrorKind::CannotCreate`] for one that cannot be made or written, else as the disk has it.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        // SQLite gives a meaning to names such as ":memory:"; an absolute path is always a file.
        let path = std::path::absolute(path).map_err(|source| StateError::of_creation(path, source))?;
        create_if_missing(&path)?;
        // Neither CREATE, since SQLite's mode would be 0644, nor URI: a path is a path.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(&path, flags).map_err(|error| StateError::of(&path, error))?;
        let mut state = Self { database, path };
        state.prepare()?;
        Ok(state)
    }

    /// All unique-ids recorded for this account, a name such as `user@host:port`, with the octets of their messages.
    /// About 100 octets of memory each.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn known(&self, account: &str) -> Result<HashMap<Vec<u8>, u64>, StateError> {
        let read = || -> rusqlite::Result<_> {
            let Some(account) = account_id(&self.database, account)? else { return Ok(HashMap::new()) };
            let count: i64 =
                self.database
                    .query_row("SELECT count(*) FROM stored WHERE account = ?1", [account], |row| row.get(0))?;
            let mut known = HashMap::with_capacity(usize::try_from(count).unwrap_or(0));
            let mut query = self.database.prepare_cached("SELECT unique_id, octets FROM stored WHERE account = ?1")?;
            let mut rows = query.query([account])?;
            while let Some(row) = rows.next()? {
                known.insert(row.get(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0));
            }
            Ok(known)
        };
        read().map_err(|error| StateError::of(&self.path, error))
    }

    /// Adds messages to those of the account, in one transaction that is durable when this returns. A unique-id that is
    /// there already stands for the new message from then on.
    ///
    /// # Errors
    /// Then none of them is recorded. [`StateErrorKind::Busy`] when another process kept the file for ten seconds.
    pub fn record(&mut self, account: &str, messages: &[Stored<'_>]) -> Result<(), StateError> {
        if messages.is_empty() {
            return Ok(());
        }
        let mut write = || -> rusqlite::Result<_> {
            // Immediate, so that waiting for another writer happens here, where it can be waited for.
            let transaction = self.database.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute("INSERT INTO account (name) VALUES (?1) ON CONFLICT DO NOTHING", [account])?;
            if let Some(account) = account_id(&transaction, account)? {
                let mut insert = transaction
                    .prepare_cached("INSERT OR REPLACE INTO stored (account, unique_id, octets) VALUES (?1, ?2, ?3)")?;
                for Stored { unique_id, octets } in messages {
                    // A size beyond what SQLite can hold is that of no message.
                    insert.execute(params![account, unique_id, i64::try_from(*octets).unwrap_or(i64::MAX)])?;
                }
            }
            transaction.commit()
        };
        write().map_err(|error| StateError::of(&self.path, error))
    }

    fn prepare(&mut self) -> Result<(), StateError> {
        let is_read_only =
            self.database.is_readonly(rusqlite::MAIN_DB).map_err(|error| StateError::of(&self.path, error))?;
        if is_read_only {
            return Err(StateError::Denied { path: self.path.clone(), source: io::ErrorKind::PermissionDenied.into() });
        }
        self.set_up_connection().map_err(|error| StateError::of(&self.path, error))?;
        if self.contents()? == Contents::Nothing {
            self.create_schema()?;
        }
        Ok(())
    }

    fn set_up_connection(&self) -> rusqlite::Result<()> {
        self.database.busy_timeout(BUSY_TIMEOUT)?;
        // The same as FULL in write-ahead mode. Where that mode is not to be had, a commit is durable only with EXTRA,
        // which also flushes the directory after the rollback journal is removed.
        self.database.pragma_update(None, "synchronous", "EXTRA")?;
        self.database.pragma_update(None, "foreign_keys", true)
    }

    fn create_schema(&mut self) -> Result<(), StateError> {
        let named = |error| StateError::of(&self.path, error);
        // Another process may be doing the same: whoever is second finds the first one's work.
        self.database.execute_batch("BEGIN IMMEDIATE").map_err(named)?;
        let created = self.contents().and_then(|contents| match contents {
            Contents::Ours => Ok(()),
            // To SQLite a file of one octet or of zeros only is empty as well. It is not: somebody wrote it.
            Contents::Nothing if self.file_length()? > 0 => Err(StateError::NotOurs { path: self.path.clone() }),
            Contents::Nothing => self.write_schema().map_err(named),
        });
        // Kind and version are a part of the transaction: there is never half a schema.
        created.and_then(|()| self.database.execute_batch("COMMIT").map_err(named))?;
        match self.database.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())) {
            // Another process is using the file meanwhile. A rollback journal is as safe, and slower.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(()),
            done => done.map_err(named),
        }
    }

    fn file_length(&self) -> Result<u64, StateError> {
        let metadata = std::fs::metadata(&self.path).map_err(|source| StateError::of_creation(&self.path, source))?;
        Ok(metadata.len())
    }

    fn write_schema(&self) -> rusqlite::Result<()> {
        self.database.execute_batch(SCHEMA)?;
        self.database.pragma_update(None, "application_id", APPLICATION_ID)?;
        self.database.pragma_update(None, "user_version", SCHEMA_VERSION)
    }

    fn contents(&self) -> Result<Contents, StateError> {
        let pragma = |name| self.database.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        let read = || -> rusqlite::Result<_> {
            let objects: i64 = self.database.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            Ok((pragma("application_id")?, pragma("user_version")?, objects))
        };
        let path = &self.path;
        match read().map_err(|error| StateError::of(path, error))? {
            (0, 0, 0) => Ok(Contents::Nothing),
            (APPLICATION_ID, SCHEMA_VERSION, _) => Ok(Contents::Ours),
            (APPLICATION_ID, found, _) if found > SCHEMA_VERSION => {
                Err(StateError::NewerSchema { path: path.clone(), found, known: SCHEMA_VERSION })
            }
            _ => Err(StateError::NotOurs { path: path.clone() }),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Contents {
    Nothing,
    Ours,
}

/// Why the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The file is not a state file, or not a file at all. It was not changed.
    #[error("{path} is not a state file of popfetch and is left as it is; name another one", path = path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// A later version of popfetch made the file. It was not changed.
    #[error(
        "the state file {path} is of a later popfetch (schema {found}, this one knows up to {known}); \
         use that one, or name another file",
        path = path.display()
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i32,
        /// The latest schema of this program.
        known: i32,
    },
    /// The file does not exist, and neither does the directory to make it in.
    #[error(
        "the state file {path} cannot be made because its directory does not exist; make that first",
        path = path.display()
    )]
    MissingDirectory {
        /// The file.
        path: PathBuf,
    },
    /// This user may not make or write the file.
    #[error(
        "the state file {path} cannot be written: permission denied; its directory must be writable too",
        path = path.display()
    )]
    Denied {
        /// The file.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
    /// The file cannot be made for another reason.
    #[error("the state file {path} cannot be made: {source}", path = path.display())]
    CannotCreate {
        /// The file.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
    /// The file system is full.
    #[error(
        "the state file {path} cannot be written: no space left on device; free some space and run again",
        path = path.display()
    )]
    NoSpace {
        /// The file.
        path: PathBuf,
        /// SQLite's word on it.
        source: rusqlite::Error,
    },
    /// Another process kept the file locked.
    #[error("the state file {path} is in use by another process; try again later", path = path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// SQLite's word on it.
        source: rusqlite::Error,
    },
    /// The file is ours and its content is broken.
    #[error(
        "the state file {path} is damaged: {source}; restore it, or move it away and have all mail fetched again",
        path = path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// SQLite's word on it.
        source: rusqlite::Error,
    },
    /// Reading or writing failed.
    #[error("cannot read or write the state file {path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// SQLite's word on it.
        source: rusqlite::Error,
    },
}

impl StateError {
    /// What the error means for the caller.
    pub fn kind(&self) -> StateErrorKind {
        match self {
            Self::NotOurs { .. } | Self::NewerSchema { .. } => StateErrorKind::Configuration,
            Self::MissingDirectory { .. } | Self::Denied { .. } | Self::CannotCreate { .. } | Self::NoSpace { .. } => {
                StateErrorKind::CannotCreate
            }
            Self::Busy { .. } => StateErrorKind::Busy,
            Self::Damaged { .. } | Self::Io { .. } => StateErrorKind::Io,
        }
    }

    fn of(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotOurs { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path, source },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, source },
            Some(ErrorCode::DiskFull) => Self::NoSpace { path, source },
            // The file itself was seen before: what cannot be opened or written now is it or what stands beside it.
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::Denied { path, source: io::Error::new(io::ErrorKind::PermissionDenied, source) }
            }
            _ => Self::Io { path, source },
        }
    }

    fn of_creation(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Self::MissingDirectory { path },
            io::ErrorKind::PermissionDenied => Self::Denied { path, source },
            _ => Self::CannotCreate { path, source },
        }
    }
}

/// What a [`StateError`] means for the caller, with the exit code of `sysexits.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StateErrorKind {
    /// The file named is the wrong one: `EX_CONFIG`, 78.
    Configuration,
    /// The file cannot be made or written: `EX_CANTCREAT`, 73.
    CannotCreate,
    /// Reading or writing failed: `EX_IOERR`, 74.
    Io,
    /// Another process is in the way: `EX_TEMPFAIL`, 75.
    Busy,
}

/// An empty file is a valid database to SQLite. Its directory entry becomes durable with the first transaction, which
/// flushes the directory for the sake of its journal.
fn create_if_missing(path: &Path) -> Result<(), StateError> {
    // Closing any descriptor of a file ends all locks that the process has on it (POSIX), also those of a database that
    // is open in another thread. So a file that exists is not opened here, and no other thread sees ours before it is
    // closed.
    static CREATING: Mutex<()> = Mutex::new(());
    let _alone = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => Ok(()),
            Ok(_) => Err(StateError::NotOurs { path: path.to_owned() }),
            Err(source) => Err(StateError::CannotCreate { path: path.to_owned(), source }),
        },
        Err(error) => Err(StateError::of_creation(path, error)),
    }
}

fn account_id(database: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    database.prepare_cached("SELECT id FROM account WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()
}

#[cfg(test)]
mod tests;
