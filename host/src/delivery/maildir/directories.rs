//! The directories of a Maildir: made, checked, kept open.

use std::fs::{DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags};

use super::{DeliveryError, OsStr};

/// `tmp` and `new` stay open: no path is walked for a message, and a Maildir that is renamed meanwhile stays the same.
#[derive(Debug)]
pub(super) struct Directories {
    path: PathBuf,
    pub(super) tmp: File,
    pub(super) new: File,
}

impl Directories {
    pub(super) fn open(path: &Path) -> Result<Self, DeliveryError> {
        let made_itself = make_if_missing(path)?;
        let mut made_inside = false;
        for name in ["tmp", "new", "cur"] {
            made_inside |= make_if_missing(&path.join(name))?;
        }
        if made_inside {
            flush(path)?;
        }
        if made_itself {
            flush_if_readable(parent_of(path))?;
        }
        Ok(Self {
            path: path.to_owned(),
            tmp: open_writable(&path.join("tmp"))?,
            new: open_writable(&path.join("new"))?,
        })
    }

    pub(super) fn in_tmp(&self, name: &OsStr) -> PathBuf {
        self.path.join("tmp").join(name)
    }

    pub(super) fn in_new(&self, name: &OsStr) -> PathBuf {
        self.path.join("new").join(name)
    }

    /// Makes the names in `new` durable. Those that are gone from `tmp` need no flush: one that came back after a
    /// crash would be a leftover like any other there.
    pub(super) fn flush_new(&self) -> Result<(), DeliveryError> {
        flush_open(&self.new, &self.path.join("new"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes a message that was not delivered, if it is there.
    pub(super) fn remove_from_tmp(&self, name: &OsStr) {
        // A leftover in tmp is no message; readers remove it in time.
        let _ = rustix::fs::unlinkat(&self.tmp, name, AtFlags::empty());
    }

    pub(super) fn remove_from_new(&self, name: &OsStr) {
        // Called because the file system fails already: there is nothing better to do about another failure.
        let _ = rustix::fs::unlinkat(&self.new, name, AtFlags::empty());
    }
}

/// Whether the directory had to be made.
fn make_if_missing(path: &Path) -> Result<bool, DeliveryError> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Ok(false),
        Ok(_) => return Err(DeliveryError::NotADirectory { path: path.to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return Err(DeliveryError::NotADirectory { path: parent_of(path).to_owned() });
        }
        Err(error) => return Err(DeliveryError::of("look at", path, error)),
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(true),
        // Another process was faster, or this is a symbolic link to nowhere.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => match path.is_dir() {
            true => Ok(false),
            false => Err(DeliveryError::NotADirectory { path: path.to_owned() }),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(DeliveryError::MissingParent { path: path.to_owned(), parent: parent_of(path).to_owned() })
        }
        Err(error) => Err(DeliveryError::of("make", path, error)),
    }
}

fn open_writable(path: &Path) -> Result<File, DeliveryError> {
    let directory = File::open(path).map_err(|error| DeliveryError::of("open", path, error))?;
    // Better found out now than when the first message has been fetched.
    rustix::fs::accessat(&directory, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty())
        .map_err(|error| DeliveryError::of("write to", path, error))?;
    Ok(directory)
}

/// A directory such as `/home` may take new entries and yet not be read, and so not be flushed, by this user.
fn flush_if_readable(path: &Path) -> Result<(), DeliveryError> {
    match flush(path) {
        Err(DeliveryError::Denied { .. }) => Ok(()),
        done => done,
    }
}

fn flush(path: &Path) -> Result<(), DeliveryError> {
    let directory = File::open(path).map_err(|error| DeliveryError::of("open", path, error))?;
    flush_open(&directory, path)
}

fn flush_open(directory: &File, path: &Path) -> Result<(), DeliveryError> {
    match directory.sync_all() {
        // Some network and user-space file systems have no such operation: names are safe without it, or not at all.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        done => done.map_err(|error| DeliveryError::of("flush to disk", path, error)),
    }
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}
