//! QUIT that goes wrong: what was deleted is unknown, and is said to be.

use std::time::Duration;

use popfetch_tests::server::{At, Ending, Fault};

use crate::scene::{Outcome, Scene, server_of};

/// With its exit code after `--delete`.
fn bad_goodbyes() -> [Fault; 6] {
    [
        Fault::Refuse(b"some messages not removed".to_vec()),
        Fault::End(Ending::Close),
        Fault::End(Ending::Reset),
        Fault::End(Ending::Silence),
        Fault::Raw(b"bye\r\n".to_vec()),
        Fault::CutReply { after: 2, ending: Ending::Close },
    ]
}

#[test]
fn after_a_bad_goodbye_it_is_open_what_was_deleted() {
    for goodbye in bad_goodbyes() {
        let scene = Scene::new(server_of(2).fault(At::verb("QUIT").connection(1), goodbye.clone()));
        let maildrop = scene.server.maildrop();
        let run = scene.fetch_new().arg("--delete").waits("0.5").run();
        run.fails(75, "2 messages are stored, but whether the server has deleted them is open");
        assert!(!run.stdout.contains("deleted"), "{run:?}");
        scene.fetch_new().arg("--delete").run().succeeds();
        scene.assert_all_stored(&maildrop);
        assert!(scene.server.maildrop().is_empty(), "{goodbye:?}");
    }
}

#[test]
fn with_nothing_to_delete_a_bad_goodbye_is_a_warning() {
    for goodbye in bad_goodbyes() {
        let scene = Scene::new(server_of(2).fault(At::verb("QUIT"), goodbye));
        let maildrop = scene.server.maildrop();
        scene.fetch().waits("0.5").run().succeeds().warns("the session did not end well");
        scene.assert_all_stored(&maildrop);
        scene.list().waits("0.5").run().succeeds();
    }
}

#[test]
fn a_late_goodbye_is_waited_for() {
    let late = Fault::Delay(Duration::from_millis(300));
    let scene = Scene::new(server_of(2).fault(At::verb("QUIT"), late));
    scene.fetch_and_delete().run().succeeds();
    assert!(scene.server.maildrop().is_empty());
}

#[test]
fn a_goodbye_without_its_line_end_is_one() {
    let scene = Scene::new(server_of(2).fault(At::verb("QUIT"), Fault::CutReply { after: 3, ending: Ending::Close }));
    scene.fetch_and_delete().run().succeeds();
    assert!(scene.server.maildrop().is_empty());
}
