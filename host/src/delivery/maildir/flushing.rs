//! One flush for many files.

use std::fs::File;
use std::sync::PoisonError;

use super::Incoming;
use super::directories::Directories;

/// So many files are cheaper to flush together than one by one. It also flushes what others have written, so that few do
/// not wait for that.
const TOGETHER: usize = 8;

/// The file systems that write all files out in `syncfs`, and say there when that has failed: ext2 to ext4, XFS, Btrfs, F2FS,
/// and tmpfs, which has no disk. Those over a network or over another file system are left out.
const SURE: [u64; 5] = [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994];

/// The first version of Linux whose `syncfs` says that a file could not be written.
const LINUX: (u32, u32) = (5, 8);

impl Directories {
    /// Makes the content of these messages durable, if they are many and the file system has a way; otherwise, and where that
    /// fails, each has to be flushed by itself.
    pub(super) fn flush_together(&self, messages: &[Incoming]) -> bool {
        if messages.len() < TOGETHER || !messages.iter().all(|message| message.is_complete) {
            return false;
        }
        // The system tells a failure once to all who share this descriptor: whoever hears of it tells the others.
        let mut is_sure = self.flushes_together.lock().unwrap_or_else(PoisonError::into_inner);
        *is_sure = *is_sure && rustix::fs::syncfs(&self.tmp).is_ok();
        *is_sure
    }
}

/// Whether the file system is one of those, and the kernel as new.
pub(super) fn is_sure_of_the_file_system(directory: &File) -> bool {
    let is_sure = rustix::fs::fstatfs(directory)
        .is_ok_and(|found| u64::try_from(found.f_type).is_ok_and(|found| SURE.contains(&found)));
    is_sure && cfg!(target_os = "linux") && is_new_enough(&rustix::system::uname().release().to_string_lossy())
}

fn is_new_enough(release: &str) -> bool {
    let mut numbers = release.split(|character: char| !character.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= LINUX,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn old_kernels_do_not_say_what_failed() {
        for (release, is_new) in [
            ("5.7.19-generic", false),
            ("5.8.0", true),
            ("6.1", true),
            ("4.19.0-27-amd64", false),
            ("10.0-rc1", true),
            ("", false),
            ("6", false),
        ] {
            assert_eq!(is_new_enough(release), is_new, "{release}");
        }
    }
}
