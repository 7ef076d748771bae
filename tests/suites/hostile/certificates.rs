//! Certificates that are not the server's, or not good enough: each has its own words, and nobody learns who wanted to
//! sign in.

use std::sync::OnceLock;

use popfetch::{
    Pin, Sandbox, SandboxOptions, Security, Server, Session, SessionError, SessionOptions, Tls as Settings, TlsFailure,
    TlsOptions, TlsRoots,
};
use popfetch_tests::{
    authority::{Authority, Identity},
    command::Tls,
    server::{ServerTls, TlsVersions},
};

use crate::scene::{BOTH, Outcome, Scene, server_of};

/// A server that shows this certificate is left at once, with these words.
#[track_caller]
fn assert_refused(identity: impl Fn(&Authority) -> Identity, words: &str) {
    for tls in BOTH {
        for versions in [TlsVersions::Only12, TlsVersions::Only13] {
            let scene = Scene::showing(tls, server_of(1), &identity);
            scene.server.change(|script| script.tls.as_mut().unwrap().versions = versions);
            scene.fetch().run().fails(76, words);
            scene.assert_stopped_before_tls();
        }
    }
}

#[test]
fn an_expired_certificate() {
    assert_refused(Authority::expired, "expired at 2001-01-01T00:00:00Z; its administrator must renew it");
}

#[test]
fn a_certificate_that_is_not_valid_yet() {
    assert_refused(
        Authority::not_yet_valid,
        "not valid before 2099-01-01T00:00:00Z; is the clock of this machine right?",
    );
}

#[test]
fn a_certificate_for_another_host() {
    for names in [
        &["mail.example.org"][..],
        &["mail.example.org", "192.0.2.1"],
        &["xlocalhost"],
        &["localhost.example.org"],
        &["*.localhost"],
        &["127.0.0.1"],
    ] {
        let words = format!("is not for localhost, but for {}", names.join(", "));
        assert_refused(|authority| authority.server_for(names), &words);
    }
}

#[test]
fn a_name_with_nul_in_it_is_no_name_of_the_host() {
    for name in ["localhost\0.example.org", "localhost\0"] {
        let words = format!("is not for localhost, but for {}", name.replace('\0', r"\x00"));
        assert_refused(|authority| authority.server_for(&[name]), &words);
        assert_refused(|authority| authority.common_name_only(name), "is not for localhost, nor for any name");
    }
}

#[test]
fn a_common_name_does_not_count() {
    assert_refused(|authority| authority.common_name_only("localhost"), "is not for localhost, nor for any name");
}

