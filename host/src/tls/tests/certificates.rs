//! Which certificates are accepted.

use std::net::IpAddr;
use std::sync::OnceLock;

use rcgen::{
    CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, PKCS_ED25519, SanType,
    date_time_ymd,
};

use super::super::roots::Roots;
use super::*;
use crate::tls::{TlsFault, TrustedBy, Untrusted};

#[tokio::test]
async fn one_that_leads_to_a_root_is_accepted() {
    let root = authority("The root");
    let mut params = for_names(&[HOST, "192.0.2.7", "2001:db8::1"]);
    params.not_before = date_time_ymd(2020, 2, 3);
    params.not_after = date_time_ymd(2999, 12, 31);
    let shown = Shown::signed_by(&root, &params);

    let details = meet(&trusting(&root), shown.server()).await.details();
    assert_eq!(details.version, "TLS 1.3");
    assert!(details.cipher_suite.starts_with("TLS13_AES_"), "{}", details.cipher_suite);
    assert_eq!((details.subject.as_str(), details.issuer.as_str()), ("CN=a server", "CN=The root"));
    assert_eq!(details.names, [HOST, "192.0.2.7", "2001:db8::1"]);
    assert_eq!(details.not_before, "2020-02-03T00:00:00Z");
    assert_eq!(details.not_after, "2999-12-31T00:00:00Z");
    assert_eq!((details.pin, details.trusted_by), (shown.pin(), TrustedBy::Root));
}

#[tokio::test]
async fn a_chain_is_followed_through_what_the_server_sends() {
    let root = authority("The root");
    let between = CertifiedIssuer::signed_by(authority_params("Between"), KeyPair::generate().unwrap(), &root).unwrap();
    let mut shown = Shown::signed_by(&between, &for_names(&[HOST]));
    let without = meet(&trusting(&root), shown.server()).await.failure();
    assert!(matches!(without, TlsFailure::UnknownIssuer { reason: Untrusted::UnknownIssuer, .. }), "{without:?}");

    shown.chain.push(between.der().clone());
    assert_eq!(meet(&trusting(&root), shown.server()).await.details().trusted_by, TrustedBy::Root);
}

#[tokio::test]
async fn an_expired_one_is_refused() {
    let root = authority("The root");
    let mut params = for_names(&[HOST]);
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2002, 3, 4);
    let failure = meet(&trusting(&root), Shown::signed_by(&root, &params).server()).await.failure();
    assert_eq!(failure, TlsFailure::Expired { since: "2002-03-04T00:00:00Z".into() });
    assert_eq!(failure.fault(), TlsFault::Certificate);
}

#[tokio::test]
async fn one_below_an_expired_one_is_refused() {
    let root = authority("The root");
    let mut params = authority_params("Between");
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2002, 3, 4);
    let between = CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &root).unwrap();
    let mut shown = Shown::signed_by(&between, &for_names(&[HOST]));
    shown.chain.push(between.der().clone());
    let failure = meet(&trusting(&root), shown.server()).await.failure();
    assert_eq!(failure, TlsFailure::Expired { since: "2002-03-04T00:00:00Z".into() });
}

#[tokio::test]
async fn one_of_the_future_is_refused() {
    let root = authority("The root");
    let mut params = for_names(&[HOST]);
    params.not_before = date_time_ymd(2998, 1, 1);
    params.not_after = date_time_ymd(2999, 1, 1);
    let failure = meet(&trusting(&root), Shown::signed_by(&root, &params).server()).await.failure();
    assert_eq!(failure, TlsFailure::NotYetValid { from: "2998-01-01T00:00:00Z".into() });
}

#[tokio::test]
async fn one_for_another_host_is_refused() {
    let root = authority("The root");
    let shown = Shown::signed_by(&root, &for_names(&["imap.example.org", "192.0.2.7"]));
    let failure = meet(&trusting(&root), shown.server()).await.failure();
    let names = vec!["imap.example.org".to_owned(), "192.0.2.7".to_owned()];
    assert_eq!(failure, TlsFailure::WrongHost { expected: HOST.into(), names });
    assert_eq!(
        failure.to_string(),
        "the server's certificate is not for pop.example.org, but for imap.example.org, 192.0.2.7; \
         if that is the server that is meant, give its name with --tls-name"
    );
}

