//! The command or the server is killed in the middle: no mail is lost.

use std::collections::HashSet;

use popfetch_tests::maildir::{Entry, Folder};
use rustix::process::Signal;

use crate::{channel::Channel, mailbox::Mailbox};

const COUNT: usize = 400;

fn stored(mailbox: &Mailbox) -> HashSet<[u8; 32]> {
    let delivered = mailbox.user.maildir().delivered();
    delivered.iter().map(Entry::fingerprint).map(|fingerprint| fingerprint.sha256).collect()
}

/// Whether it came to the kill: it may have been done by then.
fn is_killed_when_so_many_are_stored(mailbox: &Mailbox, channel: Channel, stored: usize) -> bool {
    let maildir = mailbox.user.maildir();
    let mut running = mailbox.fetch_over(channel, "user").arg("--delete").start();
    running.until(|| maildir.entries(Folder::New).len() >= stored);
    running.signal(Signal::KILL);
    running.finish().signal == Some(9)
}

fn dies_in_the_middle(channel: Channel) {
    let mailbox = Mailbox::with(COUNT, 1_000_000);
    let sent: HashSet<[u8; 32]> = mailbox.messages.iter().map(|message| message.sha256).collect();

    assert!(is_killed_when_so_many_are_stored(&mailbox, channel, 1));
    assert_eq!(mailbox.at_the_server(), COUNT, "nothing is deleted before everything is stored");
    let after_kill = stored(&mailbox);
    assert!(after_kill.len() < COUNT, "the kill came in the middle");
    assert!(after_kill.is_subset(&sent), "something in new/ is no whole message");

    mailbox.fetch_over(channel, "user").arg("--delete").run().assert_success();
    // Some may be there twice, for nobody has noted that they were stored.
    assert_eq!(stored(&mailbox), sent);
    assert_eq!(mailbox.at_the_server(), 0);
}

fn dies_while_deleting(channel: Channel) {
    let mailbox = Mailbox::with(COUNT, 20_000);
    let sent: HashSet<[u8; 32]> = mailbox.messages.iter().map(|message| message.sha256).collect();

    is_killed_when_so_many_are_stored(&mailbox, channel, COUNT);
    // It was about to delete, or had begun to, or was done.
    assert_eq!(stored(&mailbox), sent);
    mailbox.fetch_over(channel, "user").arg("--delete").run().assert_success();
    assert_eq!(stored(&mailbox), sent);
    assert_eq!(mailbox.at_the_server(), 0);
}

/// The server dies at the sight of the first message, and comes back with the same mail.
fn server_dies(channel: Channel) {
    let mut mailbox = Mailbox::with(COUNT, 1_000_000);
    let sent: HashSet<[u8; 32]> = mailbox.messages.iter().map(|message| message.sha256).collect();
    let (maildir, state) = (mailbox.user.maildir(), mailbox.user.path("state"));
    let fetch =
        |mailbox: &Mailbox| mailbox.fetch_over(channel, "scram-sha-256").arg("--delete").arg("--state").arg(&state);

    let mut running = fetch(&mailbox).start();
    running.until(|| !maildir.entries(Folder::New).is_empty());
    mailbox.dovecot.kill();
    let run = running.finish();
    run.assert_failure(74, &["the connection"]);
    assert_eq!(mailbox.at_the_server(), COUNT, "nothing is deleted before everything is stored");
    let before = stored(&mailbox);
    // Perhaps all of them, where the system was slow to end the server.
    assert!(before.is_subset(&sent), "{} messages, not all of them whole", before.len());
    assert_eq!(maildir.unfinished(), [], "what was cut off is cleared away");

    mailbox.dovecot.restart();
    fetch(&mailbox).run().assert_success();
    // The command has lived to note what was stored: nothing is there twice.
    mailbox.assert_all_stored();
    assert_eq!(mailbox.at_the_server(), 0);
}

#[test]
fn a_kill_in_the_middle_loses_nothing() {
    dies_in_the_middle(Channel::Cleartext);
}

#[test]
fn a_kill_in_the_middle_loses_nothing_after_stls() {
    dies_in_the_middle(Channel::StartTls);
}

#[test]
fn a_kill_in_the_middle_loses_nothing_over_tls() {
    dies_in_the_middle(Channel::ImplicitTls);
}

#[test]
fn a_kill_while_deleting_loses_nothing() {
    dies_while_deleting(Channel::Cleartext);
}

#[test]
fn a_kill_while_deleting_loses_nothing_over_tls() {
    dies_while_deleting(Channel::ImplicitTls);
}

#[test]
fn a_kill_of_the_server_loses_nothing() {
    server_dies(Channel::Cleartext);
}

#[test]
fn a_kill_of_the_server_loses_nothing_after_stls() {
    server_dies(Channel::StartTls);
}

#[test]
fn a_kill_of_the_server_loses_nothing_over_tls() {
    server_dies(Channel::ImplicitTls);
}
