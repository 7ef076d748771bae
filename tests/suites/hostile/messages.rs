//! The octets of messages: how they are cut into segments, how lines end, and where a message does.

use std::time::Duration;

use popfetch_tests::{
    command::script,
    maildrop::{Maildrop, Profile, realistic},
    server::{Action, At, Fault, LineEnd, Script, Segments, Stuffing, Wire},
};

use crate::scene::{Outcome, Scene, server_of, server_with};

/// What no mail should have, and some has.
const ODD: [&[u8]; 12] = [
    b"",
    b"\r\n",
    b".\r\n",
    b"..\r\n.\r\n",
    b"A: 1\r\n\r\n.leading\r\n..two\r\n.\r\n. \r\n",
    b"A: 1\r\n\r\nbare\nline\nfeeds\n.\n\n..\n\r\n",
    b"A: 1\r\n\r\nbare\rcarriage\rreturns\r\r\r\n\r.\r\r\n",
    b"A: 1\r\n\r\n\0\0nul\0\r\n",
    b"A: caf\xe9\r\n\r\n\x80\xff\xfe\xc3\x28\r\n",
    b"+OK 10 octets\r\n-ERR no such message\r\n+OK\r\n",
    b"A: 1\r\n\r\n+OK\r\n-ERR [IN-USE] locked\r\n+OK 1 2\r\nQUIT\r\nDELE 1\r\n",
    b"\x1b[2J\x07\r\n\r\n\x1b]0;title\x07\r\n",
];

fn odd() -> Maildrop {
    Maildrop::of_octets(ODD)
}

fn arrives(script: Script) {
    let maildrop = script.maildrop.clone();
    let scene = Scene::new(script);
    scene.fetch_and_delete().run().succeeds();
    scene.assert_all_stored(&maildrop);
    assert!(scene.server.maildrop().is_empty());
}

#[test]
fn octets_of_any_kind_arrive_as_they_are() {
    arrives(script(odd()));
    arrives(script(odd()).without_pipelining());
}

#[test]
fn real_mail_with_every_oddity_arrives() {
    arrives(script(Maildrop::of_octets(realistic(3, 60, Profile::anything().largest(2 << 20)))));
}

#[test]
fn body_lines_that_look_like_replies_arrive() {
    let letters =
        (0..20).map(|number| format!("+OK {number} octets\r\n-ERR\r\n+OK\r\n.\r\n+OK\r\n.\r\n-ERR [AUTH]\r\n"));
    arrives(script(Maildrop::of_octets(letters)));
}

fn in_segments(segments: Segments) -> Wire {
    Wire { segments, ..Wire::default() }
}

#[test]
fn every_octet_may_come_alone() {
    arrives(Script { wire: in_segments(Segments::Each(1)), ..script(odd()) });
    arrives(Script { wire: in_segments(Segments::Each(1)), ..script(odd()).without_pipelining() });
}

#[test]
fn octets_may_come_in_segments_of_any_size() {
    for segments in [Segments::Each(2), Segments::Each(3), Segments::Each(7), Segments::Cycle(vec![1, 2, 3, 64])] {
        arrives(Script { wire: in_segments(segments), ..script(odd()) });
    }
    for seed in 0..10 {
        let segments = Segments::Random { seed, largest: if seed % 2 == 0 { 4 } else { 100 } };
        arrives(Script { wire: in_segments(segments), ..script(odd()) });
    }
}

/// The end of a message, cut at each of its octets, with time in between so that the client sees the parts one by one.
#[test]
fn the_end_of_a_message_may_come_in_parts() {
    let message = "A: 1\r\n\r\n.dot\r\n";
    for cut in 1..="+OK 14 octets\r\nA: 1\r\n\r\n..dot\r\n.\r\n".len() as u64 {
        let parts = Fault::Play(vec![
            Action::Pace(Segments::At(vec![before_retr() + cut]), Duration::from_millis(5)),
            Action::Honest,
        ]);
        arrives(server_with(message).fault(At::verb("RETR"), parts));
    }
}

/// How many octets the model server has said when the first message is asked for.
fn before_retr() -> u64 {
    let capabilities: usize =
        Script::default().capabilities_signed_in.iter().flatten().map(|line| line.len() + "\r\n".len()).sum();
    let replies = "+OK model server ready\r\n+OK send your password\r\n+OK signed in\r\n+OK capability list follows\r\n.\r\n\
                   +OK 1 14\r\n";
    (replies.len() + capabilities) as u64
}

