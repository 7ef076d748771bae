//! What a thread that stands has in its memory, and which files it has open.

use std::{
    fs::{self, File},
    os::unix::fs::{FileExt, MetadataExt},
    path::PathBuf,
};

use libc::pid_t;

use crate::recording::OpenFile;

/// Longer than any name.
const LONGEST_PATH: usize = 4096;

pub(super) struct Memory {
    process: PathBuf,
}

impl Memory {
    pub(super) fn of(thread: pid_t) -> Self {
        Self { process: PathBuf::from(format!("/proc/{thread}")) }
    }

    /// Nothing where there is no such memory; less, where it ends before.
    pub(super) fn octets(&self, address: u64, length: u64) -> Vec<u8> {
        let mut octets = vec![0; usize::try_from(length).unwrap_or_default()];
        let mut read = 0;
        if let Ok(memory) = File::open(self.process.join("mem")) {
            while let Ok(count @ 1..) = memory.read_at(&mut octets[read..], address + read as u64) {
                read += count;
            }
        }
        octets.truncate(read);
        octets
    }

    /// Text that ends with NUL.
    pub(super) fn text(&self, address: u64) -> String {
        let mut octets = self.octets(address, LONGEST_PATH as u64);
        octets.truncate(memchr::memchr(0, &octets).unwrap_or(octets.len()));
        String::from_utf8_lossy(&octets).into_owned()
    }

    /// Octets in several places: `struct iovec[count]`.
    pub(super) fn gathered(&self, address: u64, count: u64) -> Vec<u8> {
        let words = self.words(address, count * 2);
        words.chunks_exact(2).flat_map(|vector| self.octets(vector[0], vector[1])).collect()
    }

    pub(super) fn words(&self, address: u64, count: u64) -> Vec<u64> {
        let octets = self.octets(address, count * 8);
        octets.chunks_exact(8).map(|word| u64::from_ne_bytes(word.try_into().expect("eight octets"))).collect()
    }

    /// What is open under a number, with the name that the system has for it.
    pub(super) fn open_file(&self, descriptor: u64) -> Option<OpenFile> {
        let link = self.link(descriptor);
        let path = fs::read_link(&link).ok()?;
        Some(OpenFile { inode: fs::metadata(&link).ok()?.ino(), path })
    }

    /// Where the next write to it goes.
    pub(super) fn position(&self, descriptor: u64) -> u64 {
        let link = self.link(descriptor);
        let info = fs::read_to_string(self.process.join(format!("fdinfo/{}", descriptor_number(descriptor))));
        let info = info.unwrap_or_default();
        let field = |name| info.lines().find_map(|line: &str| Some(line.strip_prefix(name)?.trim().to_owned()));
        let flags = field("flags:").and_then(|flags| u64::from_str_radix(&flags, 8).ok()).unwrap_or_default();
        if flags & libc::O_APPEND as u64 != 0 {
            return fs::metadata(link).map_or(0, |metadata| metadata.len());
        }
        field("pos:").and_then(|position| position.parse().ok()).unwrap_or_default()
    }

    /// The whole name of what is called `name` from a directory that is open, or from the current one.
    pub(super) fn path(&self, directory: u64, name: &str) -> PathBuf {
        let base = if descriptor_number(directory) == libc::AT_FDCWD {
            fs::read_link(self.process.join("cwd")).unwrap_or_default()
        } else {
            self.open_file(directory).map(|file| file.path).unwrap_or_default()
        };
        // The name of a directory may end with a slash, and with a dot.
        base.join(name).components().collect()
    }

    fn link(&self, descriptor: u64) -> PathBuf {
        self.process.join(format!("fd/{}", descriptor_number(descriptor)))
    }
}

/// A descriptor is an `int`, whatever else is in the register.
fn descriptor_number(register: u64) -> i32 {
    register as i32
}
