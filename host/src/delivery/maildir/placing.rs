//! Moving a file to a name that must be free, on any file system.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, CWD, fstat, linkat, renameat, statat, unlinkat};
use rustix::io::{Errno, Result};

use super::OsStr;

/// Moves `file`, known as `from` in `from_directory`. `Errno::EXIST` says that the new name is taken.
///
/// The best way that the file system has: a rename that refuses to replace, a second link, or a look beforehand.
pub(super) fn without_replacing(
    file: &File,
    from_directory: impl AsFd,
    from: &OsStr,
    to_directory: impl AsFd,
    to: &OsStr,
) -> Result<()> {
    let (from_directory, to_directory) = (from_directory.as_fd(), to_directory.as_fd());
    let mut done = rename_exclusively(from_directory, from, to_directory, to);
    if done.is_err_and(is_not_offered) {
        done = link_and_unlink(file, from_directory, from, to_directory, to);
    }
    if done.is_err_and(is_not_offered) {
        done = look_and_rename(from_directory, from, to_directory, to);
    }
    done
}

/// Gives a file its first name. `Errno::EXIST` says that it is taken.
pub(super) fn unnamed(file: &File, directory: impl AsFd, name: &OsStr) -> Result<()> {
    static LINKS_DESCRIPTORS: AtomicBool = AtomicBool::new(true);
    if !LINKS_DESCRIPTORS.load(Ordering::Relaxed) {
        return link_by_proc(file, directory, name);
    }
    match link_descriptor(file, &directory, name) {
        // Before Linux 6.10 that is for the privileged, and a filter of calls may forbid it.
        Err(Errno::NOENT | Errno::PERM | Errno::ACCESS | Errno::INVAL | Errno::NOSYS) => {
            link_by_proc(file, directory, name)?;
            LINKS_DESCRIPTORS.store(false, Ordering::Relaxed);
            Ok(())
        }
        done => done,
    }
}

fn link_descriptor(file: &File, directory: impl AsFd, name: &OsStr) -> Result<()> {
    linkat(file, "", directory, name, AtFlags::EMPTY_PATH)
}

