//! TLS by the crate: what is checked, what is known of it, and why it fails.

use std::time::Duration;

use base64ct::{Base64, Encoding};
use popfetch::contract::{Error, Wait};
use popfetch::{
    CLEARTEXT_COMPONENT, Component, Mailbox, Mechanism, Pin, Sandbox, SandboxOptions, Security, Server, Session,
    SessionError, SessionOptions, Timeouts, Tls, TlsFailure, TlsFault, TlsIdentity, TlsOptions, TlsRoots, TlsVersion,
    TrustedBy, Untrusted,
};
use popfetch_tests::authority::{Authority, Identity};
use popfetch_tests::maildrop::{Maildrop, Profile, realistic};
use popfetch_tests::server::{At, Ending, Fault, ModelServer, Script, ServerTls, TlsVersions};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use crate::{PATIENCE, alice, pop3, retrieved, sandbox, server_with, taken};

const BOTH: [Security; 2] = [Security::StartTls, Security::ImplicitTls];

/// A server whose TLS begins so.
fn server_tls(security: Security, identity: Identity) -> ServerTls {
    if security == Security::StartTls { ServerTls::stls(identity) } else { ServerTls::implicit(identity) }
}

fn trusting(authority: &Authority) -> TlsOptions {
    TlsOptions { roots: TlsRoots::Files(vec![authority.ca_file()]), ..TlsOptions::default() }
}

fn options(tls: &TlsOptions) -> SessionOptions {
    SessionOptions { tls: Some(Tls::new(tls).unwrap()), ..SessionOptions::default() }
}

fn at(model: &ModelServer, security: Security) -> Server {
    Server { name: "localhost".to_owned(), addresses: vec![model.address()], security }
}

async fn connect(model: &ModelServer, security: Security, tls: &TlsOptions) -> Result<Session, SessionError> {
    Session::connect(&sandbox(), &at(model, security), &options(tls)).await
}

#[track_caller]
fn failure(error: SessionError) -> TlsFailure {
    assert!(error.ends_session() && !error.is_refusal());
    match error {
        SessionError::Tls(failure) => failure,
        error => panic!("no failure of TLS, but {error:?}"),
    }
}

#[tokio::test]
async fn a_session_under_tls() {
    let authority = Authority::new();
    let contents: Vec<Vec<u8>> = realistic(5, 40, Profile::anything().largest(1 << 20)).collect();
    for security in BOTH {
        let identity = authority.server();
        let script = Script::with(Maildrop::of_octets(contents.clone()));
        let model = ModelServer::start(script.with_tls(server_tls(security, identity.clone())));
        let mut session = connect(&model, security, &trusting(&authority)).await.unwrap();
        let details = session.tls().unwrap();
        assert_eq!((details.version.as_str(), details.trusted_by), ("TLS 1.3", TrustedBy::Root));
        assert_eq!(details.pin.to_string(), identity.pin());
        assert_eq!(details.names, ["localhost", "127.0.0.1", "::1"]);

        session.capabilities().await.unwrap();
        session.sign_in(&alice(), &[Mechanism::User]).await.unwrap();
        let numbers: Vec<u32> = (1..=40).collect();
        let messages = retrieved(&mut session, &numbers).await;
        assert!(messages.iter().map(|(_, content)| content).eq(&contents));
        session.delete(&[1]).await.unwrap();
        session.quit().await.unwrap();
        assert_eq!(model.maildrop().len(), 39);
        let in_clear: &[&str] = if security == Security::StartTls { &["STLS"] } else { &[] };
        assert_eq!(model.commands_in_clear(), in_clear);
    }
    let model = ModelServer::start(Script::default());
    let session = connect(&model, Security::Cleartext, &trusting(&authority)).await.unwrap();
    assert_eq!(session.tls(), None);
}

