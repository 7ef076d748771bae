//! `--state`: what is stored is not fetched again.

use std::os::unix::fs::PermissionsExt;

use popfetch_tests::command::{Popfetch, script};
use popfetch_tests::maildrop::{Maildrop, Message};
use popfetch_tests::server::{At, Ending, Fault, ModelServer, Script};

use super::{PATIENCE, commands, fetch, popfetch, three_messages};

fn four() -> Message {
    Message::new("uid-4", "Subject: four\r\n\r\nfourth\r\n")
}

fn fetch_new<'s>(popfetch: &Popfetch, server: &'s ModelServer) -> popfetch_tests::command::Invocation<'s> {
    fetch(popfetch, server).args(["--state", "state"])
}

#[test]
fn a_second_run_fetches_new_mail_only() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    fetch_new(&popfetch, &server).run().assert_success();
    server.append(four());
    let run = fetch_new(&popfetch, &server).run();
    run.assert_success();
    let stored = format!("4 messages, 1 stored ({} octets), 3 known\n", four().octets());
    assert!(run.stdout.ends_with(&stored), "{run:#?}");
    assert_eq!(commands(&server, "RETR"), ["RETR 1", "RETR 2", "RETR 3", "RETR 4"]);
    popfetch.maildir().assert_holds([three_messages().fingerprints(), vec![four().fingerprint()]].concat());

    fetch_new(&popfetch, &server).run().assert_success();
    assert_eq!(commands(&server, "RETR").len(), 4, "there is nothing new");
}

#[test]
fn messages_are_known_by_their_unique_ids_and_not_by_their_numbers() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    fetch_new(&popfetch, &server).run().assert_success();
    server.edit_maildrop(|maildrop| {
        maildrop.messages_mut().remove(0);
        maildrop.messages_mut().insert(0, four());
        maildrop.messages_mut().reverse();
    });
    fetch_new(&popfetch, &server).run().assert_success();
    assert_eq!(commands(&server, "RETR")[3..], ["RETR 3"]);
    popfetch.maildir().assert_holds([three_messages().fingerprints(), vec![four().fingerprint()]].concat());
}

/// It may be on a disk that is not there, or a trial that was thrown away: the mail would be nowhere.
#[test]
fn nothing_is_deleted_for_a_maildir_that_is_gone() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let maildir = popfetch.maildir();
    fetch_new(&popfetch, &server).run().assert_success();
    let aside = maildir.path().with_extension("aside");
    std::fs::rename(maildir.path(), &aside).unwrap();
    // Also where the directory is there, for something to be mounted on.
    for is_mount_point in [false, true] {
        if is_mount_point {
            std::fs::create_dir(maildir.path()).unwrap();
        }
        fetch_new(&popfetch, &server)
            .arg("--delete")
            .run()
            .assert_failure(73, &["is not there", "mount it", "--state"]);
        assert!(!maildir.path().join("new").exists());
    }
    assert_eq!((server.maildrop().len(), server.connections()), (3, 1));
    std::fs::remove_dir(maildir.path()).unwrap();
    std::fs::rename(&aside, maildir.path()).unwrap();
    fetch_new(&popfetch, &server).arg("--delete").run().assert_success();
    assert!(server.maildrop().is_empty());
    // Where the server has nothing left of what was stored, there is nothing to lose.
    std::fs::remove_dir_all(maildir.path()).unwrap();
    fetch_new(&popfetch, &server).run().assert_success();
}

/// The journal is the same, whichever way leads to it.
#[test]
fn a_link_to_the_journal_is_locked_as_the_journal() {
    let silent = Fault::End(Ending::Silence);
    let server = ModelServer::start(script(three_messages()).fault(At::verb("RETR").argument(2), silent));
    let popfetch = popfetch();
    let (state, link) = (popfetch.path("state"), popfetch.path("link"));
    std::fs::write(&state, "").unwrap();
    std::os::unix::fs::symlink(&state, &link).unwrap();
    let running = fetch_new(&popfetch, &server).start();
    server.wait_until(PATIENCE, |transcript| transcript.commands().iter().any(|one| one.starts_with("RETR"))).unwrap();
    fetch(&popfetch, &server).args(["--state", "link"]).run().assert_failure(75, &["is being fetched by process"]);
    running.interrupt();
    running.finish();
}

