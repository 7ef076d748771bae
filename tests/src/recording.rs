//! What a process does to the disk and says to its server: call by call, in the order in which it happens.

use std::{fmt, path::PathBuf};

/// One end of a system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The thread that calls; it makes one call at a time.
    pub thread: i32,
    /// Which end.
    pub moment: Moment,
    /// What the call does.
    pub operation: Operation,
}

/// Before a call, or after it. Between the two, the other threads go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It has not been carried out yet.
    Before,
    /// It was carried out, with this result; the number of the error where it failed.
    After(Result<u64, i32>),
}

/// A file that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFile {
    /// Its number in the file system, which another file gets once it is gone.
    pub inode: u64,
    /// The name that the system has for it, which may have changed since it was opened.
    pub path: PathBuf,
}

/// A system call that changes something, or shows something to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Opens a file, and makes it if it is missing and this is asked for.
    Open {
        /// Its name; of one without a name, the directory.
        path: PathBuf,
        /// `O_CREAT`.
        creates: bool,
        /// `O_TRUNC`.
        truncates: bool,
        /// `O_TMPFILE`.
        unnamed: bool,
        /// Known once it is open.
        inode: Option<u64>,
    },
    /// Makes a directory.
    MakeDirectory {
        /// Its name.
        path: PathBuf,
        /// Known once it is made.
        inode: Option<u64>,
    },
    /// Writes to a file; its result says how many of the octets.
    Write {
        /// The file.
        file: OpenFile,
        /// The position in it.
        at: u64,
        /// What is written.
        octets: Vec<u8>,
    },
    /// Gives a file another length.
    Resize {
        /// The file.
        file: OpenFile,
        /// In octets.
        length: u64,
        /// Whether it may become shorter.
        shortens: bool,
    },
    /// Makes a file, or the names in a directory, durable.
    Flush {
        /// The file.
        file: OpenFile,
    },
    /// Makes all that was written durable.
    FlushAll,
    /// Gives a file another name.
    Rename {
        /// The old name.
        from: PathBuf,
        /// The new one.
        to: PathBuf,
    },
    /// Gives a file one name more.
    Link {
        /// The file, by a name or as it is open.
        from: Source,
        /// The new name.
        to: PathBuf,
    },
    /// Takes a name away.
    Unlink {
        /// Which one.
        path: PathBuf,
    },
    /// Closes a file or a connection.
    Close {
        /// What it is called.
        path: PathBuf,
    },
    /// Opens a connection.
    Connect,
    /// Says something to the server; its result says how many of the octets.
    Send {
        /// What is said.
        octets: Vec<u8>,
    },
    /// Ends a connection, or one direction of it.
    Shutdown,
}

/// What gets one name more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The file of this name.
    Named(PathBuf),
    /// This file, which may have none.
    Open(OpenFile),
}

impl Operation {
    /// Whether it does something to the disk, and may so find it full or broken.
    pub fn is_on_disk(&self) -> bool {
        !matches!(self, Self::Connect | Self::Send { .. } | Self::Shutdown)
    }

    /// Whether it takes room on the disk.
    pub fn takes_room(&self) -> bool {
        match self {
            Self::Open { creates, unnamed, .. } => *creates || *unnamed,
            Self::MakeDirectory { .. }
            | Self::Write { .. }
            | Self::Resize { .. }
            | Self::Flush { .. }
            | Self::FlushAll
            | Self::Rename { .. }
            | Self::Link { .. } => true,
            Self::Unlink { .. } | Self::Close { .. } | Self::Connect | Self::Send { .. } | Self::Shutdown => false,
        }
    }
}

/// A line for a reader of a failed test, without what is written.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { path, creates, unnamed, .. } => {
                let how = if *creates || *unnamed { " to make it" } else { "" };
                write!(f, "open {}{how}", path.display())
            }
            Self::MakeDirectory { path, .. } => write!(f, "make the directory {}", path.display()),
            Self::Write { file, at, octets } => {
                write!(f, "write {} octets at {at} of {}", octets.len(), file.path.display())
            }
            Self::Resize { file, length, .. } => write!(f, "resize {} to {length} octets", file.path.display()),
            Self::Flush { file } => write!(f, "flush {}", file.path.display()),
            Self::FlushAll => write!(f, "flush the file system"),
            Self::Rename { from, to } => write!(f, "rename {} to {}", from.display(), to.display()),
            Self::Link { from: Source::Named(from), to } => write!(f, "link {} to {}", from.display(), to.display()),
            Self::Link { from: Source::Open(from), to } => {
                write!(f, "link {} to {}", from.path.display(), to.display())
            }
            Self::Unlink { path } => write!(f, "unlink {}", path.display()),
            Self::Close { path } => write!(f, "close {}", path.display()),
            Self::Connect => write!(f, "connect"),
            Self::Send { octets } => {
                write!(f, "send \"{}\"", octets.get(..60).unwrap_or(octets).escape_ascii())
            }
            Self::Shutdown => write!(f, "shut the connection down"),
        }
    }
}