/// Each certificate has its own failure, and whoever shows it hears nothing.
#[tokio::test]
async fn a_certificate_that_is_not_accepted_is_told_by_its_type() {
    type Is = fn(&TlsFailure) -> bool;
    let authority = Authority::new();
    let cases: [(Identity, Is); 7] = [
        (
            authority.expired(),
            |failure| matches!(failure, TlsFailure::Expired { since } if since == "2001-01-01T00:00:00Z"),
        ),
        (
            authority.not_yet_valid(),
            |failure| matches!(failure, TlsFailure::NotYetValid { from } if from == "2099-01-01T00:00:00Z"),
        ),
        (authority.server_for(&["pop.example.org"]), |failure| {
            matches!(failure, TlsFailure::WrongHost { expected, names }
                if expected == "localhost" && names == &["pop.example.org"])
        }),
        (
            authority.common_name_only("localhost"),
            |failure| matches!(failure, TlsFailure::WrongHost { names, .. } if names.is_empty()),
        ),
        (Identity::self_signed(), |failure| {
            matches!(failure, TlsFailure::UnknownIssuer { reason: Untrusted::SelfSigned, .. })
        }),
        (Authority::new().server(), |failure| {
            matches!(failure, TlsFailure::UnknownIssuer { reason: Untrusted::UnknownIssuer, issuer, .. }
                if issuer.contains("popfetch test authority"))
        }),
        (
            authority.client("localhost"),
            |failure| matches!(failure, TlsFailure::BadCertificate(why) if why == "it is not for servers"),
        ),
    ];
    for (identity, is) in &cases {
        for security in BOTH {
            for versions in [TlsVersions::Only12, TlsVersions::Only13] {
                let tls = server_tls(security, identity.clone()).with_versions(versions);
                let model = ModelServer::start(Script::default().with_tls(tls));
                let failure = failure(connect(&model, security, &trusting(&authority)).await.unwrap_err());
                assert!(is(&failure), "{failure:?}");
                assert_eq!(failure.fault(), TlsFault::Certificate);
                model.wait_idle(PATIENCE).unwrap();
                let wish: &[&str] = if security == Security::StartTls { &["STLS"] } else { &[] };
                assert_eq!(model.commands(), wish);
            }
        }
    }
}

#[tokio::test]
async fn the_fingerprint_of_a_certificate_is_no_pin() {
    let authority = Authority::new();
    let identity = authority.server();
    let fingerprint = Base64::encode_string(&Sha256::digest(identity.certificate()));
    let pinned = TlsOptions { pins: vec![fingerprint.parse().unwrap()], ..trusting(&authority) };
    let actual: Pin = identity.pin().parse().unwrap();
    for security in BOTH {
        let model = ModelServer::start(Script::default().with_tls(server_tls(security, identity.clone())));
        let failure = failure(connect(&model, security, &pinned).await.unwrap_err());
        assert_eq!(failure, TlsFailure::PinIsFingerprint { actual });
        assert_eq!(failure.fault(), TlsFault::Certificate);
    }
}

/// It says nothing against the key that is pinned. What has names has to have the right one also then.
#[tokio::test]
async fn a_pinned_key_may_have_a_certificate_without_a_name() {
    let authority = Authority::new();
    let pinning = |identity: &Identity, roots: &Authority| {
        let pin: Pin = identity.pin().parse().unwrap();
        TlsOptions { pins: vec![pin], ..trusting(roots) }
    };
    let (nameless, misnamed) = (authority.common_name_only("localhost"), authority.server_for(&["pop.example.org"]));
    for security in BOTH {
        let start = |identity: &Identity| {
            ModelServer::start(Script::default().with_tls(server_tls(security, identity.clone())))
        };
        for (roots, trusted_by) in [(&authority, TrustedBy::Root), (&Authority::new(), TrustedBy::Pin)] {
            let session = connect(&start(&nameless), security, &pinning(&nameless, roots)).await.unwrap();
            assert_eq!(session.tls().unwrap().trusted_by, trusted_by);
            let error = connect(&start(&misnamed), security, &pinning(&misnamed, roots)).await.unwrap_err();
            assert!(matches!(failure(error), TlsFailure::WrongHost { .. }));
        }
    }
}