#[test]
fn names_with_terminal_escapes_are_shown_and_not_obeyed() {
    let names = ["\x1b[2J.example.org", "\x1b]0;title\x07"];
    assert_refused(|authority| authority.server_for(&names), r"but for \x1b[2J.example.org, \x1b]0;title\x07");
    assert_refused(|authority| authority.server_for(&["x".repeat(5_000).as_str()]), "but for xxxxx");
    let many: Vec<String> = (0..2000).map(|number| format!("host-{number}.example.org")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let scene = Scene::showing(Tls::Implicit, server_of(1), |authority| authority.server_for(&many));
    scene.fetch().run().fails(76, "host-7.example.org and ");
    scene.assert_stopped_before_tls();
}

#[test]
fn a_self_signed_certificate() {
    assert_refused(|_| Identity::self_signed(), "the server's certificate is self-signed");
}

#[test]
fn a_certificate_of_an_authority_that_nobody_knows() {
    assert_refused(|_| Authority::new().server(), "does not lead to a trusted CA");
}

#[test]
fn a_certificate_that_is_not_for_servers() {
    assert_refused(|authority| authority.client("localhost"), "the server's certificate");
}

#[test]
fn a_pin_is_as_good_as_an_authority_and_takes_nobody_else() {
    let right = Identity::self_signed();
    let wrong = Identity::self_signed().pin();
    for tls in BOTH {
        let scene = Scene::showing(tls, server_of(1), |_| right.clone());
        let pin = right.pin();
        scene.fetch().args(["--tls-pin", &wrong]).run().fails(76, "not the one that was pinned but sha256/");
        scene.assert_stopped_before_tls();
        scene.fetch().args(["--tls-pin", &pin]).run().succeeds();
        scene.fetch().args(["--tls-pin", &wrong, "--tls-pin", &pin]).run().succeeds();
    }
}

#[test]
fn a_pin_is_asked_for_beside_a_good_authority() {
    let wrong = Identity::self_signed().pin();
    for tls in BOTH {
        let scene = Scene::secure(tls, server_of(1));
        scene.fetch().args(["--tls-pin", &wrong]).run().fails(76, "not the one that was pinned but sha256/");
        scene.assert_stopped_before_tls();
    }
}

#[test]
fn a_pin_does_not_make_up_for_another_host_or_time() {
    for tls in BOTH {
        let stranger = Authority::new();
        for (identity, words) in [
            (stranger.server_for(&["mail.example.org"]), "is not for localhost, but for mail.example.org"),
            (stranger.expired(), "expired at"),
            (stranger.not_yet_valid(), "not valid before"),
        ] {
            let pin = identity.pin();
            let scene = Scene::showing(tls, server_of(1), |_| identity);
            scene.fetch().args(["--tls-pin", &pin]).run().fails(76, words);
            scene.assert_stopped_before_tls();
        }
    }
}

#[test]
fn another_name_may_be_asked_for_and_then_counts_alone() {
    for tls in BOTH {
        let scene = Scene::showing(tls, server_of(1), |authority| authority.server_for(&["mail.example.org"]));
        scene.fetch().args(["--tls-name", "mail.example.org"]).run().succeeds();
        let scene = Scene::secure(tls, server_of(1));
        scene.fetch().args(["--tls-name", "mail.example.org"]).run().fails(76, "is not for mail.example.org");
        scene.assert_stopped_before_tls();
    }
}

#[test]
fn what_was_good_for_one_run_is_not_good_for_the_next() {
    for tls in BOTH {
        let scene = Scene::secure(tls, server_of(1));
        let wrong = Identity::self_signed().pin();
        for _ in 0..2 {
            scene.fetch().run().succeeds();
            scene.fetch_trusting(&Authority::new()).run().fails(76, "does not lead to a trusted CA");
            scene.fetch().args(["--tls-pin", &wrong]).run().fails(76, "not the one that was pinned");
            scene.fetch().args(["--tls-name", "mail.example.org"]).run().fails(76, "is not for mail.example.org");
        }
        let sign_ins = scene.server.commands().iter().filter(|command| command.starts_with("PASS")).count();
        assert_eq!((sign_ins, scene.server.connections()), (2, 8));
    }
}

/// The same in one process and one sandbox, where something could be kept: a session of TLS to resume, a connection.
#[tokio::test]
async fn no_connection_is_made_under_the_settings_of_another() {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    let sandbox = SANDBOX.get_or_init(|| Sandbox::load(SandboxOptions::default()).unwrap());
    let authority = Authority::new();
    let settings = |authority: &Authority, pins: Vec<Pin>, name: Option<&str>| {
        let options = TlsOptions {
            roots: TlsRoots::Files(vec![authority.ca_file()]),
            pins,
            server_name: name.map(str::to_owned),
            ..TlsOptions::default()
        };
        Settings::new(&options).unwrap()
    };
    let good = settings(&authority, Vec::new(), None);
    let other_authority = settings(&Authority::new(), Vec::new(), None);
    let other_pin = settings(&authority, vec![Identity::self_signed().pin().parse().unwrap()], None);
    let other_name = settings(&authority, Vec::new(), Some("mail.example.org"));

    for versions in [TlsVersions::Only12, TlsVersions::Only13] {
        let tls = ServerTls::implicit(authority.server()).with_versions(versions);
        let server = popfetch_tests::server::ModelServer::start(server_of(1).with_tls(tls));
        let connect = async |settings: &Settings| {
            let peer = Server {
                name: "localhost".to_owned(),
                addresses: vec![server.address()],
                security: Security::ImplicitTls,
            };
            let options = SessionOptions { tls: Some(settings.clone()), ..SessionOptions::default() };
            match Session::connect(sandbox, &peer, &options).await {
                Ok(_) => None,
                Err(SessionError::Tls(failure)) => Some(failure),
                Err(error) => panic!("{error}"),
            }
        };
        for _ in 0..2 {
            assert_eq!(connect(&good).await, None);
            assert!(matches!(connect(&other_authority).await, Some(TlsFailure::UnknownIssuer { .. })));
            assert!(matches!(connect(&other_pin).await, Some(TlsFailure::PinMismatch { .. })));
            assert!(matches!(connect(&other_name).await, Some(TlsFailure::WrongHost { .. })));
        }
        assert_eq!(server.connections(), 8);
    }
}