#[tokio::test]
async fn many_and_strange_names_of_another_host_are_cut_and_escaped() {
    let root = authority("The root");
    let mut params = for_names(&[]);
    params.subject_alt_names = vec![dns(&format!("\x1b[31m{}", "x".repeat(500))); 80];
    let failure = meet(&trusting(&root), Shown::signed_by(&root, &params).server()).await.failure();
    let TlsFailure::WrongHost { names, .. } = &failure else { panic!("{failure:?}") };
    assert_eq!((names.len(), names[0].len()), (64, 256));
    assert!(failure.to_string().contains("… and 56 more; if"), "{failure}");
    assert!(failure.to_string().contains(r"\x1b[31mxxx"), "{failure}");
}

#[tokio::test]
async fn a_wildcard_stands_for_one_label() {
    let root = authority("The root");
    let tls = trusting(&root);
    let shown = Shown::signed_by(&root, &for_names(&["*.example.org"]));
    meet(&tls, shown.server()).await.details();
    meet_as(&tls, "POP.Example.ORG", shown.server()).await.details();
    for host in ["example.org", "a.pop.example.org", "pop.example.com"] {
        let failure = meet_as(&tls, host, shown.server()).await.failure();
        assert!(matches!(failure, TlsFailure::WrongHost { .. }), "{failure:?}");
    }
}

#[tokio::test]
async fn an_address_is_looked_for_among_the_addresses() {
    let root = authority("The root");
    let tls = trusting(&root);
    let shown = Shown::signed_by(&root, &for_names(&["192.0.2.7", "2001:db8::1"]));
    meet_as(&tls, "192.0.2.7", shown.server()).await.details();
    meet_as(&tls, "2001:db8::1", shown.server()).await.details();
    let other = meet_as(&tls, "192.0.2.8", shown.server()).await.failure();
    assert!(matches!(other, TlsFailure::WrongHost { .. }), "{other:?}");

    let mut params = for_names(&[]);
    params.subject_alt_names = vec![dns("192.0.2.7")];
    let as_name = meet_as(&tls, "192.0.2.7", Shown::signed_by(&root, &params).server()).await.failure();
    assert!(matches!(as_name, TlsFailure::WrongHost { .. }), "{as_name:?}");

    params.subject_alt_names = vec![SanType::IpAddress(IpAddr::from([192, 0, 2, 7]))];
    meet_as(&tls, "192.0.2.7", Shown::signed_by(&root, &params).server()).await.details();
}

#[tokio::test]
async fn a_common_name_is_not_a_name() {
    let root = authority("The root");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, HOST);
    let failure = meet(&trusting(&root), Shown::signed_by(&root, &params).server()).await.failure();
    assert_eq!(failure, TlsFailure::WrongHost { expected: HOST.into(), names: vec![] });
    assert_eq!(
        failure.to_string(),
        "the server's certificate is not for pop.example.org, nor for any name or address at all: \
         it must be made anew with a subjectAltName, or its key be pinned"
    );
}

#[tokio::test]
async fn a_pinned_key_needs_no_name_in_its_certificate() {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "somebody else");
    let shown = Shown::self_signed(&params);
    let pinned = TlsOptions { pins: vec![shown.pin()], ..TlsOptions::default() };
    let details = meet(&tls(&authority("The root").pem(), pinned), shown.server()).await.details();
    assert_eq!(details.trusted_by, crate::tls::TrustedBy::Pin);
}

#[tokio::test]
async fn the_fingerprint_of_a_certificate_is_told_from_a_wrong_pin() {
    let shown = Shown::self_signed(&for_names(&[HOST]));
    let pinned = TlsOptions { pins: vec![Pin::fingerprint(&shown.chain[0])], ..TlsOptions::default() };
    let failure = meet(&tls(&authority("The root").pem(), pinned), shown.server()).await.failure();
    assert_eq!(failure, TlsFailure::PinIsFingerprint { actual: shown.pin() });
}

// CVE-2009-2666.
#[tokio::test]
async fn a_name_with_nul_in_it_is_not_the_name_before_nul() {
    let root = authority("The root");
    let mut params = for_names(&[]);
    params.subject_alt_names = vec![dns("pop.example.org\0.evil.example")];
    let failure = meet(&trusting(&root), Shown::signed_by(&root, &params).server()).await.failure();
    let TlsFailure::WrongHost { names, .. } = &failure else { panic!("{failure:?}") };
    assert_eq!(names, &["pop.example.org\0.evil.example"]);
    assert!(failure.to_string().contains(r"but for pop.example.org\x00.evil.example;"), "{failure}");
}

