//! The certificates that trust begins with.

use std::path::PathBuf;
use std::sync::OnceLock;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::{TlsSetupError, files};

/// Where a chain may end.
pub(super) enum Roots {
    /// The system's, or why there are none, once they were needed.
    System(OnceLock<Result<RootCertStore, String>>),
    /// Those of the files.
    Files {
        /// As webpki has them.
        store: RootCertStore,
        /// As they were, to know a server's own certificate among them.
        certificates: Vec<CertificateDer<'static>>,
    },
}

impl Roots {
    pub(super) fn system() -> Self {
        Self::System(OnceLock::new())
    }

    /// At least one certificate of each file must be of use.
    pub(super) fn from_files(paths: &[PathBuf]) -> Result<Self, TlsSetupError> {
        let mut store = RootCertStore::empty();
        let mut certificates = Vec::new();
        for path in paths {
            let found = files::certificates(path)?;
            // One that webpki cannot use, in a bundle of many, is no reason to refuse them all: nothing will lead to it.
            let (added, _) = store.add_parsable_certificates(found.iter().cloned());
            if added == 0 {
                return Err(TlsSetupError::BadCertificate { path: path.clone() });
            }
            certificates.extend(found);
        }
        Ok(Self::Files { store, certificates })
    }

    /// Reads the system's roots, some hundred, the first time.
    ///
    /// # Errors
    /// Why there is not a single one.
    pub(super) fn store(&self) -> Result<&RootCertStore, &str> {
        match self {
            Self::System(loaded) => loaded.get_or_init(load).as_ref().map_err(String::as_str),
            Self::Files { store, .. } => Ok(store),
        }
    }

    /// Whether a file has the very certificate.
    pub(super) fn list(&self, certificate: &CertificateDer<'_>) -> bool {
        match self {
            Self::System(_) => false,
            Self::Files { certificates, .. } => certificates.contains(certificate),
        }
    }
}

fn load() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(found.certs);
    match (added, found.errors.first()) {
        (0, Some(cause)) => Err(cause.to_string()),
        (0, None) => Err("no file of them was found".into()),
        _ => Ok(store),
    }
}
