//! STLS (RFC 2595 §4): what is said around it in clear text counts for nothing, and without it nothing secret goes out.

use std::time::Duration;

use popfetch_tests::{
    command::Tls,
    server::{Action, At, Banner, Ending, Fault, Mechanism, Pipelining, Script, TlsMode},
};

use crate::scene::{Outcome, Scene, letters, server_of};

fn stls(script: Script) -> Scene {
    Scene::secure(Tls::StartTls, script)
}

/// What somebody in between could put behind the server's `+OK`.
fn injections() -> Vec<Vec<u8>> {
    let forged: &[&[u8]] = &[
        b"+OK\r\n",
        b"-ERR forged\r\n",
        b"+OK capabilities follow\r\nSASL PLAIN\r\nUSER\r\n.\r\n",
        b"+OK send your password\r\n+OK signed in\r\n+OK 0 0\r\n+OK bye\r\n",
        b"+ \r\n",
        b"\r\n",
        b"\n",
        b"\0",
        b"+",
        b"+OK half a reply",
        b"\x1b[2J\r\n",
        // What TLS itself could say: a warning, and the end of the connection.
        b"\x15\x03\x03\x00\x02\x01\x00",
        b"\x15\x03\x03\x00\x02\x02\x28",
    ];
    let long = b"+OK forged\r\n".repeat(10_000);
    forged.iter().map(|octets| octets.to_vec()).chain([long]).collect()
}

#[test]
fn octets_behind_the_answer_to_stls_end_the_session() {
    for injected in injections() {
        let scene = stls(server_of(1).fault(At::verb("STLS"), Fault::Append(injected)));
        scene.fetch().run().fails(76, "clear text behind the answer");
        assert_eq!(scene.server.commands(), ["STLS"]);
        scene.assert_nothing_stored();
    }
}

/// They come when the client is about to begin the handshake, or has begun it: they are found before, or TLS finds them.
#[test]
fn octets_after_the_answer_to_stls_are_no_answers() {
    let later = Action::Pause(Duration::from_millis(30));
    for injected in injections().into_iter().filter(|octets| !octets.starts_with(b"\x15")) {
        let injected = Action::Send(injected);
        for (at, actions) in [
            (At::verb("STLS"), vec![Action::Honest, later.clone(), injected.clone()]),
            (At::handshake(), vec![injected.clone(), Action::Honest]),
        ] {
            let scene = stls(server_of(1).fault(at, Fault::Play(actions)));
            scene.fetch().run().fails(76, "TLS");
            assert_eq!(scene.server.commands(), ["STLS"]);
            scene.assert_nothing_stored();
        }
    }
}

#[test]
fn a_refusal_with_forged_answers_behind_it_is_a_refusal() {
    for forged in ["-ERR no\r\n+OK\r\n+OK\r\n+OK 1 10\r\n", "-ERR\r\n+OK begin TLS\r\n"] {
        let scene = stls(server_of(1).fault(At::verb("STLS"), Fault::Raw(forged.into())));
        scene.fetch().run().fails(69, "STLS");
        scene.assert_stopped_before_tls();
    }
}

#[test]
fn an_answer_to_stls_before_it_was_asked_for_is_none() {
    for early in ["+OK begin TLS\r\n", "-ERR no TLS\r\n", "+OK\r\n+OK\r\n+OK\r\n"] {
        let scene = stls(server_of(1).fault(At::greeting(), Fault::Append(early.into())));
        scene.fetch().run().fails(76, "a line that nothing asked for");
        assert_eq!(scene.server.commands(), [""; 0]);
    }
}

#[test]
fn without_stls_nothing_secret_is_sent() {
    for code in ["unknown command", "[AUTH] no", "[SYS/PERM] never", "[X-TLS] none", ""] {
        let scene = stls(server_of(1).fault(At::verb("STLS"), Fault::Refuse(code.into())));
        let run = scene.fetch().run();
        assert!([Some(69), Some(77)].contains(&run.code) && run.stderr.contains("STLS"), "{run:?}");
        scene.assert_stopped_before_tls();
    }
    for code in ["[SYS/TEMP] later", "[IN-USE] later", "[LOGIN-DELAY] later"] {
        let scene = stls(server_of(1).fault(At::verb("STLS"), Fault::Refuse(code.into())));
        scene.fetch().run().fails(75, "STLS");
        scene.assert_stopped_before_tls();
    }
    // A server that does not know it at all, whatever the user permits.
    for auth in ["auto", "user", "plain", "scram-sha-256"] {
        let scene = Scene::demanding(Tls::StartTls, server_of(1).with_mechanisms(Mechanism::ALL));
        scene.fetch_by(auth).run().fails(69, "nothing secret was sent; try pop3s://");
        scene.assert_stopped_before_tls();
    }
}

