//! What a server says to a terminal, a log, and whoever reads them. That nothing raw comes through is checked at every
//! run; here is what comes instead.

use popfetch_tests::{
    maildrop::Message,
    server::{At, Fault, Row, Script},
};

use crate::scene::{Outcome, Scene, server_of, server_with};

/// Clears the screen, sets the title, changes the colour, rings, hides text, reorders text, and is no UTF-8.
const NASTY: &[u8] = b"\x1b[2J\x1b]0;title\x07\x9b31m\x08\x7f\xe2\x80\xae\xe2\x80\x8b\xff\0 %s%n%08x {} {0} $(id) `id`";

fn nasty(at: At) -> Script {
    server_of(2).fault(at, Fault::Refuse(NASTY.to_vec()))
}

#[test]
fn what_a_server_refuses_with_is_shown_and_not_obeyed() {
    for at in [At::greeting(), At::verb("PASS"), At::verb("STAT")] {
        let scene = Scene::new(nasty(at));
        let run = scene.fetch_and_delete().run();
        run.fails(
            run.code.unwrap_or_default(),
            r"\x1b[2J\x1b]0;title\x07\x9b31m\x08\x7f\xe2\x80\xae\xe2\x80\x8b\xff\x00",
        );
        run.fails(run.code.unwrap_or_default(), "%s%n%08x {} {0} $(id) `id`");
    }
}

#[test]
fn what_a_server_refuses_a_message_with_is_shown_and_not_obeyed() {
    for at in [At::verb("RETR"), At::verb("DELE")] {
        let scene = Scene::new(nasty(at.clone().argument(1)));
        let run = scene.fetch_and_delete().arg("-v").run();
        run.fails(69, "the server refused to");
        assert!(run.stdout.contains(r"\x1b[2J\x1b]0;title\x07"), "{run:?}");

        let scene = Scene::new(nasty(at.argument(1)));
        let run = scene.fetch_and_delete().args(["--output", "json"]).run();
        assert!(run.stdout.contains(r"\\x1b[2J\\x1b]0;title\\x07"), "{run:?}");
    }
}

#[test]
fn a_nasty_greeting_is_shown_and_not_obeyed() {
    let greeting = Fault::Status([b"+OK ", NASTY].concat());
    let scene = Scene::new(server_of(0).fault(At::greeting(), greeting));
    for format in ["text", "json"] {
        scene.fetch().args(["-v", "--output", format]).run().succeeds();
        let run = scene.info().args(["--output", format]).run();
        assert!(run.succeeds().stdout.contains("x1b[2J"), "{run:?}");
    }
}

#[test]
fn nasty_capabilities_are_shown_and_not_obeyed() {
    let rows = Fault::Row(Row::Append([b"SASL ", NASTY].concat()));
    let scene = Scene::new(server_of(0).fault(At::verb("CAPA"), rows));
    for format in ["text", "json"] {
        let run = scene.info().args(["--output", format]).run();
        assert!(run.succeeds().stdout.contains("x1b[2j"), "{run:?}");
    }
}

#[test]
fn a_line_that_is_no_reply_is_shown_and_not_obeyed() {
    let scene = Scene::new(server_of(1).fault(At::verb("STAT"), Fault::Raw([NASTY, b"\r\n"].concat())));
    scene.fetch().run().fails(76, r"neither +OK nor -ERR to STAT: ");
}

#[test]
fn nasty_header_fields_are_shown_and_not_obeyed() {
    let mut message = b"From: ".to_vec();
    message.extend_from_slice(NASTY);
    message.extend_from_slice(
        b" <a@example.org>\r\nSubject: =?utf-8?B?G1sySg==?= =?utf-8?Q?=1B]0;x=07=E2=80=AE?= $(id)\r\n",
    );
    message.extend_from_slice(b"Date: \x1b[2J\r\n\r\nbody\r\n");
    let scene = Scene::new(server_with(message));
    for format in ["text", "json"] {
        scene.list().args(["--headers", "--output", format]).run().succeeds();
    }
}

#[test]
fn header_fields_reach_no_shell_and_no_path() {
    let message = "From: ../../../x\r\nSubject: $(touch owned); `touch owned` | touch owned\r\nMessage-ID: </../../x>\r\n\
                   Return-Path: <|touch owned>\r\n\r\nFrom someone Sat Jan  3 01:05:34 1996\r\n";
    let scene = Scene::new(server_with(message));
    scene.list().arg("--headers").run().succeeds();
    scene.fetch_and_delete().arg("-v").run().succeeds();
    assert!(!scene.user.path("owned").exists());
    let [entry] = scene.maildir().delivered().try_into().expect("one message");
    assert!(!entry.name.contains("owned") && !entry.name.contains(".."), "{}", entry.name);
}

#[test]
fn a_huge_text_is_cut() {
    for text in [vec![b'x'; 4000], vec![0x1b; 4000], b"\\".repeat(4000)] {
        let scene = Scene::new(server_of(1).fault(At::verb("PASS"), Fault::Refuse(text)));
        let run = scene.fetch().run();
        run.fails(77, "…");
        assert!(run.stderr.chars().count() < 800, "{run:?}");
    }
    let scene = Scene::new(server_of(1).fault(At::verb("PASS"), Fault::Refuse(vec![b'x'; 100_000])));
    scene.fetch().run().fails(76, "more than allowed (reply-line: 4096)");
}

#[test]
fn many_huge_texts_are_little_output() {
    let scene = Scene::new(server_of(60).fault(At::verb("RETR"), Fault::Refuse(vec![0x1b; 4000])));
    let run = scene.fetch().arg("-v").run();
    run.fails(69, "the server refused to give 60 (at last: -ERR ");
}

#[test]
fn a_huge_header_is_cut() {
    let message = format!("Subject: {}\r\nFrom: {}\r\n\r\n", "\u{7f}".repeat(300_000), "x".repeat(300_000));
    let scene = Scene::new(server_of(0));
    scene.server.append(Message::new("uid", message));
    scene.list().arg("--headers").run().succeeds();
}
