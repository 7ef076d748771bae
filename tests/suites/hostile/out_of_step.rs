//! Answers that do not fit the questions: too many of them, too few, in another order.

use popfetch_tests::command::script;
use popfetch_tests::maildir::Entry;
use popfetch_tests::maildrop::{Maildrop, Message};
use popfetch_tests::server::{At, Ending, Fault, LineEnd, Pipelining, Script, Segments};

use crate::scene::{Outcome, Scene, letters, server_of, server_with};

#[test]
fn a_reply_that_comes_twice_is_not_the_answer_to_the_next_command() {
    for verb in ["USER", "PASS", "STAT", "UIDL"] {
        let scene = Scene::new(server_of(2).fault(At::verb(verb), Fault::Twice));
        scene.fetch_new().arg("--delete").run().fails(76, "a line that nothing asked for");
        scene.assert_nothing_stored();
    }
    let scene = Scene::new(server_of(2).fault(At::greeting(), Fault::Twice));
    scene.fetch().run().fails(76, "a line that nothing asked for");
    scene.assert_never_sent("USER");
}

#[test]
fn a_message_that_comes_twice_is_not_taken_for_the_next_one() {
    for script in [server_of(3), server_of(3).without_pipelining()] {
        for number in 1..=3 {
            let at = At::verb("RETR").argument(number);
            let scene = Scene::new(Script { rules: Vec::new(), ..script.clone() }.fault(at, Fault::Twice));
            scene.fetch_and_delete().once().run().fails(76, "the server does not speak POP3 as it must");
            assert_eq!(scene.server.maildrop().len(), 3);
        }
    }
}

/// The line that a server sends twice before each message is not the messages', as their sizes tell.
#[test]
fn a_status_line_that_comes_twice_before_a_message_is_left_out() {
    let large = format!("Subject: {}\r\n\r\n{}", "x".repeat(70), ".line of a message\r\n".repeat(20_000));
    let messages = ["Subject: one\r\n\r\n.\r\n+OK 9 octets\r\n", "+OK 9 octets\r\n", "\r\n", &large];
    for (segments, line_end) in [
        (Segments::Whole, LineEnd::Crlf),
        (Segments::Each(7), LineEnd::Crlf),
        (Segments::Whole, LineEnd::Lf),
        (Segments::Each(5), LineEnd::Lf),
    ] {
        let mut script = Script { maildrop: Maildrop::of_octets(messages), ..server_of(0) };
        script.wire.line_end = line_end;
        script.wire.segments = segments;
        let maildrop = script.maildrop.clone();
        for (number, message) in (1..).zip(maildrop.messages()) {
            let content = message.content.to_vec();
            let left_out =
                if line_end == LineEnd::Lf { content.iter().filter(|octet| **octet == b'\r').count() } else { 0 };
            let status = format!("+OK {} octets", content.len() - left_out);
            let doubled = Fault::Status(format!("{status}\r\n{status}").into());
            script = script.fault(At::verb("RETR").argument(number), doubled);
        }
        let scene = Scene::new(script);
        scene.fetch_and_delete().run().succeeds();
        scene.assert_all_stored(&maildrop);
        assert_eq!(scene.server.maildrop().len(), 0);
    }
}

/// Without a size, with another one, or before a message that is too long to be kept back, the second line is the first of the
/// content, for all that the protocol tells.
#[test]
fn a_status_line_that_comes_twice_before_a_message_costs_no_octet_of_it() {
    let small = b"Subject: x\r\n\r\nx\r\n".to_vec();
    let too_long = b"x\r\n".repeat(400_000);
    for (status, message) in [
        ("+OK", &small),
        ("+OK message follows", &small),
        ("+OK 18 octets", &small),
        ("+OK 20 octets", &small),
        ("+OK 1200000 octets", &too_long),
    ] {
        let doubled = Fault::Status(format!("{status}\r\n{status}").into());
        let scene = Scene::new(server_with(message.clone()).fault(At::verb("RETR"), doubled));
        let scene = scene.also_genuine(&[status.as_bytes(), b"\r\n", message].concat());
        scene.fetch().run().succeeds();
        assert_eq!(scene.maildir().delivered()[0].octets().len(), status.len() + 2 + message.len());
    }
}

