//! What was stored before is not fetched again.

use popfetch_tests::{
    command::{Invocation, Run},
    fingerprint::Fingerprint,
};

use crate::mailbox::Mailbox;

fn fetch_new(mailbox: &Mailbox) -> Invocation<'static> {
    mailbox.fetch("user").arg("--state").arg(mailbox.user.path("state"))
}

#[track_caller]
fn assert_says(run: &Run, words: &str) {
    assert!(run.assert_success().stdout.contains(words), "\"{words}\" is missing: {run:?}");
}

#[test]
fn only_new_mail_is_fetched() {
    let mut mailbox = Mailbox::with(40, 100_000);
    assert_says(&fetch_new(&mailbox).run(), "40 messages, 40 stored");
    mailbox.assert_all_stored();
    assert_says(&fetch_new(&mailbox).run(), "40 messages, 0 stored (0 octets), 40 known");
    mailbox.assert_all_stored();

    let new = b"Subject: new mail\r\n\r\nonly this one\r\n".to_vec();
    mailbox.receive([new.clone()]);
    assert_says(&fetch_new(&mailbox).run(), &format!("41 messages, 1 stored ({} octets), 40 known", new.len()));
    mailbox.assert_all_stored();
    assert_eq!(mailbox.at_the_server(), 41);
}

#[test]
fn known_mail_is_deleted_and_not_fetched_again() {
    let mut mailbox = Mailbox::with(20, 100_000);
    fetch_new(&mailbox).run().assert_success();
    mailbox.receive([b"Subject: new mail\r\n\r\n".to_vec()]);
    assert_says(&fetch_new(&mailbox).arg("--delete").run(), "21 messages, 1 stored (21 octets), 20 known, 21 deleted");
    mailbox.assert_all_stored();
    assert_eq!(mailbox.at_the_server(), 0);

    // What has gone at the server is not missed, and what comes is not taken for it.
    mailbox.receive([b"Subject: newer mail\r\n\r\n".to_vec()]);
    assert_says(&fetch_new(&mailbox).run(), "1 message, 1 stored");
    let newest = Fingerprint::of("", b"Subject: newer mail\r\n\r\n");
    assert_eq!(mailbox.messages.last().map(|message| message.sha256), Some(newest.sha256));
    mailbox.assert_all_stored();
}
