//! Servers that are wrong about their mail.

use std::time::Duration;

use popfetch_tests::{
    command::script,
    maildrop::{Content, Maildrop, Message},
    server::{Announced, At, Ending, Fault, Row, Script},
};

use crate::scene::{Outcome, Scene, server_of};

fn arrives(script: Script) {
    let maildrop = script.maildrop.clone();
    let scene = Scene::new(script);
    scene.fetch_and_delete().run().succeeds();
    scene.assert_all_stored(&maildrop);
    assert!(scene.server.maildrop().is_empty());
}

#[test]
fn octet_counts_may_be_wrong_in_both_directions() {
    for (factor, offset) in [(1.0, 1), (1.0, -1), (0.0, 0), (0.5, 3), (2.0, 0), (1e6, 0), (0.97, 0)] {
        let announced = Announced { factor, offset };
        arrives(Script { announced, ..server_of(4) });
        arrives(Script { announced, ..server_of(4).without_pipelining() });
    }
}

#[test]
fn octet_counts_of_a_message_may_be_no_numbers() {
    for status in
        ["+OK", "+OK -5 octets", "+OK many octets", "+OK 99999999999999999999999 octets", "+OK 5octets", "+OK:"]
    {
        arrives(server_of(3).fault(At::verb("RETR"), Fault::Status(status.into())));
    }
}

#[test]
fn a_message_that_is_cut_is_not_delivered() {
    for ending in [Ending::Close, Ending::Reset] {
        // The second letter and its dot have 71 octets on the wire.
        for after in [0, 1, 30, 60, 67, 68, 69, 70] {
            let cut = Fault::CutContent { after, ending };
            let scene = Scene::new(server_of(3).fault(At::verb("RETR").argument(2).connection(1), cut));
            let maildrop = scene.server.maildrop();
            scene.fetch_new().arg("--delete").once().run().fails(74, "try again; nothing was deleted");
            assert_eq!(scene.maildir().delivered().len(), 1, "cut after {after} octets of content");
            assert_eq!(scene.server.maildrop().len(), 3);

            scene.fetch_new().arg("--delete").run().succeeds();
            scene.assert_all_stored(&maildrop);
            assert!(scene.server.maildrop().is_empty());
        }
    }
}

#[test]
fn a_run_goes_on_where_a_connection_broke() {
    for ending in [Ending::Close, Ending::Reset] {
        let cut = |number| At::verb("RETR").argument(number).once();
        let script = server_of(9)
            .fault(cut(4), Fault::CutContent { after: 30, ending })
            .fault(cut(7), Fault::CutContent { after: 0, ending });
        let scene = Scene::new(script);
        let maildrop = scene.server.maildrop();
        scene.fetch_new().arg("--delete").run().succeeds();
        scene.assert_all_stored(&maildrop);
        assert!(scene.server.maildrop().is_empty());
        assert_eq!(scene.server.connections(), 3);
    }
}

/// The others are stored and deleted in this very run, and the message is tried again, but not at once each time.
#[test]
fn a_message_that_always_breaks_the_connection_does_not_block_the_others() {
    let silence = Fault::CutContent { after: 20, ending: Ending::Silence };
    let close = Fault::CutContent { after: 20, ending: Ending::Close };
    let garbage = Fault::Raw(b"*** no status line ***\r\n".to_vec());
    for fault in [close, silence, garbage] {
        for script in [server_of(5), server_of(5).without_pipelining()] {
            let scene = Scene::new(script.fault(At::verb("RETR").argument(2), fault.clone()));
            let second = scene.server.maildrop().uids()[1].clone();
            let run = scene.fetch_new().arg("--delete").waits("0.7").run();
            run.fails(75, "4 messages are stored, 1 could not be fetched");
            assert_eq!(scene.server.maildrop().uids(), std::slice::from_ref(&second));
            // It is message 1 now, for which there is no fault.
            scene.server.change(|script| script.rules.clear());
            scene.fetch_new().arg("--delete").run().succeeds();
            assert_eq!(scene.maildir().delivered().len(), 5);
        }
    }
}

#[test]
fn a_message_that_fails_again_and_again_is_left_alone_for_a_while() {
    let refused = Fault::Refuse(b"cannot read this one".to_vec());
    let scene = Scene::new(server_of(3).fault(At::verb("RETR").argument(2), refused));
    for _ in 0..2 {
        scene.fetch_new().run().fails(69, "the server refused to give 1");
    }
    let asked = scene.server.commands().iter().filter(|command| *command == "RETR 2").count();
    let run = scene.fetch_new().run();
    run.fails(75, "1 could not be fetched (-ERR cannot read this one)");
    assert!(run.stdout.contains("0 stored (0 octets), 2 known, 1 failed"), "{run:?}");
    assert_eq!(scene.server.commands().iter().filter(|command| *command == "RETR 2").count(), asked);
}