#[tokio::test]
async fn other_failures_have_a_type_too() {
    let authority = Authority::new();
    let only_12 = || ServerTls::implicit(authority.server()).with_versions(TlsVersions::Only12);
    let from_13 = TlsOptions { minimum: TlsVersion::Tls13, ..trusting(&authority) };
    let model = ModelServer::start(Script::default().with_tls(only_12()));
    let error = connect(&model, Security::ImplicitTls, &from_13).await.unwrap_err();
    assert_eq!(failure(error), TlsFailure::NoCommonVersion);

    let foreign = Authority::new().client("alice");
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = foreign.write(directory.path(), "foreign");
    let showing = TlsOptions { identity: Some(TlsIdentity { certificate, key }), ..trusting(&authority) };
    for security in BOTH {
        for versions in [TlsVersions::Only12, TlsVersions::Only13] {
            let tls = server_tls(security, authority.server()).with_versions(versions);
            let model = ModelServer::start(Script::default().with_tls(tls.require_client_certificate(&authority)));
            for (options, shown) in [(&trusting(&authority), false), (&showing, true)] {
                // In TLS 1.3 the client hears of it when it reads what comes next.
                let error = match connect(&model, security, options).await {
                    Ok(mut session) => session.capabilities().await.unwrap_err(),
                    Err(error) => error,
                };
                let failure = failure(error);
                let is = match &failure {
                    TlsFailure::ClientCertificateWanted => !shown,
                    TlsFailure::ClientCertificateRefused(_) => shown,
                    _ => false,
                };
                assert!(is, "{security:?} {versions:?}: {failure:?}");
                assert_eq!(failure.fault(), TlsFault::ClientCertificate);
            }
        }
    }

    let model = ModelServer::start(Script::default());
    let error = connect(&model, Security::ImplicitTls, &trusting(&authority)).await.unwrap_err();
    assert_eq!(failure(error), TlsFailure::NotTls);

    let model = ModelServer::start(Script::default().with_tls(ServerTls::implicit(authority.server())));
    model.fault(At::handshake(), Fault::End(Ending::Close));
    let error = connect(&model, Security::ImplicitTls, &trusting(&authority)).await.unwrap_err();
    assert_eq!(failure(error), TlsFailure::Closed);

    let server = Server { name: "not a name".to_owned(), ..at(&model, Security::ImplicitTls) };
    let error = Session::connect(&sandbox(), &server, &options(&trusting(&authority))).await.unwrap_err();
    assert_eq!(failure(error), TlsFailure::BadName("not a name".to_owned()));
}

#[tokio::test]
async fn silence_in_the_handshake_is_a_timeout_of_its_own() {
    let authority = Authority::new();
    for security in BOTH {
        let model = ModelServer::start(Script::default().with_tls(server_tls(security, authority.server())));
        model.fault(At::handshake(), Fault::End(Ending::Silence));
        let connect = Duration::from_millis(200);
        let options =
            SessionOptions { timeouts: Timeouts { connect, ..Timeouts::default() }, ..options(&trusting(&authority)) };
        let error = pop3(Session::connect(&sandbox(), &at(&model, security), &options).await);
        assert!(matches!(error, Error::Timeout(Wait::Tls)), "{error:?}");
        model.wait_idle(PATIENCE).unwrap();
    }
}

/// Somebody in between can end a connection, but not make it look complete.
#[tokio::test]
async fn a_connection_that_is_cut_is_not_at_its_end() {
    let authority = Authority::new();
    for security in BOTH {
        let script = server_with(&["A: 1\r\n\r\none\r\n", "B: 2\r\n\r\ntwo\r\n"]);
        let model = ModelServer::start(script.with_tls(server_tls(security, authority.server())));
        model.fault(At::verb("RETR").argument(2), Fault::CutContent { after: 4, ending: Ending::Truncate });
        let mut session = connect(&model, security, &trusting(&authority)).await.unwrap();
        session.sign_in(&alice(), &[Mechanism::User]).await.unwrap();
        let (messages, end) = taken(session.retrieve(&[1, 2]).await.unwrap()).await;
        assert_eq!(messages, [(1, b"A: 1\r\n\r\none\r\n".to_vec())]);
        let Error::Network(cause) = pop3(end) else { panic!("not cut") };
        assert!(cause.contains("without the end that TLS demands"), "{cause}");
        assert!(!session.is_usable());
    }
}

