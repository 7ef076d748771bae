//! The journal: where it is, what is left out for good, and `popfetch journal`.

use std::os::unix::fs::PermissionsExt;

use popfetch::journal::{FailedBefore, Journal};
use popfetch_tests::command::{Popfetch, script};
use popfetch_tests::maildrop::{Maildrop, Message};
use popfetch_tests::server::{At, Ending, Fault, ModelServer};
use serde_json::json;

use super::{commands, events, fetch, popfetch, three_messages};

#[test]
fn it_is_at_home_unless_another_place_is_named() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    fetch(&popfetch, &server).run().assert_success();
    let journal = popfetch.path(".local/state/popfetch/journal");
    assert_eq!(std::fs::metadata(&journal).unwrap().permissions().mode() & 0o777, 0o600);
    let directory = std::fs::metadata(journal.parent().unwrap()).unwrap();
    assert_eq!(directory.permissions().mode() & 0o777, 0o700);
    assert!(fetch(&popfetch, &server).run().assert_success().stdout.contains("3 known"));

    let xdg = popfetch.path("xdg");
    let elsewhere = |invocation: popfetch_tests::command::Invocation<'static>| {
        let xdg = xdg.clone();
        invocation.with(move |command| {
            command.env("XDG_STATE_HOME", xdg);
        })
    };
    let url = format!("pop3://alice@{}", server.address());
    let arguments = ["--tls", "off", "--auth", "user", "--password-file", "password", "--maildir", "other"];
    let run = elsewhere(popfetch.run("fetch").arg(url).args(arguments)).run();
    assert!(run.assert_success().stdout.contains("3 stored"));
    assert!(xdg.join("popfetch/journal").is_file());
}

#[test]
fn without_a_home_there_is_no_place_for_it() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let homeless = |arguments: &[&str]| {
        let fetch = fetch(&popfetch, &server).args(arguments).with(|command| {
            command.env_remove("HOME");
        });
        fetch.run()
    };
    homeless(&[]).assert_failure(78, &["neither HOME nor XDG_STATE_HOME is set", "--no-state"]);
    homeless(&["--no-state"]).assert_success();
}

#[test]
fn what_is_marked_as_seen_is_never_fetched_nor_deleted() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).arg("--mark-seen").run();
    assert!(run.assert_success().stdout.ends_with("3 messages, 0 stored (0 octets), 3 skipped\n"), "{run:?}");
    server.append(Message::new("uid-4", "Subject: four\r\n\r\nfourth\r\n"));
    let run = fetch(&popfetch, &server).arg("--delete").run();
    assert!(run.assert_success().stdout.contains("1 stored (25 octets), 3 known, 1 deleted"), "{run:?}");
    assert_eq!(server.maildrop().len(), 3);
    assert_eq!(commands(&server, "RETR"), ["RETR 4"]);
    fetch(&popfetch, &server).args(["--mark-seen", "--delete"]).run().assert_failure(64, &["--mark-seen"]);
}

/// There is nothing to remember them by.
#[test]
fn what_cannot_be_marked_as_seen_is_said() {
    let server = ModelServer::start(script(three_messages()).without_uidl().without_top());
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).arg("--mark-seen").run();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stderr.starts_with("popfetch: warning: 3 of the messages cannot be marked as seen"), "{run:?}");
    let run = fetch(&popfetch, &server).run();
    assert!(run.stdout.contains("3 messages, 3 stored"), "{run:?}");
}

#[test]
fn old_messages_are_left_and_looked_at_once() {
    let dated = |uid: &str, received: &str| {
        Message::new(
            uid,
            format!("Received: by mx; {received}\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\n\r\n{uid}\r\n"),
        )
    };
    let maildrop = Maildrop::new([
        dated("old", "Mon, 1 Jan 2001 00:00:00 +0000"),
        dated("new", "Wed, 1 Jan 2098 00:00:00 +0000"),
        Message::new("undated", "Subject: no date\r\n\r\nx\r\n"),
    ]);
    let server = ModelServer::start(script(maildrop));
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).args(["-v", "--newer-than", "30d"]).run();
    assert!(run.assert_success().stdout.contains("message 1 (94 octets): skipped, older than --newer-than"), "{run:?}");
    assert!(run.stdout.contains("2 stored"), "{run:?}");
    assert_eq!(commands(&server, "TOP").len(), 3);
    // The scan listing shows that the unique-id stands for the same message.
    fetch(&popfetch, &server).args(["--newer-than", "30d"]).run().assert_success();
    assert_eq!(commands(&server, "TOP").len(), 3);
    let run = fetch(&popfetch, &server).run();
    assert!(run.assert_success().stdout.contains("1 stored"), "whoever wants it after all gets it: {run:?}");
}