/// A message that begins as the line in front of it does is given as it is where it has its announced size, or any other than
/// that with the line.
#[test]
fn a_message_that_begins_with_its_status_line_is_left_as_it_is() {
    let message = b"+OK 30 octets\r\nx: y\r\n\r\ntext\r\n".to_vec();
    for announced in [30, message.len(), 16, 18, 0, 100] {
        let status = format!("+OK {announced} octets");
        let content = [status.as_bytes(), &message[13..]].concat();
        let script = server_with(content.clone());
        let scene = Scene::new(script.fault(At::verb("RETR"), Fault::Status(status.into())));
        let maildrop = scene.server.maildrop();
        scene.fetch().run().succeeds();
        scene.assert_all_stored(&maildrop);
    }
}

#[test]
fn a_deletion_that_is_answered_twice_deletes_nothing_more() {
    for script in [server_of(3), server_of(3).without_pipelining()] {
        let scene = Scene::new(script.fault(At::verb("DELE").argument(3), Fault::Twice));
        let run = scene.fetch_and_delete().run();
        assert!(matches!(run.code, Some(75 | 76)), "{run:?}");
        assert_eq!(scene.maildir().delivered().len(), 3);
    }
}

#[test]
fn pipelining_that_is_announced_and_not_done_is_done_without() {
    for pipelining in [Pipelining::OnlyFirstAnswered, Pipelining::Discarded, Pipelining::Closes] {
        let scene = Scene::new(Script { pipelining, ..server_of(5) });
        let maildrop = scene.server.maildrop();
        scene.fetch_new().arg("--delete").waits("0.7").run().succeeds();
        scene.assert_all_stored(&maildrop);
        assert!(scene.server.maildrop().is_empty());
    }
    let scene = Scene::new(Script { pipelining: Pipelining::Discarded, ..server_of(3) });
    scene.fetch_and_delete().waits("0.5").once().run().fails(75, "silent for too long");
    assert_eq!(scene.server.maildrop().len(), 3);
}

/// The answers behind it are about other messages than were asked for, and it is noticed only because one is missing. They may
/// have the same sizes.
#[test]
fn a_command_that_is_swallowed_loses_nothing_and_repeats_nothing() {
    let alike = |number| Message::new(format!("uid-{number}"), format!("Subject: {number}\r\n\r\ntext\r\n"));
    for maildrop in [letters(9), Maildrop::new((1..=9).map(alike))] {
        for arguments in [&["--keep"][..], &["--delete"]] {
            let script = script(maildrop.clone()).fault(At::verb("RETR").argument(2).once(), Fault::Raw(Vec::new()));
            let scene = Scene::new(script);
            for _ in 0..2 {
                let fetch = arguments.iter().fold(scene.fetch_new(), |play, argument| play.arg(argument));
                fetch.waits("0.7").run().succeeds();
                scene.assert_all_stored(&maildrop);
            }
            assert_eq!(scene.server.maildrop().is_empty(), arguments == ["--delete"]);
        }
    }
}

/// One reply too many, and then the connection is cut: what was stored by then may be others than were asked for.
#[test]
fn replies_one_behind_and_a_cut_lose_nothing() {
    for script in [server_of(6), server_of(6).without_pipelining()] {
        for arguments in [&["--keep"][..], &["--delete"]] {
            let script = script.clone().fault(At::verb("RETR").argument(1).once(), Fault::Twice);
            let script = script.fault(At::verb("RETR").argument(5).once(), Fault::End(Ending::Close));
            let scene = Scene::new(script);
            let sent = scene.server.maildrop();
            for _ in 0..2 {
                let fetch = arguments.iter().fold(scene.fetch_new(), |play, argument| play.arg(argument));
                fetch.waits("0.7").run().succeeds();
            }
            let stored: Vec<Vec<u8>> = scene.maildir().delivered().iter().map(Entry::octets).collect();
            let is_stored = |message: &Message| stored.contains(&message.content.to_vec());
            assert!(sent.messages().iter().all(is_stored), "{arguments:?}");
        }
    }
}