#[test]
fn a_server_that_closes_each_session_after_some_messages_gives_all_in_one_run() {
    let script = server_of(12).without_pipelining();
    let scene = Scene::new((1..=4).fold(script, |script, connection| {
        script.fault(At::verb("RETR").connection(connection).nth(4), Fault::End(Ending::Close))
    }));
    let maildrop = scene.server.maildrop();
    scene.fetch_new().run().succeeds();
    scene.assert_all_stored(&maildrop);
}

#[test]
fn a_server_below_the_least_rate_is_left() {
    let drip = Fault::Drip(std::time::Duration::from_millis(20));
    let scene = Scene::new(server_of(3).fault(At::verb("RETR").argument(2), drip));
    let run = scene.fetch_new().args(["--min-rate", "1k"]).waits("1").run();
    run.fails(75, "the server sends less than 1024 octets a second");
    let scene = Scene::new(server_of(3));
    scene.fetch_new().args(["--min-rate", "1k"]).waits("1").run().succeeds();
}

#[test]
fn a_top_that_truncates_or_fails_is_no_harm() {
    let short = Fault::Raw(b"+OK\r\nSubj\r\n.\r\n".to_vec());
    let refused = Fault::Refuse(b"not today".to_vec());
    let script =
        server_of(3).fault(At::verb("TOP").argument("1 0"), short).fault(At::verb("TOP").argument("2 0"), refused);
    let scene = Scene::new(script);
    let run = scene.list().arg("--headers").run();
    assert!(run.succeeds().stdout.contains("letter 3"), "{run:?}");
    Scene::new(server_of(3).without_top()).list().arg("--headers").run().succeeds();
}

#[test]
fn an_empty_maildrop_for_once_wipes_nothing_that_is_remembered() {
    let empty = |verb: &str| At::verb(verb).connection(2);
    let script = server_of(3)
        .fault(empty("STAT"), Fault::Status(b"+OK 0 0".to_vec()))
        .fault(empty("UIDL"), Fault::Row(Row::Clear))
        .fault(empty("LIST"), Fault::Row(Row::Clear));
    let scene = Scene::new(script);
    let maildrop = scene.server.maildrop();
    scene.fetch_new().run().succeeds();
    assert!(scene.fetch_new().run().succeeds().stdout.contains("0 messages"));
    let third = scene.fetch_new().run();
    assert!(third.succeeds().stdout.contains("0 stored (0 octets), 3 known"), "{third:?}");
    scene.assert_all_stored(&maildrop);
}

#[test]
fn other_unique_ids_for_once_wipe_nothing_that_is_remembered() {
    let scene = Scene::new(server_of(3));
    let first = scene.server.maildrop();
    scene.fetch_new().run().succeeds();
    scene.server.edit_maildrop(|maildrop| {
        maildrop.messages_mut().iter_mut().for_each(|message| message.uid.insert(0, b'x'));
    });
    let second = scene.fetch_new().run();
    assert!(second.succeeds().warns("new unique-ids to all messages; 3 were recognised").stdout.contains("0 stored"));
    assert_eq!(scene.maildir().delivered().len(), 3);
    scene.server.edit_maildrop(|maildrop| *maildrop = first);
    let third = scene.fetch_new().run();
    assert!(third.succeeds().stdout.contains("0 stored (0 octets), 3 known"), "{third:?}");
}

#[test]
fn a_unique_id_that_stood_for_one_message_and_now_stands_for_two_hides_neither() {
    let scene = Scene::new(server_of(1));
    scene.fetch_new().run().succeeds();
    scene.server.append(Message::new("uid-1", "Subject: another\r\n\r\nwith the same unique-id\r\n"));
    let run = scene.fetch_new().arg("--delete").run();
    assert!(run.succeeds().stdout.contains("1 stored (45 octets), 1 known, 2 deleted"), "{run:?}");
    assert!(scene.server.maildrop().is_empty());
}

