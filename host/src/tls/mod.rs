//! TLS for the component: the host makes the handshake, the sandbox only asks for it.
//!
//! The component hands over a pair of streams through `wasi:tls` and gets another pair back. Certificates, keys, names
//! and versions are the host's alone: the component cannot weaken what is checked, and learns nothing of it. What was
//! found is in a [`TlsRecord`], for the interface itself has no words for it.

mod certificate;
mod channel;
mod failure;
mod files;
mod identity;
mod options;
mod pin;
mod provider;
mod record;
mod roots;
mod verifier;
pub(crate) mod wasi;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::{ClientConfig, Resumption};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ConfigBuilder, SupportedProtocolVersion, WantsVerifier, version};

pub use failure::{TlsFailure, TlsFault, Untrusted};
pub use options::{TlsIdentity, TlsOptions, TlsRoots, TlsSetupError, TlsVersion};
pub use pin::{Pin, PinError};
pub use record::{TlsDetails, TrustedBy};

pub(crate) use provider::Provider;
pub(crate) use record::TlsRecord;
pub(crate) use wasi::{TlsView, WasiTls};

use identity::ClientIdentity;
use provider::server_name;
use roots::Roots;
use verifier::Verifier;

/// The protocol's name in a TLS handshake, from IANA's registry of ALPN protocol IDs (RFC 7301).
const ALPN: &[u8] = b"pop3";

/// How TLS is checked, loaded once and shared by any number of sessions. A clone is cheap and the same thing.
#[derive(Clone)]
pub struct Tls(Arc<Settings>);

struct Settings {
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    algorithms: WebPkiSupportedAlgorithms,
    roots: Roots,
    pins: Vec<Pin>,
    identity: Option<Arc<CertifiedKey>>,
    /// Checked instead of the name that a session was told.
    server_name: Option<ServerName<'static>>,
}

impl Tls {
    /// Reads the files that the options name. The system's roots are read later, when the first certificate has to be
    /// verified, so that a program which never speaks TLS does not wait for them.
    ///
    /// # Errors
    /// Each is a matter of configuration: a file that cannot be read or is not what it should be, or a
    /// [`TlsOptions::server_name`] that is no name.
    pub fn new(options: &TlsOptions) -> Result<Self, TlsSetupError> {
        let roots = match &options.roots {
            TlsRoots::System => Roots::system(),
            TlsRoots::Files(paths) => Roots::from_files(paths)?,
        };
        Self::with_roots(options, roots)
    }

    /// That of the default options, made once for the process: the system's roots are read once.
    pub(crate) fn shared_default() -> Result<Self, TlsSetupError> {
        static SHARED: OnceLock<Tls> = OnceLock::new();
        match SHARED.get() {
            Some(tls) => Ok(tls.clone()),
            None => Self::new(&TlsOptions::default()).map(|tls| SHARED.get_or_init(|| tls).clone()),
        }
    }

    fn with_roots(options: &TlsOptions, roots: Roots) -> Result<Self, TlsSetupError> {
        let cryptography = ring::default_provider();
        let algorithms = cryptography.signature_verification_algorithms;
        let name = options
            .server_name
            .as_deref()
            .map(|name| server_name(name).ok_or_else(|| TlsSetupError::ServerName(name.to_owned())));
        Ok(Self(Arc::new(Settings {
            builder: builder(cryptography, options.minimum)?,
            algorithms,
            roots,
            pins: options.pins.clone(),
            identity: options.identity.as_ref().map(files::identity).transpose()?,
            server_name: name.transpose()?,
        })))
    }

    /// What a session's `wasi:tls` is made of, and the record of what becomes of its one handshake.
    ///
    /// `server_name` is the server of the session, a DNS name or an IP address. The component must ask for this name;
    /// it, or [`TlsOptions::server_name`] in its place, is what the certificate is checked for.
    pub(crate) fn provider(&self, server_name: &str) -> (Provider, TlsRecord) {
        let record = TlsRecord::default();
        (Provider::new(self.clone(), server_name, record.clone()), record)
    }

    /// The settings of one connection, which write to its record.
    fn config(&self, record: &TlsRecord) -> ClientConfig {
        let verifier = Verifier::new(self.clone(), record.clone());
        let identity = ClientIdentity::new(self.0.identity.clone(), record.clone());
        let builder = self.0.builder.clone().dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = builder.with_client_cert_resolver(Arc::new(identity));
        config.alpn_protocols = vec![ALPN.to_vec()];
        // A resumed session skips the certificate, and so all that was asked to be checked now (CVE-2026-4873). Every
        // connection has its own configuration, with nothing in it to resume; this keeps it from gathering tickets.
        config.resumption = Resumption::disabled();
        config
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("pins", &self.0.pins).finish_non_exhaustive()
    }
}

fn builder(
    cryptography: CryptoProvider,
    minimum: TlsVersion,
) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, TlsSetupError> {
    const FROM_1_2: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
    const FROM_1_3: &[&SupportedProtocolVersion] = &[&version::TLS13];
    let versions = match minimum {
        TlsVersion::Tls12 => FROM_1_2,
        TlsVersion::Tls13 => FROM_1_3,
    };
    ClientConfig::builder_with_provider(Arc::new(cryptography))
        .with_protocol_versions(versions)
        .map_err(|cause| TlsSetupError::Engine(cause.to_string()))
}
