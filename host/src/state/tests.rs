use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use super::{State, StateError, StateErrorKind, Stored};

const FRED: &str = "fred@mail.example:110";

fn place() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state");
    (directory, path)
}

fn sorted(state: &State, account: &str) -> Vec<Vec<u8>> {
    let mut known: Vec<_> = state.known(account).unwrap().into_keys().collect();
    known.sort();
    known
}

/// Messages of ten octets with these unique-ids.
fn stored<'a>(unique_ids: &'a [impl AsRef<[u8]>]) -> Vec<Stored<'a>> {
    unique_ids.iter().map(|unique_id| Stored { unique_id: unique_id.as_ref(), octets: 10 }).collect()
}

fn refused(path: &Path) -> StateError {
    State::open(path).expect_err("this file should be refused")
}

#[test]
fn what_was_recorded_is_known_in_the_next_run() {
    let (_directory, path) = place();
    let mut state = State::open(&path).unwrap();
    assert!(state.known(FRED).unwrap().is_empty());
    state.record(FRED, &stored(&["b", "a"])).unwrap();
    state.record(FRED, &stored(&[b"c".to_vec(), b"a".to_vec()])).unwrap();
    drop(state);

    assert_eq!(sorted(&State::open(&path).unwrap(), FRED), [b"a", b"b", b"c"]);
}

#[test]
fn a_unique_id_stands_for_the_message_that_was_stored_last() {
    let (_directory, path) = place();
    let mut state = State::open(&path).unwrap();
    state.record(FRED, &[Stored { unique_id: b"a", octets: 120 }]).unwrap();
    state.record(FRED, &[Stored { unique_id: b"a", octets: u64::MAX }]).unwrap();

    let known = state.known(FRED).unwrap();
    assert_eq!(known.into_iter().collect::<Vec<_>>(), [(b"a".to_vec(), i64::MAX.unsigned_abs())]);
}

#[test]
fn unique_ids_are_octets_and_belong_to_their_account() {
    let (_directory, path) = place();
    let mut state = State::open(&path).unwrap();
    let odd: [&[u8]; 4] = [b"", b"\0", b"\xff\x00'; --", b"A"];
    state.record(FRED, &stored(&odd)).unwrap();
    state.record("fred@mail.example:995", &stored(&["a"])).unwrap();
    state.record(FRED, &stored(&[] as &[&str])).unwrap();

    assert_eq!(sorted(&state, FRED), [&b""[..], b"\0", b"A", b"\xff\x00'; --"]);
    assert_eq!(sorted(&state, "fred@mail.example:995"), [b"a"]);
    assert!(state.known("fred").unwrap().is_empty());
}

#[test]
fn the_file_and_those_beside_it_are_for_their_owner_alone() {
    let (directory, path) = place();
    let mut state = State::open(&path).unwrap();
    state.record(FRED, &stored(&["a"])).unwrap();
    let entries: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap()).collect();
    assert!(entries.len() > 1, "the write-ahead log is not there");
    for entry in entries {
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
    drop(state);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_commit_is_as_durable_as_sqlite_can_make_it() {
    let (_directory, path) = place();
    let state = State::open(&path).unwrap();
    let pragma = |name| state.database.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0));
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
                let mut state = State::open(path).unwrap();
                for n in 0..20 {
                    state.record(FRED, &stored(&[format!("{writer}.{n}")])).unwrap();
                }
            });
        }
    });
    assert_eq!(State::open(&path).unwrap().known(FRED).unwrap().len(), 120);
}

#[test]
fn a_hundred_thousand_messages_are_nothing_special() {
    let (_directory, path) = place();
    let mut state = State::open(&path).unwrap();
    let unique_ids: Vec<String> = (0..100_000).map(|n| format!("{n:032x}")).collect();
    state.record(FRED, &stored(&unique_ids)).unwrap();
    let known = state.known(FRED).unwrap();
    assert_eq!(known.len(), 100_000);
    assert!(unique_ids.iter().all(|unique_id| known.contains_key(unique_id.as_bytes())));
}

#[test]
fn an_empty_file_becomes_a_state_file() {
    let (_directory, path) = place();
    fs::write(&path, "").unwrap();
    State::open(&path).unwrap().record(FRED, &stored(&["a"])).unwrap();
    assert_eq!(sorted(&State::open(&path).unwrap(), FRED), [b"a"]);
}

#[test]
fn a_file_that_is_something_else_stays_as_it_is() {
    for content in [&b"x"[..], b"\n", &[0; 100], &[0; 8192], &[b'#'; 5000], b"SQLite format 3\0and then something else"]
    {
        let (directory, path) = place();
        fs::write(&path, content).unwrap();
        let error = refused(&path);
        assert!(matches!(error, StateError::NotOurs { .. }), "{error}");
        assert_eq!(error.kind(), StateErrorKind::Configuration);
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
        assert!(matches!(error, StateError::NotOurs { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before, "{content}");
    }
}

#[test]
fn a_later_schema_is_named_and_left_alone() {
    let (_directory, path) = place();
    State::open(&path).unwrap().record(FRED, &stored(&["a"])).unwrap();
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 2).unwrap();
    let before = fs::read(&path).unwrap();
    let error = refused(&path);
    assert!(matches!(error, StateError::NewerSchema { found: 2, known: 1, .. }), "{error}");
    assert_eq!(error.kind(), StateErrorKind::Configuration);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_damaged_file_is_said_to_be_damaged() {
    let (_directory, path) = place();
    let mut state = State::open(&path).unwrap();
    let unique_ids: Vec<String> = (0..1000).map(|n| format!("{n:032x}")).collect();
    state.record(FRED, &stored(&unique_ids)).unwrap();
    drop(state);
    let mut content = fs::read(&path).unwrap();
    content[4096..].fill(0xff);
    fs::write(&path, content).unwrap();

    let error = State::open(&path).and_then(|state| state.known(FRED)).unwrap_err();
    assert!(matches!(error, StateError::Damaged { .. }), "{error}");
    assert_eq!(error.kind(), StateErrorKind::Io);
}

#[test]
fn paths_that_cannot_be_files_say_why() {
    let (directory, path) = place();
    let error = refused(&path.join("state"));
    assert!(matches!(error, StateError::MissingDirectory { .. }), "{error}");
    assert_eq!(error.kind(), StateErrorKind::CannotCreate);
    assert!(matches!(refused(directory.path()), StateError::NotOurs { .. }));
    assert!(matches!(refused(Path::new("/dev/null")), StateError::NotOurs { .. }));
    assert_eq!(refused(Path::new("")).kind(), StateErrorKind::CannotCreate);
}

#[test]
fn a_lock_that_stays_is_reported_as_busy() {
    let (_directory, path) = place();
    let mut state = State::open(&path).unwrap();
    state.database.busy_timeout(std::time::Duration::from_millis(50)).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();

    let error = state.record(FRED, &stored(&["a"])).unwrap_err();
    assert_eq!(error.kind(), StateErrorKind::Busy, "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    assert!(state.known(FRED).unwrap().is_empty());
    state.record(FRED, &stored(&["a"])).unwrap();
}
