//! Size costs no memory: the bound of every run holds for these too.

use std::time::Duration;

use popfetch_tests::{
    command::script,
    maildrop::{Content, Maildrop, Message},
};

use crate::scene::{Outcome, Scene};

const LONG: Duration = Duration::from_secs(45);

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
