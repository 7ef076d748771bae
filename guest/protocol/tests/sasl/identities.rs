//! What cannot be said is refused before anything is sent; secrets are not shown.

use pop3_protocol::sasl::{Exchange, IDENTITY_LIMIT, Identity, Mechanism, NONCE_LEAST, SaslError};

use crate::{MECHANISMS, NONCE, begin, identity};

#[track_caller]
fn refused(mechanism: Mechanism, identity: &Identity<'_>) -> SaslError {
    let error = Exchange::begin(mechanism, identity, &NONCE, 1..=1).unwrap_err();
    assert!(!error.is_servers());
    error
}

#[test]
fn empty_users_and_secrets() {
    for mechanism in MECHANISMS {
        let (no_user, no_secret) = (identity("", b"secret"), identity("user", b""));
        if mechanism == Mechanism::External {
            Exchange::begin(mechanism, &no_user, b"", 1..=1).unwrap();
            Exchange::begin(mechanism, &no_secret, b"", 1..=1).unwrap();
        } else {
            assert_eq!(refused(mechanism, &no_user), SaslError::Empty { argument: "user" }, "{mechanism}");
            assert_eq!(refused(mechanism, &no_secret), SaslError::Empty { argument: "secret" }, "{mechanism}");
        }
    }
    let nowhere = Identity { host: "", ..identity("user", b"secret") };
    assert_eq!(refused(Mechanism::OauthBearer, &nowhere), SaslError::Empty { argument: "host" });
}

#[test]
fn what_ends_a_field_early() {
    let forbidden = |argument| SaslError::ForbiddenOctet { argument };
    for mechanism in MECHANISMS {
        assert_eq!(refused(mechanism, &identity("us\0er", b"secret")), forbidden("user"), "{mechanism}");
    }
    assert_eq!(refused(Mechanism::Plain, &identity("user", b"sec\0ret")), forbidden("secret"));
    let prepared = Identity { prepared: Some(("user", b"sec\0ret")), ..identity("user", b"secret") };
    assert_eq!(refused(Mechanism::Plain, &prepared), forbidden("secret"));
    for mechanism in [Mechanism::Xoauth2, Mechanism::OauthBearer] {
        assert_eq!(refused(mechanism, &identity("us\x01er", b"token")), forbidden("user"));
        for token in [&b"to\x01ken"[..], b"token\n", b"to ken", b"token\r", b"\xc3\xa4", b"\x7f"] {
            assert_eq!(refused(mechanism, &identity("user", token)), forbidden("secret"), "{token:?}");
        }
    }
    for host in ["a\x01b", "a b", "ä.example", "a\n"] {
        let identity = Identity { host, ..identity("user", b"token") };
        assert_eq!(refused(Mechanism::OauthBearer, &identity), forbidden("host"), "{host:?}");
    }
}

#[test]
fn too_long() {
    let (longest, longer) = (vec![b'x'; IDENTITY_LIMIT], vec![b'x'; IDENTITY_LIMIT + 1]);
    for mechanism in MECHANISMS {
        Exchange::begin(mechanism, &identity("user", &longest), &NONCE, 1..=1).unwrap();
        let error = refused(mechanism, &identity("user", &longer));
        assert_eq!(error, SaslError::TooLong { argument: "secret", limit: IDENTITY_LIMIT }, "{mechanism}");
    }
}

#[test]
fn nonces_are_long_enough_where_they_matter() {
    let user = identity("user", b"secret");
    for mechanism in MECHANISMS {
        let begun = Exchange::begin(mechanism, &user, &NONCE[..NONCE_LEAST - 1], 1..=1).map(drop);
        if matches!(mechanism, Mechanism::ScramSha1 | Mechanism::ScramSha256) {
            assert_eq!(begun, Err(SaslError::NonceTooShort { least: NONCE_LEAST }));
            Exchange::begin(mechanism, &user, &NONCE[..NONCE_LEAST], 1..=1).unwrap();
        } else {
            assert_eq!(begun, Ok(()));
        }
    }
}

#[test]
fn secrets_are_not_shown() {
    for mechanism in MECHANISMS {
        let mut exchange = begin(mechanism, "user", b"pencil");
        let response = exchange.initial();
        let shown = format!("{:?} {exchange:?} {response:?}", identity("user", b"pencil"));
        assert!(!shown.contains("pencil") && !shown.contains("112, 101, 110"), "{shown}");
        assert!(shown.contains("Exchange") && shown.contains("user"), "{shown}");
    }
}

#[test]
fn names_are_the_registered_ones() {
    let names = MECHANISMS.map(Mechanism::name);
    assert_eq!(
        names,
        ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2", "EXTERNAL"]
    );
    let showing: Vec<_> = MECHANISMS.into_iter().filter(|mechanism| mechanism.shows_secret()).collect();
    assert_eq!(showing, [Mechanism::Plain, Mechanism::Login, Mechanism::OauthBearer, Mechanism::Xoauth2]);
}
