//! The command is killed in the middle: no mail is lost.

use std::collections::HashSet;

use popfetch_tests::maildir::{Entry, Folder};
use rustix::process::Signal;

use crate::mailbox::Mailbox;

const COUNT: usize = 400;

fn stored(mailbox: &Mailbox) -> HashSet<[u8; 32]> {
    let delivered = mailbox.user.maildir().delivered();
    delivered.iter().map(Entry::fingerprint).map(|fingerprint| fingerprint.sha256).collect()
}

/// Whether it came to the kill: it may have been done by then.
fn is_killed_when_so_many_are_stored(mailbox: &Mailbox, stored: usize) -> bool {
    let maildir = mailbox.user.maildir();
    let mut running = mailbox.fetch("user").arg("--delete").start();
    running.until(|| maildir.entries(Folder::New).len() >= stored);
    running.signal(Signal::KILL);
    running.finish().signal == Some(9)
}

#[test]
fn a_kill_in_the_middle_loses_nothing() {
    let mailbox = Mailbox::with(COUNT, 3_000_000);
    let sent: HashSet<[u8; 32]> = mailbox.messages.iter().map(|message| message.sha256).collect();

    assert!(is_killed_when_so_many_are_stored(&mailbox, 1));
    assert_eq!(mailbox.at_the_server(), COUNT, "nothing is deleted before everything is stored");
    let after_kill = stored(&mailbox);
    assert!(after_kill.len() < COUNT, "the kill came in the middle");
    assert!(after_kill.is_subset(&sent), "something in new/ is no whole message");

    mailbox.fetch("user").arg("--delete").run().assert_success();
    // Some may be there twice, for nobody has noted that they were stored.
    assert_eq!(stored(&mailbox), sent);
    assert_eq!(mailbox.at_the_server(), 0);
}

#[test]
fn a_kill_while_deleting_loses_nothing() {
    let mailbox = Mailbox::with(COUNT, 20_000);
    let sent: HashSet<[u8; 32]> = mailbox.messages.iter().map(|message| message.sha256).collect();

    is_killed_when_so_many_are_stored(&mailbox, COUNT);
    // It was about to delete, or had begun to, or was done.
    assert_eq!(stored(&mailbox), sent);
    mailbox.fetch("user").arg("--delete").run().assert_success();
    assert_eq!(stored(&mailbox), sent);
    assert_eq!(mailbox.at_the_server(), 0);
}