#[test]
fn what_is_known_is_deleted_without_being_fetched_again() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    fetch_new(&popfetch, &server).run().assert_success();
    let run = fetch_new(&popfetch, &server).arg("--delete").run();
    run.assert_success();
    assert!(run.stdout.ends_with("3 messages, 0 stored (0 octets), 3 known, 3 deleted\n"), "{run:#?}");
    assert_eq!(commands(&server, "RETR").len(), 3);
    assert!(server.maildrop().is_empty());
}

/// A server that counts its unique-ids from the beginning again has other messages under them.
#[test]
fn a_unique_id_that_stands_for_another_message_now_deletes_nothing_unfetched() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    fetch_new(&popfetch, &server).run().assert_success();
    let other = Message::new("uid-2", "Subject: another\r\n\r\nof another size, under an old unique-id\r\n");
    let reused = other.clone();
    server.edit_maildrop(move |maildrop| maildrop.messages_mut()[1] = reused);
    let run = fetch_new(&popfetch, &server).arg("--delete").run();
    run.assert_success();
    assert!(run.stdout.contains("1 stored"), "{run:#?}");
    assert!(server.maildrop().is_empty());
    popfetch.maildir().assert_holds([three_messages().fingerprints(), vec![other.fingerprint()]].concat());
}

/// What is in one Maildir is not in another.
#[test]
fn another_maildir_gets_everything_before_it_is_deleted() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    fetch_new(&popfetch, &server).run().assert_success();
    let run = popfetch.list(&server).args(["--auth", "user"]).run();
    run.assert_success();
    let other = popfetch.path("other");
    let url = format!("pop3://alice@{}", server.address());
    let arguments = ["--tls", "off", "--auth", "user", "--state", "state", "--delete", "--maildir"];
    let password = popfetch.path("password");
    let run = popfetch.run("fetch").arg(url).args(arguments).arg(&other).arg("--password-file").arg(password).run();
    run.assert_success();
    assert!(server.maildrop().is_empty());
    popfetch_tests::maildir::Maildir::at(other).assert_holds(three_messages().fingerprints());
}

/// A server that does not stuff dots, and a message that imitates a reply: all later replies are off by one. What is
/// stored then must not be remembered as what it was asked for as.
#[test]
fn what_was_stored_out_of_step_is_not_remembered() {
    let fake = "Subject: fake\r\n\r\nfake\r\n";
    let evil = format!("Subject: evil\r\n\r\nhi\r\n.\r\n+OK {} octets\r\n{fake}", fake.len());
    let letter =
        |number: usize| Message::new(format!("uid-{number}"), format!("Subject: {number}\r\n\r\nbody {number}\r\n"));
    let maildrop = Maildrop::new([Message::new("uid-1", evil), letter(2), letter(3), letter(4)]);
    let script = script(maildrop.clone()).fault(At::verb("RETR").argument(1).connection(1), Fault::Unstuffed);
    let server = ModelServer::start(script);
    let popfetch = popfetch();
    let run = fetch_new(&popfetch, &server).args(["--delete", "--reconnect", "0"]).run();
    run.assert_failure(76, &["POP3"]);
    assert_eq!(server.maildrop().len(), 4);

    let run = fetch_new(&popfetch, &server).arg("--delete").run();
    run.assert_success();
    assert!(server.maildrop().is_empty());
    let delivered: Vec<_> = popfetch.maildir().delivered().iter().map(|entry| entry.fingerprint().sha256).collect();
    for message in maildrop.fingerprints() {
        assert!(delivered.contains(&message.sha256), "{message} was deleted and is not there");
    }
}

#[test]
fn accounts_share_a_file_and_not_their_unique_ids() {
    let (one, other) = (ModelServer::start(script(three_messages())), ModelServer::start(script(three_messages())));
    let popfetch = popfetch();
    for server in [&one, &other] {
        let run = fetch_new(&popfetch, server).run();
        run.assert_success();
        assert!(run.stdout.contains("3 stored"), "{run:#?}");
    }
    for server in [&one, &other] {
        let run = fetch_new(&popfetch, server).run();
        assert!(run.stdout.contains("0 stored (0 octets), 3 known"), "{run:#?}");
    }
}

