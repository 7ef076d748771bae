//! Which messages a run takes, and what it only tells.

use popfetch_tests::command::{Invocation, Popfetch, script};
use popfetch_tests::maildrop::Maildrop;
use popfetch_tests::server::{At, Ending, Fault, ModelServer};
use rusqlite::Connection;
use serde_json::json;

use super::{commands, events, popfetch};

/// Messages of 100, 2000, 30000 and 400 octets.
fn maildrop() -> Maildrop {
    Maildrop::of_octets(
        [100, 2000, 30_000, 400].map(|octets| format!("Subject: x\r\n\r\n{}\r\n", "x".repeat(octets - 16))),
    )
}

fn fetch<'s>(popfetch: &'s Popfetch, server: &'s ModelServer, arguments: &[&str]) -> Invocation<'s> {
    popfetch.fetch(server).args(["--auth", "user", "--state", "state"]).args(arguments)
}

/// Which messages were asked for, in the runs so far.
fn retrieved(server: &ModelServer) -> Vec<String> {
    commands(server, "RETR").into_iter().map(|command| command.replace("RETR ", "")).collect()
}

#[test]
fn sizes_leave_out_what_is_larger_or_smaller() {
    for (arguments, expected) in [
        (&["--max-size", "2000"][..], &["1", "2", "4"][..]),
        (&["--max-size", "1999"], &["1", "4"]),
        (&["--min-size", "400"], &["2", "3", "4"]),
        (&["--min-size", "1k", "--max-size", "29k"], &["2"]),
    ] {
        let (server, popfetch) = (ModelServer::start(script(maildrop())), popfetch());
        let run = fetch(&popfetch, &server, &["--delete"]).args(arguments).run();
        let left = 4 - expected.len();
        assert!(
            run.assert_success().stdout.contains(&format!(", {left} skipped, {} deleted\n", expected.len())),
            "{run:?}"
        );
        assert_eq!(retrieved(&server), expected, "{arguments:?}");
        assert_eq!(server.maildrop().len(), left, "what was left out is not deleted");
    }
}

/// Of a run, however many sessions it takes.
#[test]
fn limits_hold_where_the_connection_breaks() {
    for limit in [["--limit", "3"], ["--limit-bytes", "30000"]] {
        let broken = script(maildrop()).without_pipelining();
        let broken = broken.fault(At::verb("RETR").argument(2).once(), Fault::End(Ending::Close));
        let (server, popfetch) = (ModelServer::start(broken), popfetch());
        let run = fetch(&popfetch, &server, &limit).run();
        assert_eq!(run.code, Some(0), "{run:?}");
        let stored: Vec<usize> = popfetch.maildir().delivered().iter().map(|entry| entry.octets().len()).collect();
        assert_eq!(stored.len(), 3, "{run:?}");
        if limit[0] == "--limit-bytes" {
            assert!(stored.iter().sum::<usize>() <= 30_000, "{run:?}");
        }
    }
}

#[test]
fn limits_leave_the_rest_for_the_next_run() {
    for limit in [["--limit", "2"], ["--limit-bytes", "2100"]] {
        let (server, popfetch) = (ModelServer::start(script(maildrop())), popfetch());
        for _ in 0..2 {
            fetch(&popfetch, &server, &limit).run().assert_success();
        }
        let expected: &[&str] = if limit[0] == "--limit" { &["1", "2", "3", "4"] } else { &["1", "2", "3"] };
        assert_eq!(retrieved(&server), expected, "{limit:?}");
        fetch(&popfetch, &server, &limit).run().assert_success();
        popfetch.maildir().assert_holds(maildrop().fingerprints());
    }
}

