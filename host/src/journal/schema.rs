//! The tables of a journal, and those of earlier versions.

use rusqlite::Connection;

use super::under_way;
use super::{Begun, EntryState};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// "popf" in ASCII, where SQLite keeps the kind of a database.
pub(super) const APPLICATION_ID: i32 = 0x706f_7066;
/// The latest schema.
pub(super) const SCHEMA_VERSION: i32 = 5;

const ACCOUNT: &str = "
    CREATE TABLE account (
        id   INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    ) STRICT;
";

/// Ordered so that a session looks at what the last ones have shown and not at all that ever was, and that to note a message
/// that is there, which is what most notes are, changes no index.
const MESSAGE: &str = "
    CREATE TABLE message (
        account      INTEGER NOT NULL REFERENCES account (id),
        unique_id    BLOB NOT NULL,
        state        INTEGER NOT NULL,
        octets       INTEGER,
        listed       INTEGER,
        fingerprint  BLOB,
        since        INTEGER,
        absent_since INTEGER NOT NULL DEFAULT 0,
        content      INTEGER,
        PRIMARY KEY (account, absent_since, unique_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX absent ON message (account, unique_id) WHERE absent_since > 0;
";

const UNDER_WAY_AND_FAILURE: &str = "
    CREATE TABLE under_way (
        id       INTEGER PRIMARY KEY,
        account  INTEGER NOT NULL REFERENCES account (id),
        messages BLOB NOT NULL
    ) STRICT;
    CREATE TABLE failure (
        account   INTEGER NOT NULL REFERENCES account (id),
        unique_id BLOB NOT NULL,
        runs      INTEGER NOT NULL,
        again_at  INTEGER NOT NULL,
        cause     TEXT NOT NULL,
        PRIMARY KEY (account, unique_id)
    ) STRICT, WITHOUT ROWID;
";

/// Makes the tables in an empty file.
pub(super) fn create(database: &Connection) -> rusqlite::Result<()> {
    database.execute_batch(&format!("{ACCOUNT}{MESSAGE}{UNDER_WAY_AND_FAILURE}"))?;
    database.pragma_update(None, "application_id", APPLICATION_ID)?;
    database.pragma_update(None, "user_version", SCHEMA_VERSION)
}

/// Takes over what an earlier version has noted.
pub(super) fn bring_up_to_date(database: &Connection, from: i32) -> rusqlite::Result<()> {
    match from {
        // It knew of stored messages their unique-ids and octets. How long ago that was is counted from now.
        1 => database.execute_batch(&format!(
            "{MESSAGE}{UNDER_WAY_AND_FAILURE}
             INSERT INTO message (account, unique_id, state, octets, since)
                 SELECT account, unique_id, {}, octets, unixepoch() FROM stored;
             DROP TABLE stored;",
            EntryState::Delivered as u8
        ))?,
        // Its messages of state 0 were under way, each with the name of its file.
        2 => {
            database.execute_batch(&format!("{MESSAGE}{UNDER_WAY_AND_FAILURE}"))?;
            move_under_way(database)?;
            database.execute_batch(
                "INSERT INTO message (account, unique_id, state, octets, since)
                     SELECT account, unique_id, state, octets, since FROM entry WHERE state IN (1, 2);
                 DROP TABLE entry;",
            )?;
        }
        // It had an index of the messages that are there, and NULL for when those were not.
        3 => database.execute_batch(&format!(
            "DROP INDEX present;
             DROP INDEX absent;
             ALTER TABLE message RENAME TO message_of_3;
             {MESSAGE}
             INSERT INTO message (account, unique_id, state, octets, listed, fingerprint, since, absent_since)
                 SELECT account, unique_id, state, octets, listed, fingerprint, since, ifnull(absent_since, 0)
                 FROM message_of_3;
             DROP TABLE message_of_3;"
        ))?,
        // It knew messages by their beginnings and sizes alone.
        _ => database.execute_batch("ALTER TABLE message ADD COLUMN content INTEGER")?,
    }
    database.pragma_update(None, "user_version", SCHEMA_VERSION)
}

fn move_under_way(database: &Connection) -> rusqlite::Result<()> {
    let mut query =
        database.prepare("SELECT account, unique_id, file FROM entry WHERE state = 0 AND file IS NOT NULL")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let begun = Begun { id: row.get(1)?, file: OsString::from_vec(row.get(2)?) };
        database.execute(
            "INSERT INTO under_way (account, messages) VALUES (?1, ?2)",
            (row.get::<_, i64>(0)?, under_way::encode(&[begun])),
        )?;
    }
    Ok(())
}