#[test]
fn a_broken_run_is_continued() {
    let cut = Fault::CutContent { after: 5, ending: Ending::Close };
    let server = ModelServer::start(
        script(three_messages()).without_pipelining().fault(At::verb("RETR").argument(3).once(), cut),
    );
    let popfetch = popfetch();
    fetch_new(&popfetch, &server).args(["--reconnect", "0"]).run().assert_failure(74, &["closed"]);
    fetch_new(&popfetch, &server).run().assert_success();
    assert_eq!(commands(&server, "RETR"), ["RETR 1", "RETR 2", "RETR 3", "RETR 3"]);
    popfetch.maildir().assert_holds(three_messages().fingerprints());
}

/// Also where the server names no sizes: otherwise each run would bring another copy of what comes before.
#[test]
fn a_message_that_never_arrives_does_not_bring_those_before_it_again() {
    for ending in [Ending::Close, Ending::Silence] {
        let server = ModelServer::start(
            script(three_messages())
                .fault(At::verb("RETR"), Fault::Status(b"+OK message follows".to_vec()))
                .fault(At::verb("RETR").argument(3), Fault::CutContent { after: 5, ending }),
        );
        let popfetch = popfetch();
        for _ in 0..2 {
            let run = fetch_new(&popfetch, &server).args(["--timeout", "1"]).run();
            assert!(matches!(run.code, Some(74 | 75)), "{run:#?}");
        }
        popfetch.maildir().assert_holds(three_messages().fingerprints().into_iter().take(2));
    }
}

#[test]
fn the_file_is_for_its_owner_alone() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    fetch_new(&popfetch, &server).run().assert_success();
    let mode = std::fs::metadata(popfetch.path("state")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn without_unique_ids_messages_are_recognised_by_their_beginnings() {
    let server = ModelServer::start(script(three_messages()).without_uidl());
    let popfetch = popfetch();
    fetch_new(&popfetch, &server).run().assert_success();
    server.append(four());
    let run = fetch_new(&popfetch, &server).run();
    assert!(run.assert_success().stdout.contains("1 stored"), "{run:#?}");
    assert_eq!(commands(&server, "RETR").len(), 4);
    popfetch.maildir().assert_holds([three_messages().fingerprints(), vec![four().fingerprint()]].concat());
    // Also when they are to be deleted.
    fetch_new(&popfetch, &server).arg("--delete").run().assert_success();
    assert!(server.maildrop().is_empty());
    assert_eq!(popfetch.maildir().delivered().len(), 4);
}

/// A longer one that begins as a stored one did, in its place: the beginning alone does not make it known.
#[test]
fn without_unique_ids_a_message_that_begins_as_another_is_fetched() {
    let letter =
        |lines: usize| Message::new("x", format!("Subject: report\r\n\r\n{}", "all is well\r\n".repeat(lines)));
    let server = ModelServer::start(script(Maildrop::new([letter(20)])).without_uidl());
    let popfetch = popfetch();
    fetch_new(&popfetch, &server).run().assert_success();
    server.edit_maildrop(|maildrop| maildrop.messages_mut()[0] = letter(30));
    let run = fetch_new(&popfetch, &server).arg("--delete").run();
    assert!(run.assert_success().stdout.contains("1 stored"), "{run:#?}");
    popfetch.maildir().assert_holds([letter(20).fingerprint(), letter(30).fingerprint()]);
}

#[test]
fn without_unique_ids_and_top_everything_is_retrieved_and_nothing_stored_twice() {
    let server = ModelServer::start(script(three_messages()).without_uidl().without_top());
    let popfetch = popfetch();
    for stored in [3, 0] {
        let run = fetch_new(&popfetch, &server).run();
        assert_eq!(run.code, Some(0), "{run:#?}");
        assert!(run.stderr.starts_with("popfetch: warning: all messages are retrieved each time"), "{run:#?}");
        assert_eq!(run.stderr.lines().count(), 1, "{run:#?}");
        assert!(run.stdout.contains(&format!("{stored} stored")), "{run:#?}");
    }
    assert_eq!(commands(&server, "RETR").len(), 6);
    popfetch.maildir().assert_holds(three_messages().fingerprints());
}

/// Two messages of one unique-id, and one without: to take them for known would lose mail.
#[test]
fn unique_ids_that_are_not_unique_are_not_relied_on() {
    let message = |uid: &str, subject: &str| Message::new(uid, format!("Subject: {subject}\r\n\r\n"));
    let maildrop = [message("same", "one"), message("same", "two"), message("", "three"), message("own", "four")];
    let maildrop = Maildrop::new(maildrop);
    for (has_top, retrieved) in [(true, 4), (false, 4 + 3)] {
        let script = script(maildrop.clone());
        let server = ModelServer::start(if has_top { script } else { script.without_top() });
        let popfetch = popfetch();
        for _ in 0..2 {
            let run = fetch_new(&popfetch, &server).run();
            assert_eq!(run.code, Some(0), "{run:#?}");
            let warns = run.stderr.contains("warning: 3 of the messages have no unique-id of their own");
            assert_eq!(warns, !has_top, "{run:#?}");
        }
        assert_eq!(commands(&server, "RETR").len(), retrieved);
        popfetch.maildir().assert_holds(maildrop.fingerprints());
    }
}

/// However the path is written.
#[test]
fn one_maildir_is_one_place() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    fetch_new(&popfetch, &server).run().assert_success();
    std::os::unix::fs::symlink("mail", popfetch.path("link")).unwrap();
    for written in ["mail/", "./mail", "mail/new/..", "link"] {
        let run = popfetch.run("fetch").arg(format!("pop3://alice@{}", server.address())).args(["--tls", "off"]);
        let run = run.args(["--auth", "user", "--state", "state", "--maildir", written]).arg("--password-file");
        let run = run.arg(popfetch.password_file()).run();
        assert!(run.assert_success().stdout.contains("0 stored (0 octets), 3 known"), "{written}: {run:?}");
    }
    assert_eq!(popfetch.maildir().delivered().len(), 3);
}