#[test]
fn answers_in_another_order_and_a_cut_lose_nothing() {
    for number in 1..=6 {
        let cut = Fault::End(Ending::Close);
        let script = server_of(6).fault(At::verb("RETR").argument(number).once(), cut);
        let scene = Scene::new(Script { pipelining: Pipelining::Reversed, ..script });
        let maildrop = scene.server.maildrop();
        for _ in 0..2 {
            scene.fetch_new().waits("0.7").run().succeeds();
        }
        scene.assert_all_stored(&maildrop);
    }
}

/// Each session ends in the middle: what was stored in the one before is not retrieved again and again.
#[test]
fn sessions_that_end_after_some_messages_come_to_an_end() {
    for script in [server_of(40), server_of(40).without_top(), server_of(40).without_pipelining()] {
        let scene = Scene::new(script.fault(At::verb("RETR").nth(8), Fault::End(Ending::Close)));
        let maildrop = scene.server.maildrop();
        // One may be the last of two sessions by chance, and is left to the next run.
        let mut run = scene.fetch_new().arg("--delete").run();
        if run.code == Some(75) {
            run = scene.fetch_new().arg("--delete").run();
        }
        run.succeeds();
        scene.assert_all_stored(&maildrop);
        assert!(scene.server.maildrop().is_empty());
    }
}

#[test]
fn answers_in_another_order_lose_nothing() {
    let scene = Scene::new(Script { pipelining: Pipelining::Reversed, ..server_of(5) });
    let maildrop = scene.server.maildrop();
    scene.fetch_and_delete().run().succeeds();
    scene.assert_all_stored(&maildrop);
}

#[test]
fn nothing_is_sent_ahead_where_pipelining_is_not_announced() {
    for script in
        [server_of(5).without_pipelining(), Script { pipelining: Pipelining::Closes, ..server_of(5) }.without_capa()]
    {
        let maildrop = script.maildrop.clone();
        let scene = Scene::new(script);
        scene.fetch_new().arg("--delete").run().succeeds();
        scene.assert_all_stored(&maildrop);
    }
}

#[test]
fn text_behind_the_numbers_is_no_harm() {
    let chatty = Script { extra_text: "as you asked".to_owned(), extra_row_text: "(new)".to_owned(), ..server_of(3) };
    let scene = Scene::new(chatty);
    let maildrop = scene.server.maildrop();
    scene.list().run().succeeds();
    scene.fetch_new().run().succeeds();
    scene.assert_all_stored(&maildrop);
}

#[test]
fn a_server_that_goes_away_between_messages_and_deletion_deletes_nothing() {
    for ending in [Ending::Close, Ending::Reset] {
        let scene = Scene::new(server_of(3).fault(At::verb("DELE").argument(2), Fault::End(ending)));
        let maildrop = scene.server.maildrop();
        scene.fetch_and_delete().run().fails(74, "try again; nothing was deleted");
        scene.assert_all_stored(&maildrop);
        assert_eq!(scene.server.maildrop().len(), 3);
    }
}

/// With more messages than commands in flight, an error can stand behind good pieces while there is more to be asked for.
#[test]
fn an_error_behind_good_messages_is_told_as_it_is() {
    let maildrop = Maildrop::of_octets((1..=700).map(|number| match number {
        3 => b"Subject: cut\r\n\r\ntext\r\n.\r\nmore\r\n".to_vec(),
        _ => format!("Subject: letter {number}\r\n\r\nHello.\r\n").into_bytes(),
    }));
    let unstuffed = At::verb("RETR").argument(3);
    let scene = Scene::new(script(maildrop).fault(unstuffed, Fault::Unstuffed));
    scene.fetch_and_delete().once().run().fails(76, "RETR");
}
