use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use super::{Begun, Entry, EntryState, FailedBefore, Journal, JournalError, JournalErrorKind, Notes, Repaired};
use crate::likeness::{ContentHash, Likeness};

mod model;

const FRED: &str = "fred@mail.example:110";

fn place() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state");
    (directory, path)
}

fn sorted(journal: &Journal, account: &str) -> Vec<Vec<u8>> {
    let mut known = Vec::new();
    journal.each_present(account, |unique_id, _| known.push(unique_id.to_vec())).unwrap();
    // Who compares them with a listing relies on it.
    assert!(known.is_sorted());
    known
}

fn message() -> Entry {
    Entry::delivered(Likeness { content: ContentHash(u64::MAX), ..Likeness::of(b"Subject: x\r\n\r\n") }, Some(12))
}

/// Notes that messages with these unique-ids are delivered.
fn store(journal: &mut Journal, account: &str, unique_ids: &[impl AsRef<[u8]>]) -> Result<(), JournalError> {
    journal
        .note(account, |notes| unique_ids.iter().try_for_each(|unique_id| notes.store(unique_id.as_ref(), &message())))
}

fn entry(journal: &Journal, unique_id: &[u8]) -> Option<Entry> {
    journal.known(FRED, [unique_id]).unwrap().remove(unique_id)
}

fn refused(path: &Path) -> JournalError {
    Journal::open(path).expect_err("this file should be refused")
}

#[test]
fn what_was_recorded_is_known_in_the_next_run() {
    let (_directory, path) = place();
    let mut journal = Journal::open(&path).unwrap();
    assert!(sorted(&journal, FRED).is_empty());
    store(&mut journal, FRED, &["b", "a"]).unwrap();
    store(&mut journal, FRED, &[b"c".to_vec(), b"a".to_vec()]).unwrap();
    drop(journal);

    assert_eq!(sorted(&Journal::open(&path).unwrap(), FRED), [b"a", b"b", b"c"]);
}

#[test]
fn a_message_goes_from_state_to_state() {
    let (_directory, path) = place();
    let mut journal = Journal::open(&path).unwrap();
    let state = |journal: &Journal| entry(journal, b"a").map(|entry| (entry.state, entry.absent_since.is_some()));
    assert_eq!(state(&journal), None);
    store(&mut journal, FRED, &["a"]).unwrap();
    assert_eq!(entry(&journal, b"a"), Some(message()));
    journal.note(FRED, |notes| notes.absent(b"a")).unwrap();
    assert_eq!(state(&journal), Some((EntryState::Delivered, true)), "nobody told the server to delete it");
    journal.note(FRED, |notes| notes.present(b"a")).unwrap();
    journal.note(FRED, |notes| notes.deletion_sent(b"a")).unwrap();
    assert_eq!(state(&journal), Some((EntryState::DeletionSent, false)));
    journal.note(FRED, |notes| notes.absent(b"a")).unwrap();
    assert_eq!(state(&journal), Some((EntryState::Gone, true)));
    // The same unique-id for another message.
    store(&mut journal, FRED, &["a"]).unwrap();
    assert_eq!(state(&journal), Some((EntryState::Delivered, false)));
}

#[test]
fn all_that_are_not_there_any_more_are_noted_at_once() {
    let (_directory, path) = place();
    let mut journal = Journal::open(&path).unwrap();
    let all: Vec<Vec<u8>> = (0..2500).map(|number| format!("{number:04}").into_bytes()).collect();
    store(&mut journal, FRED, &all).unwrap();
    store(&mut journal, "other", &["0001"]).unwrap();
    journal.note(FRED, |notes| notes.absent(b"2400")).unwrap();
    let is_there = |unique_id: &[u8]| unique_id.ends_with(b"7");
    let mut asked = Vec::new();
    let note = |notes: &Notes<'_>| {
        notes.absent_unless(|unique_id| {
            asked.push(unique_id.to_vec());
            is_there(unique_id)
        })
    };
    journal.note(FRED, note).unwrap();
    assert_eq!(asked, all.iter().filter(|unique_id| *unique_id != b"2400").cloned().collect::<Vec<_>>());
    let there: Vec<Vec<u8>> = all.into_iter().filter(|unique_id| is_there(unique_id)).collect();
    assert_eq!(sorted(&journal, FRED), there);
    assert_eq!(sorted(&journal, "other"), [b"0001"]);
}

