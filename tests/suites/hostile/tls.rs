//! TLS that does not come about, that breaks, or that is cut.

use std::time::Duration;

use popfetch_tests::{
    command::Tls,
    server::{Action, At, Banner, Ending, Fault, Segments, TlsVersions},
};

use crate::scene::{BOTH, Outcome, Scene, letters, server_of};

/// How long a run may take that waits half a second for the server.
const SOON: Duration = Duration::from_secs(8);

/// Octets of the server's part of a handshake at which it stops: before it, in its first record, in the certificate.
const STOPS: [u64; 5] = [0, 1, 5, 90, 400];

/// What happens to the server's part of the handshake.
fn stopping(after: u64, ending: Ending) -> Fault {
    if after == 0 { Fault::End(ending) } else { Fault::CutReply { after, ending } }
}

#[test]
fn silence_in_the_middle_of_a_handshake_ends_in_time() {
    for tls in BOTH {
        for after in STOPS {
            let scene = Scene::secure(tls, server_of(1).fault(At::handshake(), stopping(after, Ending::Silence)));
            scene.fetch().waits("0.5").within(SOON).run().fails(75, "the server was silent in the TLS handshake");
            scene.assert_stopped_before_tls();
        }
    }
}

#[test]
fn a_handshake_of_an_octet_now_and_then_ends_in_time() {
    // The beginning of a record of 16 KiB, which would take half an hour.
    let record = [b"\x16\x03\x03\x40\x00\x02".as_slice(), &[0; 0x4000]].concat();
    let slow = vec![Action::Pace(Segments::Each(1), Duration::from_millis(100)), Action::Send(record)];
    for tls in BOTH {
        let scene = Scene::secure(tls, server_of(1).fault(At::handshake(), Fault::Play(slow.clone())));
        scene.fetch().waits("1").within(SOON).run().fails(75, "the server was silent in the TLS handshake");
        scene.assert_stopped_before_tls();
    }
}

#[test]
fn a_handshake_that_is_cut_is_a_broken_connection() {
    for tls in BOTH {
        for after in STOPS {
            for ending in [Ending::Close, Ending::Reset] {
                let scene = Scene::secure(tls, server_of(1).fault(At::handshake(), stopping(after, ending)));
                scene.fetch().run().fails(74, "");
                scene.assert_stopped_before_tls();
            }
        }
    }
}

#[test]
fn what_is_no_handshake_is_no_tls() {
    for tls in BOTH {
        for (fault, words) in [
            (Fault::Banner(Banner::Ssh), "does not speak TLS"),
            (Fault::Banner(Banner::Http), "does not speak TLS"),
            (Fault::Banner(Banner::Smtp), "does not speak TLS"),
            (Fault::Banner(Banner::Imap), "does not speak TLS"),
            (Fault::Banner(Banner::Noise), "TLS"),
            (Fault::Banner(Banner::TlsAlert), "no version of TLS"),
            (Fault::EndlessLine, "does not speak TLS"),
            (Fault::EndlessLines, "does not speak TLS"),
            (Fault::Raw(b"+OK ready\r\n".to_vec()), "does not speak TLS"),
            (Fault::Raw([b"\x16\x03\x03\xff\xff".as_slice(), &[0; 0xffff]].concat()), "breaks the TLS protocol"),
            (Fault::Raw([b"\x16\x03\x03\x00\x40".as_slice(), &[0xff; 0x40]].concat()), "breaks the TLS protocol"),
            (Fault::Raw(b"\x17\x03\x03\x00\x01x".to_vec()), "breaks the TLS protocol"),
            (Fault::Raw(b"\x15\x03\x03\x00\x02\x02\x28".to_vec()), "alert"),
        ] {
            let scene = Scene::secure(tls, server_of(1).fault(At::handshake(), fault));
            scene.fetch().run().fails(76, words);
            scene.assert_stopped_before_tls();
        }
    }
}

/// A certificate chain, or a handshake message, without end.
#[test]
fn a_handshake_without_end_ends() {
    // A message of 16 MiB, and one that is no part of a handshake, in records for ever.
    let large = [b"\x16\x03\x03\x40\x00\x0b\xff\xff\xff".as_slice(), &[0; 0x4000 - 4]].concat();
    for record in [large, b"\x15\x03\x03\x00\x02\x01\x5a".repeat(1000), b"\x14\x03\x03\x00\x01\x01".repeat(1000)] {
        for tls in BOTH {
            let endless = Fault::Play(vec![Action::Repeat(record.clone())]);
            let scene = Scene::secure(tls, server_of(1).fault(At::handshake(), endless));
            let run = scene.fetch().waits("2").within(SOON).run();
            assert!([Some(75), Some(76)].contains(&run.code), "{run:?}");
            scene.assert_stopped_before_tls();
        }
    }
}

