//! Servers that want to know who their client is.

use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls::{AlertDescription, Error as RustlsError};
use tokio::io::AsyncReadExt as _;

use super::*;
use crate::tls::record::IdentityWanted;
use crate::tls::{TlsFault, TlsIdentity};

/// A server that lets in only clients with a certificate of this CA.
fn demanding(shown: &Shown, clients: &Authority, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
    let cryptography = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(clients.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), cryptography.clone()).build().unwrap();
    ServerConfig::builder_with_provider(cryptography)
        .with_protocol_versions(versions)
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(shown.chain.clone(), shown.der_key())
        .unwrap()
}

fn with_identity(root: &Authority, clients: &Authority) -> Tls {
    let files = Files::new();
    let key = KeyPair::generate().unwrap();
    let certificate = for_names(&["client"]).signed_by(&key, clients).unwrap();
    let identity = TlsIdentity {
        certificate: files.write("client.pem", certificate.pem()),
        key: files.write("client.key", key.serialize_pem()),
    };
    tls(&root.pem(), TlsOptions { identity: Some(identity), ..TlsOptions::default() })
}

/// With TLS 1.3, a client learns only after the handshake that the server does not want it.
async fn refusal(mut met: Met) -> TlsFailure {
    assert!(met.server.is_err());
    if let Ok(stream) = &mut met.client {
        soon(stream.read_u8()).await.unwrap_err();
    }
    met.record.failure().unwrap()
}

#[tokio::test]
async fn a_certificate_is_shown_to_a_server_that_asks() {
    let (root, clients) = (authority("The root"), authority("The clients' CA"));
    let shown = Shown::signed_by(&root, &for_names(&[HOST]));
    for versions in [TLS12, TLS13] {
        let met = meet(&with_identity(&root, &clients), demanding(&shown, &clients, versions)).await;
        met.details();
        assert_eq!(met.server.unwrap().get_ref().1.peer_certificates().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_server_that_demands_one_gets_none_without_the_option() {
    let (root, clients) = (authority("The root"), authority("The clients' CA"));
    let shown = Shown::signed_by(&root, &for_names(&[HOST]));
    for versions in [TLS12, TLS13] {
        let failure = refusal(meet(&trusting(&root), demanding(&shown, &clients, versions)).await).await;
        assert_eq!(failure, TlsFailure::ClientCertificateWanted);
        assert_eq!(failure.fault(), TlsFault::ClientCertificate);
    }
}

#[tokio::test]
async fn a_server_may_refuse_the_one_that_it_is_shown() {
    let (root, clients) = (authority("The root"), authority("The clients' CA"));
    let shown = Shown::signed_by(&root, &for_names(&[HOST]));
    for versions in [TLS12, TLS13] {
        let tls = with_identity(&root, &authority("Another CA"));
        let failure = refusal(meet(&tls, demanding(&shown, &clients, versions)).await).await;
        assert_eq!(failure, TlsFailure::ClientCertificateRefused("UnknownCA".into()));
    }
}

// OpenSSL does so with TLS 1.2.
#[test]
fn a_plain_failure_after_asking_means_the_certificate() {
    let error = || io::Error::other(RustlsError::AlertReceived(AlertDescription::HandshakeFailure));
    let of = |wanted| TlsFailure::of_handshake(&error(), wanted);
    assert_eq!(of(None), TlsFailure::Alert("HandshakeFailure".into()));
    assert_eq!(of(Some(IdentityWanted { shown: false })), TlsFailure::ClientCertificateWanted);
    let refused = TlsFailure::ClientCertificateRefused("HandshakeFailure".into());
    assert_eq!(of(Some(IdentityWanted { shown: true })), refused);
}