#[test]
fn numbers_beyond_those_of_the_database_are_kept_as_its_largest() {
    let (_directory, path) = place();
    let mut journal = Journal::open(&path).unwrap();
    let large = Entry { octets: Some(u64::MAX), listed: None, fingerprint: None, content: None, ..message() };
    journal.note(FRED, |notes| notes.store(b"a", &large)).unwrap();
    assert_eq!(entry(&journal, b"a").unwrap().octets, Some(i64::MAX.unsigned_abs()));
}

#[test]
fn what_is_under_way_is_found_until_it_is_settled() {
    let (_directory, path) = place();
    let begun = |id: &str| Begun { id: id.into(), file: format!("{id}.file").into() };
    let mut journal = Journal::open(&path).unwrap();
    let (one, other) =
        journal.note(FRED, |notes| Ok((notes.begin(&[begun("a"), begun("b")])?, notes.begin(&[begun("")])?))).unwrap();
    drop(journal);
    let mut journal = Journal::open(&path).unwrap();
    let groups = |journal: &Journal| {
        let groups = journal.under_way(FRED).unwrap().into_iter();
        groups.map(|group| (group.row, group.messages)).collect::<Vec<_>>()
    };
    assert_eq!(groups(&journal), [(one, vec![begun("a"), begun("b")]), (other, vec![begun("")])]);
    journal.note(FRED, |notes| notes.settle(one, &[begun("b")]).and_then(|()| notes.settle(other, &[]))).unwrap();
    assert_eq!(groups(&journal), [(one, vec![begun("b")])]);
    assert!(journal.under_way("other").unwrap().is_empty());
}

#[test]
fn failures_are_remembered_until_the_message_is_fetched() {
    let (_directory, path) = place();
    let mut journal = Journal::open(&path).unwrap();
    let failure = FailedBefore { runs: 2, again_at: 1_800_000_000, cause: "-ERR no".to_owned() };
    journal.note(FRED, |notes| notes.failed(b"a", &failure)).unwrap();
    let failures = |journal: &Journal, account: &str| journal.failures(account, [&b"a"[..], b"b"]).unwrap();
    assert_eq!(failures(&journal, FRED), HashMap::from([(b"a".to_vec(), failure.clone())]));
    assert!(failures(&journal, "other").is_empty());
    let mut all = Vec::new();
    journal.each_failure(FRED, |unique_id, failure| all.push((unique_id.to_vec(), failure))).unwrap();
    assert_eq!(all, [(b"a".to_vec(), failure)]);
    journal.note(FRED, |notes| notes.recovered([b"a".as_slice()])).unwrap();
    assert!(failures(&journal, FRED).is_empty());
}

#[test]
fn only_what_has_been_away_for_long_is_forgotten() {
    let (_directory, path) = place();
    let mut journal = Journal::open(&path).unwrap();
    store(&mut journal, FRED, &["old", "recent", "present"]).unwrap();
    for (unique_id, seconds) in [("old", 1000), ("recent", 10)] {
        journal.note(FRED, |notes| notes.absent(unique_id.as_bytes())).unwrap();
        let age = "UPDATE message SET absent_since = absent_since - ?2 WHERE unique_id = ?1";
        assert_eq!(journal.database.execute(age, (unique_id.as_bytes(), seconds)).unwrap(), 1);
    }
    let failed = |again_at| FailedBefore { runs: 1, again_at, cause: String::new() };
    journal
        .note(FRED, |notes| {
            notes.failed(b"gone", &failed(super::now() - 1000))?;
            notes.failed(b"there", &failed(super::now() - 10))?;
            notes.prune(500)
        })
        .unwrap();
    assert_eq!(journal.failures(FRED, [&b"there"[..], b"gone"]).unwrap().into_keys().collect::<Vec<_>>(), [b"there"]);
    assert_eq!(entry(&journal, b"old"), None);
    assert!(entry(&journal, b"recent").is_some() && entry(&journal, b"present").is_some());
}

#[test]
fn a_note_is_made_as_a_whole_or_not() {
    let (_directory, path) = place();
    let mut journal = Journal::open(&path).unwrap();
    let failed = journal.note(FRED, |notes| {
        notes.store(b"a", &message())?;
        Err::<(), _>(JournalError::Held { mailbox: "m".to_owned(), holder: "h".to_owned() })
    });
    assert!(failed.is_err());
    assert_eq!(entry(&journal, b"a"), None);
}