#[test]
fn the_end_of_the_connection_at_stls_is_the_end() {
    for (ending, code) in [(Ending::Close, 74), (Ending::Reset, 74), (Ending::Silence, 75)] {
        for fault in [Fault::End(ending), Fault::CutReply { after: 2, ending }, Fault::CutReply { after: 6, ending }] {
            let scene = stls(server_of(1).fault(At::verb("STLS"), fault));
            scene.fetch().waits("1").run().fails(code, "try again");
            scene.assert_stopped_before_tls();
        }
    }
}

#[test]
fn an_answer_to_stls_that_is_none_ends_the_session() {
    for fault in [
        Fault::Raw(b"220 go ahead\r\n".to_vec()),
        Fault::Raw(b"+ \r\n".to_vec()),
        Fault::Raw(b"\r\n".to_vec()),
        Fault::Raw(b"+OKAY\r\n".to_vec()),
        Fault::Raw(b"* OK\r\n".to_vec()),
        Fault::Banner(Banner::Http),
        Fault::Banner(Banner::Noise),
        Fault::EndlessLine,
        Fault::EndlessLines,
    ] {
        let scene = stls(server_of(1).fault(At::verb("STLS"), fault));
        scene.fetch().run().fails(76, "STLS");
        scene.assert_stopped_before_tls();
    }
}

#[test]
fn a_greeting_without_a_session_leads_to_no_stls() {
    for (fault, code) in [
        (Fault::Refuse(b"[SYS/TEMP] later".to_vec()), 75),
        (Fault::Refuse(b"go away".to_vec()), 69),
        (Fault::Banner(Banner::Imap), 76),
        (Fault::End(Ending::Close), 74),
    ] {
        let scene = stls(server_of(1).fault(At::greeting(), fault));
        scene.fetch().run().fails(code, "");
        assert_eq!(scene.server.commands(), [""; 0]);
    }
}

#[test]
fn stls_that_nobody_announced_is_asked_for_all_the_same() {
    let scene = stls(server_of(1));
    scene.server.change(|script| script.tls.as_mut().unwrap().mode = TlsMode::Stls { announced: false });
    scene.fetch().run().succeeds();
    assert_eq!(scene.server.commands_in_clear(), ["STLS"]);
}

/// CAPA is not asked before TLS, so that nothing hangs on what is said to it there.
#[test]
fn a_capa_that_fails_brings_out_nothing() {
    for (fault, code) in [
        (Fault::Refuse(b"unknown command".to_vec()), 0),
        (Fault::Refuse(b"[SYS/TEMP] later".to_vec()), 75),
        (Fault::Raw(b"no capabilities\r\n".to_vec()), 76),
        (Fault::Raw(b"+OK\r\n".to_vec()), 75),
        (Fault::EndlessBody, 76),
        (Fault::End(Ending::Close), 74),
        (Fault::End(Ending::Truncate), 74),
        (Fault::End(Ending::Silence), 75),
        (Fault::CutContent { after: 4, ending: Ending::Close }, 74),
    ] {
        let scene = stls(server_of(1).fault(At::verb("CAPA").nth(1), fault));
        let run = scene.fetch_by("auto").waits("1").run();
        assert_eq!(run.code, Some(code), "{run:?}");
        assert_eq!(scene.server.commands_in_clear(), ["STLS"]);
        assert_eq!(scene.server.commands()[1], "CAPA");
        if code != 0 {
            scene.assert_no_secret_sent();
        }
    }
}

#[test]
fn capabilities_count_as_they_are_under_tls() {
    let capabilities = |lines: &[&str]| Some(lines.iter().map(|line| (*line).to_owned()).collect::<Vec<String>>());
    let script = Script {
        capabilities: capabilities(&["SASL PLAIN LOGIN", "PIPELINING", "USER", "UIDL"]),
        capabilities_tls: capabilities(&["SASL SCRAM-SHA-1", "UIDL"]),
        capabilities_signed_in: capabilities(&["UIDL"]),
        pipelining: Pipelining::Closes,
        ..server_of(5).with_mechanisms(Mechanism::ALL)
    };
    let scene = stls(script.clone());
    scene.fetch_by("auto").run().succeeds();
    scene.assert_all_stored(&letters(5));
    let auths: Vec<String> =
        scene.server.commands().into_iter().filter(|command| command.starts_with("AUTH")).collect();
    assert_eq!(auths, ["AUTH SCRAM-SHA-1"]);
    assert_eq!(scene.server.commands_in_clear(), ["STLS"]);

    // And what is better in clear text is not taken either.
    let script = Script {
        capabilities: capabilities(&["SASL SCRAM-SHA-256"]),
        capabilities_tls: capabilities(&["SASL PLAIN"]),
        ..script
    };
    let scene = stls(script);
    scene.fetch_by("auto").run().succeeds();
    assert!(scene.server.commands().contains(&"AUTH PLAIN".to_owned()), "{}", scene.server.transcript());
}