/// A connection broke at one that came later in the same run, and at one that has not come when it must end.
#[test]
fn only_what_has_not_come_has_failed() {
    let messages = (1..=4).map(|number| Message::new(format!("u{number}"), format!("Subject: {number}\r\n\r\nx\r\n")));
    let server = ModelServer::start(
        script(Maildrop::new(messages))
            .fault(At::verb("RETR").argument(3).once(), Fault::End(Ending::Close))
            .fault(At::verb("RETR").argument(4), Fault::End(Ending::Silence))
            .fault(At::verb("RETR").argument(4).once(), Fault::End(Ending::Close)),
    );
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).args(["--deadline", "6"]).run();
    assert_eq!(run.code, Some(75), "{run:?}");
    popfetch.maildir().assert_holds(server.maildrop().fingerprints().into_iter().take(3).collect::<Vec<_>>());
    assert_eq!(failures(&popfetch), ["u4"]);

    // What an earlier version has noted is taken back.
    let state = popfetch.path(".local/state/popfetch/journal");
    let account = format!("alice@{} {}", server.address(), popfetch.maildir().path().canonicalize().unwrap().display());
    let failure = FailedBefore { runs: 1, again_at: 0, cause: "silence".to_owned() };
    Journal::open(&state).unwrap().note(&account, |notes| notes.failed(b"u3", &failure)).unwrap();
    assert_eq!(failures(&popfetch), ["u3", "u4"]);
    fetch(&popfetch, &server).args(["--timeout", "1"]).run();
    assert_eq!(failures(&popfetch), ["u4"]);
}

/// The unique-ids of the messages that are noted as failed.
fn failures(popfetch: &Popfetch) -> Vec<String> {
    let run = popfetch.run("journal").arg("list").run();
    let failed = run.assert_success().stdout.lines().filter(|line| line.starts_with("  failed "));
    failed.map(|line| line.split(": ").nth(1).unwrap_or(line).to_owned()).collect()
}

#[test]
fn it_is_shown() {
    let server = ModelServer::start(script(three_messages()));
    server.fault(At::verb("RETR").argument(2), Fault::Refuse(b"\x1b[31mbroken".to_vec()));
    let popfetch = popfetch();
    popfetch.run("journal").arg("list").run().assert_failure(78, &["there is no journal"]);
    assert!(!popfetch.path(".local/state/popfetch/journal").exists());
    assert_eq!(fetch(&popfetch, &server).run().code, Some(69));

    let run = popfetch.run("journal").args(["list", "--messages"]).run();
    let lines = run.assert_success().lines();
    assert!(lines[0].ends_with("mail: 2 delivered, 1 failed"), "{run:?}");
    assert!(lines[1].starts_with("  failed 1 times, tried again in the next run: uid-2: -ERR "), "{run:?}");
    assert!(lines[1].contains(r"\x1b[31mbroken"), "{run:?}");
    assert!(lines[2..].iter().all(|line| line.contains("  delivered ")), "{run:?}");
    assert_eq!(lines.len(), 4);

    let run = popfetch.run("journal").args(["list", "--messages", "--output", "json"]).run();
    let events = events(&run.assert_success().stdout);
    assert_eq!(events[0]["messages"], json!({ "delivered": 2 }));
    assert_eq!(events.iter().filter(|event| event["event"] == "message").count(), 2);
}

/// So many that the journal has pages enough to lose some.
fn many_messages() -> Maildrop {
    let message = |number| Message::new(format!("uid-{number:060}"), format!("Subject: {number}\r\n\r\nbody\r\n"));
    Maildrop::new((0..400).map(message))
}

