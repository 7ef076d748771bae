use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use super::{Entry, EntryState, Journal, JournalError, JournalErrorKind};

const FRED: &str = "fred@mail.example:110";

fn place() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state");
    (directory, path)
}

fn sorted(journal: &Journal, account: &str) -> Vec<Vec<u8>> {
    let mut known: Vec<_> = journal.entries(account).unwrap().into_keys().collect();
    known.sort();
    known
}

/// Delivers messages of ten octets with these unique-ids, each into a file called as its unique-id.
fn store(journal: &mut Journal, account: &str, unique_ids: &[impl AsRef<[u8]>]) -> Result<(), JournalError> {
    let unique_ids: Vec<&[u8]> = unique_ids.iter().map(AsRef::as_ref).collect();
    let named: Vec<_> = unique_ids.iter().map(|unique_id| (*unique_id, OsStr::from_bytes(unique_id))).collect();
    journal.begin(account, &named)?;
    journal.delivered(account, &unique_ids.iter().map(|unique_id| (*unique_id, 10)).collect::<Vec<_>>())
}

/// But for when it was stored.
fn entry(state: EntryState, file: &str, octets: impl Into<Option<u64>>) -> Entry {
    Entry { state, file: Some(file.into()), octets: octets.into(), since: None }
}

/// What was stored was so within the last minute, and what was not has no time.
#[track_caller]
fn without_time(entry: Entry) -> Entry {
    assert_eq!(entry.since.is_some(), entry.octets.is_some(), "{entry:?}");
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(entry.since.is_none_or(|since| now.abs_diff(since) < 60), "{entry:?}");
    Entry { since: None, ..entry }
}

fn refused(path: &Path) -> JournalError {
    Journal::open(path).expect_err("this file should be refused")
}

#[test]
fn what_was_recorded_is_known_in_the_next_run() {
    let (_directory, path) = place();
    let mut journal = Journal::open(&path).unwrap();
    assert!(journal.entries(FRED).unwrap().is_empty());
    store(&mut journal, FRED, &["b", "a"]).unwrap();
    store(&mut journal, FRED, &[b"c".to_vec(), b"a".to_vec()]).unwrap();
    drop(journal);

    assert_eq!(sorted(&Journal::open(&path).unwrap(), FRED), [b"a", b"b", b"c"]);
}

#[test]
fn a_message_goes_from_state_to_state() {
    let (_directory, path) = place();
    let mut journal = Journal::open(&path).unwrap();
    let of = |journal: &Journal| journal.entries(FRED).unwrap().remove(b"a".as_slice()).map(without_time);
    assert_eq!(of(&journal), None);
    journal.begin(FRED, &[(b"a", OsStr::new("name"))]).unwrap();
    assert_eq!(of(&journal), Some(entry(EntryState::Retrieving, "name", None)));
    journal.delivered(FRED, &[(b"a", u64::MAX)]).unwrap();
    assert_eq!(of(&journal), Some(entry(EntryState::Delivered, "name", i64::MAX.unsigned_abs())));
    journal.deletion_sent(FRED, &[b"a"]).unwrap();
    assert_eq!(of(&journal), Some(entry(EntryState::DeletionSent, "name", i64::MAX.unsigned_abs())));
    // The same unique-id for another message.
    journal.begin(FRED, &[(b"a", OsStr::new("another"))]).unwrap();
    assert_eq!(of(&journal), Some(entry(EntryState::Retrieving, "another", None)));
    journal.forget(FRED, &[b"a"]).unwrap();
    assert_eq!(of(&journal), None);
}

#[test]
fn what_was_not_begun_is_not_noted() {
    let (_directory, path) = place();
    let mut journal = Journal::open(&path).unwrap();
    journal.delivered(FRED, &[(b"a", 1)]).unwrap();
    journal.deletion_sent(FRED, &[b"a"]).unwrap();
    journal.forget(FRED, &[b"a"]).unwrap();
    assert!(journal.entries(FRED).unwrap().is_empty());
}

