//! Delivery into a Maildir: <https://cr.yp.to/proto/maildir.html>.

mod directories;
mod finding;
mod flushing;
mod placing;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::unique_name::unique_name;
use super::{DeliveryError, PartialDelivery};
use directories::Directories;

/// How many names are tried before something other than chance must be wrong.
const ATTEMPTS: usize = 16;

/// A Maildir that takes messages. A clone is another handle on the same directory; threads may share both.
#[derive(Clone, Debug)]
pub struct Maildir {
    directories: Arc<Directories>,
}

impl Maildir {
    /// Opens a Maildir. The directory and its `tmp`, `new` and `cur` are made with mode 0700 where they are missing;
    /// the directory above must exist.
    ///
    /// # Errors
    /// [`DeliveryError::NotADirectory`], [`DeliveryError::MissingParent`], [`DeliveryError::Denied`] or
    /// [`DeliveryError::ReadOnly`] when mail cannot be stored there, found out before any is fetched.
    pub fn open(path: &Path) -> Result<Self, DeliveryError> {
        Ok(Self { directories: Arc::new(Directories::open(path)?) })
    }

    /// Whether there is a Maildir in this place; there is none where its file system is not mounted. [`open`](Self::open)
    /// would make one, and a journal that knows what was stored there would let the server delete it: who keeps one asks
    /// this before.
    pub fn is_at(path: &Path) -> bool {
        path.join("new").is_dir() || path.join("cur").is_dir()
    }

    /// A new name for a message, as no other delivery will choose it.
    pub fn unique_name(&self) -> OsString {
        unique_name()
    }

    /// Begins a message: an empty file with mode 0600, which has no name until it is delivered. Where the file system has no
    /// such files, it is in `tmp` under a new unique name.
    ///
    /// The file stays open until the message is delivered or dropped, so that the limit on open files bounds how many
    /// messages can be under way.
    ///
    /// # Errors
    /// As the operating system has them, named by [`DeliveryError`].
    pub fn begin(&self) -> Result<Incoming, DeliveryError> {
        let mut attempts = ATTEMPTS;
        loop {
            match self.create(unique_name(), Naming::Any) {
                Err((Errno::EXIST, _)) if attempts > 1 => attempts -= 1,
                done => return done.map_err(|(_, error)| error),
            }
        }
    }

    /// Begins a message that will have this [`unique_name`](Self::unique_name) and no other, so that it can be
    /// [found](Self::find) by it.
    ///
    /// # Errors
    /// As [`begin`](Self::begin); also where the name is taken in `tmp`.
    pub fn begin_as(&self, name: OsString) -> Result<Incoming, DeliveryError> {
        self.create(name, Naming::Fixed).map_err(|(_, error)| error)
    }

    /// An empty file without a name, for [`begin_in`](Self::begin_in); nothing where there are no such files, or none can be
    /// made now.
    pub(crate) fn blank(&self) -> Option<Blank> {
        self.directories.create_unnamed()?.ok().map(Blank)
    }

    /// Begins a message as [`begin_as`](Self::begin_as) does, in a file that was made before.
    pub(crate) fn begin_in(&self, blank: Blank, name: OsString) -> Incoming {
        Incoming::new(Arc::clone(&self.directories), name, Naming::Fixed, blank.0, Place::Nowhere)
    }

