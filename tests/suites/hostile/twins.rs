//! Messages that begin alike and are of the same size: only all of their content tells one from another.

use popfetch_tests::{
    command::script,
    maildrop::{Maildrop, Message},
    server::{At, Ending, Fault},
};

use crate::scene::{Outcome, Scene};

/// As all of them, up to behind what `TOP` shows.
fn twin(unique_id: &str, end: &str) -> Message {
    Message::new(unique_id, format!("Subject: report\r\n\r\n{}{end}\r\n", "line\r\n".repeat(12)))
}

fn place(scene: &Scene, messages: &[(&str, &str)]) {
    let maildrop = Maildrop::new(messages.iter().map(|(unique_id, end)| twin(unique_id, end)));
    scene.server.edit_maildrop(|now| *now = maildrop);
}

fn assert_stored(scene: &Scene, ends: &[&str]) {
    scene.maildir().assert_holds(ends.iter().map(|end| twin("", end).fingerprint()));
}

/// It was retrieved as a whole, and is another one.
#[test]
fn one_in_the_place_of_another() {
    let server = || script(Maildrop::new([twin("a", "1")]));
    for server in [server().without_top(), server().without_uidl().without_top()] {
        let scene = Scene::new(server);
        scene.fetch_new().run().succeeds();
        place(&scene, &[("b", "2")]);
        scene.fetch_new().arg("--delete").run().succeeds();
        assert_stored(&scene, &["1", "2"]);
        assert!(scene.server.maildrop().is_empty());
    }
}

/// The server has deleted what it was told to, and its answer is lost. What comes then is new.
#[test]
fn one_that_comes_behind_a_deletion_that_was_not_confirmed() {
    for has_unique_ids in [true, false] {
        let server = script(Maildrop::new([twin("a", "1")]));
        let scene = Scene::new(if has_unique_ids { server } else { server.without_uidl() });
        scene.server.fault(At::verb("QUIT"), Fault::Refuse(b"the answer is lost".to_vec()));
        scene.fetch_new().arg("--delete").run().fails(75, "whether the server has deleted them is open");
        scene.server.without_faults();
        place(&scene, &[("b", "2")]);
        let run = scene.fetch_new().arg("--delete").run();
        assert!(run.succeeds().stdout.contains("1 stored"), "{run:?}");
        assert_stored(&scene, &["1", "2"]);
        assert!(scene.server.maildrop().is_empty());
    }
}

/// The server has not deleted it: it is retrieved to be compared, and not stored twice.
#[test]
fn the_same_one_behind_a_deletion_that_was_not_confirmed() {
    for unique_id in ["a", "b"] {
        let scene = Scene::new(script(Maildrop::new([twin("a", "1")])).without_uidl());
        scene.server.fault(At::verb("QUIT"), Fault::Refuse(b"not now".to_vec()));
        scene.fetch_new().arg("--delete").run().fails(75, "whether the server has deleted them is open");
        scene.server.without_faults();
        place(&scene, &[(unique_id, "1")]);
        scene.fetch_new().arg("--delete").run().succeeds();
        assert_stored(&scene, &["1"]);
        assert!(scene.server.maildrop().is_empty());
    }
}

/// All unique-ids are new, or there are none, and a new message stands before the one that is stored.
#[test]
fn a_new_one_before_the_stored_one() {
    for has_unique_ids in [true, false] {
        let server = script(Maildrop::new([twin("a", "1")]));
        let scene = Scene::new(if has_unique_ids { server } else { server.without_uidl() });
        scene.fetch_new().run().succeeds();
        place(&scene, &[("b", "2"), ("c", "1")]);
        scene.fetch_new().run().succeeds();
        assert_stored(&scene, &["1", "2"]);
        scene.fetch_new().arg("--delete").run().succeeds();
        assert_stored(&scene, &["1", "2"]);
        assert!(scene.server.maildrop().is_empty());
    }
}

/// Where as many as are stored are listed under new unique-ids, a look is enough.
#[test]
fn as_many_under_new_unique_ids() {
    let scene = Scene::new(script(Maildrop::new([twin("a", "1"), twin("b", "2")])));
    scene.fetch_new().run().succeeds();
    place(&scene, &[("c", "1"), ("d", "2")]);
    let run = scene.fetch_new().run();
    assert!(run.succeeds().stdout.contains("2 known"), "{run:?}");
    assert_stored(&scene, &["1", "2"]);
}

/// Unique-ids that are the places of messages: one in the place of a marked one is of another size.
#[test]
fn one_in_the_place_of_one_that_was_marked_as_seen() {
    let scene = Scene::new(script(Maildrop::new([Message::new("1", "Subject: old\r\n\r\nold\r\n")])));
    scene.fetch_new().arg("--mark-seen").run().succeeds();
    scene.server.edit_maildrop(|now| *now = Maildrop::new([twin("1", "1")]));
    let run = scene.fetch_new().run();
    assert!(run.succeeds().stdout.contains("1 stored"), "{run:?}");
}

/// It is listed under another unique-id, and the connection breaks before it has been compared.
#[test]
fn a_comparison_that_is_broken_off_is_made_up_for() {
    let renewed: [&[(&str, &str)]; 2] = [&[("b", "1")], &[("b", "2"), ("c", "1")]];
    for (deletes, listed) in [(true, renewed[0]), (false, renewed[1])] {
        let scene = Scene::new(script(Maildrop::new([twin("a", "1")])));
        if deletes {
            scene.server.fault(At::verb("QUIT"), Fault::Refuse(b"not now".to_vec()));
            scene.fetch_new().arg("--delete").run().fails(75, "whether the server has deleted them is open");
            scene.server.without_faults();
        } else {
            scene.fetch_new().run().succeeds();
        }
        place(&scene, listed);
        scene.server.fault(At::verb("RETR"), Fault::End(Ending::Close));
        let run = scene.fetch_new().run();
        assert!(matches!(run.code, Some(74 | 75)), "{run:?}");
        scene.server.without_faults();
        for _ in 0..2 {
            scene.fetch_new().arg("--delete").run();
        }
        assert_stored(&scene, if deletes { &["1"] } else { &["1", "2"] });
    }
}