/// A message that takes longer than a run may does not keep the others from being fetched for ever.
#[test]
fn a_run_begins_with_others_than_the_one_before_has_ended_with() {
    let slow = Fault::Drip(std::time::Duration::from_millis(100));
    let server =
        ModelServer::start(script(three_messages()).without_pipelining().fault(At::verb("RETR").argument(1), slow));
    let popfetch = popfetch();
    fetch_new(&popfetch, &server).args(["--deadline", "1"]).run().assert_failure(75, &["longer than it may"]);
    assert_eq!(popfetch.maildir().delivered().len(), 0);
    fetch_new(&popfetch, &server).args(["--deadline", "1"]).run();
    assert_eq!(popfetch.maildir().delivered().len(), 2);
    server.without_faults();
}

/// What it had stored of a group is retrieved again where there is no TOP, to compare it; it is no news to count.
#[test]
fn what_was_stored_before_the_connection_broke_is_not_counted_as_known() {
    let closes = Fault::End(Ending::Close);
    let server =
        ModelServer::start(script(three_messages()).without_top().fault(At::verb("RETR").argument(3).once(), closes));
    let popfetch = popfetch();
    let run = fetch_new(&popfetch, &server).run();
    assert!(run.assert_success().stdout.contains(" 3 messages, 3 stored ("), "{run:?}");
    assert!(!run.stdout.contains("known"), "{run:?}");
    popfetch.maildir().assert_holds(three_messages().fingerprints());
}

/// More of them than times to connect again, and new mail behind them.
#[test]
fn messages_that_break_every_connection_block_no_others() {
    let maildrop = Maildrop::of_octets((1..=10).map(|number| format!("Subject: {number}\r\n\r\ntext\r\n")));
    let cut = |script: Script, number: u32| {
        script.fault(At::verb("RETR").argument(number), Fault::CutContent { after: 5, ending: Ending::Close })
    };
    for arguments in [&["--reconnect", "3"][..], &["--reconnect", "0"]] {
        let server = ModelServer::start([1, 2, 3, 4].into_iter().fold(script(maildrop.clone()), cut));
        let popfetch = popfetch();
        for _ in 0..5 {
            fetch_new(&popfetch, &server).args(arguments).run();
        }
        assert_eq!(popfetch.maildir().delivered().len(), 6, "{arguments:?}");
        server.append(Message::new("uid-new", "Subject: new\r\n\r\nnew\r\n"));
        fetch_new(&popfetch, &server).args(arguments).run();
        assert_eq!(popfetch.maildir().delivered().len(), 7, "{arguments:?}");
    }
}