/// What it gave without unique-ids is recognised when it has them again, and the other way round.
#[test]
fn a_server_that_refuses_uidl_for_once_gives_nothing_twice() {
    let refused = |connection| At::verb("UIDL").connection(connection);
    let script = server_of(3).fault(refused(2), Fault::Refuse(b"not now".to_vec()));
    let scene = Scene::new(script.fault(refused(4), Fault::Refuse(b"not now".to_vec())));
    scene.fetch_new().run().succeeds();
    for (connection, stored) in [(2, 1), (3, 0), (4, 1), (5, 1), (6, 0)] {
        if stored > 0 {
            let letter = format!("Subject: late {connection}\r\n\r\nletter\r\n");
            scene.server.append(Message::new(format!("late-{connection}"), letter));
        }
        let run = scene.fetch_new().run();
        assert!(run.succeeds().stdout.contains(&format!("{stored} stored")), "{connection}: {run:?}");
    }
    assert_eq!(scene.maildir().delivered().len(), 6);
    scene.fetch_new().arg("--delete").run().succeeds();
    assert!(scene.server.maildrop().is_empty());
    assert_eq!(scene.maildir().delivered().len(), 6);
}

#[test]
fn a_unique_id_that_is_used_again_for_another_message_hides_it_not() {
    for arguments in [&["--keep"][..], &["--delete"]] {
        for size in ["another", "other"] {
            let scene = Scene::new(script(Maildrop::new([Message::new("uid-1", "Subject: first\r\n\r\nfirst\r\n")])));
            scene.fetch_new().run().succeeds();
            let reused = Message::new("uid-1", format!("Subject: {size}\r\n\r\n{size}\r\n"));
            scene.server.edit_maildrop(|maildrop| maildrop.messages_mut()[0] = reused.clone());
            // One of the same size shows only where TOP is asked: before it would be deleted.
            if size.len() == "first".len() && arguments == ["--keep"] {
                continue;
            }
            arguments.iter().fold(scene.fetch_new(), |play, argument| play.arg(argument)).run().succeeds();
            assert_eq!(scene.maildir().delivered().len(), 2, "{arguments:?} {size}");
        }
    }
}

/// Where the server does not show how a message begins, it is retrieved before it is deleted.
#[test]
fn a_unique_id_that_is_used_again_at_a_server_without_top_hides_no_message() {
    let scene =
        Scene::new(script(Maildrop::new([Message::new("uid-1", "Subject: first\r\n\r\nfirst\r\n")])).without_top());
    scene.fetch_new().run().succeeds();
    let reused = Message::new("uid-1", "Subject: other\r\n\r\nother\r\n");
    scene.server.edit_maildrop(|maildrop| maildrop.messages_mut()[0] = reused.clone());
    scene.fetch_new().arg("--delete").run().succeeds();
    assert_eq!(scene.maildir().delivered().len(), 2);
    assert!(scene.server.maildrop().is_empty());

    // The same message is not stored again.
    let scene = Scene::new(server_of(3).without_top());
    scene.fetch_new().run().succeeds();
    let run = scene.fetch_new().arg("--delete").run();
    assert!(run.succeeds().stdout.contains("0 stored (0 octets), 3 known, 3 deleted"), "{run:?}");
    assert_eq!(scene.maildir().delivered().len(), 3);
}

/// It counts octets in another way today: nothing is fetched for that, and nothing stored twice.
#[test]
fn other_sizes_of_the_same_messages_bring_none_of_them_again() {
    for has_top in [true, false] {
        let scene = Scene::new(if has_top { server_of(3) } else { server_of(3).without_top() });
        scene.fetch_new().run().succeeds();
        scene.server.change(|script| script.announced = Announced { factor: 1.0, offset: 7 });
        for _ in 0..2 {
            let run = scene.fetch_new().run();
            assert!(run.succeeds().stdout.contains("0 stored (0 octets), "), "{run:?}");
        }
        assert_eq!(scene.maildir().delivered().len(), 3);
        scene.fetch_new().arg("--delete").run().succeeds();
        assert!(scene.server.maildrop().is_empty());
        assert_eq!(scene.maildir().delivered().len(), 3);
    }
}

#[test]
fn a_server_without_unique_ids_gives_nothing_twice() {
    for has_top in [true, false] {
        let script = server_of(3).without_uidl();
        let scene = Scene::new(if has_top { script } else { script.without_top() });
        let maildrop = scene.server.maildrop();
        for stored in [3, 0] {
            let run = scene.fetch_new().run();
            assert!(run.succeeds().stdout.contains(&format!("{stored} stored")), "{run:?}");
            assert_eq!(run.stderr.contains("neither unique-ids nor TOP"), !has_top, "{run:?}");
            scene.assert_all_stored(&maildrop);
        }
    }
    Scene::new(server_of(3).without_uidl()).list().run().succeeds();
}