#[test]
fn a_file_of_the_first_version_is_brought_up_to_date() {
    let (_directory, path) = place();
    let first = "
        CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
        CREATE TABLE stored (
            account INTEGER NOT NULL REFERENCES account (id), unique_id BLOB NOT NULL, octets INTEGER NOT NULL,
            PRIMARY KEY (account, unique_id)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO account VALUES (7, 'fred@mail.example:110');
        INSERT INTO stored VALUES (7, x'61', 120);
        PRAGMA application_id = 0x706f7066; PRAGMA user_version = 1;";
    Connection::open(&path).unwrap().execute_batch(first).unwrap();
    for _ in 0..2 {
        let entries = Journal::open(&path).unwrap().entries(FRED).unwrap();
        let known = Entry { state: EntryState::Delivered, file: None, octets: Some(120), since: None };
        let entries: Vec<_> = entries.into_iter().map(|(unique_id, entry)| (unique_id, without_time(entry))).collect();
        assert_eq!(entries, [(b"a".to_vec(), known)]);
    }
}

#[test]
fn one_run_holds_a_mailbox() {
    let (_directory, path) = place();
    let (journal, other) = (Journal::open(&path).unwrap(), Journal::open(&path).unwrap());
    let lock = journal.lock(FRED).unwrap();
    let error = other.lock(FRED).unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::Busy);
    let said = format!("{FRED} is being fetched by process {}; try again when it is done", std::process::id());
    assert_eq!(error.to_string(), said);
    other.lock("fred@mail.example:995").unwrap();
    drop(lock);
    other.lock(FRED).unwrap();
}

#[test]
fn unique_ids_are_octets_and_belong_to_their_account() {
    let (_directory, path) = place();
    let mut journal = Journal::open(&path).unwrap();
    let odd: [&[u8]; 4] = [b"", b"\0", b"\xff\x00'; --", b"A"];
    store(&mut journal, FRED, &odd).unwrap();
    store(&mut journal, "fred@mail.example:995", &["a"]).unwrap();
    store(&mut journal, FRED, &[] as &[&str]).unwrap();

    assert_eq!(sorted(&journal, FRED), [&b""[..], b"\0", b"A", b"\xff\x00'; --"]);
    assert_eq!(sorted(&journal, "fred@mail.example:995"), [b"a"]);
    assert!(journal.entries("fred").unwrap().is_empty());
}

#[test]
fn the_file_and_those_beside_it_are_for_their_owner_alone() {
    let (directory, path) = place();
    let mut journal = Journal::open(&path).unwrap();
    store(&mut journal, FRED, &["a"]).unwrap();
    let entries: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap()).collect();
    assert!(entries.len() > 1, "the write-ahead log is not there");
    for entry in entries {
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
    drop(journal);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_commit_is_as_durable_as_sqlite_can_make_it() {
    let (_directory, path) = place();
    let journal = Journal::open(&path).unwrap();
    let pragma = |name| journal.database.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0));
    assert_eq!(pragma("journal_mode").unwrap(), rusqlite::types::Value::Text("wal".into()));
    assert_eq!(pragma("synchronous").unwrap(), rusqlite::types::Value::Integer(3));
}

#[test]
fn several_writers_wait_for_each_other() {
    let (_directory, path) = place();
    std::thread::scope(|scope| {
        for writer in 0..6 {
            let path = &path;
            scope.spawn(move || {
                let mut journal = Journal::open(path).unwrap();
                for n in 0..20 {
                    store(&mut journal, FRED, &[format!("{writer}.{n}")]).unwrap();
                }
            });
        }
    });
    assert_eq!(Journal::open(&path).unwrap().entries(FRED).unwrap().len(), 120);
}

