//! One run a mailbox: a lock that ends with its process.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::{Journal, JournalError};

/// The most octets of what another run has left about itself.
const LONGEST_NOTE: u64 = 200;

/// Held while a mailbox is fetched. The system ends it with the process, however that ends.
#[derive(Debug)]
pub struct MailboxLock {
    _file: File,
}

impl Journal {
    /// Keeps other runs that use this journal away from a mailbox, a name such as `user@host:port`.
    ///
    /// The lock is on an empty file beside the journal, which stays there: to remove it would let two runs lock two files
    /// of one name.
    ///
    /// # Errors
    /// [`JournalError::Held`] with what is known of the run that holds it.
    pub fn lock(&self, mailbox: &str) -> Result<MailboxLock, JournalError> {
        let path = self.lock_path(mailbox);
        let failed = |source| JournalError::Lock { path: path.clone(), source };
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).mode(0o600).open(&path).map_err(failed)?;
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
        Ok(MailboxLock { _file: file })
    }

    /// A name of fixed length, whatever the mailbox is called.
    fn lock_path(&self, mailbox: &str) -> PathBuf {
        let digest = Sha256::digest(mailbox.as_bytes());
        let short: String = digest.iter().take(8).map(|octet| format!("{octet:02x}")).collect();
        let mut name: OsString = self.path.clone().into_os_string();
        name.push(format!(".{short}.lock"));
        PathBuf::from(name)
    }
}
