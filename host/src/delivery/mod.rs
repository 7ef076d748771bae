//! Where messages are stored, and what can go wrong there.
//!
//! A destination takes a message in pieces as they arrive, then makes whole groups of messages durable. Nothing counts
//! as delivered before the call that says so has returned.

mod maildir;
mod unique_name;

use std::io;
use std::path::{Path, PathBuf};

pub(crate) use maildir::Blank;
pub use maildir::{Incoming, Maildir};

/// Why a message is not stored. The cause is always on this side, never at the server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// The file system is full.
    #[error("cannot store: no space left on device for {path}; free some space and run again", path = path.display())]
    NoSpace {
        /// What was being written.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
    /// The user's quota is used up.
    #[error("cannot store: disk quota exceeded for {path}; free some space and run again", path = path.display())]
    QuotaExceeded {
        /// What was being written.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
    /// This user may not write there.
    #[error(
        "cannot store: permission denied for {path}; \
         give this user the right to write there, or name another directory",
        path = path.display()
    )]
    Denied {
        /// The directory or file.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
    /// The file system is mounted read-only.
    #[error("cannot store: {path} is on a read-only file system; name another directory", path = path.display())]
    ReadOnly {
        /// The directory or file.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
    /// A file, or something else, is where a directory should be.
    #[error("cannot store: {path} is not a directory; name a directory for the mail", path = path.display())]
    NotADirectory {
        /// What is there.
        path: PathBuf,
    },
    /// The directory would be made, but the one above it does not exist.
    #[error(
        "cannot store: {path} cannot be made because {parent} does not exist; make that first, or correct the path",
        path = path.display(), parent = parent.display()
    )]
    MissingParent {
        /// The directory to be made.
        path: PathBuf,
        /// The one that is missing.
        parent: PathBuf,
    },
    /// A message was to be delivered although one of its writes had failed.
    #[error("cannot store: an earlier write to {path} failed, so the message is not complete", path = path.display())]
    Incomplete {
        /// The unfinished file.
        path: PathBuf,
    },
    /// Any other answer of the operating system.
    #[error("cannot {doing} {path}: {source}", path = path.display())]
    Io {
        /// What was tried, as an English verb: "write to".
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
}

impl DeliveryError {
    /// Which of the two kinds of failure of `sysexits.h` this is.
    pub fn kind(&self) -> DeliveryErrorKind {
        match self {
            Self::NoSpace { .. }
            | Self::QuotaExceeded { .. }
            | Self::Denied { .. }
            | Self::ReadOnly { .. }
            | Self::NotADirectory { .. }
            | Self::MissingParent { .. } => DeliveryErrorKind::CannotStore,
            Self::Incomplete { .. } | Self::Io { .. } => DeliveryErrorKind::Io,
        }
    }

    /// Whether this process, or the system, has as many open files as it may.
    pub(crate) fn is_out_of_descriptors(&self) -> bool {
        use rustix::io::Errno;
        let Self::Io { source, .. } = self else { return false };
        let number = source.raw_os_error();
        [Errno::MFILE, Errno::NFILE].iter().any(|errno| number == Some(errno.raw_os_error()))
    }

    /// Names what the operating system said.
    fn of(doing: &'static str, path: impl AsRef<Path>, source: impl Into<io::Error>) -> Self {
        let (path, source) = (path.as_ref().to_owned(), source.into());
        match source.kind() {
            io::ErrorKind::StorageFull => Self::NoSpace { path, source },
            io::ErrorKind::QuotaExceeded => Self::QuotaExceeded { path, source },
            io::ErrorKind::PermissionDenied => Self::Denied { path, source },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path, source },
            io::ErrorKind::NotADirectory => Self::NotADirectory { path },
            _ => Self::Io { doing, path, source },
        }
    }
}

/// What a [`DeliveryError`] means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryErrorKind {
    /// The destination cannot take mail as it is: `EX_CANTCREAT`, 73.
    CannotStore,
    /// Reading or writing failed: `EX_IOERR`, 74.
    Io,
}

/// A group of messages of which not every one could be delivered.
///
/// `Display` is the error's own line.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct PartialDelivery {
    /// Where the first messages of the group are now: durable, and delivered as if the group had been no longer. The
    /// others are not delivered, and what was written of them is gone.
    pub delivered: Vec<PathBuf>,
    /// What stopped the first message that is not delivered.
    pub error: DeliveryError,
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{DeliveryError, DeliveryErrorKind};

    #[test]
    fn each_answer_of_the_system_has_its_line_and_kind() {
        use DeliveryErrorKind::{CannotStore, Io};
        use rustix::io::Errno;
        for (errno, kind, line) in [
            (Errno::NOSPC, CannotStore, "cannot store: no space left on device for /m/tmp/1; free"),
            (Errno::DQUOT, CannotStore, "cannot store: disk quota exceeded for /m/tmp/1; free"),
            (Errno::ACCESS, CannotStore, "cannot store: permission denied for /m/tmp/1; give"),
            (Errno::PERM, CannotStore, "cannot store: permission denied for /m/tmp/1; give"),
            (Errno::ROFS, CannotStore, "cannot store: /m/tmp/1 is on a read-only file system; name"),
            (Errno::NOTDIR, CannotStore, "cannot store: /m/tmp/1 is not a directory; name"),
            (Errno::IO, Io, "cannot write to /m/tmp/1: Input/output error"),
            (Errno::MFILE, Io, "cannot write to /m/tmp/1: Too many open files"),
        ] {
            let error = DeliveryError::of("write to", "/m/tmp/1", errno);
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().starts_with(line), "{error}");
            assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn the_system_error_stays_available_to_programs() {
        let error = DeliveryError::of("write to", "/m", io::Error::from(io::ErrorKind::StorageFull));
        assert!(std::error::Error::source(&error).is_some());
    }
}
