use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use tempfile::TempDir;

use super::super::{DeliveryError, DeliveryErrorKind};
use super::{Arc, Incoming, Maildir, Mode, OFlags};

fn maildir() -> (TempDir, Maildir) {
    let directory = TempDir::new().unwrap();
    let maildir = Maildir::open(&directory.path().join("mail")).unwrap();
    (directory, maildir)
}

/// On a file system where each file has a name from the beginning.
fn named_maildir() -> (TempDir, Maildir) {
    let (directory, maildir) = maildir();
    maildir.directories.name_all();
    (directory, maildir)
}

fn message(maildir: &Maildir, content: &[u8]) -> Incoming {
    let mut message = maildir.begin().unwrap();
    message.write(content).unwrap();
    message
}

fn count(directory: &TempDir, folder: &str) -> usize {
    fs::read_dir(directory.path().join("mail").join(folder)).unwrap().count()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// A message whose next write meets a full disk.
fn unwritable(maildir: &Maildir) -> Incoming {
    let mut message = maildir.begin().unwrap();
    message.file = File::options().write(true).open("/dev/full").unwrap();
    message
}

#[test]
fn what_is_missing_is_made_for_its_owner_alone() {
    let (directory, _) = maildir();
    let path = directory.path().join("mail");
    for folder in ["", "tmp", "new", "cur"] {
        assert_eq!(mode(&path.join(folder)), 0o700, "{folder}");
    }
}

#[test]
fn a_maildir_that_is_there_is_left_as_it_is() {
    let (directory, maildir) = maildir();
    let path = directory.path().join("mail");
    maildir.deliver(vec![message(&maildir, b"old")]).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
    fs::remove_dir(path.join("cur")).unwrap();

    Maildir::open(&path).unwrap();
    assert_eq!(mode(&path), 0o750);
    assert_eq!(mode(&path.join("cur")), 0o700);
    assert_eq!(count(&directory, "new"), 1);
}

#[test]
fn a_delivered_message_is_in_new_octet_for_octet_and_nowhere_else() {
    for ((directory, maildir), in_tmp) in [(maildir(), 0), (named_maildir(), 1)] {
        let content: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut incoming = maildir.begin().unwrap();
        for piece in content.chunks(65_536) {
            incoming.write(piece).unwrap();
        }
        assert_eq!(incoming.octets(), 200_000);
        assert_eq!((count(&directory, "tmp"), count(&directory, "new")), (in_tmp, 0));

        let paths = maildir.deliver(vec![incoming]).unwrap();
        assert_eq!(paths.len(), 1);
        assert_eq!(paths[0].parent().unwrap(), directory.path().join("mail/new"));
        assert_eq!(fs::read(&paths[0]).unwrap(), content);
        assert_eq!(mode(&paths[0]), 0o600);
        assert_eq!((count(&directory, "tmp"), count(&directory, "new"), count(&directory, "cur")), (0, 1, 0));
    }
}

#[test]
fn a_message_has_the_name_that_was_chosen_for_it() {
    for (directory, maildir) in [maildir(), named_maildir()] {
        let name = maildir.unique_name();
        let mut incoming = maildir.begin_as(name.clone()).unwrap();
        incoming.write(b"mail").unwrap();
        let path = directory.path().join("mail/new").join(&name);
        assert_eq!(maildir.deliver(vec![incoming]).unwrap(), std::slice::from_ref(&path));
        // And no other one, should that be taken.
        let mut again = maildir.begin_as(name).unwrap();
        again.write(b"other").unwrap();
        assert!(maildir.deliver(vec![again]).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"mail");
        assert_eq!((count(&directory, "tmp"), count(&directory, "new")), (0, 1));
    }
}

#[test]
fn a_group_keeps_its_order() {
    for (_directory, maildir) in [maildir(), named_maildir()] {
        let group = (0..50).map(|n| message(&maildir, format!("message {n}").as_bytes())).collect();
        for (n, path) in maildir.deliver(group).unwrap().iter().enumerate() {
            assert_eq!(fs::read_to_string(path).unwrap(), format!("message {n}"));
        }
        assert!(maildir.deliver(Vec::new()).unwrap().is_empty());
    }
}

#[test]
fn threads_deliver_side_by_side() {
    let (directory, maildir) = maildir();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    maildir.deliver((0..5).map(|_| message(&maildir, b"mail")).collect()).unwrap();
                }
            });
        }
    });
    assert_eq!((count(&directory, "tmp"), count(&directory, "new")), (0, 200));
}

#[test]
fn a_message_that_is_dropped_leaves_nothing() {
    let (directory, maildir) = named_maildir();
    drop(message(&maildir, b"half"));
    assert_eq!((count(&directory, "tmp"), count(&directory, "new")), (0, 0));
}