#[test]
fn a_server_in_clear_text_where_tls_begins_at_once_is_no_tls() {
    let scene = Scene::demanding(Tls::Implicit, server_of(1));
    scene.fetch().run().fails(76, "what answers does not speak TLS; write pop3:// for a port with STLS");
    scene.assert_no_secret_sent();
    scene.assert_never_in();
    let silent = server_of(1).fault(At::greeting(), Fault::End(Ending::Silence));
    let scene = Scene::demanding(Tls::Implicit, silent);
    scene.fetch().waits("0.5").within(SOON).run().fails(75, "the server was silent in the TLS handshake");
}

#[test]
fn a_server_that_wants_tls_at_once_says_nothing_to_stls() {
    // Both wait for the other to speak.
    let scene = Scene::secure(Tls::Implicit, server_of(1));
    scene
        .play(scene.user.fetch(&scene.server))
        .args(["--auth", "user"])
        .waits("0.5")
        .within(SOON)
        .run()
        .fails(75, "silent");
    assert_eq!(scene.server.commands_in_clear(), [""; 0]);
}

#[test]
fn a_server_without_a_version_that_is_accepted() {
    for tls in BOTH {
        let scene = Scene::secure(tls, server_of(1));
        scene.server.change(|script| script.tls.as_mut().unwrap().versions = TlsVersions::Only12);
        scene.fetch().args(["--tls-min", "1.3"]).run().fails(76, "no version of TLS that is accepted here");
        scene.assert_stopped_before_tls();
        scene.fetch().run().succeeds();
    }
}

/// A message that ends with the connection may have been longer, and an attacker can end a connection.
#[test]
fn a_message_that_is_cut_under_tls_is_not_delivered_and_not_deleted() {
    for tls in BOTH {
        for versions in [TlsVersions::Only12, TlsVersions::Only13] {
            for after in [0, 1, 30, 66, 68, 69, 70] {
                for (ending, words) in [
                    (Ending::Truncate, "without the end that TLS demands"),
                    (Ending::Close, "closed the connection"),
                    (Ending::Reset, ""),
                ] {
                    let script = server_of(1).fault(At::verb("RETR"), Fault::CutContent { after, ending });
                    let scene = Scene::secure(tls, script);
                    scene.server.change(|script| script.tls.as_mut().unwrap().versions = versions);
                    scene.fetch_and_delete().once().run().fails(74, words);
                    scene.assert_nothing_stored();
                    scene.assert_never_sent("DELE");
                    assert_eq!(scene.server.maildrop().len(), 1);
                }
            }
        }
    }
}

#[test]
fn a_connection_cut_behind_a_whole_message_keeps_it_at_the_server() {
    for tls in BOTH {
        let cut = Fault::Play(vec![Action::Honest, Action::End(Ending::Truncate)]);
        let scene = Scene::secure(tls, server_of(2).fault(At::verb("RETR").nth(1), cut));
        scene.fetch_and_delete().once().run().fails(74, "without the end that TLS demands");
        assert_eq!(scene.server.maildrop().len(), 2);
        scene.server.without_faults();
        scene.fetch_and_delete().run().succeeds();
        assert_eq!(scene.server.maildrop().len(), 0);
    }
}

#[test]
fn a_goodbye_without_that_of_tls_is_as_good_as_in_clear() {
    for tls in BOTH {
        let cut = Fault::Play(vec![Action::Honest, Action::End(Ending::Truncate)]);
        let scene = Scene::secure(tls, server_of(2).fault(At::verb("QUIT"), cut));
        scene.fetch_and_delete().run().succeeds();
        scene.assert_all_stored(&letters(2));
        let scene = Scene::secure(tls, server_of(2).fault(At::verb("QUIT"), Fault::End(Ending::Truncate)));
        scene.fetch_and_delete().run().fails(75, "run again");
        scene.assert_all_stored(&letters(2));
    }
}

#[test]
fn an_answer_that_is_cut_under_tls_is_no_answer() {
    for verb in ["USER", "PASS", "STAT", "DELE"] {
        for ending in [Ending::Truncate, Ending::Close] {
            for tls in BOTH {
                // `+OK` without its end is no `+OK`.
                let scene =
                    Scene::secure(tls, server_of(1).fault(At::verb(verb), Fault::CutReply { after: 3, ending }));
                scene.fetch_and_delete().run().fails(74, "");
                assert_eq!(scene.server.maildrop().len(), 1);
            }
        }
    }
}

#[test]
fn a_server_that_wants_a_certificate_is_told_that_there_is_none() {
    for tls in BOTH {
        for versions in [TlsVersions::Only12, TlsVersions::Only13] {
            let scene = Scene::secure(tls, server_of(1));
            scene.server.change(|script| {
                let authority = popfetch_tests::authority::Authority::new();
                let server_tls = script.tls.take().unwrap().with_versions(versions);
                script.tls = Some(server_tls.require_client_certificate(&authority));
            });
            scene.fetch().run().fails(77, "give one with --tls-cert and --tls-key");
            scene.assert_nothing_stored();
        }
    }
}
