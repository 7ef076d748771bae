//! Whole mailboxes, octet for octet.

use popfetch_tests::{command::USER, fingerprint::Fingerprint};

use crate::{channel::Channel, mailbox::Mailbox};

#[test]
fn a_thousand_messages_of_up_to_30_megabytes_arrive_octet_for_octet_and_are_deleted() {
    const COUNT: usize = 1000;
    let mailbox = Mailbox::with(COUNT, 30_000_000);
    let octets: u64 = mailbox.messages.iter().map(|message| message.octets).sum();
    let largest = mailbox.messages.iter().map(|message| message.octets).max();
    assert!(largest >= Some(28_000_000), "{largest:?}");

    let run = mailbox.fetch("user").arg("--delete").run();
    run.assert_success();
    let said = format!("{COUNT} messages, {COUNT} stored ({octets} octets), {COUNT} deleted");
    assert!(run.stdout.contains(&said), "{said}: {run:?}");
    mailbox.assert_all_stored();
    assert_eq!(mailbox.at_the_server(), 0);
}

#[test]
fn a_thousand_messages_arrive_after_stls_and_are_deleted() {
    a_thousand_arrive_over(Channel::StartTls);
}

#[test]
fn a_thousand_messages_arrive_over_tls_and_are_deleted() {
    a_thousand_arrive_over(Channel::ImplicitTls);
}

fn a_thousand_arrive_over(channel: Channel) {
    const COUNT: usize = 1000;
    let mailbox = Mailbox::with(COUNT, 2_000_000);
    let octets: u64 = mailbox.messages.iter().map(|message| message.octets).sum();
    let run = mailbox.fetch_over(channel, "auto").arg("--delete").run();
    let said = format!("{COUNT} messages, {COUNT} stored ({octets} octets), {COUNT} deleted");
    assert!(run.assert_success().stdout.contains(&said), "{said}: {run:?}");
    mailbox.assert_all_stored();
    assert_eq!(mailbox.at_the_server(), 0);
}

#[test]
fn what_is_kept_is_all_still_there() {
    const COUNT: usize = 120;
    let mailbox = Mailbox::with(COUNT, 2_000_000);
    mailbox.fetch("apop").arg("--keep").run().assert_success();
    mailbox.assert_all_stored();
    assert_eq!(mailbox.at_the_server(), COUNT);
}

#[test]
fn messages_of_next_to_nothing_arrive() {
    let mut mailbox = Mailbox::with(0, 1000);
    mailbox.receive(["\r\n", "Subject: x\r\n", "\r\n.\r\n"].map(Vec::from));
    // An empty file is an empty line to Dovecot.
    mailbox.dovecot.fill(USER, [Vec::new()]);
    mailbox.messages.push(Fingerprint::of("the empty file", b"\r\n"));
    mailbox.fetch("user").arg("--delete").run().assert_success();
    mailbox.assert_all_stored();
    assert_eq!(mailbox.at_the_server(), 0);
}

/// Dovecot stuffs no dot at the very beginning of a message, so that this one seems to have no octets.
#[test]
fn a_dot_that_was_not_stuffed_is_noticed() {
    for auth in ["user", "apop"] {
        let mut mailbox = Mailbox::with(0, 1000);
        mailbox.receive([".\r\nnot a header\r\n", "Subject: x\r\n\r\n"].map(Vec::from));
        let run = mailbox.fetch(auth).args(["--delete", "--reconnect", "0"]).run();
        run.assert_failure(76, &["the server does not speak POP3 as it must", "nothing was deleted"]);
        assert_eq!(mailbox.user.maildir().delivered(), []);
        assert_eq!(mailbox.at_the_server(), 2);
    }
}

#[test]
fn an_empty_mailbox_is_no_error() {
    let mailbox = Mailbox::with(0, 1000);
    let run = mailbox.fetch("auto").arg("--delete").run();
    assert!(run.assert_success().stdout.contains("0 messages, 0 stored (0 octets)"), "{run:?}");
}

#[test]
fn the_list_shows_what_is_there() {
    let mut mailbox = Mailbox::with(0, 1000);
    let message = "From: =?utf-8?Q?J=C3=BCrgen?= <j@example.org>\r\nSubject: =?utf-8?B?R3LDvMOfZQ==?=\r\n\
                   Date: Sat, 3 Jan 1996 01:05:34 +0100\r\n\r\nbody\r\n";
    mailbox.receive([message.into(), b"Subject: another\r\n\r\n".to_vec()]);

    let octets: u64 = mailbox.messages.iter().map(|message| message.octets).sum();

    let run = mailbox.list().run();
    let [summary, first, second] = run.assert_success().lines()[..] else { panic!("not three lines: {run:?}") };
    assert!(summary.ends_with(&format!("2 messages, {octets} octets")), "{run:?}");
    let words: Vec<&str> = first.split_whitespace().collect();
    assert_eq!(words[..2], ["1", &message.len().to_string()], "{run:?}");
    assert_eq!(words.len(), 3, "number, size and unique-id: {run:?}");
    assert_ne!(words[2], second.split_whitespace().nth(2).unwrap_or_default(), "{run:?}");

    let run = mailbox.list().arg("--headers").run();
    run.assert_success();
    for words in ["From: Jürgen <j@example.org>", "Subject: Grüße", "1996-01-03T01:05:34+01:00", "Subject: another"]
    {
        assert!(run.stdout.contains(words), "\"{words}\" is missing: {run:?}");
    }
    assert_eq!(mailbox.at_the_server(), 2);
}

#[test]
fn the_headers_of_many_messages_are_shown() {
    const COUNT: usize = 200;
    let mailbox = Mailbox::with(COUNT, 100_000);
    let run = mailbox.list().args(["--headers", "--output", "json"]).run();
    let messages = run.assert_success().lines().into_iter().filter(|line| line.contains(r#""event":"message""#));
    let with_subject = messages.filter(|line| !line.contains(r#""subject":null"#)).count();
    assert_eq!(with_subject, COUNT, "{run:?}");
}

#[test]
fn the_server_is_described() {
    let mailbox = Mailbox::with(0, 1000);
    let run = mailbox.info_over(Channel::Cleartext).run();
    run.assert_success();
    let words = ["Dovecot", "STLS", "UIDL", "PIPELINING", "RESP-CODES", "apop", "would use:     scram-sha-256"];
    for words in words.into_iter().chain(["everything travels in clear text"]) {
        assert!(run.stdout.contains(words), "\"{words}\" is missing: {run:?}");
    }
}
