//! Unique-ids, listings and numbers that make no sense.

use popfetch_tests::{
    command::script,
    maildrop::{Maildrop, Message},
    server::{At, Fault, Row},
};

use crate::scene::{Outcome, Scene, server_of};

/// What is no unique-id after RFC 1939 §7, and what a careless client would do with it.
fn hostile_uids() -> Vec<Vec<u8>> {
    vec![
        b"../../../../tmp/popfetch-was-here".to_vec(),
        b"/etc/passwd".to_vec(),
        b"..".to_vec(),
        b"\x1b[2J\x07\x9b31m".to_vec(),
        b"nul\0inside".to_vec(),
        b"two words".to_vec(),
        b"'; DROP TABLE stored; --".to_vec(),
        b"%s%n%x{}{0}".to_vec(),
        b"caf\xe9 \xff\xfe".to_vec(),
        "\u{202e}gpj.exe".into(),
        b"u".repeat(71),
        b"u".repeat(3000),
    ]
}

fn maildrop_of(uids: impl IntoIterator<Item = Vec<u8>>) -> Maildrop {
    let letters = crate::scene::letters(100);
    let contents = letters.messages().iter().map(|message| message.content.clone());
    Maildrop::new(uids.into_iter().zip(contents).map(|(uid, content)| Message::with_content(uid, content)))
}