#[test]
fn a_server_that_sends_only_lf_is_understood() {
    let wire = Wire { line_end: LineEnd::Lf, stuffing: Stuffing::AfterAnyLf, ..Wire::default() };
    arrives(Script { wire: wire.clone(), ..server_of(5) });
    arrives(Script { wire: wire.clone(), ..script(odd()) });
    arrives(Script { wire: Wire { segments: Segments::Each(1), ..wire }, ..server_of(5).without_pipelining() });
}

#[test]
fn without_a_line_end_before_the_final_dot_nothing_is_cut_short() {
    for script in [server_of(3), server_of(3).without_pipelining()] {
        let scene = Scene::new(script.fault(At::verb("RETR").argument(2), Fault::NoCrlfBeforeFinalDot));
        scene.fetch_and_delete().waits("0.5").once().run().fails(75, "silent for too long");
        assert_eq!(scene.maildir().delivered().len(), 1);
        assert_eq!(scene.server.maildrop().len(), 3);
    }
}

#[test]
fn without_a_final_dot_nothing_is_cut_short() {
    for script in [server_of(3), server_of(3).without_pipelining()] {
        let scene = Scene::new(script.fault(At::verb("RETR").argument(2), Fault::NoFinalDot));
        scene.fetch_and_delete().waits("0.5").once().run().fails(75, "silent for too long");
        assert_eq!(scene.maildir().delivered().len(), 1);
        assert_eq!(scene.server.maildrop().len(), 3);
    }
}

/// A dot on a line of its own that the server did not stuff: the rest of the message comes where a reply should.
#[test]
fn an_unstuffed_dot_is_noticed_and_cuts_nothing_short() {
    for rest in ["and more\r\n", "-ERR or not\r\n", "", "+O", "\r\n"] {
        let mail = ["Subject: first\r\n\r\nwhole\r\n".to_owned(), format!("Subject: cut\r\n\r\ntext\r\n.\r\n{rest}")];
        for script in
            [script(Maildrop::of_octets(mail.clone())), script(Maildrop::of_octets(mail)).without_pipelining()]
        {
            let scene = Scene::new(script.fault(At::verb("RETR").argument(2), Fault::Unstuffed));
            scene.fetch_and_delete().once().run().fails(76, "the server does not speak POP3 as it must");
            assert_eq!(scene.maildir().delivered().len(), 1, "what follows the dot: {rest:?}");
            scene.assert_never_sent("DELE");
        }
    }
}

/// The worst of them: what follows the dot reads like the answer to the next command.
#[test]
fn an_unstuffed_dot_with_a_reply_behind_it_cuts_nothing_short() {
    for rest in ["+OK\r\n", "+OK 0 octets\r\n.\r\n", "+OK\r\n+OK\r\n+OK\r\n+OK bye\r\n"] {
        let scene = Scene::new(
            server_with(format!("Subject: cut\r\n\r\ntext\r\n.\r\n{rest}")).fault(At::verb("RETR"), Fault::Unstuffed),
        );
        scene.fetch_and_delete().once().run().fails(76, "a line that nothing asked for");
        scene.assert_nothing_stored();
        scene.assert_never_sent("DELE");
    }
}

/// Where the next command was sent ahead, such a dot can be told from the end of a message only afterwards. Then a part
/// of a message is stored, and nothing is deleted.
#[test]
fn an_unstuffed_dot_with_a_reply_behind_it_deletes_nothing_where_commands_are_sent_ahead() {
    let cut = "Subject: cut\r\n\r\ntext\r\n";
    let rest = "forged\r\n";
    let mail =
        [format!("{cut}.\r\n+OK {} octets\r\n{rest}", rest.len()), "Subject: second\r\n\r\nwhole\r\n".to_owned()];
    let scene = Scene::new(script(Maildrop::of_octets(mail)).fault(At::verb("RETR").argument(1), Fault::Unstuffed));
    let scene = scene.also_genuine(cut.as_bytes()).also_genuine(rest.as_bytes());
    scene.fetch_and_delete().once().run().fails(76, "a line that nothing asked for");
    assert_eq!(scene.server.maildrop().len(), 2);
}
