//! Keys that are known before.

use std::sync::{Arc, OnceLock};

use rcgen::{CertifiedIssuer, IsCa, KeyPair, PKCS_ED25519, date_time_ymd};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::super::roots::Roots;
use super::*;
use crate::tls::{TlsFault, TrustedBy};

fn pinning(pins: &[Pin]) -> TlsOptions {
    TlsOptions { pins: pins.to_vec(), ..TlsOptions::default() }
}

#[tokio::test]
async fn a_known_ca_does_not_help_a_key_that_is_not_pinned() {
    let root = authority("The root");
    let shown = Shown::signed_by(&root, &for_names(&[HOST]));
    let other = Shown::self_signed(&for_names(&[HOST]));
    let failure = meet(&tls(&root.pem(), pinning(&[other.pin()])), shown.server()).await.failure();
    assert_eq!(failure, TlsFailure::PinMismatch { actual: shown.pin() });
    assert!(failure.to_string().contains(&shown.pin().to_string()), "{failure}");
}

#[tokio::test]
async fn one_of_several_pins_is_enough_and_the_ca_is_still_told() {
    let root = authority("The root");
    let shown = Shown::signed_by(&root, &for_names(&[HOST]));
    let next = Shown::self_signed(&for_names(&[HOST]));
    let tls = tls(&root.pem(), pinning(&[next.pin(), shown.pin()]));
    assert_eq!(meet(&tls, shown.server()).await.details().trusted_by, TrustedBy::Root);
}

// The key of the server is meant. That of its CA would let in all that this CA signs.
#[tokio::test]
async fn a_pin_is_not_looked_for_among_the_cas() {
    let root = authority("The root");
    let mut shown = Shown::signed_by(&root, &for_names(&[HOST]));
    shown.chain.push(root.der().clone());
    let tls = tls(&root.pem(), pinning(&[Pin::of(root.der()).unwrap()]));
    assert_eq!(meet(&tls, shown.server()).await.failure(), TlsFailure::PinMismatch { actual: shown.pin() });
}

#[tokio::test]
async fn a_pin_stands_in_for_a_ca() {
    let mut as_ca = for_names(&[HOST]);
    as_ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    for shown in [
        Shown::signed_by(&authority("Unknown"), &for_names(&[HOST])),
        Shown::self_signed(&for_names(&[HOST])),
        Shown::self_signed(&as_ca),
    ] {
        for versions in [TLS12, TLS13] {
            let tls = tls(&authority("The root").pem(), pinning(&[shown.pin()]));
            let details = meet(&tls, shown.server_with(versions)).await.details();
            assert_eq!((details.trusted_by, details.pin), (TrustedBy::Pin, shown.pin()));
        }
    }
}

// A server's own certificate for localhost, say, on a system that has another one of that name among its roots.
#[tokio::test]
async fn a_pin_stands_in_where_a_root_has_the_name_of_the_issuer() {
    let shown = Shown::self_signed(&for_names(&[HOST]));
    for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_ED25519] {
        let mut params = for_names(&[HOST]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let namesake = CertifiedIssuer::self_signed(params, KeyPair::generate_for(algorithm).unwrap()).unwrap();
        let details = meet(&tls(&namesake.pem(), pinning(&[shown.pin()])), shown.server()).await.details();
        assert_eq!((details.trusted_by, details.pin), (TrustedBy::Pin, shown.pin()));
        let failure = meet(&trusting(&namesake), shown.server()).await.failure();
        assert!(failure.to_string().starts_with("the server's certificate is self-signed;"), "{failure}");
    }
}

#[tokio::test]
async fn a_pin_stands_in_where_there_is_no_root_at_all() {
    let shown = Shown::self_signed(&for_names(&[HOST]));
    let none = Roots::System(OnceLock::from(Err("no file".to_owned())));
    let tls = Tls::with_roots(&pinning(&[shown.pin()]), none).unwrap();
    assert_eq!(meet(&tls, shown.server()).await.details().trusted_by, TrustedBy::Pin);
}

#[tokio::test]
async fn a_wrong_pin_does_not_stand_in() {
    let shown = Shown::self_signed(&for_names(&[HOST]));
    let other = Shown::self_signed(&for_names(&[HOST]));
    let tls = tls(&authority("The root").pem(), pinning(&[other.pin()]));
    assert_eq!(meet(&tls, shown.server()).await.failure(), TlsFailure::PinMismatch { actual: shown.pin() });
}

#[tokio::test]
async fn dates_are_checked_with_a_pin_too() {
    let mut old = for_names(&[HOST]);
    old.not_after = date_time_ymd(2002, 3, 4);
    let mut old_ca = old.clone();
    old_ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let mut early = for_names(&[HOST]);
    early.not_before = date_time_ymd(2998, 1, 1);
    early.not_after = date_time_ymd(2999, 1, 1);
    let expired = TlsFailure::Expired { since: "2002-03-04T00:00:00Z".into() };
    let not_yet = TlsFailure::NotYetValid { from: "2998-01-01T00:00:00Z".into() };
    for (params, expected) in [(old, expired.clone()), (old_ca, expired), (early, not_yet)] {
        let shown = Shown::self_signed(&params);
        let tls = tls(&authority("The root").pem(), pinning(&[shown.pin()]));
        assert_eq!(meet(&tls, shown.server()).await.failure(), expected);
    }
}

#[tokio::test]
async fn the_name_is_checked_with_a_pin_too() {
    let shown = Shown::self_signed(&for_names(&["imap.example.org"]));
    let tls = tls(&authority("The root").pem(), pinning(&[shown.pin()]));
    let names = vec!["imap.example.org".to_owned()];
    assert_eq!(meet(&tls, shown.server()).await.failure(), TlsFailure::WrongHost { expected: HOST.into(), names });
}

// A chain that leads to a root and is wrong is another thing than one that leads nowhere.
#[tokio::test]
async fn a_pin_does_not_mend_a_chain_that_is_wrong() {
    let root = authority("The root");
    let server = CertifiedIssuer::signed_by(for_names(&["evil.example"]), KeyPair::generate().unwrap(), &root).unwrap();
    let mut shown = Shown::signed_by(&server, &for_names(&[HOST]));
    shown.chain.push(server.der().clone());
    let failure = meet(&tls(&root.pem(), pinning(&[shown.pin()])), shown.server()).await.failure();
    assert!(matches!(failure, TlsFailure::BadCertificate(_)), "{failure:?}");
}

/// Somebody who has the pinned certificate, for everybody can get it, but not its key.
#[derive(Debug)]
struct Impostor(Arc<CertifiedKey>);

impl ResolvesServerCert for Impostor {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

#[tokio::test]
async fn a_pinned_certificate_without_its_key_is_refused() {
    let shown = Shown::self_signed(&for_names(&[HOST]));
    let own = Shown::self_signed(&for_names(&[HOST]));
    let key = ring::sign::any_supported_type(&own.der_key()).unwrap();
    for versions in [TLS12, TLS13] {
        let impostor = Impostor(Arc::new(CertifiedKey::new(shown.chain.clone(), key.clone())));
        let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(impostor));
        let tls = tls(&authority("The root").pem(), pinning(&[shown.pin()]));
        let failure = meet(&tls, server).await.failure();
        assert_eq!(
            (failure.fault(), &failure),
            (TlsFault::Certificate, &TlsFailure::BadCertificate("BadSignature".into()))
        );
    }
}