#[test]
fn a_dele_that_does_nothing_brings_nothing_twice_where_there_is_a_state() {
    let scene = Scene::new(server_of(3).fault(At::verb("DELE").connection(1), Fault::NoEffect));
    let maildrop = scene.server.maildrop();
    scene.fetch_new().arg("--delete").run().succeeds();
    assert_eq!(scene.server.maildrop().len(), 3);
    let run = scene.fetch_new().arg("--delete").run();
    assert!(run.succeeds().stdout.contains("3 known, 3 deleted"), "{run:?}");
    scene.assert_all_stored(&maildrop);
    assert!(scene.server.maildrop().is_empty());
}

#[test]
fn a_retr_that_deletes_loses_nothing() {
    let scene = Scene::new(Script { retr_deletes: true, ..server_of(3) });
    let maildrop = scene.server.maildrop();
    scene.fetch().run().succeeds();
    scene.assert_all_stored(&maildrop);

    // Such a server must not be told goodbye when something could not be stored.
    let cut = Fault::CutContent { after: 10, ending: Ending::Close };
    let scene = Scene::new(Script { retr_deletes: true, ..server_of(3) }.fault(At::verb("RETR").argument(3), cut));
    scene.fetch().once().run().fails(74, "nothing was deleted");
    assert_eq!(scene.server.maildrop().len(), 3);
}

#[test]
fn one_message_that_always_fails_does_not_block_the_others() {
    let refused = Fault::Refuse(b"[SYS/PERM] cannot read this one".to_vec());
    let scene = Scene::new(server_of(5).fault(At::verb("RETR").argument(3), refused));
    scene.fetch_and_delete().run().fails(69, "4 messages are stored, the server refused to give 1");
    assert_eq!(scene.maildir().delivered().len(), 4);
    assert_eq!(scene.server.maildrop().uids(), ["uid-3"]);
}

#[test]
fn a_server_that_shows_the_oldest_messages_only_gives_all_in_some_runs() {
    let scene = Scene::new(Script { visible: Some(4), ..server_of(10) });
    let maildrop = scene.server.maildrop();
    for left in [6, 2, 0] {
        scene.fetch_new().arg("--delete").run().succeeds();
        assert_eq!(scene.server.maildrop().len(), left);
    }
    scene.assert_all_stored(&maildrop);
}

#[test]
fn a_user_name_with_a_colon_and_an_at_sign_goes_to_the_server_as_it_is() {
    let scene = Scene::new(Script { user: "recent:alice@example.org".to_owned(), ..server_of(1) });
    let url = format!("pop3://recent%3Aalice%40example.org@{}", scene.server.address());
    let run = scene.user.run("list").args([&url, "--tls", "off", "--auth", "user", "--password-file"]);
    scene.play(run.arg(scene.user.password_file())).run().succeeds();
    assert_eq!(scene.server.commands()[..2], ["CAPA", "USER recent:alice@example.org"]);
}

/// A server without any patience: whether it closes the connection before the first `DELE`, between two, or not at all,
/// nothing is lost.
#[test]
fn a_server_that_loses_patience_while_mail_is_stored_deletes_nothing() {
    let large = Message::with_content("large", Content::generated(7, 4 << 20));
    let scene = Scene::new(Script { idle_timeout: Some(Duration::from_millis(1)), ..server_of(3) });
    scene.server.append(large);
    for _ in 0..5 {
        let run = scene.fetch_new().arg("--delete").run();
        assert!(matches!(run.code, Some(0 | 74 | 75)), "{run:?}");
    }
}

