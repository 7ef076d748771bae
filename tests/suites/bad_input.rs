//! Whatever is wrong, the command says it in one line and by its exit code, leaves no half-written message behind, and
//! deletes nothing at the server.

#[path = "bad_input/component.rs"]
mod component;
#[path = "bad_input/full_disk.rs"]
mod full_disk;
#[path = "bad_input/maildir.rs"]
mod maildir;
#[path = "bad_input/network.rs"]
mod network;
#[path = "bad_input/not_pop3.rs"]
mod not_pop3;
#[path = "bad_input/password.rs"]
mod password;
#[path = "bad_input/sign_in.rs"]
mod sign_in;
#[path = "bad_input/silence.rs"]
mod silence;
#[path = "bad_input/state.rs"]
mod state;

use popfetch_tests::command::{Invocation, Popfetch};
use popfetch_tests::maildrop::Maildrop;
use popfetch_tests::server::ModelServer;

fn popfetch() -> Popfetch {
    Popfetch::new(env!("CARGO_BIN_EXE_popfetch-under-test"))
}

fn three_messages() -> Maildrop {
    Maildrop::of_octets([
        "Subject: one\r\n\r\nfirst\r\n".to_owned(),
        format!("Subject: two\r\n\r\n{}", "A line of the second message.\r\n".repeat(1000)),
        "Subject: three\r\n\r\nthird\r\n".to_owned(),
    ])
}

/// A run that could do harm: it may send the password in clear text, and deletes what it has stored.
fn fetch<'s>(popfetch: &Popfetch, server: &'s ModelServer) -> Invocation<'s> {
    popfetch.fetch(server).args(["--auth", "user", "--delete"])
}

/// Nothing is deleted, what is in the Maildir is whole and there once, and nothing is half-written.
#[track_caller]
fn assert_no_harm(popfetch: &Popfetch, server: &ModelServer) {
    assert_eq!(server.maildrop().uids(), three_messages().uids(), "{}", server.transcript());
    assert_whole(popfetch);
}

/// The second message never comes. Those before and behind it are in the Maildir and deleted, and it is at the server.
#[track_caller]
fn assert_the_second_is_left(popfetch: &Popfetch, server: &ModelServer) {
    assert_eq!(server.maildrop().uids(), [three_messages().uids()[1].clone()], "{}", server.transcript());
    let [one, _, three] = three_messages().fingerprints().try_into().expect("three messages");
    popfetch.maildir().assert_holds([one, three]);
}

/// What is in the Maildir is whole and there once, and nothing is half-written.
#[track_caller]
fn assert_whole(popfetch: &Popfetch) {
    assert_eq!(popfetch.maildir().unfinished(), []);
    if let Err(difference) = popfetch.maildir().compare(three_messages().fingerprints()) {
        assert!(difference.unexpected.is_empty() && difference.repeated.is_empty(), "{difference}");
    }
}
