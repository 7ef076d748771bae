//! Made-up recordings, each with one thing wrong.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use super::{Disk, Expected, Survivors, Violation, check};
use crate::recording::{Event, Moment, OpenFile, Operation, Source};

const MESSAGE: &[u8] = b"Subject: one\r\n\r\nbody\r\n";
/// What the system says to calls that have failed.
const EIO: i32 = 5;
const EINTR: i32 = 4;

struct Recording {
    home: TempDir,
    root: PathBuf,
    events: Vec<Event>,
}

/// A Maildir and a journal that were there before.
fn recording() -> Recording {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().canonicalize().unwrap();
    for directory in ["mail/tmp", "mail/new", "mail/cur"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    fs::write(root.join("state"), "journal").unwrap();
    Recording { home, root, events: Vec::new() }
}

impl Recording {
    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn file(&self, name: &str) -> OpenFile {
        use std::os::unix::fs::MetadataExt;
        // A number which no file has, where it is not there.
        let inode = fs::metadata(self.path(name)).map_or(u64::MAX, |metadata| metadata.ino());
        OpenFile { inode, path: self.path(name) }
    }

    fn begin(&mut self, thread: i32, operation: Operation) {
        self.events.push(Event { thread, moment: Moment::Before, operation });
    }

    fn end(&mut self, thread: i32, operation: Operation, result: Result<u64, i32>) {
        self.events.push(Event { thread, moment: Moment::After(result), operation });
    }

    fn call(&mut self, operation: Operation) -> &mut Self {
        let result = match &operation {
            Operation::Write { octets, .. } | Operation::Send { octets } => octets.len() as u64,
            _ => 0,
        };
        self.begin(1, operation.clone());
        self.end(1, operation, Ok(result));
        self
    }

    fn create(&mut self) -> &mut Self {
        let path = self.path("mail/tmp/1");
        self.call(Operation::Open { path, creates: true, truncates: false, unnamed: false, inode: Some(u64::MAX) })
    }

    fn write(&mut self) -> &mut Self {
        let operation = Operation::Write { file: self.file("mail/tmp/1"), at: 0, octets: MESSAGE.into() };
        self.call(operation)
    }

    fn flush(&mut self, name: &str) -> &mut Self {
        let operation = Operation::Flush { file: self.file(name) };
        self.call(operation)
    }

    fn rename(&mut self) -> &mut Self {
        let operation = Operation::Rename { from: self.path("mail/tmp/1"), to: self.path("mail/new/1") };
        self.call(operation)
    }

    fn record(&mut self) -> &mut Self {
        let operation = Operation::Write { file: self.file("state"), at: 0, octets: b"one".into() };
        self.call(operation)
    }

    fn send(&mut self, text: &str) -> &mut Self {
        self.call(Operation::Send { octets: text.into() })
    }

    /// All that comes before the deletion.
    fn delivered(&mut self) -> &mut Self {
        self.create().write().flush("mail/tmp/1").rename().flush("mail/new").record().flush("state")
    }

    fn check(&self) -> Vec<Violation> {
        let messages = [MESSAGE.to_vec()];
        let disk = Disk::load(self.home.path()).unwrap();
        check(&self.events, Expected { disk, messages: &messages, journal: self.path("state") })
    }
}

#[test]
fn what_is_in_order_is_found_to_be() {
    let mut recording = recording();
    recording.delivered().send("DELE 1\r\nQU").send("IT\r\n");
    assert_eq!(recording.check(), []);
}

#[test]
fn a_flush_of_everything_stands_for_each() {
    let mut recording = recording();
    recording.create().write().call(Operation::FlushAll).rename().call(Operation::FlushAll);
    recording.record().call(Operation::FlushAll).send("DELE 1\r\n");
    assert_eq!(recording.check(), []);
}

#[test]
fn a_file_without_a_name_is_followed_to_the_one_that_it_gets() {
    let mut recording = recording();
    let path = recording.path("mail/tmp");
    recording.call(Operation::Open { path, creates: false, truncates: false, unnamed: true, inode: Some(u64::MAX) });
    recording.write();
    let link = Operation::Link { from: Source::Open(recording.file("mail/tmp/1")), to: recording.path("mail/new/1") };
    let mut early = Recording { home: recording.home, root: recording.root.clone(), events: recording.events.clone() };
    early.call(link.clone());
    let path = early.path("mail/new/1");
    assert_eq!(early.check(), [Violation::VisibleTooEarly { at: 4, path }]);

    let mut recording = Recording { home: early.home, root: recording.root, events: recording.events };
    recording.flush("mail/tmp/1").call(link).flush("mail/new").record().flush("state").send("DELE 1\r\n");
    assert_eq!(recording.check(), []);
}

#[test]
fn a_message_is_visible_before_its_content_is_durable() {
    let mut recording = recording();
    recording.create().write().rename();
    let too_early = Violation::VisibleTooEarly { at: 4, path: recording.path("mail/new/1") };
    assert_eq!(recording.check(), [too_early]);
}

#[test]
fn a_flush_that_has_failed_counts_for_nothing() {
    let mut recording = recording();
    recording.create().write();
    let flush = Operation::Flush { file: recording.file("mail/tmp/1") };
    recording.begin(1, flush.clone());
    recording.end(1, flush, Err(EIO));
    recording.rename();
    assert!(matches!(recording.check()[..], [Violation::VisibleTooEarly { at: 6, .. }]));
}

#[test]
fn a_flush_after_one_that_has_failed_counts_for_nothing() {
    for (error, counts) in [(EIO, false), (EINTR, true)] {
        let mut recording = recording();
        recording.create().write();
        let flush = Operation::Flush { file: recording.file("mail/tmp/1") };
        recording.begin(1, flush.clone());
        recording.end(1, flush, Err(error));
        recording.flush("mail/tmp/1").rename();
        assert_eq!(recording.check().is_empty(), counts);
    }
}

#[test]
fn each_file_may_be_flushed_after_a_flush_of_everything_has_failed() {
    let mut recording = recording();
    recording.create().write();
    recording.begin(1, Operation::FlushAll);
    recording.end(1, Operation::FlushAll, Err(EIO));
    let mut early = Recording { home: recording.home, root: recording.root.clone(), events: recording.events.clone() };
    early.rename();
    assert!(matches!(early.check()[..], [Violation::VisibleTooEarly { at: 6, .. }]));

    let mut recording = Recording { home: early.home, root: recording.root, events: recording.events };
    recording.flush("mail/tmp/1").rename();
    assert_eq!(recording.check(), []);
}

#[test]
fn a_flush_covers_nothing_that_came_after_its_beginning() {
    let mut recording = recording();
    recording.create();
    let flush = Operation::Flush { file: recording.file("mail/tmp/1") };
    recording.begin(2, flush.clone());
    recording.write();
    recording.end(2, flush, Ok(0));
    recording.rename();
    assert!(matches!(recording.check()[..], [Violation::VisibleTooEarly { .. }]));
}

#[test]
fn a_message_is_made_where_readers_look() {
    let mut recording = recording();
    let path = recording.path("mail/new/1");
    recording.call(Operation::Open { path, creates: true, truncates: false, unnamed: false, inode: Some(u64::MAX) });
    assert!(matches!(recording.check()[..], [Violation::VisibleTooEarly { at: 0, .. }]));
}

#[test]
fn a_message_is_deleted_before_its_name_is_durable() {
    let mut recording = recording();
    recording
        .create()
        .write()
        .flush("mail/tmp/1")
        .rename()
        .record()
        .flush("state")
        .send("DELE 1\r\n")
        .flush("mail/new");
    assert_eq!(recording.check(), [Violation::NotDurable { at: 12, number: 1 }]);
}

#[test]
fn a_message_is_deleted_before_the_directory_of_its_name_is_durable() {
    let mut recording = recording();
    for name in ["mail/new", "mail"] {
        fs::remove_dir_all(recording.path(name)).unwrap();
    }
    for (name, inode) in [("mail", 1), ("mail/tmp", 2), ("mail/new", 3)] {
        let path = recording.path(name);
        recording.call(Operation::MakeDirectory { path, inode: Some(u64::MAX - inode) });
    }
    let flush = |recording: &Recording, name, inode| Operation::Flush {
        file: OpenFile { inode: u64::MAX - inode, path: recording.path(name) },
    };
    recording.create().write().flush("mail/tmp/1").rename();
    let (new, mail) = (flush(&recording, "mail/new", 3), flush(&recording, "mail", 1));
    let root = Operation::Flush { file: OpenFile { inode: 0, path: recording.root.clone() } };
    recording.call(new).call(mail).record().flush("state").send("DELE 1\r\n");
    recording.call(root).record().flush("state").send("DELE 1\r\n");
    assert_eq!(recording.check(), [Violation::NotDurable { at: 22, number: 1 }]);
}

#[test]
fn a_message_is_deleted_before_it_is_recorded() {
    let mut recording = recording();
    recording.create().write().flush("mail/tmp/1").rename().flush("mail/new").record().send("DELE 1\r\n");
    assert_eq!(recording.check(), [Violation::NotRecorded { at: 12, number: 1 }]);

    // What is recorded is something else, for it was before.
    let mut recording = self::recording();
    recording.create().write().flush("mail/tmp/1").rename().record().flush("mail/new").flush("state");
    recording.send("DELE 1\r\n");
    assert_eq!(recording.check(), [Violation::NotRecorded { at: 14, number: 1 }]);
}

#[test]
fn a_message_is_removed_after_the_server_has_deleted_it() {
    let mut recording = recording();
    recording.delivered().send("DELE 1\r\nQUIT\r\n");
    let path = recording.path("mail/new/1");
    recording.call(Operation::Unlink { path }).flush("mail/new");
    assert_eq!(recording.check(), [Violation::LostLater { at: 19, number: 1 }]);
}

#[test]
fn what_the_model_does_not_know_is_told() {
    let mut recording = recording();
    recording.write();
    assert!(matches!(&recording.check()[..], [Violation::Unmodelled { at: 1, what }] if what.contains("mail/tmp/1")));
}

#[test]
fn an_image_has_what_has_survived() {
    let mut recording = recording();
    recording.create().write().rename();
    let mut disk = Disk::load(recording.home.path()).unwrap();
    for event in &recording.events {
        disk.play(event).unwrap();
    }
    assert_eq!(disk.image(Survivors::Nothing).delivered().count(), 0);
    let image = disk.image(Survivors::Names);
    assert_eq!(image.delivered().map(|(_, content)| content).collect::<Vec<_>>(), [b""]);

    let into = tempfile::tempdir().unwrap();
    image.write(into.path()).unwrap();
    assert_eq!(fs::read(into.path().join("mail/new/1")).unwrap(), b"");
    assert_eq!(fs::read(into.path().join("state")).unwrap(), b"journal");
    assert!(into.path().join("mail/cur").is_dir());
}
