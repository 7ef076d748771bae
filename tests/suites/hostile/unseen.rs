//! Messages that could be deleted unseen, or never be seen: another one stands where a stored one stood, and the server shows
//! it badly.

use std::time::Duration;

use popfetch_tests::command::script;
use popfetch_tests::maildrop::{Maildrop, Message};
use popfetch_tests::server::{At, Ending, Fault, Script, Transcript};

use crate::scene::{Outcome, Scene, server_of};

const PATIENCE: Duration = Duration::from_secs(20);

fn letter(uid: &str, subject: &str) -> Message {
    Message::new(uid, format!("Subject: {subject}\r\n\r\ntext\r\n"))
}

/// The refusal of one message comes behind the next one, which so stands in its place.
#[test]
fn a_refusal_behind_another_message() {
    for has_top in [true, false] {
        let script = script(Maildrop::new(["a", "b", "c"].map(|name| letter(name, name))))
            .fault(At::verb("RETR").argument(2).once(), Fault::Raw(Vec::new()))
            .fault(At::verb("RETR").argument(3).once(), Fault::Append(b"-ERR [SYS/TEMP] later\r\n".to_vec()));
        let scene = Scene::new(if has_top { script } else { script.without_top() });
        let maildrop = scene.server.maildrop();
        scene.fetch_new().arg("--delete").run().fails(75, "the server refused to give 1 (-ERR [SYS/TEMP] later)");
        for _ in 0..2 {
            scene.fetch_new().arg("--delete").run().succeeds();
        }
        scene.assert_all_stored(&maildrop);
        assert!(scene.server.maildrop().is_empty(), "top: {has_top}");
    }
}

/// One that is refused where it stands keeps no other from being deleted in the same run.
#[test]
fn a_refusal_in_its_place() {
    let refused = Fault::Refuse(b"[SYS/TEMP] later".to_vec());
    let scene = Scene::new(server_of(3).fault(At::verb("RETR").argument(2), refused));
    scene.fetch_new().arg("--delete").run().fails(75, "2 messages are stored, the server refused to give 1");
    assert_eq!(scene.server.maildrop().len(), 1);
}

/// All are stored, and the connection breaks before they are deleted; then others have their unique-ids.
#[test]
fn unique_ids_that_go_to_others_within_a_run() {
    let placed = |subjects: [&str; 3]| {
        Maildrop::new(["m1", "m2", "m3"].into_iter().zip(subjects).map(|(uid, subject)| letter(uid, subject)))
    };
    let silent = Fault::End(Ending::Silence);
    let scene = Scene::new(script(placed(["a", "b", "c"])).fault(At::verb("DELE").connection(1), silent));
    let running = scene.user.fetch(&scene.server).args(["--auth", "user", "--delete", "--timeout", "2"]).start();
    let deletes = |transcript: &Transcript| transcript.commands().iter().any(|command| command.starts_with("DELE"));
    scene.server.wait_until(PATIENCE, deletes).expect("it deletes");
    let others = placed(["b", "c", "d"]);
    scene.server.edit_maildrop(|maildrop| *maildrop = others.clone());
    let run = running.finish();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stdout.contains("4 stored") && run.stdout.contains("3 deleted"), "{run:?}");
    let all = ["a", "b", "c", "d"].map(|subject| letter("", subject).fingerprint());
    scene.maildir().assert_holds(all);
}

/// The server has deleted it and not said so, and another one has its unique-id and its size.
#[test]
fn another_message_where_the_deletion_was_not_confirmed() {
    let not_now = Fault::Refuse(b"[SYS/TEMP] not now".to_vec());
    let broken = Fault::End(Ending::Close);
    for top in [not_now, broken] {
        let scene = Scene::new(script(Maildrop::new([letter("x", "old")])));
        scene.server.fault(At::verb("QUIT"), Fault::Refuse(b"some messages not removed".to_vec()));
        scene.fetch_new().arg("--delete").run().fails(75, "whether the server has deleted them is open");
        scene.server.without_faults();
        scene.server.fault(At::verb("TOP"), top.clone());

        // The same one is retrieved to be compared, and not stored again.
        let run = scene.fetch_new().run();
        assert!(run.succeeds().stdout.contains("1 known"), "{run:?}");
        scene.server.edit_maildrop(|maildrop| *maildrop = Maildrop::new([letter("x", "new")]));
        let run = scene.fetch_new().arg("--delete").run();
        assert!(run.succeeds().stdout.contains("1 stored"), "{top:?}, {run:?}");
        scene.maildir().assert_holds(["old", "new"].map(|subject| letter("", subject).fingerprint()));
    }
}

/// A server that has no scan listing: what begins as a stored message may be longer.
#[test]
fn a_longer_message_of_unknown_size() {
    let lines = |count: usize| Message::new("x", format!("Subject: x\r\n\r\n{}", "text\r\n".repeat(count)));
    for has_unique_ids in [true, false] {
        let no_listing = Fault::Refuse(b"unknown".to_vec());
        let script = script(Maildrop::new([lines(12)])).fault(At::verb("LIST"), no_listing);
        let scene = Scene::new(if has_unique_ids { script } else { script.without_uidl() });
        scene.fetch_new().run().succeeds();
        scene.server.edit_maildrop(|maildrop| *maildrop = Maildrop::new([lines(13)]));
        scene.fetch_new().arg("--delete").run().succeeds();
        scene.maildir().assert_holds([lines(12).fingerprint(), lines(13).fingerprint()]);
    }
}

/// The answer to TOP comes once more as the answer to RETR, a whole message as long as the one that was asked for, and from
/// there the server is one answer behind.
#[test]
fn an_answer_to_top_that_is_taken_for_a_message() {
    let answer =
        |message: &Message| Fault::Raw([b"+OK 20 octets\r\n", message.content.to_vec().as_slice(), b".\r\n"].concat());
    for script in [server_of(0), server_of(0).without_pipelining()] {
        let (first, second) = (letter("one", "1"), letter("two", "2"));
        let scene = Scene::new(Script { maildrop: Maildrop::new([first.clone()]), ..script });
        scene.fetch_new().run().succeeds();
        scene.server.append(second.clone());
        scene.server.fault(At::verb("RETR").argument(2).once(), answer(&first));
        scene.server.fault(At::verb("LIST").argument(2).once(), answer(&second));
        scene.server.fault(At::verb("DELE").connection(2).once(), answer(&second));
        scene.fetch_new().arg("--delete").run();
        for _ in 0..2 {
            scene.fetch_new().arg("--delete").run().succeeds();
        }
        let stored: Vec<_> = scene.maildir().delivered().iter().map(|entry| entry.fingerprint().sha256).collect();
        assert!(["1", "2"].iter().all(|subject| stored.contains(&letter("", subject).fingerprint().sha256)));
        assert!(scene.server.maildrop().is_empty());
    }
}

/// A server that falls silent whenever a message is to be shown keeps no new mail from coming.
#[test]
fn silence_at_every_look() {
    let scene = Scene::new(server_of(3));
    scene.fetch_new().run().succeeds();
    scene.server.append(letter("new", "new"));
    let maildrop = scene.server.maildrop();
    scene.server.fault(At::verb("TOP"), Fault::End(Ending::Silence));
    let run = scene.fetch_new().arg("--delete").waits("1").run();
    assert!(run.succeeds().stdout.contains("1 stored"), "{run:?}");
    scene.assert_all_stored(&maildrop);
    assert!(scene.server.maildrop().is_empty());
}