#[test]
fn a_unique_id_of_any_octets_is_remembered_and_is_no_path() {
    let maildrop = maildrop_of(hostile_uids());
    let scene = Scene::new(script(maildrop.clone()));
    scene.fetch_new().run().succeeds();
    scene.assert_all_stored(&maildrop);
    scene.fetch_new().run().succeeds();
    scene.assert_all_stored(&maildrop);

    let mut home: Vec<_> =
        std::fs::read_dir(scene.user.home()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    home.retain(|name| !name.to_string_lossy().ends_with(".lock"));
    home.sort();
    assert_eq!(home, ["mail", "password", "state", "trace"]);
    assert!(!std::path::Path::new("/tmp/popfetch-was-here").exists());
    for entry in scene.maildir().delivered() {
        assert!(entry.name.bytes().all(|octet| octet.is_ascii_graphic()), "{}", entry.name);
    }
}

#[test]
fn a_unique_id_of_any_octets_is_listed_as_text() {
    let scene = Scene::new(script(maildrop_of(hostile_uids())));
    for format in ["text", "json"] {
        let run = scene.list().args(["--output", format]).run();
        run.succeeds();
        assert!(run.stdout.contains("../../../../tmp/popfetch-was-here"), "{}", run.stdout);
        assert!(run.stdout.contains("x1b[2J"), "{}", run.stdout);
    }
}

#[test]
fn messages_without_a_unique_id_of_their_own_are_recognised() {
    let maildrop = maildrop_of([b"same".to_vec(), b"".to_vec(), b"same".to_vec(), b"other".to_vec(), b"".to_vec()]);
    for has_top in [true, false] {
        let script = script(maildrop.clone());
        let scene = Scene::new(if has_top { script } else { script.without_top() });
        for stored in [5, 0] {
            let run = scene.fetch_new().run();
            assert!(run.succeeds().stdout.contains(&format!("{stored} stored")), "{run:?}");
            assert_eq!(run.stderr.contains("4 of the messages have no unique-id of their own"), !has_top, "{run:?}");
            scene.assert_all_stored(&maildrop);
        }
    }
}

#[test]
fn a_unique_id_of_ten_thousand_octets_is_too_long() {
    let scene = Scene::new(script(maildrop_of([b"u".repeat(10_000)])));
    scene.fetch_new().run().fails(76, "answered UIDL with more than allowed (reply-line: 4096)");
    scene.assert_nothing_stored();
}

#[test]
fn rows_of_uidl_that_make_no_sense_end_the_session() {
    for row in ["0 uid", "-1 uid", "x uid", "", "uid", "4294967296 uid", "18446744073709551617 uid", "1x uid"] {
        let fault = Fault::Row(Row::Replace(2, row.into()));
        let scene = Scene::new(server_of(3).fault(At::verb("UIDL"), fault));
        scene.fetch_new().arg("--delete").run().fails(76, "an answer that makes no sense to UIDL");
        scene.assert_nothing_stored();
        scene.assert_never_sent("DELE");
    }
}

#[test]
fn a_row_of_uidl_for_a_message_that_is_not_there_ends_the_session() {
    for number in ["4", "2147483648", "4294967295"] {
        let fault = Fault::Row(Row::Append(format!("{number} uid").into()));
        let scene = Scene::new(server_of(3).fault(At::verb("UIDL"), fault));
        scene.fetch_new().arg("--delete").run().fails(76, &format!("UIDL lists message {number}, but STAT"));
        scene.assert_never_sent("DELE");
    }
}

#[test]
fn a_message_listed_twice_ends_the_session() {
    let scene = Scene::new(server_of(3).fault(At::verb("UIDL"), Fault::Row(Row::Duplicate(2))));
    scene.fetch_new().arg("--delete").run().fails(76, "the same message twice to UIDL");
    let scene = Scene::new(server_of(3).fault(At::verb("LIST"), Fault::Row(Row::Duplicate(2))));
    scene.list().run().fails(76, "the same message twice to LIST");
}

#[test]
fn a_message_that_uidl_does_not_list_is_fetched_all_the_same() {
    for missing in [Row::Drop(2), Row::Clear] {
        let scene = Scene::new(server_of(3).fault(At::verb("UIDL"), Fault::Row(missing)));
        let maildrop = scene.server.maildrop();
        scene.fetch_new().arg("--delete").run().succeeds();
        scene.assert_all_stored(&maildrop);
        assert!(scene.server.maildrop().is_empty());
    }
}

#[test]
fn rows_may_come_in_any_order() {
    let scene = Scene::new(server_of(3).fault(At::verb("UIDL").connection(1), Fault::Row(Row::Reverse)));
    let maildrop = scene.server.maildrop();
    scene.fetch_new().run().succeeds();
    scene.fetch_new().run().succeeds();
    scene.assert_all_stored(&maildrop);
}

#[test]
fn rows_of_list_that_make_no_sense_end_the_session() {
    for row in ["0 5", "1", "2 -5", "2 five", "x", "", "4294967296 5", "2 18446744073709551616", "2 5x", "-2 5"] {
        let fault = Fault::Row(Row::Replace(2, row.into()));
        let scene = Scene::new(server_of(3).fault(At::verb("LIST"), fault));
        scene.list().run().fails(76, "an answer that makes no sense to LIST");
    }
}

#[test]
fn sizes_may_be_as_large_as_64_bits_have_it() {
    let row = Fault::Row(Row::Replace(2, b"2 18446744073709551615".to_vec()));
    let scene = Scene::new(server_of(3).fault(At::verb("LIST"), row));
    let run = scene.list().run();
    assert!(run.succeeds().stdout.contains("18446744073709551615 octets"), "{run:?}");
}

#[test]
fn numbers_of_stat_that_make_no_sense_end_the_session() {
    for status in ["+OK", "+OK 3", "+OK -3 100", "+OK 3 -100", "+OK three 100", "+OK 3 1e9", "+OK 3,100", "+OK 0x3 100"]
    {
        let scene = Scene::new(server_of(3).fault(At::verb("STAT"), Fault::Status(status.into())));
        scene.fetch_and_delete().run().fails(76, "an answer that makes no sense to STAT");
        scene.assert_nothing_stored();
    }
    for status in ["+OK 4294967296 1", "+OK 18446744073709551617 1", "+OK 3 18446744073709551616", "+OK 3 1e400"] {
        let scene = Scene::new(server_of(3).fault(At::verb("STAT"), Fault::Status(status.into())));
        scene.fetch_and_delete().run().fails(76, "an answer that makes no sense to STAT");
    }
}

#[test]
fn a_maildrop_of_billions_of_messages_is_not_believed() {
    for messages in ["250001", "2147483647", "2147483648", "4294967295"] {
        let status = Fault::Status(format!("+OK {messages} 100").into());
        for how in ["--keep", "--delete"] {
            let scene = Scene::new(server_of(3).fault(At::verb("STAT"), status.clone()));
            scene
                .fetch_new()
                .arg(how)
                .run()
                .fails(76, "answered STAT with more than allowed (listing-entries: 250000)");
            scene.assert_never_sent("RETR");
        }
    }
}

#[test]
fn a_maildrop_of_more_messages_than_there_are_gives_those_that_there_are() {
    let scene = Scene::new(server_of(3).fault(At::verb("STAT"), Fault::Status(b"+OK 5 100".to_vec())));
    let maildrop = scene.server.maildrop();
    scene.fetch_and_delete().run().fails(69, "3 messages are stored, the server refused to give 2");
    scene.assert_all_stored(&maildrop);
    assert!(scene.server.maildrop().is_empty());
}