/// The way for everybody, which takes longer.
fn link_by_proc(file: &File, directory: impl AsFd, name: &OsStr) -> Result<()> {
    let descriptor = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(CWD, descriptor, directory, name, AtFlags::SYMLINK_FOLLOW)
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_exclusively(from_directory: impl AsFd, from: &OsStr, to_directory: impl AsFd, to: &OsStr) -> Result<()> {
    rustix::fs::renameat_with(from_directory, from, to_directory, to, rustix::fs::RenameFlags::NOREPLACE)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn rename_exclusively(_: impl AsFd, _: &OsStr, _: impl AsFd, _: &OsStr) -> Result<()> {
    Err(Errno::NOSYS)
}

/// The way that the Maildir specification describes.
fn link_and_unlink(
    file: &File,
    from_directory: impl AsFd,
    from: &OsStr,
    to_directory: impl AsFd,
    to: &OsStr,
) -> Result<()> {
    match linkat(&from_directory, from, &to_directory, to, AtFlags::empty()) {
        // NFS repeats a request whose reply was lost, and then finds the link that the first one made.
        Err(Errno::EXIST) if is_same_file(file, &to_directory, to) => {}
        done => done?,
    }
    // The message is at its place now. Its other name, should it stay, is a leftover in tmp.
    let _ = unlinkat(from_directory, from, AtFlags::empty());
    Ok(())
}

/// For file systems without links. Names are unique, so what could come between the two calls has no reason to.
fn look_and_rename(from_directory: impl AsFd, from: &OsStr, to_directory: impl AsFd, to: &OsStr) -> Result<()> {
    match statat(&to_directory, to, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Err(Errno::EXIST),
        Err(Errno::NOENT) => renameat(from_directory, from, to_directory, to),
        Err(error) => Err(error),
    }
}

/// What file systems and old kernels say to a call that they do not have. A refusal in earnest repeats itself in the
/// next way that is tried.
fn is_not_offered(error: Errno) -> bool {
    matches!(error, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM | Errno::MLINK)
}

fn is_same_file(file: &File, directory: impl AsFd, name: &OsStr) -> bool {
    match (fstat(file), statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)) {
        (Ok(one), Ok(other)) => one.st_dev == other.st_dev && one.st_ino == other.st_ino,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs::{self, File};
    use std::io::Write;

    use rustix::fs::{Mode, OFlags};
    use rustix::io::{Errno, Result};
    use tempfile::TempDir;

    use super::{
        is_same_file, link_and_unlink, link_by_proc, look_and_rename, rename_exclusively, unnamed, without_replacing,
    };

    type Naming = fn(&File, &File, &OsStr) -> Result<()>;
    type Way = fn(&File, &File, &OsStr, &File, &OsStr) -> Result<()>;

    const WAYS: [(&str, Way); 4] = [
        ("best", |file, from, name, to, new| without_replacing(file, from, name, to, new)),
        ("rename", |_, from, name, to, new| rename_exclusively(from, name, to, new)),
        ("link", |file, from, name, to, new| link_and_unlink(file, from, name, to, new)),
        ("look", |_, from, name, to, new| look_and_rename(from, name, to, new)),
    ];

    fn directories() -> (TempDir, File, File) {
        let directory = TempDir::new().unwrap();
        for name in ["from", "to"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        fs::write(directory.path().join("from/a"), "mail").unwrap();
        let open = |name| File::open(directory.path().join(name)).unwrap();
        let (from, to) = (open("from"), open("to"));
        (directory, from, to)
    }

    #[test]
    fn every_way_moves_the_file() {
        for (way, place) in WAYS {
            let (directory, from, to) = directories();
            let file = File::open(directory.path().join("from/a")).unwrap();
            place(&file, &from, OsStr::new("a"), &to, OsStr::new("b")).expect(way);
            assert_eq!(fs::read(directory.path().join("to/b")).unwrap(), b"mail", "{way}");
            assert!(!directory.path().join("from/a").exists(), "{way}");
        }
    }

    #[test]
    fn no_way_replaces_a_file() {
        for (way, place) in WAYS {
            let (directory, from, to) = directories();
            fs::write(directory.path().join("to/b"), "another mail").unwrap();
            let file = File::open(directory.path().join("from/a")).unwrap();
            let done = place(&file, &from, OsStr::new("a"), &to, OsStr::new("b"));
            assert_eq!(done, Err(Errno::EXIST), "{way}");
            assert_eq!(fs::read(directory.path().join("to/b")).unwrap(), b"another mail", "{way}");
            assert_eq!(fs::read(directory.path().join("from/a")).unwrap(), b"mail", "{way}");
        }
    }

    #[test]
    fn a_file_without_a_name_gets_one_in_every_way() {
        let ways: [(&str, Naming); 2] =
            [("best", |file, to, new| unnamed(file, to, new)), ("proc", |file, to, new| link_by_proc(file, to, new))];
        for (way, place) in ways {
            let (directory, _, to) = directories();
            let flags = OFlags::TMPFILE | OFlags::WRONLY;
            let Ok(file) = rustix::fs::openat(&to, ".", flags, Mode::RUSR | Mode::WUSR) else { return };
            let mut file = File::from(file);
            file.write_all(b"mail").unwrap();
            place(&file, &to, OsStr::new("b")).expect(way);
            assert_eq!(fs::read(directory.path().join("to/b")).unwrap(), b"mail", "{way}");
            assert_eq!(place(&file, &to, OsStr::new("b")), Err(Errno::EXIST), "{way}");
        }
    }

    #[test]
    fn a_link_that_an_earlier_request_made_is_taken_for_what_it_is() {
        let (directory, from, to) = directories();
        fs::hard_link(directory.path().join("from/a"), directory.path().join("to/b")).unwrap();
        let file = File::open(directory.path().join("from/a")).unwrap();
        assert!(is_same_file(&file, &to, OsStr::new("b")));
        assert_eq!(link_and_unlink(&file, &from, OsStr::new("a"), &to, OsStr::new("b")), Ok(()));
        assert!(!directory.path().join("from/a").exists());
    }
}