#[test]
fn a_name_that_is_taken_is_not_replaced() {
    let (directory, maildir) = maildir();
    let incoming = message(&maildir, b"second");
    let taken = directory.path().join("mail/new").join(&incoming.name);
    fs::write(&taken, "first").unwrap();

    let paths = maildir.deliver(vec![incoming]).unwrap();
    assert_ne!(paths[0], taken);
    assert_eq!(fs::read_to_string(taken).unwrap(), "first");
    assert_eq!(fs::read_to_string(&paths[0]).unwrap(), "second");
    assert_eq!(count(&directory, "tmp"), 0);
}

#[test]
fn a_full_disk_is_named_and_the_message_cannot_be_delivered() {
    let (directory, maildir) = maildir();
    let mut incoming = unwritable(&maildir);
    let error = incoming.write(b"mail").unwrap_err();
    assert!(matches!(error, DeliveryError::NoSpace { .. }), "{error}");
    assert_eq!(incoming.octets(), 0);

    // Even if the disk has space again: a piece is missing.
    let failure = maildir.deliver(vec![incoming]).unwrap_err();
    assert!(matches!(failure.error, DeliveryError::Incomplete { .. }), "{failure}");
    assert_eq!((count(&directory, "tmp"), count(&directory, "new")), (0, 0));
}

#[test]
fn what_stands_before_a_failure_is_delivered_and_what_stands_behind_is_not() {
    let (directory, maildir) = maildir();
    let mut broken = unwritable(&maildir);
    broken.write(b"x").unwrap_err();
    let group = vec![message(&maildir, b"1"), message(&maildir, b"2"), broken, message(&maildir, b"4")];

    let failure = maildir.deliver(group).unwrap_err();
    let contents: Vec<_> = failure.delivered.iter().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(contents, [b"1", b"2"]);
    assert_eq!((count(&directory, "tmp"), count(&directory, "new")), (0, 2));
}

#[test]
fn a_message_that_cannot_be_placed_takes_those_behind_it_along() {
    let (directory, maildir) = named_maildir();
    let group = vec![message(&maildir, b"1"), message(&maildir, b"2"), message(&maildir, b"3")];
    fs::remove_file(directory.path().join("mail/tmp").join(&group[1].name)).unwrap();

    let failure = maildir.deliver(group).unwrap_err();
    assert_eq!(failure.delivered.len(), 1);
    assert_eq!(failure.error.kind(), DeliveryErrorKind::Io);
    assert_eq!((count(&directory, "tmp"), count(&directory, "new")), (0, 1));
}

#[test]
fn the_earliest_failure_of_a_group_is_the_one_reported() {
    let (directory, maildir) = named_maildir();
    let mut broken = unwritable(&maildir);
    broken.write(b"x").unwrap_err();
    let group = vec![message(&maildir, b"1"), broken];
    fs::remove_file(directory.path().join("mail/tmp").join(&group[0].name)).unwrap();

    let failure = maildir.deliver(group).unwrap_err();
    assert!(failure.delivered.is_empty());
    assert!(matches!(failure.error, DeliveryError::Io { .. }), "{failure}");
}

#[test]
fn paths_that_cannot_be_maildirs_say_why() {
    let directory = TempDir::new().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("file"), "").unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    fs::create_dir(at("broken")).unwrap();
    fs::write(at("broken/new"), "").unwrap();

    let refused = |name: &str| {
        let error = Maildir::open(&at(name)).unwrap_err();
        assert_eq!(error.kind(), DeliveryErrorKind::CannotStore, "{error}");
        error
    };
    let is_no_directory =
        |error, name: &str| matches!(error, DeliveryError::NotADirectory { path } if path == at(name));
    assert!(is_no_directory(refused("file"), "file"));
    assert!(is_no_directory(refused("file/mail"), "file"));
    assert!(is_no_directory(refused("dangling"), "dangling"));
    assert!(is_no_directory(refused("broken"), "broken/new"));
    let missing = refused("missing/mail");
    assert!(matches!(&missing, DeliveryError::MissingParent { parent, .. } if *parent == at("missing")), "{missing}");
}

#[test]
fn a_maildir_that_is_gone_is_an_error_at_the_next_message() {
    let (directory, maildir) = maildir();
    fs::remove_dir_all(directory.path().join("mail")).unwrap();
    let error = maildir.begin().unwrap_err();
    assert!(error.to_string().starts_with("cannot create "), "{error}");
}

#[test]
fn nothing_is_delivered_when_the_directory_cannot_be_flushed() {
    let (directory, mut maildir) = maildir();
    // Names can be made through such a descriptor, fsync is refused.
    let path_only = rustix::fs::open(directory.path().join("mail/new"), OFlags::PATH, Mode::empty()).unwrap();
    Arc::get_mut(&mut maildir.directories).unwrap().new = path_only.into();

    let failure = maildir.deliver(vec![message(&maildir, b"1"), message(&maildir, b"2")]).unwrap_err();
    assert!(failure.delivered.is_empty());
    assert_eq!(failure.error.kind(), DeliveryErrorKind::Io);
    assert_eq!((count(&directory, "tmp"), count(&directory, "new")), (0, 0));
}
