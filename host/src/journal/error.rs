//! Why the journal cannot be read or written.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

/// Why the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
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
    /// The file has nothing in it, although runs have used it.
    #[error(
        "the state file {path} is empty, and was not before; popfetch journal repair sets it aside, and the next run fetches \
         everything that is there",
        path = path.display()
    )]
    Emptied {
        /// The file.
        path: PathBuf,
    },
    /// Another run fetches from the same mailbox.
    #[error("{mailbox} is being fetched by {holder}; try again when it is done")]
    Held {
        /// The mailbox.
        mailbox: String,
        /// What is known of the other run.
        holder: String,
    },
    /// The journal is being repaired.
    #[error("the state file {path} is being repaired; try again when that is done", path = path.display())]
    Repaired {
        /// The file.
        path: PathBuf,
    },
    /// The file that keeps other runs away cannot be made or locked.
    #[error(
        "cannot lock {path}: {source}; it is made beside the state file, and must be writable for who runs popfetch",
        path = path.display()
    )]
    Lock {
        /// The file.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
    /// The directory of the file cannot be flushed, so that after a failure of power the file might not be there.
    #[error("cannot flush to disk {path}, where the state file is: {source}", path = path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
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
        "the state file {path} is damaged: {source}; popfetch journal repair sets it aside and takes over what can be read",
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

impl JournalError {
    /// What the error means for the caller.
    pub fn kind(&self) -> JournalErrorKind {
        match self {
            Self::NotOurs { .. } | Self::NewerSchema { .. } => JournalErrorKind::Configuration,
            Self::MissingDirectory { .. } | Self::Denied { .. } | Self::CannotCreate { .. } | Self::NoSpace { .. } => {
                JournalErrorKind::CannotCreate
            }
            Self::Busy { .. } | Self::Held { .. } | Self::Repaired { .. } => JournalErrorKind::Busy,
            Self::Damaged { .. }
            | Self::Emptied { .. }
            | Self::Io { .. }
            | Self::Lock { .. }
            | Self::Directory { .. } => JournalErrorKind::Io,
        }
    }

    pub(super) fn of(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotOurs { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path, source },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, source },
            Some(ErrorCode::DiskFull) => Self::NoSpace { path, source },
            // The index of the write-ahead log cannot grow: SQLite does not say why, and there is no other cause.
            _ if source.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_IOERR_SHMSIZE) => {
                Self::NoSpace { path, source }
            }
            // The file itself was seen before: what cannot be opened or written now is it or what stands beside it.
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::Denied { path, source: io::Error::new(io::ErrorKind::PermissionDenied, source) }
            }
            _ => Self::Io { path, source },
        }
    }

    pub(super) fn of_creation(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Self::MissingDirectory { path },
            io::ErrorKind::PermissionDenied => Self::Denied { path, source },
            _ => Self::CannotCreate { path, source },
        }
    }
}

/// What a [`JournalError`] means for the caller, with the exit code of `sysexits.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JournalErrorKind {
    /// The file named is the wrong one: `EX_CONFIG`, 78.
    Configuration,
    /// The file cannot be made or written: `EX_CANTCREAT`, 73.
    CannotCreate,
    /// Reading or writing failed: `EX_IOERR`, 74.
    Io,
    /// Another process is in the way: `EX_TEMPFAIL`, 75.
    Busy,
}