/// So that the next message has the unique-id of one that was deleted.
#[test]
fn unique_ids_that_are_numbers_hide_no_message() {
    let numbered = |letters: &[&str]| {
        let message = |(at, letter): (usize, &&str)| {
            Message::new(format!("{}", at + 1), format!("Subject: {letter}\r\n\r\n{letter}\r\n"))
        };
        Maildrop::new(letters.iter().enumerate().map(message))
    };
    for has_top in [true, false] {
        let script = script(numbered(&["a", "b", "c", "d"]));
        let scene = Scene::new(if has_top { script } else { script.without_top() });
        scene.fetch_new().arg("--delete").run().succeeds();
        scene.server.edit_maildrop(|maildrop| *maildrop = numbered(&["e", "f"]));
        scene.fetch_new().arg("--delete").run().succeeds();
        assert_eq!(scene.maildir().delivered().len(), 6, "top: {has_top}");
        assert!(scene.server.maildrop().is_empty());
    }

    // They shift when a message goes away.
    for has_top in [true, false] {
        let script = script(Maildrop::new(
            ["a", "bb", "ccc", "dddd"]
                .iter()
                .enumerate()
                .map(|(at, text)| Message::new(format!("{}", at + 1), format!("Subject: {text}\r\n\r\n{text}\r\n"))),
        ));
        let scene = Scene::new(if has_top { script } else { script.without_top() });
        let all = scene.server.maildrop();
        scene.fetch_new().run().succeeds();
        for first in [1, 2] {
            scene.server.edit_maildrop(|maildrop| {
                let renumbered = all.messages()[first..].iter().enumerate();
                let message = |(at, message): (usize, &Message)| Message {
                    uid: format!("{}", at + 1).into_bytes(),
                    content: message.content.clone(),
                };
                *maildrop = Maildrop::new(renumbered.map(message));
            });
            scene.fetch_new().run().succeeds();
            assert_eq!(scene.maildir().delivered().len(), 4, "from {first}, top: {has_top}");
        }
    }
}

/// Two messages have each other's unique-id in the next session; each is retrieved and found to be stored, and new mail is not.
#[test]
fn exchanged_unique_ids_repeat_nothing() {
    let messages = |uids: [&'static str; 3]| {
        let texts = ["a", "bb", "ccc"];
        let message = move |(uid, text)| Message::new(uid, format!("Subject: {text}\r\n\r\n{text}\r\n"));
        Maildrop::new(uids.into_iter().zip(texts).map(message))
    };
    for has_top in [true, false] {
        let script = script(messages(["x", "y", "z"]));
        let scene = Scene::new(if has_top { script } else { script.without_top() });
        scene.fetch_new().run().succeeds();
        let all = messages(["y", "x", "z"]);
        scene.server.edit_maildrop(|maildrop| *maildrop = all.clone());
        scene.server.append(Message::new("new", "Subject: a\r\n\r\na\r\n"));
        let run = scene.fetch_new().arg("--delete").run();
        assert!(run.succeeds().stdout.contains("1 stored (17 octets), 3 known, 4 deleted"), "top: {has_top}, {run:?}");
        assert_eq!(scene.maildir().delivered().len(), 4, "top: {has_top}");
    }
}

/// Unique-ids are refused in several sessions in a row, by a server that does not show the beginnings of messages.
#[test]
fn sessions_without_unique_ids_and_top_repeat_nothing() {
    let scene = Scene::new(server_of(5).without_top());
    let maildrop = scene.server.maildrop();
    scene.fetch_new().run().succeeds();
    scene.server.change(|script| script.uidl = false);
    for _ in 0..3 {
        scene.fetch_new().run().succeeds();
        scene.assert_all_stored(&maildrop);
    }
    scene.server.change(|script| script.uidl = true);
    scene.fetch_new().arg("--delete").run().succeeds();
    scene.assert_all_stored(&maildrop);
    assert!(scene.server.maildrop().is_empty());
}

/// What is only looked at keeps nothing from being fetched: the next session does without.
#[test]
fn a_look_in_which_the_session_fails_is_left_out() {
    let refused = |at: At, fault: Fault| {
        let scene = Scene::new(server_of(5));
        scene.fetch_new().run().succeeds();
        scene.server.append(Message::new("uid-new", "Subject: new\r\n\r\nnew\r\n"));
        let maildrop = scene.server.maildrop();
        scene.server.fault(at, fault);
        scene.fetch_new().arg("--delete").waits("0.5").run().succeeds();
        scene.assert_all_stored(&maildrop);
        assert!(scene.server.maildrop().is_empty());
    };
    refused(At::verb("TOP").argument("3 10"), Fault::End(Ending::Close));
    refused(At::verb("TOP").argument("3 10"), Fault::End(Ending::Silence));
    refused(At::verb("LIST").argument(""), Fault::Row(Row::Replace(2, b"2 ?".to_vec())));
}

/// A message without a unique-id, too, comes last when it has broken the connection.
#[test]
fn a_message_without_a_unique_id_that_breaks_the_connection_blocks_no_others() {
    let script = server_of(5).without_uidl().without_top();
    let scene = Scene::new(script.fault(At::verb("RETR").argument(1), Fault::End(Ending::Close)));
    let run = scene.fetch_new().run();
    assert_eq!(run.code, Some(75), "{run:?}");
    assert_eq!(scene.maildir().delivered().len(), 4);
}