#[tokio::test]
async fn one_of_an_unknown_ca_is_refused_and_its_key_is_told() {
    let shown = Shown::signed_by(&authority("Some\x1b[2J CA"), &for_names(&[HOST]));
    let failure = meet(&trusting(&authority("The root")), shown.server()).await.failure();
    let issuer = "CN=Some\x1b[2J CA".to_owned();
    assert_eq!(failure, TlsFailure::UnknownIssuer { reason: Untrusted::UnknownIssuer, issuer, pin: shown.pin() });
    let line = failure.to_string();
    assert!(line.contains(r#"signed by "CN=Some\x1b[2J CA""#), "{line}");
    assert!(line.contains(&format!("--tls-pin {}", shown.pin())), "{line}");
}

// The name of a CA is no proof of it: its signature is.
#[tokio::test]
async fn one_of_a_ca_with_the_name_of_a_known_one_is_refused() {
    let shown = Shown::signed_by(&authority("The root"), &for_names(&[HOST]));
    for root in [authority("The root"), authority_with("The root", &PKCS_ED25519)] {
        let failure = meet(&trusting(&root), shown.server()).await.failure();
        let (reason, issuer) = (Untrusted::UnknownIssuer, "CN=The root".to_owned());
        assert_eq!(failure, TlsFailure::UnknownIssuer { reason, issuer, pin: shown.pin() });
    }
}

#[tokio::test]
async fn a_self_signed_one_is_refused_in_words_of_its_own() {
    let shown = Shown::self_signed(&for_names(&[HOST]));
    let failure = meet(&trusting(&authority("The root")), shown.server()).await.failure();
    let issuer = "CN=a server".to_owned();
    assert_eq!(failure, TlsFailure::UnknownIssuer { reason: Untrusted::SelfSigned, issuer, pin: shown.pin() });
    assert!(failure.to_string().starts_with("the server's certificate is self-signed;"), "{failure}");
}

#[tokio::test]
async fn a_self_signed_one_is_accepted_if_a_file_has_it() {
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let mut params = for_names(&[HOST]);
        params.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let tls = tls(&certificate.pem(), TlsOptions::default());
        let shown = Shown::new(&certificate, key);
        assert_eq!(meet(&tls, shown.server()).await.details().trusted_by, TrustedBy::Root, "{is_ca:?}");
        let failure = meet_as(&tls, "imap.example.org", shown.server()).await.failure();
        assert!(matches!(failure, TlsFailure::WrongHost { .. }), "{failure:?}");
    }
}

#[tokio::test]
async fn an_expired_one_is_refused_though_a_file_has_it() {
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let mut params = for_names(&[HOST]);
        params.is_ca = is_ca;
        params.not_after = date_time_ymd(2002, 3, 4);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let tls = tls(&certificate.pem(), TlsOptions::default());
        let failure = meet(&tls, Shown::new(&certificate, key).server()).await.failure();
        assert_eq!(failure, TlsFailure::Expired { since: "2002-03-04T00:00:00Z".into() });
    }
}

#[tokio::test]
async fn a_ca_is_not_a_server() {
    let root = authority("The root");
    let mut params = for_names(&[HOST]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let shown = Shown::signed_by(&root, &params);
    let failure = meet(&trusting(&root), shown.server()).await.failure();
    assert!(matches!(failure, TlsFailure::UnknownIssuer { reason: Untrusted::Authority, .. }), "{failure:?}");
}

#[tokio::test]
async fn a_server_is_not_a_ca() {
    let root = authority("The root");
    let server = CertifiedIssuer::signed_by(for_names(&["evil.example"]), KeyPair::generate().unwrap(), &root).unwrap();
    let mut shown = Shown::signed_by(&server, &for_names(&[HOST]));
    shown.chain.push(server.der().clone());
    let failure = meet(&trusting(&root), shown.server()).await.failure();
    assert_eq!(failure.fault(), TlsFault::Certificate, "{failure:?}");
    assert!(failure.to_string().contains("signed by one that is no CA"), "{failure}");
}

#[tokio::test]
async fn one_for_clients_is_not_for_a_server() {
    let root = authority("The root");
    let mut params = for_names(&[HOST]);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let failure = meet(&trusting(&root), Shown::signed_by(&root, &params).server()).await.failure();
    assert!(matches!(failure, TlsFailure::BadCertificate(_)), "{failure:?}");
}

#[tokio::test]
async fn without_any_root_the_words_say_so() {
    let none = Roots::System(OnceLock::from(Err("no file".to_owned())));
    let tls = Tls::with_roots(&TlsOptions::default(), none).unwrap();
    let shown = Shown::signed_by(&authority("The root"), &for_names(&[HOST]));
    let failure = meet(&tls, shown.server()).await.failure();
    assert_eq!((failure.fault(), &failure), (TlsFault::Configuration, &TlsFailure::NoRoots("no file".into())));
    assert!(failure.to_string().contains("SSL_CERT_FILE"), "{failure}");
}
