//! Which call does what.

use std::path::{Path, PathBuf};

use super::memory::Memory;
use crate::recording::{OpenFile, Operation, Source};

/// The register of a call that has failed with the highest number of an error.
const LAST_ERROR: i64 = -4095;

/// What the call with this number is about to do; nothing where it does not change or show anything, or has to do with
/// other things than files below `root` and connections.
pub(super) fn operation(number: u64, arguments: [u64; 4], memory: &Memory, root: &Path) -> Option<Operation> {
    let [first, second, third, fourth] = arguments;
    let here = libc::AT_FDCWD as u64;
    let at = |directory, name| memory.path(directory, &memory.text(name));
    let opened = |path: PathBuf, flags: u64| Operation::Open {
        path,
        creates: flags & libc::O_CREAT as u64 != 0,
        truncates: flags & libc::O_TRUNC as u64 != 0,
        unnamed: flags & libc::O_TMPFILE as u64 == libc::O_TMPFILE as u64,
        inode: None,
    };
    let operation = match number as i64 {
        libc::SYS_open => opened(at(here, first), second),
        libc::SYS_creat => opened(at(here, first), (libc::O_CREAT | libc::O_TRUNC) as u64),
        libc::SYS_openat => opened(at(first, second), third),
        libc::SYS_openat2 => opened(at(first, second), *memory.words(third, 1).first()?),
        libc::SYS_mkdir => Operation::MakeDirectory { path: at(here, first), inode: None },
        libc::SYS_mkdirat => Operation::MakeDirectory { path: at(first, second), inode: None },
        libc::SYS_write => written(first, None, || memory.octets(second, third), memory)?,
        libc::SYS_pwrite64 => written(first, Some(fourth), || memory.octets(second, third), memory)?,
        libc::SYS_writev => written(first, None, || memory.gathered(second, third), memory)?,
        libc::SYS_pwritev | libc::SYS_pwritev2 => {
            written(first, Some(fourth), || memory.gathered(second, third), memory)?
        }
        libc::SYS_sendto => written(first, None, || memory.octets(second, third), memory)?,
        libc::SYS_sendmsg => {
            // The third and fourth word of a `struct msghdr`.
            let header = memory.words(second, 4);
            written(first, None, || memory.gathered(header[2], header[3]), memory)?
        }
        libc::SYS_ftruncate => Operation::Resize { file: memory.open_file(first)?, length: second, shortens: true },
        libc::SYS_fallocate => {
            Operation::Resize { file: memory.open_file(first)?, length: third + fourth, shortens: false }
        }
        libc::SYS_fsync | libc::SYS_fdatasync => Operation::Flush { file: memory.open_file(first)? },
        libc::SYS_syncfs | libc::SYS_sync => Operation::FlushAll,
        libc::SYS_rename => Operation::Rename { from: at(here, first), to: at(here, second) },
        libc::SYS_renameat | libc::SYS_renameat2 => {
            Operation::Rename { from: at(first, second), to: at(third, fourth) }
        }
        libc::SYS_link => Operation::Link { from: Source::Named(at(here, first)), to: at(here, second) },
        libc::SYS_linkat => {
            Operation::Link { from: linked(first, &memory.text(second), memory)?, to: at(third, fourth) }
        }
        libc::SYS_unlink => Operation::Unlink { path: at(here, first) },
        libc::SYS_unlinkat => Operation::Unlink { path: at(first, second) },
        libc::SYS_close => Operation::Close { path: memory.open_file(first)?.path },
        libc::SYS_connect => Operation::Connect,
        libc::SYS_shutdown => Operation::Shutdown,
        _ => return None,
    };
    is_of_interest(&operation, root).then_some(operation)
}

/// Whether the third argument of a call says how many octets there are.
pub(super) fn takes_a_length(number: u64) -> bool {
    matches!(number as i64, libc::SYS_write | libc::SYS_pwrite64 | libc::SYS_sendto)
}

/// What a call has given.
pub(super) fn result(register: u64) -> Result<u64, i32> {
    match register as i64 {
        error @ LAST_ERROR..=-1 => Err(-error as i32),
        _ => Ok(register),
    }
}

/// What is known only afterwards.
pub(super) fn complete(operation: &mut Operation, result: Result<u64, i32>, memory: &Memory) {
    match (operation, result) {
        (Operation::Open { inode, .. }, Ok(descriptor)) => {
            *inode = memory.open_file(descriptor).map(|file| file.inode);
        }
        (Operation::MakeDirectory { path, inode }, Ok(_)) => {
            use std::os::unix::fs::MetadataExt;
            *inode = std::fs::metadata(path).ok().map(|metadata| metadata.ino());
        }
        _ => {}
    }
}

/// What is written to a file, or said to somebody.
fn written(descriptor: u64, at: Option<u64>, octets: impl Fn() -> Vec<u8>, memory: &Memory) -> Option<Operation> {
    let file = memory.open_file(descriptor)?;
    if file.path.starts_with("/") {
        return Some(Operation::Write {
            file,
            at: at.unwrap_or_else(|| memory.position(descriptor)),
            octets: octets(),
        });
    }
    is_connection(&file.path).then(|| Operation::Send { octets: octets() })
}

/// A file is linked by a name, or as it is open: with an empty name, or by its link in `/proc`.
fn linked(directory: u64, name: &str, memory: &Memory) -> Option<Source> {
    let descriptor = if name.is_empty() {
        Some(directory)
    } else {
        name.rsplit_once("/fd/").and_then(|(start, number)| start.starts_with("/proc/").then(|| number.parse().ok())?)
    };
    match descriptor {
        Some(descriptor) => Some(Source::Open(memory.open_file(descriptor)?)),
        None => Some(Source::Named(memory.path(directory, name))),
    }
}

fn is_of_interest(operation: &Operation, root: &Path) -> bool {
    let below = |path: &Path| path.starts_with(root);
    let open = |file: &OpenFile| below(&file.path);
    match operation {
        Operation::Open { path, .. }
        | Operation::MakeDirectory { path, .. }
        | Operation::Unlink { path }
        | Operation::Rename { to: path, .. }
        | Operation::Link { to: path, .. } => below(path),
        Operation::Write { file, .. } | Operation::Resize { file, .. } | Operation::Flush { file } => open(file),
        Operation::Close { path } => below(path) || is_connection(path),
        Operation::FlushAll | Operation::Connect | Operation::Send { .. } | Operation::Shutdown => true,
    }
}

fn is_connection(path: &Path) -> bool {
    path.to_str().is_some_and(|name| name.starts_with("socket:"))
}
