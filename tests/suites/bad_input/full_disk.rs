//! There is no room for the mail, or not for all of it.

use popfetch_tests::command::{Invocation, Run, script};
use popfetch_tests::fingerprint::Fingerprint;
use popfetch_tests::maildir::Maildir;
use popfetch_tests::maildrop::{Content, Maildrop, Message};
use popfetch_tests::server::ModelServer;

use super::{fetch, popfetch};

/// What the script below says when there is no such file system to be had.
const CANNOT_MOUNT: i32 = 200;

/// Mounts a file system in memory on `$0`, runs the command, and copies what is there to `$0.seen`.
const ON_A_SMALL_DISK: &str = r#"
    mkdir -p "$0" && mount -t tmpfs -o OPTIONS none "$0" || exit 200
    "$@"
    code=$?
    cp -r "$0" "$0.seen"
    exit $code
"#;

/// Runs it with a file system of its own at `path`, which nobody else sees and which is gone afterwards. None where this
/// machine lets only others mount.
fn on_a_small_disk(run: Invocation<'_>, path: &str, options: &str) -> Option<Run> {
    let script = ON_A_SMALL_DISK.replace("OPTIONS", options);
    let as_root: &[&str] = if rustix::process::geteuid().is_root() { &[] } else { &["--map-root-user"] };
    let arguments = [as_root, &["--mount", "sh", "-c", &script, path]].concat();
    let run = run.under("unshare", &arguments).run();
    if run.code == Some(CANNOT_MOUNT) || run.stderr.contains("unshare: ") {
        let required = std::env::var_os("POPFETCH_TESTS_MUST_MOUNT").is_some();
        assert!(!required, "nothing can be mounted here: {}", run.stderr);
        eprintln!("not tested: nothing can be mounted here: {}", run.stderr);
        return None;
    }
    Some(run)
}

/// Two that fit, and one that does not.
fn too_much() -> Maildrop {
    Maildrop::new([
        Message::new("small-1", "Subject: one\r\n\r\nfits\r\n"),
        Message::new("small-2", "Subject: two\r\n\r\nfits\r\n"),
        Message::with_content("large", Content::generated(1, 2_000_000)),
    ])
}

/// Nothing is deleted, and what is stored is whole.
#[track_caller]
fn assert_no_harm(server: &ModelServer, expected: &Maildrop, maildir: &Maildir) {
    assert_eq!(server.maildrop().uids(), expected.uids());
    assert_eq!(maildir.unfinished(), []);
    let whole: Vec<Fingerprint> = expected.fingerprints();
    for entry in maildir.delivered() {
        let delivered = entry.fingerprint();
        assert!(whole.iter().any(|message| message.sha256 == delivered.sha256), "half a message: {delivered}");
    }
}

#[test]
fn the_disk_of_the_maildir_is_full() {
    let server = ModelServer::start(script(too_much()));
    let popfetch = popfetch();
    let Some(run) = on_a_small_disk(fetch(&popfetch, &server), "mail", "size=512k") else { return };
    run.assert_failure(73, &["cannot store: no space left on device", "mail/tmp/", "free some space and run again"]);
    let seen = Maildir::at(popfetch.path("mail.seen"));
    assert!(seen.path().join("new").is_dir(), "what was there was looked at");
    assert_no_harm(&server, &too_much(), &seen);
    assert!(!server.commands().iter().any(|command| command.starts_with("DELE")), "{:?}", server.commands());
}

#[test]
fn the_disk_has_no_room_for_another_file() {
    let server = ModelServer::start(script(too_much()));
    let popfetch = popfetch();
    // One for the file system itself, and not enough for three directories.
    let Some(run) = on_a_small_disk(fetch(&popfetch, &server), "mail", "nr_inodes=3") else { return };
    run.assert_failure(73, &["cannot store: no space left on device"]);
    assert_eq!(server.connections(), 0, "that mail cannot be stored is known before anybody is asked for it");

    // Enough for these and for one message.
    let other = super::popfetch();
    let Some(run) = on_a_small_disk(fetch(&other, &server), "mail", "nr_inodes=5") else { return };
    run.assert_failure(73, &["cannot store: no space left on device"]);
    assert_no_harm(&server, &too_much(), &Maildir::at(other.path("mail.seen")));
}

#[test]
fn the_disk_of_the_state_file_is_full() {
    let server = ModelServer::start(script(too_much()));
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).args(["--state", "small/state"]);
    let Some(run) = on_a_small_disk(run, "small", "size=8k") else { return };
    run.assert_failure(73, &["the state file", "no space left on device", "free some space and run again"]);
    assert_eq!(server.connections(), 0);
}

/// Wherever the space ends: in the file, or in what SQLite puts beside it.
#[test]
fn there_is_hardly_any_room_for_the_state_file() {
    let server = ModelServer::start(script(too_much()));
    for kilobytes in [16, 32, 36, 48, 60, 64] {
        let popfetch = popfetch();
        let run = fetch(&popfetch, &server).args(["--state", "small/state"]);
        let Some(run) = on_a_small_disk(run, "small", &format!("size={kilobytes}k")) else { return };
        run.assert_failure(73, &["the state file", "no space left on device", "free some space and run again"]);
    }
    assert_eq!(server.maildrop().len(), 3);
}

/// The messages are stored, but that they are cannot be recorded: they are not deleted, and come again next time.
#[test]
fn the_disk_of_the_state_file_gets_full() {
    let long = |number: usize| format!("{number}-{}", "x".repeat(3000));
    let messages = (1..=100).map(|number| Message::new(long(number), format!("Subject: {number}\r\n\r\n")));
    let maildrop = Maildrop::new(messages);
    let server = ModelServer::start(script(maildrop.clone()));
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).args(["--state", "small/state"]);
    let Some(run) = on_a_small_disk(run, "small", "size=160k") else { return };
    run.assert_failure(73, &["the state file", "no space left on device"]);
    assert_no_harm(&server, &maildrop, &popfetch.maildir());
    assert!(!server.commands().iter().any(|command| command.starts_with("DELE")));
}

#[test]
fn the_disk_of_the_trace_is_full() {
    let maildrop = Maildrop::new((1..=200).map(|number| Message::new(format!("{number}"), "Subject: x\r\n\r\n")));
    let server = ModelServer::start(script(maildrop.clone()));
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).args(["--trace", "small/trace"]);
    let Some(run) = on_a_small_disk(run, "small", "size=8k") else { return };
    assert_eq!((run.code, run.stderr.lines().count()), (Some(0), 1), "{run:?}");
    assert!(run.stderr.contains("warning: the trace small/trace ends here: No space left on device"), "{run:?}");
    popfetch.maildir().assert_holds(maildrop.fingerprints());
}

/// `ulimit -f`, as services have it: the system says so by SIGXFSZ, which ends a program that does not care.
#[test]
fn a_message_is_larger_than_files_may_be() {
    let server = ModelServer::start(script(too_much()));
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).under("sh", &["-c", r#"ulimit -f 512; exec "$@""#, "sh"]).run();
    run.assert_failure(74, &["cannot write to", "mail/tmp/", "File too large"]);
    assert_no_harm(&server, &too_much(), &popfetch.maildir());
    assert!(!server.commands().iter().any(|command| command.starts_with("DELE")));
}