    fn create(&self, name: OsString, naming: Naming) -> Result<Incoming, (Errno, DeliveryError)> {
        if let Some(file) = self.directories.create_unnamed() {
            let file =
                file.map_err(|error| (error, DeliveryError::of("create", self.directories.in_tmp(&name), error)))?;
            return Ok(Incoming::new(Arc::clone(&self.directories), name, naming, file, Place::Nowhere));
        }
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.directories.tmp, &name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => Ok(Incoming::new(Arc::clone(&self.directories), name, naming, file.into(), Place::Tmp)),
            Err(error) => Err((error, DeliveryError::of("create", self.directories.in_tmp(&name), error))),
        }
    }

    /// Makes complete messages durable and visible, and says where they are, in the same order.
    ///
    /// Every file is flushed to the disk, many of them by one flush of the file system, then named in `new` without ever
    /// replacing a file, then the directory is flushed once for all of them. This call blocks for as long as the disk takes; it may run in several threads at
    /// once, and a larger group costs less a message.
    ///
    /// # Errors
    /// On the first failure the messages before it are delivered all the same, durably, and [`PartialDelivery`] says
    /// which; those after it, and the one it struck, leave nothing behind in `tmp` or `new`. When the directory itself
    /// cannot be flushed, none is delivered.
    pub fn deliver(&self, mut messages: Vec<Incoming>) -> Result<Vec<PathBuf>, PartialDelivery> {
        let new = &self.directories;
        let mut failure = None;
        let mut in_order = |done: Result<(), DeliveryError>| done.map_err(|error| failure = Some(error)).is_ok();

        // The steps are apart, each over the whole group, so that the slow one can be shared among threads.
        let durable = match self.directories.flush_together(&messages) {
            true => messages.len(),
            false => messages.iter().map(|message| in_order(message.flush())).take_while(|done| *done).count(),
        };
        // What is cut off is dropped, and so removed from tmp.
        messages.truncate(durable);
        let placed = messages.iter_mut().map(|message| in_order(message.place(new))).take_while(|done| *done).count();
        messages.truncate(placed);
        if !messages.is_empty() && !in_order(self.directories.flush_new()) {
            // The mail stays at the server. A copy here that nobody vouches for would become a duplicate.
            for message in messages.drain(..) {
                self.directories.remove_from_new(&message.name);
            }
        }

        let delivered = messages.iter().map(|message| self.directories.in_new(&message.name)).collect();
        match failure {
            None => Ok(delivered),
            Some(error) => Err(PartialDelivery { delivered, error }),
        }
    }
}

/// An empty file of a Maildir that has no name yet.
#[derive(Debug)]
pub(crate) struct Blank(File);

/// A message that is being written. Dropped before it was delivered, it leaves nothing behind.
#[derive(Debug)]
pub struct Incoming {
    directories: Arc<Directories>,
    file: File,
    /// In `tmp` at first, in `new` once it is placed.
    name: OsString,
    octets: u64,
    naming: Naming,
    is_complete: bool,
    place: Place,
}

/// Where the file has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Nowhere,
    Tmp,
    New,
}

/// Whether the name may be another one should it be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    Any,
    Fixed,
}

impl Incoming {
    fn new(directories: Arc<Directories>, name: OsString, naming: Naming, file: File, place: Place) -> Self {
        Self { directories, file, name, octets: 0, naming, is_complete: true, place }
    }

    /// Appends the next piece, straight to the file: pieces should be as large as they come.
    ///
    /// # Errors
    /// As the operating system has them. After an error the message cannot be delivered any more.
    pub fn write(&mut self, octets: &[u8]) -> Result<(), DeliveryError> {
        if let Err(error) = self.file.write_all(octets) {
            self.is_complete = false;
            return Err(DeliveryError::of("write to", self.path(), error));
        }
        self.octets = self.octets.saturating_add(u64::try_from(octets.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// How many octets were written so far.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Makes the content durable.
    fn flush(&self) -> Result<(), DeliveryError> {
        if !self.is_complete {
            return Err(DeliveryError::Incomplete { path: self.path() });
        }
        self.file.sync_all().map_err(|error| DeliveryError::of("flush to disk", self.path(), error))
    }

    /// Names the file in `new`, under its name or, should that be taken, another unique one.
    fn place(&mut self, destination: &Directories) -> Result<(), DeliveryError> {
        let mut attempts = ATTEMPTS;
        let mut name = self.name.clone();
        loop {
            let placed = match self.place {
                Place::Nowhere => placing::unnamed(&self.file, &destination.new, &name),
                _ => placing::without_replacing(&self.file, &self.directories.tmp, &self.name, &destination.new, &name),
            };
            match placed {
                Ok(()) => {
                    self.place = Place::New;
                    self.name = name;
                    return Ok(());
                }
                Err(Errno::EXIST) if attempts > 1 && self.naming == Naming::Any => {
                    attempts -= 1;
                    name = unique_name();
                }
                Err(error) => return Err(DeliveryError::of("create", destination.in_new(&name), error)),
            }
        }
    }

    fn path(&self) -> PathBuf {
        self.directories.in_tmp(&self.name)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if self.place == Place::Tmp {
            // There is nobody to tell; and readers of a Maildir remove what has been in tmp for 36 hours.
            let _ = rustix::fs::unlinkat(&self.directories.tmp, self.name.as_os_str(), AtFlags::empty());
        }
    }
}

#[cfg(test)]
mod tests;
