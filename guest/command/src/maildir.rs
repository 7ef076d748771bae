//! Delivery into a Maildir, with what a sandbox has: no process id and no host name, but random numbers.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) struct Maildir {
    path: PathBuf,
    /// Tells the names of this run from those of others.
    random: u64,
    delivered: u64,
}

/// A message in `tmp`, removed unless it is delivered.
pub(crate) struct Incoming {
    file: File,
    path: PathBuf,
    name: String,
    delivered: bool,
}

impl Maildir {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        for folder in ["tmp", "new", "cur"] {
            fs::create_dir_all(path.join(folder))?;
        }
        Ok(Maildir { path: path.to_owned(), random: wasi::random::random::get_random_u64(), delivered: 0 })
    }

    pub(crate) fn begin(&mut self) -> io::Result<Incoming> {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.delivered += 1;
        let name = format!("{seconds}.R{:016x}Q{}.sandbox", self.random, self.delivered);
        let path = self.path.join("tmp").join(&name);
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok(Incoming { file, path, name, delivered: false })
    }

    /// Makes a complete message visible in `new`.
    pub(crate) fn deliver(&self, mut message: Incoming) -> io::Result<()> {
        message.file.sync_all()?;
        fs::rename(&message.path, self.path.join("new").join(&message.name))?;
        message.delivered = true;
        Ok(())
    }

    /// Makes the names of all delivered messages durable.
    pub(crate) fn flush(&self) -> io::Result<()> {
        File::open(self.path.join("new"))?.sync_all()
    }
}

impl Incoming {
    pub(crate) fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.file.write_all(octets)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.delivered {
            // A leftover in tmp is no message; whoever cleans up there will find it.
            let _ = fs::remove_file(&self.path);
        }
    }
}
