//! What never ends, what ends too early, and what takes for ever.

use std::time::Duration;

use popfetch_tests::{
    command::script,
    maildrop::Maildrop,
    server::{Action, At, Banner, Ending, Fault, Row, Script},
};

use crate::scene::{Outcome, Scene, server_of};

/// Endless input must be given up soon, not when a timeout strikes.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn a_greeting_that_never_ends_is_cut_off() {
    let scene = Scene::new(server_of(1).fault(At::greeting(), Fault::EndlessLine));
    scene.fetch().within(SOON).run().fails(76, "answered the connection with more than allowed (reply-line: 4096)");
    let scene = Scene::new(server_of(1).fault(At::greeting(), Fault::EndlessLines));
    scene.fetch().within(SOON).run().fails(76, "not a POP3 greeting");
}

#[test]
fn a_reply_that_never_ends_is_cut_off() {
    for verb in ["USER", "PASS", "CAPA", "STAT", "UIDL", "RETR", "DELE"] {
        let scene = Scene::new(server_of(2).fault(At::verb(verb), Fault::EndlessLine));
        scene.fetch_new().arg("--delete").within(SOON).run().fails(76, "with more than allowed (reply-line: 4096)");
    }
}

#[test]
fn an_endless_reply_to_quit_leaves_open_what_was_deleted() {
    let scene = Scene::new(server_of(2).fault(At::verb("QUIT"), Fault::EndlessLine));
    scene.fetch_and_delete().within(SOON).run().fails(75, "whether the server has deleted them is open");
}

#[test]
fn a_listing_of_a_million_rows_is_cut_off() {
    for verb in ["CAPA", "UIDL"] {
        let scene = Scene::new(server_of(2).fault(At::verb(verb), Fault::EndlessBody));
        let run = scene.fetch_new().arg("--delete").within(SOON).run();
        run.fails(76, &format!("answered {verb} with more than allowed (listing-"));
        scene.assert_nothing_stored();
    }
    let scene = Scene::new(server_of(2).fault(At::verb("LIST"), Fault::EndlessBody));
    scene.list().within(SOON).run().fails(76, "answered LIST with more than allowed (listing-entries: 250000)");
}

#[test]
fn a_listing_of_lines_that_are_no_rows_is_cut_off() {
    let lines = || Fault::Play(vec![Action::Send(b"+OK\r\n".to_vec()), Action::Repeat(b"a b c d\r\n".repeat(1000))]);
    let scene = Scene::new(server_of(2).fault(At::verb("CAPA"), lines()));
    scene.fetch().within(SOON).run().fails(76, "answered CAPA with more than allowed (listing-octets: 65536)");
    scene.info().within(SOON).run().fails(76, "answered CAPA with more than allowed (listing-octets: 65536)");
    let scene = Scene::new(server_of(2).fault(At::verb("UIDL"), lines()));
    scene.fetch_new().within(SOON).run().fails(76, "an answer that makes no sense to UIDL");
}

#[test]
fn long_unique_ids_without_end_are_cut_off() {
    let row = |number: usize| format!("{number} {}\r\n", "u".repeat(4000));
    let rows: String = (1..=5000).map(row).collect();
    let status = Fault::Status(b"+OK 5000 100".to_vec());
    let listing = Fault::Raw(format!("+OK\r\n{rows}.\r\n").into());
    let scene = Scene::new(server_of(1).fault(At::verb("STAT"), status).fault(At::verb("UIDL"), listing));
    scene.fetch_new().within(SOON).run().fails(76, "answered UIDL with more than allowed (listing-octets: 18874368)");
}

#[test]
fn a_connection_that_ends_in_the_middle_of_a_line_is_an_error() {
    for verb in ["USER", "PASS", "STAT", "RETR", "DELE", "CAPA", "UIDL"] {
        let cut = Fault::CutReply { after: 2, ending: Ending::Close };
        let scene = Scene::new(server_of(2).fault(At::verb(verb), cut));
        scene.fetch_new().arg("--delete").run().fails(74, "closed the connection");
        assert_eq!(scene.server.maildrop().len(), 2);
    }
    let cut = Fault::CutReply { after: 2, ending: Ending::Close };
    let scene = Scene::new(server_of(2).fault(At::greeting(), cut));
    scene.fetch().run().fails(74, "closed the connection");
}

