//! Messages that are alike: whether one is another one that is stored already.

use popfetch_tests::{
    command::script,
    maildrop::{Maildrop, Message},
    server::{Announced, Script},
};

use crate::scene::{Outcome, Scene};

const NOTICE: &str = "Subject: backup\r\n\r\nall is well\r\n";

fn notice(unique_id: &str) -> Maildrop {
    Maildrop::new([Message::new(unique_id, NOTICE)])
}

fn servers() -> [Script; 4] {
    let all = || script(notice("a"));
    [all(), all().without_top(), all().without_uidl(), all().without_uidl().without_top()]
}

/// What was deleted is not there any more: a message that is the same octet for octet is another one.
#[test]
fn a_message_like_one_that_was_deleted_is_stored() {
    for server in servers() {
        let scene = Scene::new(server);
        for (stored, unique_id) in [(1, "b"), (2, "c"), (3, "d")] {
            let run = scene.fetch_new().arg("--delete").run();
            assert!(run.succeeds().stdout.contains("1 stored"), "{run:?}");
            assert_eq!(scene.maildir().delivered().len(), stored);
            assert!(scene.server.maildrop().is_empty());
            scene.server.edit_maildrop(|maildrop| *maildrop = notice(unique_id));
        }
    }
}

/// A run that deletes everything leaves nothing for the next one to compare with.
#[test]
fn new_mail_is_not_looked_at_for_what_was_deleted() {
    let scene = Scene::new(script(notice("a")));
    for unique_id in ["b", "c"] {
        scene.fetch_new().arg("--delete").run().succeeds();
        scene.server.edit_maildrop(|maildrop| *maildrop = notice(unique_id));
    }
    scene.assert_never_sent("TOP");
}

/// Numbers as unique-ids: that of a message that was deleted, and away since, stands for another one of the same size.
#[test]
fn a_message_with_the_number_of_one_that_was_deleted_is_looked_at() {
    let scene = Scene::new(script(Maildrop::new([Message::new("1", "Subject: first\r\n\r\nfirst\r\n")])));
    scene.fetch_new().arg("--delete").run().succeeds();
    scene.server.edit_maildrop(|maildrop| *maildrop = Maildrop::new([Message::new("0", "Subject: x\r\n\r\nx\r\n")]));
    scene.fetch_new().run().succeeds();
    scene.server.edit_maildrop(|maildrop| {
        *maildrop = Maildrop::new([Message::new("1", "Subject: other\r\n\r\nother\r\n")]);
    });
    scene.fetch_new().run().succeeds();
    assert_eq!(scene.maildir().delivered().len(), 3);
}

/// It lists other sizes today, and the message is too old to be fetched for that: it is known all the same.
#[test]
fn a_stored_message_that_is_too_old_stays_known() {
    for uidl in [true, false] {
        let old = "Date: Thu, 1 Jan 2015 00:00:00 +0000\r\nSubject: old\r\n\r\nold\r\n";
        let server = script(Maildrop::new([Message::new("old", old)]));
        let scene = Scene::new(if uidl { server } else { server.without_uidl() });
        scene.fetch_new().run().succeeds();
        scene.server.change(|script| script.announced = Announced { factor: 1.0, offset: 7 });
        for _ in 0..2 {
            scene.fetch_new().args(["--newer-than", "30d"]).run().succeeds();
        }
        scene.fetch_new().run().succeeds();
        assert_eq!(scene.maildir().delivered().len(), 1, "UIDL: {uidl}");
    }
}

/// What a server without unique-ids does not have any more is known to be away, and is forgotten in time.
#[test]
fn what_a_server_without_unique_ids_has_no_more_is_noted_as_away() {
    let letter = |name: &str| Message::new(name, format!("Subject: {name}\r\n\r\n{name}\r\n"));
    let scene = Scene::new(script(Maildrop::new([letter("a"), letter("b")])).without_uidl());
    scene.fetch_new().run().succeeds();
    scene.server.edit_maildrop(|maildrop| *maildrop = Maildrop::new([letter("b"), letter("c")]));
    scene.fetch_new().run().succeeds();
    let state = scene.user.path("state");
    let list = scene.user.run("journal").args(["list", "--messages", "--output", "json", "--state"]).arg(&state).run();
    let away =
        list.stdout.lines().filter(|line| line.contains("\"message\"") && !line.contains("\"absent_since\":null"));
    assert_eq!(away.count(), 1, "{list:?}");
    scene.fetch_new().run().succeeds();
    assert_eq!(scene.maildir().delivered().len(), 3);
}