/// The beginning of a file of an earlier version.
const ACCOUNT: &str = "
    CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    INSERT INTO account VALUES (7, 'fred@mail.example:110');
    PRAGMA application_id = 0x706f7066;";

/// The tables of schemas 3 and 4 but for those of the accounts and of the messages.
const BESIDE_MESSAGES: &str = "
    CREATE TABLE under_way (
        id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES account (id), messages BLOB NOT NULL
    ) STRICT;
    CREATE TABLE failure (
        account INTEGER NOT NULL REFERENCES account (id), unique_id BLOB NOT NULL, runs INTEGER NOT NULL,
        again_at INTEGER NOT NULL, cause TEXT NOT NULL, PRIMARY KEY (account, unique_id)
    ) STRICT, WITHOUT ROWID;";

/// The messages of schema 3.
const THIRD: &str = "
    CREATE TABLE message (
        account INTEGER NOT NULL REFERENCES account (id), unique_id BLOB NOT NULL, state INTEGER NOT NULL, octets INTEGER,
        listed INTEGER, fingerprint BLOB, since INTEGER, absent_since INTEGER, PRIMARY KEY (account, unique_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX present ON message (account) WHERE absent_since IS NULL;
    CREATE INDEX absent ON message (account, absent_since) WHERE absent_since IS NOT NULL;
    PRAGMA user_version = 3;";

/// The messages of schema 4.
const FOURTH: &str = "
    CREATE TABLE message (
        account INTEGER NOT NULL REFERENCES account (id), unique_id BLOB NOT NULL, state INTEGER NOT NULL, octets INTEGER,
        listed INTEGER, fingerprint BLOB, since INTEGER, absent_since INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (account, absent_since, unique_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX absent ON message (account, unique_id) WHERE absent_since > 0;
    PRAGMA user_version = 4;";

#[test]
fn files_of_earlier_versions_are_brought_up_to_date() {
    let first = "
        CREATE TABLE stored (
            account INTEGER NOT NULL REFERENCES account (id), unique_id BLOB NOT NULL, octets INTEGER NOT NULL,
            PRIMARY KEY (account, unique_id)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO stored VALUES (7, x'61', 120);
        PRAGMA user_version = 1;";
    let second = "
        CREATE TABLE entry (
            account INTEGER NOT NULL REFERENCES account (id), unique_id BLOB NOT NULL, state INTEGER NOT NULL, file BLOB,
            octets INTEGER, since INTEGER, PRIMARY KEY (account, unique_id)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO entry VALUES (7, x'61', 1, x'66', 120, unixepoch()), (7, x'62', 0, x'67', NULL, NULL);
        PRAGMA user_version = 2;";
    let third = format!(
        "{BESIDE_MESSAGES}{THIRD}
        INSERT INTO message VALUES
            (7, x'61', 1, 120, NULL, NULL, unixepoch(), NULL), (7, x'63', 3, 130, NULL, NULL, 1, 1800000000);"
    );
    let fourth = format!(
        "{BESIDE_MESSAGES}{FOURTH}
        INSERT INTO message VALUES
            (7, x'61', 1, 120, NULL, NULL, unixepoch(), 0), (7, x'63', 3, 130, NULL, NULL, 1, 1800000000);"
    );
    let begun = Begun { id: b"b".to_vec(), file: "g".into() };
    let away = Some(1_800_000_000);
    for (tables, under_way, away) in
        [(first, vec![], None), (second, vec![begun], None), (&third, vec![], away), (&fourth, vec![], away)]
    {
        let (_directory, path) = place();
        Connection::open(&path).unwrap().execute_batch(&format!("{ACCOUNT}{tables}")).unwrap();
        for _ in 0..2 {
            let journal = Journal::open(&path).unwrap();
            assert_eq!(sorted(&journal, FRED), [b"a"]);
            let known = entry(&journal, b"a").unwrap();
            assert!(super::now() - known.since.unwrap() < 60, "{known:?}");
            let expected = Entry {
                octets: Some(120),
                listed: None,
                fingerprint: None,
                content: None,
                since: known.since,
                ..message()
            };
            assert_eq!(known, expected);
            let groups = journal.under_way(FRED).unwrap().into_iter().flat_map(|group| group.messages);
            assert_eq!(groups.collect::<Vec<_>>(), under_way);
            assert_eq!(entry(&journal, b"c").and_then(|known| known.absent_since), away);
            assert_eq!(journal.check().unwrap(), [""; 0]);
        }
    }
}

#[test]
fn damaged_files_of_earlier_versions_are_repaired() {
    for (tables, never) in [(THIRD, "NULL"), (FOURTH, "0")] {
        let (_directory, path) = place();
        let rows = format!(
            "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 1000)
             INSERT INTO message
                 SELECT 7, CAST(printf('uid-%060d', n) AS BLOB), 1, 120, NULL, NULL, 1, iif(n = 1, 1800000000, {never})
                 FROM number;"
        );
        Connection::open(&path).unwrap().execute_batch(&format!("{ACCOUNT}{BESIDE_MESSAGES}{tables}{rows}")).unwrap();
        repair_without_a_leaf(&path);
    }
}

/// Damages a leaf of the messages of this file, and has it repaired.
fn repair_without_a_leaf(path: &Path) {
    let mut file = fs::read(path).unwrap();
    // That of a table without row numbers begins with a 10.
    let has_messages = |page: &&mut [u8]| page[0] == 10 && page.windows(8).any(|octets| octets == b"uid-0000");
    file.chunks_mut(4096).filter(has_messages).nth(5).unwrap().fill(0xa5);
    fs::write(path, file).unwrap();
    let error = refused(path);
    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");

    // A link to it stays one.
    let link = path.with_extension("link");
    std::os::unix::fs::symlink(path, &link).unwrap();
    let Repaired { aside, messages } = Journal::repair(&link).unwrap().unwrap();
    assert_eq!(fs::read_link(&link).unwrap(), path);
    assert!(aside.file_name().unwrap().to_str().unwrap().starts_with("state.damaged-"), "{aside:?}");
    // From both sides, up to the leaf.
    assert!((900..1000).contains(&messages), "{messages}");
    let journal = Journal::open(path).unwrap();
    assert_eq!(journal.check().unwrap(), [""; 0]);
    assert_eq!(sorted(&journal, FRED).len() as u64, messages - 1);
    let first = entry(&journal, format!("uid-{:060}", 1).as_bytes());
    assert_eq!(first.and_then(|first| first.absent_since), Some(1_800_000_000));
}

#[test]
fn many_may_make_the_file_at_the_same_time() {
    for _ in 0..30 {
        let (_directory, path) = place();
        std::thread::scope(|scope| {
            for account in 0..12 {
                let path = &path;
                scope.spawn(move || {
                    let mut journal = Journal::open(path).unwrap();
                    journal.lock(&account.to_string()).unwrap();
                    journal.note(FRED, |notes| notes.store(b"a", &message())).unwrap();
                });
            }
        });
    }
}

#[test]
fn one_run_holds_a_mailbox() {
    let (_directory, path) = place();
    let (mut journal, mut other) = (Journal::open(&path).unwrap(), Journal::open(&path).unwrap());
    journal.lock(FRED).unwrap();
    let error = other.lock(FRED).unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::Busy);
    let said = format!("{FRED} is being fetched by process {}; try again when it is done", std::process::id());
    assert_eq!(error.to_string(), said);
    other.lock("fred@mail.example:995").unwrap();
    drop(journal);
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
    assert!(sorted(&journal, "fred").is_empty());
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
    assert_eq!(sorted(&Journal::open(&path).unwrap(), FRED).len(), 120);
}

#[test]
fn a_hundred_thousand_messages_are_nothing_special() {
    let (_directory, path) = place();
    let mut journal = Journal::open(&path).unwrap();
    let unique_ids: Vec<String> = (0..100_000).map(|n| format!("{n:032x}")).collect();
    store(&mut journal, FRED, &unique_ids).unwrap();
    let known = journal.known(FRED, unique_ids.iter().map(String::as_bytes)).unwrap();
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
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 6).unwrap();
    let before = fs::read(&path).unwrap();
    let error = refused(&path);
    assert!(matches!(error, JournalError::NewerSchema { found: 6, known: 5, .. }), "{error}");
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

    let error = Journal::open(&path).and_then(|journal| journal.each_present(FRED, |_, _| ())).unwrap_err();
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
    assert!(sorted(&journal, FRED).is_empty());
    store(&mut journal, FRED, &["a"]).unwrap();
}