#[test]
fn a_listing_without_end_is_an_error() {
    let closed = Fault::CutContent { after: 12, ending: Ending::Close };
    let scene = Scene::new(server_of(3).fault(At::verb("UIDL"), closed));
    scene.fetch_new().arg("--delete").run().fails(74, "closed the connection instead of answering UIDL");
    let scene = Scene::new(server_of(3).fault(At::verb("UIDL"), Fault::NoFinalDot));
    scene.fetch_new().waits("0.5").run().fails(75, "silent for too long");
    scene.assert_nothing_stored();
}

#[test]
fn an_empty_listing_is_no_error() {
    let scene = Scene::new(server_of(0).fault(At::verb("LIST"), Fault::Row(Row::Clear)));
    scene.list().run().succeeds();
    scene.fetch_new().arg("--delete").run().succeeds();
}

#[test]
fn a_crafted_greeting_costs_no_more_than_another() {
    for pattern in ["<", "<a@", "<a@b", "<<<>>>", "<\"", "[", "[[]", "@>", "<a@[", ".@."] {
        let greeting = format!("+OK {}", pattern.repeat(4080 / pattern.len()));
        let scene = Scene::new(server_of(1).fault(At::greeting(), Fault::Status(greeting.into())));
        scene.info().within(Duration::from_secs(5)).run().succeeds();
    }
}

#[test]
fn what_is_no_pop3_server_is_recognised() {
    for banner in [Banner::Ssh, Banner::Http, Banner::Smtp, Banner::Imap] {
        let scene = Scene::new(server_of(1).fault(At::greeting(), Fault::Banner(banner)));
        scene.fetch().within(SOON).run().fails(76, "check that the host and port are those of a POP3 server");
        scene.assert_never_sent("USER");
    }
    for banner in [Banner::TlsAlert, Banner::Noise] {
        let scene = Scene::new(server_of(1).fault(At::greeting(), Fault::Banner(banner)));
        let run = scene.fetch().waits("0.5").run();
        assert!(matches!(run.code, Some(75 | 76)), "{run:?}");
        scene.assert_never_sent("USER");
    }
}

#[test]
fn silence_ends_in_a_timeout_everywhere() {
    let silent = |at: At| server_of(2).fault(at, Fault::End(Ending::Silence));
    for at in [At::greeting(), At::verb("STAT"), At::verb("RETR"), At::verb("DELE")] {
        let scene = Scene::new(silent(at));
        scene.fetch_and_delete().waits("0.5").run().fails(75, "silent for too long");
        assert_eq!(scene.server.maildrop().len(), 2);
    }
}

/// A server that sends an octet now and then is never silent: `--deadline` is there for it.
#[test]
fn an_octet_now_and_then_does_not_stretch_the_deadline() {
    for verb in ["PASS", "RETR"] {
        let drip = Fault::Drip(Duration::from_millis(100));
        let scene = Scene::new(server_of(2).fault(At::verb(verb), drip));
        let run = scene.fetch_and_delete().args(["--deadline", "0.8"]).within(SOON).run();
        run.fails(75, "the session took longer than it may");
    }
}

#[test]
fn a_message_that_never_ends_is_given_up_at_the_deadline() {
    let maildrop = Maildrop::of_octets(["Subject: first\r\n\r\nwhole\r\n", "Subject: second\r\n\r\nendless\r\n"]);
    let script: Script = script(maildrop).fault(At::verb("RETR").argument(2), Fault::EndlessBody);
    let scene = Scene::new(script);
    let run = scene.fetch_and_delete().args(["--deadline", "1"]).within(SOON).run();
    run.fails(75, "the session took longer than it may");
    assert_eq!(scene.maildir().delivered().len(), 1);
    assert_eq!(scene.server.maildrop().len(), 2);
}
