//! TLS of the server: how it is there (RFC 8314 §3, RFC 2595 §4), who it says it is, and whom it asks for a certificate.

use std::sync::Arc;

use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, ring},
    pki_types::CertificateDer,
    server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};

use crate::authority::{Authority, Identity};

/// TLS of a server.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// When it begins.
    pub mode: TlsMode,
    /// The certificate that the server shows, and its key.
    pub identity: Identity,
    /// Which versions it speaks.
    pub versions: TlsVersions,
    /// Whether a client has to show a certificate.
    pub client_certificate: ClientCertificate,
    /// The protocols which it knows (ALPN, RFC 7301), such as `pop3`. A client that offers others only is refused;
    /// with none here, what a client offers does not matter.
    pub alpn: Vec<Vec<u8>>,
}

impl ServerTls {
    /// TLS from the first octet, as on port 995.
    pub fn implicit(identity: Identity) -> Self {
        Self::new(TlsMode::Implicit, identity)
    }

    /// The command STLS, which CAPA announces before TLS and not under it.
    pub fn stls(identity: Identity) -> Self {
        Self::new(TlsMode::Stls { announced: true }, identity)
    }

    /// Only these versions.
    pub fn with_versions(self, versions: TlsVersions) -> Self {
        Self { versions, ..self }
    }

    /// No handshake without a client certificate of this authority.
    pub fn require_client_certificate(self, authority: &Authority) -> Self {
        Self { client_certificate: ClientCertificate::Required(authority.der()), ..self }
    }

    /// A client is asked for a certificate of this authority, and may have none.
    pub fn want_client_certificate(self, authority: &Authority) -> Self {
        Self { client_certificate: ClientCertificate::Wanted(authority.der()), ..self }
    }

    /// Knows this protocol (ALPN), too.
    pub fn with_alpn(mut self, protocol: &str) -> Self {
        self.alpn.push(protocol.into());
        self
    }

    fn new(mode: TlsMode, identity: Identity) -> Self {
        Self {
            mode,
            identity,
            versions: TlsVersions::Both,
            client_certificate: ClientCertificate::NotAsked,
            alpn: Vec::new(),
        }
    }

    /// What rustls needs to know.
    ///
    /// # Errors
    /// When certificate and key do not fit.
    pub(super) fn config(&self) -> Result<Arc<ServerConfig>, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let verifier = self.client_certificate.verifier(&provider);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions.supported())?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![self.identity.certificate()], self.identity.key())?;
        config.alpn_protocols.clone_from(&self.alpn);
        Ok(Arc::new(config))
    }
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// With the first octet.
    Implicit,
    /// After `+OK` to STLS.
    Stls {
        /// Whether CAPA tells of it.
        announced: bool,
    },
}

/// Which versions of TLS a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersions {
    /// TLS 1.2 and TLS 1.3.
    Both,
    /// TLS 1.2 only.
    Only12,
    /// TLS 1.3 only.
    Only13,
}

impl TlsVersions {
    fn supported(self) -> Vec<&'static SupportedProtocolVersion> {
        match self {
            Self::Both => vec![&TLS12, &TLS13],
            Self::Only12 => vec![&TLS12],
            Self::Only13 => vec![&TLS13],
        }
    }
}

/// Whether a client has to show a certificate, and whose.
#[derive(Clone, Debug)]
pub enum ClientCertificate {
    /// It is not asked for one.
    NotAsked,
    /// It may show one that this authority (in DER) has signed.
    Wanted(CertificateDer<'static>),
    /// It has to.
    Required(CertificateDer<'static>),
}

impl ClientCertificate {
    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Arc<dyn ClientCertVerifier> {
        let (authority, required) = match self {
            Self::NotAsked => return Arc::new(NoClientAuth),
            Self::Wanted(authority) => (authority, false),
            Self::Required(authority) => (authority, true),
        };
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone()).expect("an authority's certificate is one");
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        let builder = if required { builder } else { builder.allow_unauthenticated() };
        builder.build().expect("there is an authority to check client certificates against")
    }
}

/// Whether this certificate (DER) has the name as the common name of its subject or issuer.
pub(super) fn has_common_name(certificate: &[u8], name: &str) -> bool {
    // OID 2.5.4.3 and a UTF8String of this length (X.520 §6.2.2); an issuer here is never called like a user.
    let Ok(length @ ..=127) = u8::try_from(name.len()) else { return false };
    let attribute = [b"\x06\x03\x55\x04\x03\x0c".as_slice(), &[length], name.as_bytes()].concat();
    memchr::memmem::find(certificate, &attribute).is_some()
}