#[test]
fn damage_is_found_and_repaired_and_nothing_is_fetched_twice() {
    let server = ModelServer::start(script(many_messages()));
    let popfetch = popfetch();
    fetch(&popfetch, &server).args(["--state", "state"]).run().assert_success();
    let journal = |command: &str| popfetch.run("journal").args([command, "--state", "state"]);
    assert!(journal("check").run().assert_success().stdout.ends_with("state: all is well\n"));
    assert!(journal("repair").run().assert_success().stdout.ends_with("nothing was changed\n"));

    let path = popfetch.path("state");
    let sound = std::fs::read(&path).unwrap();
    let mut damaged = sound.clone();
    // A page of those with messages: SQLite's leaves of a table without row numbers begin with a 10.
    let has_messages = |page: &&mut [u8]| page[0] == 10 && page.windows(8).any(|octets| octets == b"uid-0000");
    damaged.chunks_mut(4096).filter(has_messages).nth(2).unwrap().fill(0xa5);
    std::fs::write(&path, &damaged).unwrap();
    assert_eq!(journal("check").run().code, Some(74));
    let before = server.connections();
    fetch(&popfetch, &server)
        .args(["--state", "state"])
        .run()
        .assert_failure(74, &["damaged", "popfetch journal repair"]);
    let run = journal("repair").run();
    assert!(run.assert_success().stdout.contains("messages were taken over; the damaged file is "), "{run:?}");
    let aside: Vec<_> = std::fs::read_dir(popfetch.home())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("state.damaged-"))
        .collect();
    assert_eq!(std::fs::read(&aside[0]).unwrap(), damaged);
    journal("check").run().assert_success();
    let run = fetch(&popfetch, &server).args(["--state", "state"]).run();
    assert!(run.assert_success().stdout.contains(" known"), "{run:?}");
    assert!(server.connections() > before);
}

/// A file that has become shorter, one whose accounts are lost but for their index, and one in which nothing is left.
#[test]
fn what_is_left_of_a_journal_is_taken_over() {
    let server = ModelServer::start(script(many_messages()));
    let popfetch = popfetch();
    let fetch = || fetch(&popfetch, &server).args(["--state", "state"]).run();
    fetch().assert_success();
    let path = popfetch.path("state");
    let sound = std::fs::read(&path).unwrap();
    let journal = |command: &str| popfetch.run("journal").args([command, "--state", "state"]).run();

    std::fs::write(&path, &sound[..sound.len() - 2 * 4096]).unwrap();
    fetch().assert_failure(74, &["damaged", "popfetch journal repair"]);
    let run = journal("repair");
    assert!(run.assert_success().stdout.contains("messages were taken over"), "{run:?}");
    assert!(!run.stdout.contains(" 0 messages"), "{run:?}");
    assert!(fetch().stdout.contains(" known"));

    let mut damaged = sound.clone();
    damaged[4096..2 * 4096].fill(0);
    std::fs::write(&path, damaged).unwrap();
    let run = journal("repair");
    assert!(run.assert_success().stdout.contains("state: 400 messages were taken over;"), "{run:?}");
    assert!(fetch().stdout.contains("0 stored (0 octets), 400 known"));

    std::fs::write(&path, "").unwrap();
    journal("check").assert_failure(74, &["is empty, and was not before"]);
    fetch().assert_failure(74, &["is empty, and was not before", "popfetch journal repair"]);
    let run = journal("repair");
    assert!(
        run.assert_success().stdout.contains("0 messages were taken over, so that the next run fetches"),
        "{run:?}"
    );
    assert!(fetch().stdout.contains("400 stored"));
}

/// A message that has failed, too.
#[test]
fn everything_is_marked_as_seen() {
    let refused = Fault::Refuse(b"no".to_vec());
    let server = ModelServer::start(script(three_messages()).fault(At::verb("RETR").argument(2), refused));
    let popfetch = popfetch();
    for _ in 0..2 {
        fetch(&popfetch, &server).run();
    }
    let run = fetch(&popfetch, &server).arg("--mark-seen").run();
    assert!(run.assert_success().stdout.ends_with("2 known, 1 skipped\n"), "{run:?}");
    let run = fetch(&popfetch, &server).run();
    assert!(run.assert_success().stdout.ends_with("0 stored (0 octets), 3 known\n"), "{run:?}");
    let shown = popfetch.run("journal").arg("list").run();
    assert!(!shown.assert_success().stdout.contains("failed"), "{shown:?}");
    fetch(&popfetch, &server).args(["--mark-seen", "--limit", "1"]).run().assert_failure(64, &["--mark-seen"]);
}