/// What a server that was not authenticated could say next would be believed.
#[tokio::test]
async fn a_server_without_stls_is_refused_before_anything_else() {
    let model = ModelServer::start(Script::default());
    let error = connect(&model, Security::StartTls, &TlsOptions::default()).await.unwrap_err();
    let SessionError::Pop3(Error::Refused(refusal)) = error else { panic!("{error:?}") };
    assert_eq!(refusal.command, "STLS");
    assert_eq!(model.commands(), ["STLS"]);
}

#[tokio::test]
async fn one_setting_serves_many_sessions_and_does_not_touch_others() {
    let (authority, other) = (Authority::new(), Authority::new());
    let identity = authority.server();
    let model = ModelServer::start(Script::default().with_tls(ServerTls::implicit(identity.clone())));
    let pinned = TlsOptions { pins: vec![identity.pin().parse::<Pin>().unwrap()], ..trusting(&other) };
    let [by_root, by_pin, by_none] = [&trusting(&authority), &pinned, &trusting(&other)].map(options);
    let mut sessions = JoinSet::new();
    for number in 0..30 {
        let options = [&by_root, &by_pin, &by_none][number % 3].clone();
        let server = at(&model, Security::ImplicitTls);
        sessions.spawn(async move { (number % 3, Session::connect(&sandbox(), &server, &options).await) });
    }
    while let Some(connected) = sessions.join_next().await {
        match connected.unwrap() {
            (0, session) => assert_eq!(session.unwrap().tls().unwrap().trusted_by, TrustedBy::Root),
            (1, session) => assert_eq!(session.unwrap().tls().unwrap().trusted_by, TrustedBy::Pin),
            (_, session) => assert!(matches!(failure(session.unwrap_err()), TlsFailure::UnknownIssuer { .. })),
        }
    }
}

#[tokio::test]
async fn a_mailbox_is_asked_under_tls() {
    let authority = Authority::new();
    let model = ModelServer::start(server_with(&["A: 1\r\n\r\n"]).with_tls(ServerTls::stls(authority.server())));
    let server = at(&model, Security::StartTls);
    let mut mailbox = Mailbox::new(sandbox(), server, options(&trusting(&authority)), alice(), vec![Mechanism::User]);
    assert_eq!(mailbox.new_mail().await.unwrap().messages, 1);
    mailbox.quit().await.unwrap();
    assert_eq!(model.commands_in_clear(), ["STLS"]);
}

/// With a thread to spare for what the runtime has to clean up.
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_session_says_no_quit() {
    let authority = Authority::new();
    let script = server_with(&["A: 1\r\n\r\n"]).with_tls(ServerTls::implicit(authority.server()));
    let model = ModelServer::start(script);
    let mut session = connect(&model, Security::ImplicitTls, &trusting(&authority)).await.unwrap();
    session.sign_in(&alice(), &[Mechanism::User]).await.unwrap();
    session.delete(&[1]).await.unwrap();
    drop(session);
    model.wait_idle(PATIENCE).unwrap();
    assert_eq!(model.commands().last().unwrap(), "DELE 1");
    assert_eq!(model.maildrop().len(), 1);
}

#[tokio::test]
async fn the_component_without_tls_says_that_it_has_none() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), CLEARTEXT_COMPONENT).unwrap();
    let component = Component::File(file.path().to_owned());
    let sandbox = Sandbox::load(SandboxOptions { component, ..SandboxOptions::default() }).unwrap();
    let model = ModelServer::start(Script::default().with_tls(ServerTls::stls(Authority::new().server())));
    for security in BOTH {
        let connected = Session::connect(&sandbox, &at(&model, security), &SessionOptions::default()).await;
        let error = pop3(connected);
        assert!(matches!(&error, Error::NotSupported(what) if what.contains("TLS")), "{error:?}");
    }
    assert_eq!(model.connections(), 0);
    let server = at(&model, Security::Cleartext);
    let mut session = Session::connect(&sandbox, &server, &SessionOptions::default()).await.unwrap();
    session.sign_in(&alice(), &[Mechanism::User]).await.unwrap();
    session.quit().await.unwrap();
}
