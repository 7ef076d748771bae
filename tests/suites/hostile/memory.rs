//! Size costs no memory: the bound of every run holds for these too.

use std::time::Duration;

use popfetch_tests::{
    command::script,
    maildrop::{Content, Maildrop, Message},
    server::{At, Fault},
};

use crate::scene::{Outcome, Scene};

const LONG: Duration = Duration::from_secs(45);

/// Octets for 50,000 messages, where 250,000 may take 64 MiB.
const OF_FIFTY_THOUSAND: u64 = 20 << 20;

#[test]
fn a_message_larger_than_all_memory_that_there_may_be_arrives() {
    let maildrop = Maildrop::new([Message::with_content("large", Content::generated(1, 150 << 20))]);
    let scene = Scene::new(script(maildrop.clone()));
    scene.fetch_and_delete().within(LONG).run().succeeds();
    scene.assert_all_stored(&maildrop);
    assert!(scene.server.maildrop().is_empty());
}

#[test]
fn a_line_larger_than_any_buffer_arrives() {
    let mut message = b"Subject: one line\r\n\r\n".to_vec();
    message.extend(b"all in one line. ".repeat(200_000));
    message.extend(b"\r\n.\r\nend\r\n");
    let maildrop = Maildrop::of_octets([message]);
    let scene = Scene::new(script(maildrop.clone()));
    scene.fetch_and_delete().run().succeeds();
    scene.assert_all_stored(&maildrop);
}

#[test]
fn thousands_of_messages_of_no_octets_arrive() {
    let maildrop = Maildrop::repeated(3000, Content::from(Vec::new()));
    let scene = Scene::new(script(maildrop.clone()));
    scene.fetch_and_delete().within(LONG).run().succeeds();
    scene.assert_all_stored(&maildrop);
    assert!(scene.server.maildrop().is_empty());
}

/// As many unique-ids as are accepted, each as long as RFC 1939 allows, none of them known, and then all.
#[test]
fn the_largest_listing_of_unique_ids_is_compared() {
    let letter = Content::from(b"Subject: one of many\r\n\r\nHello.\r\n".to_vec());
    let messages = (1..=250_000).map(|number| Message::with_content(format!("{number:070}"), letter.clone()));
    let scene = Scene::new(script(Maildrop::new(messages)));
    scene.fetch_new().arg("--mark-seen").within(LONG).run().succeeds();
    let run = scene.fetch_new().within(LONG).run();
    let stdout = &run.succeeds().stdout;
    assert!(stdout.contains("250000 messages, 0 stored (0 octets), 250000 known"), "{stdout}");
}

/// Each message is refused, in more words than are kept, and in the next run it is known that it was.
#[test]
fn a_hundred_thousand_refusals_are_noted() {
    let letter = Content::from(b"Subject: one of many\r\n\r\nHello.\r\n".to_vec());
    let messages = (1..=100_000).map(|number| Message::with_content(format!("{number:070}"), letter.clone()));
    let words = Fault::Refuse("no ".repeat(130).into());
    let scene = Scene::new(script(Maildrop::new(messages)).fault(At::verb("RETR"), words));
    for _ in 0..2 {
        scene.fetch_new().within(LONG).run().fails(69, "refused to give 100000");
    }
}

/// A new unique-id for each of many messages, at a server that shows their beginnings; then they are deleted.
#[test]
fn fifty_thousand_messages_are_recognised_by_their_beginnings() {
    let messages = |prefix: &'static str| {
        (1..=50_000).map(move |number| {
            let content = format!("Subject: {number}\r\n\r\nHello.\r\n").into_bytes();
            Message::with_content(format!("{prefix}{number:066}"), Content::from(content))
        })
    };
    let scene = Scene::new(script(Maildrop::new(messages("old-"))));
    scene.fetch_new().within(LONG).run().succeeds();
    scene.server.edit_maildrop(|maildrop| *maildrop = Maildrop::new(messages("new-")));
    let run = scene.fetch_new().within(LONG).takes_at_most(OF_FIFTY_THOUSAND).run();
    let stdout = &run.succeeds().stdout;
    assert!(stdout.contains("50000 messages, 0 stored (0 octets), 50000 known"), "{stdout}");
    let run = scene.fetch_new().arg("--delete").within(LONG).takes_at_most(OF_FIFTY_THOUSAND).run();
    let stdout = &run.succeeds().stdout;
    assert!(stdout.contains("50000 known, 50000 deleted"), "{stdout}");
}
