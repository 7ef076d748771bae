//! One run a mailbox: a lock that ends with its process.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::{Journal, JournalError};

/// The most octets of what another run has left about itself.
const LONGEST_NOTE: u64 = 200;

impl Journal {
    /// Keeps other runs that use this journal away from a mailbox, a name such as `user@host:port`, and repairs away from the
    /// journal, for as long as this value lives. The system ends that with the process, however that ends.
    ///
    /// The lock is on a file beside the journal, which stays there: to remove it would let two runs lock two files of one
    /// name.
    ///
    /// # Errors
    /// [`JournalError::Held`] with what is known of the run that holds it; [`JournalError::Repaired`] during a repair.
    pub fn lock(&mut self, mailbox: &str) -> Result<(), JournalError> {
        let (path, journal) = self.open_lock("")?;
        match journal.try_lock_shared() {
            Ok(()) if self.is_in_its_place() => self.locks.push(journal),
            Ok(()) | Err(TryLockError::WouldBlock) => {
                return Err(JournalError::Repaired { path: self.path.clone() });
            }
            Err(TryLockError::Error(source)) => return Err(JournalError::Lock { path, source }),
        }
        let (path, mut file) = self.open_lock(&short(mailbox))?;
        let failed = |source| JournalError::Lock { path: path.clone(), source };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut note = String::new();
                // What cannot be read is not known.
                let _ = file.take(LONGEST_NOTE).read_to_string(&mut note);
                let holder = if note.is_empty() { "another process".to_owned() } else { note };
                return Err(JournalError::Held { mailbox: mailbox.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let note = format!("process {}", std::process::id());
        file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0))).map_err(failed)?;
        file.write_all(note.as_bytes()).map_err(failed)?;
        self.locks.push(file);
        Ok(())
    }

    /// Whether a run has ever used a journal in this place.
    pub(super) fn was_locked(&self) -> bool {
        self.lock_path("").exists()
    }

    fn is_in_its_place(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|metadata| metadata.ino() == self.inode)
    }

    /// Keeps all runs away, for as long as the file is open.
    ///
    /// # Errors
    /// [`JournalError::Held`] while there is one.
    pub(super) fn lock_out(&self) -> Result<File, JournalError> {
        let (path, file) = self.open_lock("")?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                Err(JournalError::Held { mailbox: "a mailbox".to_owned(), holder: "a run".to_owned() })
            }
            Err(TryLockError::Error(source)) => Err(JournalError::Lock { path, source }),
        }
    }

    fn lock_path(&self, name: &str) -> PathBuf {
        let mut path: OsString = self.path.clone().into_os_string();
        path.push(format!("{name}.lock"));
        PathBuf::from(path)
    }

    /// Opens the file beside the journal for the lock of this name.
    fn open_lock(&self, name: &str) -> Result<(PathBuf, File), JournalError> {
        let path = self.lock_path(name);
        let mut options = OpenOptions::new();
        match options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path) {
            Ok(file) => Ok((path, file)),
            Err(source) => Err(JournalError::Lock { path, source }),
        }
    }
}

/// A part of a file name, of fixed length whatever the mailbox is called.
fn short(mailbox: &str) -> String {
    let digest = Sha256::digest(mailbox.as_bytes());
    let octets: String = digest.iter().take(8).map(|octet| format!("{octet:02x}")).collect();
    format!(".{octets}")
}
