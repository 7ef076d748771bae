//! `popfetch fetch`: what arrives, and what is left at the server.

use std::os::unix::fs::PermissionsExt;

use popfetch_tests::command::script;
use popfetch_tests::maildir::Folder;
use popfetch_tests::maildrop::{Maildrop, Message, Profile, realistic};
use popfetch_tests::server::{At, Fault, ModelServer, Segments, Stuffing};

use super::{commands, fetch, popfetch, three_messages};

#[test]
fn everything_stays_at_the_server_unless_told_otherwise() {
    for keep in [None, Some("--keep")] {
        let server = ModelServer::start(script(three_messages()));
        let popfetch = popfetch();
        let run = fetch(&popfetch, &server).args(keep).run();
        run.assert_success();
        let octets: u64 = three_messages().messages().iter().map(Message::octets).sum();
        let account = format!("alice@{}", server.address());
        assert_eq!(run.stdout, format!("{account}: 3 messages, 3 stored ({octets} octets)\n"));
        popfetch.maildir().assert_holds(three_messages().fingerprints());
        assert_eq!(popfetch.maildir().unfinished(), []);
        assert_eq!(server.maildrop().len(), 3);
        assert_eq!(commands(&server, "DELE"), [""; 0]);
        assert_eq!(server.commands().last().unwrap(), "QUIT");
    }
}

#[test]
fn with_delete_what_is_stored_is_deleted() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).arg("--delete").run();
    run.assert_success();
    assert!(run.stdout.ends_with(", 3 deleted\n"), "{run:#?}");
    popfetch.maildir().assert_holds(three_messages().fingerprints());
    assert!(server.maildrop().is_empty());

    let commands = server.commands();
    let at = |wanted: &str| commands.iter().position(|command| command == wanted).expect(wanted);
    for number in 1..=3 {
        assert!(at(&format!("DELE {number}")) > at("RETR 3"), "deleted before all are stored: {commands:?}");
    }
    assert_eq!(commands.last().unwrap(), "QUIT");
}

/// Of two servers, one takes commands ahead of their replies and the other one loses them.
#[test]
fn a_server_without_pipelining_gets_one_command_at_a_time() {
    let server = ModelServer::start(script(three_messages()).without_pipelining());
    let popfetch = popfetch();
    fetch(&popfetch, &server).arg("--delete").run().assert_success();
    popfetch.maildir().assert_holds(three_messages().fingerprints());
    assert!(server.maildrop().is_empty());
}

#[test]
fn a_message_that_the_server_does_not_give_is_not_deleted() {
    let refused = Fault::Refuse(b"[X-SCAN] the message is looked at".to_vec());
    let server = ModelServer::start(script(three_messages()).fault(At::verb("RETR").argument(2), refused));
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).args(["--delete", "-v"]).run();
    run.assert_failure(
        69,
        &["2 messages are stored, the server refused to give 1 (-ERR [X-SCAN] the message is looked at)", "run again"],
    );
    assert!(run.stdout.contains("message 2: refused: [X-SCAN] the message is looked at"), "{run:#?}");
    assert_eq!(server.maildrop().uids(), ["uid-2"]);
    assert_eq!(commands(&server, "DELE"), ["DELE 1", "DELE 3"]);
    assert_eq!(popfetch.maildir().delivered().len(), 2);
}

#[test]
fn a_message_that_the_server_does_not_delete_is_told() {
    let refused = Fault::Refuse(b"locked".to_vec());
    let server = ModelServer::start(script(three_messages()).fault(At::verb("DELE").argument(2), refused));
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).args(["--delete", "-v"]).run();
    run.assert_failure(69, &["3 messages are stored, the server refused to delete 1 (-ERR locked)"]);
    assert!(run.stdout.contains("message 2: not deleted: locked"), "{run:#?}");
    assert_eq!(server.maildrop().uids(), ["uid-2"]);
}

#[test]
fn mail_that_comes_during_the_session_is_left_for_the_next() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    // The session sees three; the fourth is there when QUIT deletes.
    server.change(|script| script.visible = Some(3));
    server.append(Message::new("uid-4", "Subject: four\r\n\r\n"));
    fetch(&popfetch, &server).arg("--delete").run().assert_success();
    assert_eq!(server.maildrop().uids(), ["uid-4"]);
}

#[test]
fn an_empty_maildrop_is_no_failure() {
    let server = ModelServer::start(script(Maildrop::default()));
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).arg("--delete").run();
    run.assert_success();
    assert!(run.stdout.ends_with(": 0 messages, 0 stored (0 octets)\n"), "{run:#?}");
    assert_eq!(popfetch.maildir().delivered(), []);
}

/// 8-bit, NUL, bare CR and LF, lines of any length, dots, no octets at all: everything arrives as it was sent.
#[test]
fn messages_arrive_byte_for_byte() {
    let messages = Maildrop::of_octets(realistic(1939, 60, Profile::anything().largest(200_000)));
    for (segments, stuffing) in [
        (Segments::Whole, Stuffing::AfterCrlf),
        (Segments::Random { seed: 1, largest: 3000 }, Stuffing::AfterCrlf),
        (Segments::Cycle(vec![1, 2, 3, 5, 1460]), Stuffing::AfterCrlf),
    ] {
        let mut script = script(messages.clone());
        script.wire.segments = segments;
        script.wire.stuffing = stuffing;
        let server = ModelServer::start(script);
        let popfetch = popfetch();
        fetch(&popfetch, &server).arg("--delete").run().assert_success();
        popfetch.maildir().assert_holds(messages.fingerprints());
        assert_eq!(popfetch.maildir().unfinished(), []);
        assert!(server.maildrop().is_empty());
    }
}

#[test]
fn the_maildir_is_made_for_its_owner_alone_and_its_files_too() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    fetch(&popfetch, &server).run().assert_success();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let maildir = popfetch.maildir();
    assert_eq!(mode(maildir.path()), 0o700);
    for folder in [Folder::New, Folder::Cur, Folder::Tmp] {
        assert_eq!(mode(&maildir.path().join(folder.name())), 0o700);
    }
    let delivered = maildir.entries(Folder::New);
    assert_eq!(delivered.len(), 3, "in new, where mail programs look for it");
    for entry in delivered {
        assert_eq!(mode(&entry.path), 0o600);
        assert!(!entry.name.contains([':', '/']) && !entry.name.starts_with('.'), "{}", entry.name);
    }
}

#[test]
fn without_a_journal_a_second_run_adds_to_what_is_there() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    for _ in 0..2 {
        fetch(&popfetch, &server).arg("--no-state").run().assert_success();
    }
    assert!(!popfetch.path(".local").exists());
    let twice = [three_messages().fingerprints(), three_messages().fingerprints()].concat();
    popfetch.maildir().assert_holds(twice);
}

#[test]
fn a_server_may_have_an_ipv6_address() {
    let server = ModelServer::start(script(three_messages()).on_ipv6());
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).run();
    run.assert_success();
    assert!(run.stdout.starts_with(&format!("alice@[::1]:{}: 3 messages", server.port())), "{run:#?}");
    popfetch.maildir().assert_holds(three_messages().fingerprints());
}

#[test]
fn a_host_may_have_a_name() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let url = format!("pop3://alice@LocalHost:{}/", server.port());
    let run = popfetch.run("fetch").arg(url).args(["--tls", "off", "--auth", "user", "--maildir", "mail"]);
    run.arg("--password-file").arg(popfetch.password_file()).run().assert_success();
    popfetch.maildir().assert_holds(three_messages().fingerprints());
}
