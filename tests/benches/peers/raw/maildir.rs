//! Writes a Maildir: each file in `tmp`, then a rename to `new`; where it has to be durable, a whole group at once.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
};

/// Messages that one syncfs makes durable.
const GROUP: usize = 500;
/// What is gathered before it is written.
const PIECE: usize = 256 << 10;

pub(super) struct Maildir {
    tmp: PathBuf,
    new: PathBuf,
    is_durable: bool,
    /// How many were begun.
    begun: usize,
    /// How many were moved to `new`.
    moved: usize,
    current: Option<File>,
    piece: Vec<u8>,
}

impl Maildir {
    /// The folders have to be there.
    pub(super) fn new(path: &Path, is_durable: bool) -> io::Result<Self> {
        let [tmp, new] = ["tmp", "new"].map(|folder| path.join(folder));
        Ok(Self { tmp, new, is_durable, begun: 0, moved: 0, current: None, piece: Vec::with_capacity(PIECE) })
    }

    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.begun += 1;
        self.current = Some(File::create_new(self.tmp.join(name(self.begun)))?);
        Ok(())
    }

    pub(super) fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        if self.piece.len() + octets.len() > PIECE {
            self.flush()?;
        }
        self.piece.extend_from_slice(octets);
        Ok(())
    }

    pub(super) fn end(&mut self) -> io::Result<()> {
        self.flush()?;
        self.current = None;
        let group = if self.is_durable { GROUP } else { 1 };
        if self.begun - self.moved >= group { self.place() } else { Ok(()) }
    }

    /// After the last message.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.place()?;
        if self.is_durable { File::open(&self.new)?.sync_all() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(file) = &mut self.current {
            file.write_all(&self.piece)?;
        }
        self.piece.clear();
        Ok(())
    }

    fn place(&mut self) -> io::Result<()> {
        if self.is_durable {
            rustix::fs::syncfs(File::open(&self.tmp)?)?;
        }
        while self.moved < self.begun {
            self.moved += 1;
            let name = name(self.moved);
            fs::rename(self.tmp.join(&name), self.new.join(&name))?;
        }
        Ok(())
    }
}

fn name(number: usize) -> String {
    format!("{}.{number}", process::id())
}
