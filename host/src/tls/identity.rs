//! What is shown to a server that wants to know who its client is.

use std::fmt;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;

use super::TlsRecord;

/// Gives the certificate of the options, if there is one, and takes down that it was wanted.
pub(super) struct ClientIdentity {
    identity: Option<Arc<CertifiedKey>>,
    record: TlsRecord,
}

impl ClientIdentity {
    pub(super) fn new(identity: Option<Arc<CertifiedKey>>, record: TlsRecord) -> Self {
        Self { identity, record }
    }
}

impl ResolvesClientCert for ClientIdentity {
    // The server's hints at the CAs that it knows are left aside: there is one certificate at most, and whether it will
    // do is the server's to say.
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.record.identity_was_wanted(self.identity.is_some());
        self.identity.clone()
    }

    fn has_certs(&self) -> bool {
        self.identity.is_some()
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity").finish_non_exhaustive()
    }
}
