//! Handshakes with servers of every kind, in memory.

mod certificates;
mod client;
mod client_certificates;
mod connection;
mod handshakes;
mod pins;
mod setup;

use std::fs;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
    SanType, SignatureAlgorithm,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion, version};
use tempfile::TempDir;
use tokio::io::DuplexStream;
use tokio_rustls::{TlsAcceptor, server};
use wasmtime_wasi::p2::IoError;

use client::{Client, connect};

use super::{Pin, Tls, TlsDetails, TlsFailure, TlsOptions, TlsRecord, TlsRoots};

/// The server of all sessions here.
const HOST: &str = "pop.example.org";

const TLS12: &[&SupportedProtocolVersion] = &[&version::TLS12];
const TLS13: &[&SupportedProtocolVersion] = &[&version::TLS13];
const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    authority_with(name, &PKCS_ECDSA_P256_SHA256)
}

fn authority_with(name: &str, algorithm: &'static SignatureAlgorithm) -> Authority {
    CertifiedIssuer::self_signed(authority_params(name), KeyPair::generate_for(algorithm).unwrap()).unwrap()
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// A certificate's fields, with these DNS names or addresses.
fn for_names(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "a server");
    params
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

/// What a server shows, and the key that it has.
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

impl Shown {
    fn signed_by(authority: &Authority, params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, authority).unwrap();
        Self::new(&certificate, key)
    }

    fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self::new(&certificate, key)
    }

    fn new(certificate: &Certificate, key: KeyPair) -> Self {
        Self { chain: vec![certificate.der().clone()], key }
    }

    fn pin(&self) -> Pin {
        Pin::of(&self.chain[0]).unwrap()
    }

    fn der_key(&self) -> PrivateKeyDer<'static> {
        self.key.serialize_der().try_into().unwrap()
    }

    fn server(&self) -> ServerConfig {
        self.server_with(BOTH)
    }

    fn server_with(&self, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
        ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.der_key())
            .unwrap()
    }
}

/// Files that live as long as this.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

/// Options with only this PEM as the roots.
fn tls(roots: &str, options: TlsOptions) -> Tls {
    let files = Files::new();
    let roots = TlsRoots::Files(vec![files.write("roots.pem", roots)]);
    Tls::new(&TlsOptions { roots, ..options }).unwrap()
}

fn trusting(authority: &Authority) -> Tls {
    tls(&authority.pem(), TlsOptions::default())
}

/// Both ends of a handshake, when it is over.
struct Met {
    client: Result<Client, IoError>,
    server: io::Result<server::TlsStream<DuplexStream>>,
    record: TlsRecord,
}

impl Met {
    #[track_caller]
    fn details(&self) -> TlsDetails {
        assert_eq!(self.record.failure(), None);
        assert!(self.client.is_ok() && self.record.is_established());
        self.record.details().unwrap()
    }

    #[track_caller]
    fn failure(&self) -> TlsFailure {
        assert!(self.client.is_err() && !self.record.is_established());
        assert_eq!(self.record.details(), None);
        let failure = self.record.failure().unwrap();
        let line = failure.to_string();
        assert!(line.len() < 2000 && !line.contains(|character: char| character.is_control()), "{line:?}");
        failure
    }
}

async fn meet(tls: &Tls, server: ServerConfig) -> Met {
    meet_as(tls, HOST, server).await
}

/// A handshake of a session whose server has this name.
async fn meet_as(tls: &Tls, host: &str, server: impl Into<Arc<ServerConfig>>) -> Met {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (provider, record) = tls.provider(host);
    let client = connect(&provider, host, near);
    let server = TlsAcceptor::from(server.into()).accept(far);
    let (client, server) = soon(async { tokio::join!(client, server) }).await;
    Met { client, server, record }
}

/// What all here must be done by; a test that hangs fails.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.expect("it should not hang")
}
