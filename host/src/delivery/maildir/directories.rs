//! The directories of a Maildir: made, checked, kept open.

use std::fs::{DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Access, AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::{DeliveryError, OsStr, flushing};

/// `tmp` and `new` stay open: no path is walked for a message, and a Maildir that is renamed meanwhile stays the same.
#[derive(Debug)]
pub(super) struct Directories {
    path: PathBuf,
    pub(super) tmp: File,
    pub(super) new: File,
    /// Files may be made without a name, and get one later.
    makes_unnamed: AtomicBool,
    /// Whether one flush of the file system is as good as one for each file. Held during such a flush.
    pub(super) flushes_together: Mutex<bool>,
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
        let tmp = open_writable(&path.join("tmp"))?;
        let flushes_together = flushing::is_sure_of_the_file_system(&tmp);
        Ok(Self {
            path: path.to_owned(),
            tmp,
            new: open_writable(&path.join("new"))?,
            makes_unnamed: AtomicBool::new(Path::new("/proc/self/fd").is_dir()),
            flushes_together: Mutex::new(flushes_together),
        })
    }

    /// A file that has no name yet, and so is gone with this process; nothing where there are no such files.
    pub(super) fn create_unnamed(&self) -> Option<Result<File, Errno>> {
        if !self.makes_unnamed.load(Ordering::Relaxed) {
            return None;
        }
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.tmp, ".", flags, Mode::RUSR | Mode::WUSR) {
            // What file systems and old kernels say that do not have them.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS) => {
                self.makes_unnamed.store(false, Ordering::Relaxed);
                None
            }
            // A file with a name needs no less of these.
            Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::MFILE | Errno::NFILE | Errno::IO)) => Some(Err(error)),
            // What is in the way of others, the attempt to make one with a name says better.
            done => done.ok().map(|file| Ok(file.into())),
        }
    }

    /// As on a file system that has no files without a name.
    #[cfg(test)]
    pub(super) fn name_all(&self) {
        self.makes_unnamed.store(false, Ordering::Relaxed);
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

pub(super) fn flush_open(directory: &File, path: &Path) -> Result<(), DeliveryError> {
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