#[test]
fn a_dry_run_tells_and_does_nothing() {
    let (server, popfetch) = (ModelServer::start(script(maildrop())), popfetch());
    fetch(&popfetch, &server, &["--limit", "1"]).run().assert_success();
    let arguments = ["--dry-run", "--delete", "--max-size", "20k"];
    let run = fetch(&popfetch, &server, &arguments).run();
    assert_eq!(
        run.assert_success().lines()[..4],
        [
            "message 2: would be fetched and deleted",
            "message 4: would be fetched and deleted",
            "message 3 (30000 octets): skipped, larger than --max-size",
            "message 1: would be deleted, for it is stored",
        ]
    );
    assert!(
        run.stdout.ends_with("0 stored (0 octets), 2 would be fetched, 3 would be deleted, 1 known, 1 skipped\n"),
        "{run:?}"
    );
    let run = fetch(&popfetch, &server, &arguments).args(["--output", "json"]).run();
    let events = events(&run.assert_success().stdout);
    assert!(events.contains(&json!({ "event": "would-fetch", "number": 2, "delete": true })), "{events:?}");
    assert!(events.contains(&json!({ "event": "would-delete", "number": 1 })), "{events:?}");
    let skipped = json!({ "event": "skipped", "number": 3, "octets": 30_000, "why": "larger than --max-size" });
    assert!(events.contains(&skipped), "{events:?}");

    assert_eq!(retrieved(&server), ["1"]);
    assert_eq!(commands(&server, "DELE"), [""; 0]);
    assert_eq!((server.maildrop().len(), popfetch.maildir().delivered().len()), (4, 1));
}

#[test]
fn what_is_no_number_of_octets_is_refused() {
    let (server, popfetch) = (ModelServer::start(script(maildrop())), popfetch());
    for size in ["", "k", "1T", "-1", "+1", "1.5M", "99999999999G", "1 k"] {
        fetch(&popfetch, &server, &[&format!("--max-size={size}")]).run().assert_failure(64, &["max-size"]);
    }
    assert_eq!(server.connections(), 0);
}

/// The journal says that everything was stored so long ago.
fn age(popfetch: &Popfetch, seconds: i64) {
    let journal = Connection::open(popfetch.home().join("state")).expect("the journal is an SQLite database");
    let aged = journal.execute("UPDATE message SET since = since - ?1", [seconds]);
    assert!(aged.expect("the journal has entries") > 0);
}

#[test]
fn what_was_stored_long_ago_is_deleted() {
    const DAY: i64 = 24 * 3600;
    let (server, popfetch) = (ModelServer::start(script(maildrop())), popfetch());
    let after = ["--delete-after", "14d"];
    fetch(&popfetch, &server, &["--limit", "2"]).args(after).run().assert_success();
    age(&popfetch, 14 * DAY - 60);
    fetch(&popfetch, &server, &["--limit", "0"]).args(after).run().assert_success();
    assert_eq!(server.maildrop().len(), 4, "not yet");

    age(&popfetch, 60);
    let run = fetch(&popfetch, &server, &["--dry-run"]).args(after).run();
    let told: Vec<_> =
        run.assert_success().lines().into_iter().filter(|line| line.contains("for it is stored")).collect();
    let expected = ["message 1: would be deleted, for it is stored", "message 2: would be deleted, for it is stored"];
    assert_eq!(told, expected);
    assert_eq!(server.maildrop().len(), 4, "a dry run deletes nothing");

    let run = fetch(&popfetch, &server, &after).run();
    assert!(run.assert_success().stdout.ends_with("2 stored (30400 octets), 2 known, 2 deleted\n"), "{run:?}");
    assert_eq!(commands(&server, "DELE"), ["DELE 1", "DELE 2"]);
    popfetch.maildir().assert_holds(maildrop().fingerprints());
}

#[test]
fn a_time_to_delete_after_needs_the_journal() {
    let (server, popfetch) = (ModelServer::start(script(maildrop())), popfetch());
    popfetch.fetch(&server).args(["--delete-after", "14d", "--no-state"]).run().assert_failure(64, &["--no-state"]);
    for arguments in [["--delete-after", "14"], ["--delete-after", "d"], ["--delete-after", "1.5d"]] {
        fetch(&popfetch, &server, &arguments).run().assert_failure(64, &["14d or 36h"]);
    }
    fetch(&popfetch, &server, &["--delete", "--delete-after", "14d"]).run().assert_failure(64, &["--delete-after"]);
    assert_eq!(server.connections(), 0);
}
