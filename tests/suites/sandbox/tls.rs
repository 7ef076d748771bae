//! A component that says there is TLS where there is none, or wants it with somebody else.

use popfetch::contract::Error;
use popfetch::{
    Mechanism, Security, Server, Session, SessionError, SessionOptions, Stopped, Tls, TlsFailure, TlsFault, TlsOptions,
    TlsRoots,
};
use popfetch_tests::authority::{Authority, Identity};
use popfetch_tests::server::{ModelServer, Script, ServerTls};

use crate::{assert_goes_on, credentials, sandbox, stopped};

/// What comes of this deed, which is the server's name too: its certificate is checked for `localhost` instead.
async fn connect(model: &ModelServer, authority: &Authority, deed: &str) -> Result<Session, SessionError> {
    let options = TlsOptions {
        roots: TlsRoots::Files(vec![authority.ca_file()]),
        server_name: Some("localhost".to_owned()),
        ..TlsOptions::default()
    };
    let options = SessionOptions { tls: Some(Tls::new(&options).unwrap()), ..SessionOptions::default() };
    let addresses = vec![model.address()];
    let server = Server { name: deed.to_owned(), addresses, security: Security::ImplicitTls };
    Session::connect(&sandbox(), &server, &options).await
}

fn server(identity: Identity) -> ModelServer {
    ModelServer::start(Script::default().with_tls(ServerTls::implicit(identity)))
}

#[tokio::test]
async fn without_tls_it_does_not_get_the_password() {
    for security in [Security::StartTls, Security::ImplicitTls] {
        let server = Server { security, ..crate::server("") };
        let mut session = Session::connect(&sandbox(), &server, &SessionOptions::default()).await.unwrap();
        assert!(session.tls().is_none());
        // Its tale would be told if it heard the user's name.
        let signed_in = session.sign_in(&credentials("sign-in trap"), &[Mechanism::User]).await;
        let Stopped::OutOfContract(what) = stopped(signed_in.unwrap_err()) else { panic!("it was told") };
        assert!(what.contains("no TLS"), "{what}");
        assert!(!session.is_usable());
    }
    assert_goes_on(&sandbox()).await;
}

#[tokio::test]
async fn a_handshake_that_failed_is_none() {
    let authority = Authority::new();
    for identity in [authority.expired(), Authority::new().server(), authority.server_for(&["pop.example.org"])] {
        let model = server(identity);
        let deed = format!("handshake-in-vain {}", model.address());
        let mut session = connect(&model, &authority, &deed).await.unwrap();
        assert!(session.tls().is_none());
        let signed_in = session.sign_in(&credentials("sign-in trap"), &[Mechanism::User]).await;
        assert!(matches!(stopped(signed_in.unwrap_err()), Stopped::OutOfContract(_)));
    }
}

#[tokio::test]
async fn it_gets_tls_with_its_own_server_only_and_once() {
    let authority = Authority::new();
    let model = server(authority.server());
    let mut session = connect(&model, &authority, &format!("handshake {}", model.address())).await.unwrap();
    assert_eq!(session.tls().unwrap().version, "TLS 1.3");
    session.sign_in(&credentials("stat 3"), &[Mechanism::User]).await.unwrap();

    // Once there is TLS, there is no other connection on which the password could go out.
    let error = connect(&model, &authority, &format!("handshake-twice {}", model.address())).await.unwrap_err();
    let SessionError::Pop3(Error::Network(what)) = error else { panic!("{error:?}") };
    assert_eq!(what, "access-denied");

    for name in ["localhost", "127.0.0.1", "pop.example.org", ""] {
        let deed = format!("handshake {} {name}", model.address());
        let error = connect(&model, &authority, &deed).await.unwrap_err();
        let SessionError::Tls(failure @ TlsFailure::ComponentMisbehaved(what)) = error else { panic!("{error:?}") };
        assert_eq!(what, "has asked for TLS with another server than its own");
        assert_eq!(failure.fault(), TlsFault::Internal);
    }
    assert_goes_on(&sandbox()).await;
}
