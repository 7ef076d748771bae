//! What the caller does wrong is said before an octet is sent.

use popfetch::contract::Error;
use popfetch::{Credentials, Mechanism, ProtocolLimits, Secret, SessionOptions};
use popfetch_tests::server::{ModelServer, Script};

use crate::{alice, connected, connected_with, pop3, server_with, signed_in};

const NOTHING: [&str; 0] = [];

#[tokio::test]
async fn verbs_of_transaction_before_the_sign_in() {
    let model = ModelServer::start(server_with(&["one"]));
    let mut session = connected(&model).await;
    let errors = [
        pop3(session.stat().await),
        pop3(session.scan_listing(1).await),
        pop3(session.scan_listings().await),
        pop3(session.unique_id(1).await),
        pop3(session.unique_ids().await),
        pop3(session.retrieve(&[1]).await),
        pop3(session.top(&[1], 0).await),
        pop3(session.delete(&[1]).await),
        pop3(session.reset().await),
        pop3(session.noop().await),
    ];
    for error in errors {
        assert!(matches!(error, Error::InvalidState(_)), "{error:?}");
    }
    assert_eq!(model.commands(), NOTHING);
    // The session is none the worse for it.
    assert!(session.is_usable());
    session.sign_in(&alice(), &[Mechanism::User]).await.unwrap();
    session.stat().await.unwrap();
    session.quit().await.unwrap();
}

#[tokio::test]
async fn signing_in_twice() {
    let model = ModelServer::start(Script::default().with_apop("<1@example.org>"));
    let mut session = signed_in(&model).await;
    for mechanism in [Mechanism::User, Mechanism::Apop] {
        let error = pop3(session.sign_in(&alice(), &[mechanism]).await);
        assert!(matches!(error, Error::InvalidState(_)), "{error:?}");
    }
    assert_eq!(model.commands().len(), 2);
    session.quit().await.unwrap();
}

#[tokio::test]
async fn credentials_that_would_be_commands() {
    let model = ModelServer::start(Script::default().with_apop("<1@example.org>"));
    let mut session = connected(&model).await;
    for wrong in ["alice\r\nDELE 1", "ali\rce", "ali\nce", "ali\0ce", "\n", ""] {
        for credentials in
            [Credentials { user: wrong.to_owned(), ..alice() }, Credentials { secret: Secret::new(wrong), ..alice() }]
        {
            for mechanisms in [&[Mechanism::User][..], &[Mechanism::Apop], &[Mechanism::Apop, Mechanism::User]] {
                let error = pop3(session.sign_in(&credentials, mechanisms).await);
                assert!(matches!(error, Error::InvalidArgument(_)), "{wrong:?}: {error:?}");
                assert_eq!(model.commands(), NOTHING, "{credentials:?} {mechanisms:?}");
            }
        }
    }
    session.sign_in(&alice(), &[Mechanism::User]).await.unwrap();
}

#[tokio::test]
async fn credentials_that_are_too_long() {
    let model = ModelServer::start(Script { user: "a".repeat(40), password: "b".repeat(40), ..Script::default() });
    let limits = ProtocolLimits { credential: 40, ..ProtocolLimits::default() };
    let mut session = connected_with(&model, &SessionOptions { limits, ..SessionOptions::default() }).await;
    let credentials = |user, secret| Credentials { user: "a".repeat(user), secret: Secret::new("b".repeat(secret)) };
    for (user, secret) in [(41, 40), (40, 41), (1 << 20, 1 << 20)] {
        let error = pop3(session.sign_in(&credentials(user, secret), &[Mechanism::User]).await);
        assert!(matches!(error, Error::InvalidArgument(_)), "{error:?}");
    }
    assert_eq!(model.commands(), NOTHING);
    session.sign_in(&credentials(40, 40), &[Mechanism::User]).await.unwrap();
}

#[tokio::test]
async fn message_0() {
    let model = ModelServer::start(server_with(&["one", "two"]));
    let mut session = signed_in(&model).await;
    let errors = [
        pop3(session.scan_listing(0).await),
        pop3(session.unique_id(0).await),
        pop3(session.retrieve(&[0]).await),
        pop3(session.retrieve(&[1, 2, 0]).await),
        pop3(session.top(&[1, 0], 0).await),
        pop3(session.delete(&[1, 0]).await),
    ];
    for error in errors {
        assert!(matches!(error, Error::InvalidArgument(_)), "{error:?}");
    }
    assert_eq!(model.commands(), ["USER alice", "PASS secret"]);
    assert!(session.is_usable());
    session.quit().await.unwrap();
    assert_eq!(model.maildrop().len(), 2);
}