#[test]
fn a_hundred_thousand_messages_are_nothing_special() {
    let (_directory, path) = place();
    let mut journal = Journal::open(&path).unwrap();
    let unique_ids: Vec<String> = (0..100_000).map(|n| format!("{n:032x}")).collect();
    store(&mut journal, FRED, &unique_ids).unwrap();
    let known = journal.entries(FRED).unwrap();
    assert_eq!(known.len(), 100_000);
    assert!(unique_ids.iter().all(|unique_id| known.contains_key(unique_id.as_bytes())));
}

#[test]
fn an_empty_file_becomes_a_state_file() {
    let (_directory, path) = place();
    fs::write(&path, "").unwrap();
    store(&mut Journal::open(&path).unwrap(), FRED, &["a"]).unwrap();
    assert_eq!(sorted(&Journal::open(&path).unwrap(), FRED), [b"a"]);
}

#[test]
fn a_file_that_is_something_else_stays_as_it_is() {
    for content in [&b"x"[..], b"\n", &[0; 100], &[0; 8192], &[b'#'; 5000], b"SQLite format 3\0and then something else"]
    {
        let (directory, path) = place();
        fs::write(&path, content).unwrap();
        let error = refused(&path);
        assert!(matches!(error, JournalError::NotOurs { .. }), "{error}");
        assert_eq!(error.kind(), JournalErrorKind::Configuration);
        assert_eq!(fs::read(&path).unwrap(), content);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}

#[test]
fn the_database_of_another_program_stays_as_it_is() {
    for content in ["CREATE TABLE theirs (x)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"] {
        let (_directory, path) = place();
        Connection::open(&path).unwrap().execute_batch(content).unwrap();
        let before = fs::read(&path).unwrap();
        let error = refused(&path);
        assert!(matches!(error, JournalError::NotOurs { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before, "{content}");
    }
}

#[test]
fn a_later_schema_is_named_and_left_alone() {
    let (_directory, path) = place();
    store(&mut Journal::open(&path).unwrap(), FRED, &["a"]).unwrap();
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 3).unwrap();
    let before = fs::read(&path).unwrap();
    let error = refused(&path);
    assert!(matches!(error, JournalError::NewerSchema { found: 3, known: 2, .. }), "{error}");
    assert_eq!(error.kind(), JournalErrorKind::Configuration);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_damaged_file_is_said_to_be_damaged() {
    let (_directory, path) = place();
    let mut journal = Journal::open(&path).unwrap();
    let unique_ids: Vec<String> = (0..1000).map(|n| format!("{n:032x}")).collect();
    store(&mut journal, FRED, &unique_ids).unwrap();
    drop(journal);
    let mut content = fs::read(&path).unwrap();
    content[4096..].fill(0xff);
    fs::write(&path, content).unwrap();

    let error = Journal::open(&path).and_then(|journal| journal.entries(FRED)).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
    assert_eq!(error.kind(), JournalErrorKind::Io);
}

#[test]
fn paths_that_cannot_be_files_say_why() {
    let (directory, path) = place();
    let error = refused(&path.join("state"));
    assert!(matches!(error, JournalError::MissingDirectory { .. }), "{error}");
    assert_eq!(error.kind(), JournalErrorKind::CannotCreate);
    assert!(matches!(refused(directory.path()), JournalError::NotOurs { .. }));
    assert!(matches!(refused(Path::new("/dev/null")), JournalError::NotOurs { .. }));
    assert_eq!(refused(Path::new("")).kind(), JournalErrorKind::CannotCreate);
}

#[test]
fn a_lock_that_stays_is_reported_as_busy() {
    let (_directory, path) = place();
    let mut journal = Journal::open(&path).unwrap();
    journal.database.busy_timeout(std::time::Duration::from_millis(50)).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();

    let error = store(&mut journal, FRED, &["a"]).unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::Busy, "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    assert!(journal.entries(FRED).unwrap().is_empty());
    store(&mut journal, FRED, &["a"]).unwrap();
}
