//! What can be chosen about TLS, and what can be wrong with the choice.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::pin::Pin;

/// How TLS is checked. The default: the system's roots, no pins, no certificate of one's own, TLS 1.2 or later.
///
/// There is no option that accepts any certificate. For a server whose certificate no CA has signed there are
/// [`pins`](Self::pins).
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// The certificates that the server's must lead to.
    pub roots: TlsRoots,
    /// If there are any, the server's key must be one of them, whoever has signed its certificate. A server whose key
    /// is pinned needs no known CA: the pin stands in for it, with either kind of roots. Dates are checked all
    /// the same, and so is the name, if the certificate has one at all.
    pub pins: Vec<Pin>,
    /// Shown to a server that asks for it.
    pub identity: Option<TlsIdentity>,
    /// Older versions are refused.
    pub minimum: TlsVersion,
    /// A DNS name or an IP address that is checked instead of the server's name.
    pub server_name: Option<String>,
}

/// Where trust begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsRoots {
    /// The certificates that this system trusts, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
    #[default]
    System,
    /// The certificates in these PEM files, and no others. A server's own certificate may be among them: it is then
    /// trusted as it is, with its name and dates checked.
    Files(Vec<PathBuf>),
}

/// The client's own certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsIdentity {
    /// A PEM file: the certificate first, then those between it and its CA.
    pub certificate: PathBuf,
    /// A PEM file with its private key, not encrypted: PKCS#8, PKCS#1 or SEC 1. It may be the same file.
    pub key: PathBuf,
}

/// A version of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsVersion {
    /// RFC 5246.
    #[default]
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// Options that cannot be carried out. Each is a matter of configuration.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsSetupError {
    /// A file could not be read.
    #[error("cannot read {}: {cause}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file is longer than any that is meant here.
    #[error("{} is too long to be a file of certificates or a key (more than {most} octets)", .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The octets that would be read.
        most: usize,
    },
    /// A file has no certificate.
    #[error("{} has no certificate in PEM form (a section that starts with -----BEGIN CERTIFICATE-----)", .path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// What a file has as a certificate is none.
    #[error("a certificate in {} is damaged or of a kind that cannot be used", .path.display())]
    BadCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A file has no private key.
    #[error("{} has no private key in PEM form (PKCS#8, PKCS#1 or SEC 1)", .path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The private key in a file needs a password.
    #[error(
        "the private key in {} is encrypted; make a copy without a password (openssl pkey -in KEY -out COPY), readable by its owner only",
        .path.display()
    )]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// What a file has as a private key cannot be used.
    #[error("the private key in {} is damaged or of a kind that cannot be used", .path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
    },
    /// The key is another certificate's.
    #[error("the private key in {} does not belong to the certificate in {}", .key.display(), .certificate.display())]
    KeyMismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The name to check is neither a DNS name nor an IP address.
    #[error("{:?} is not a name that a certificate can have: a DNS name or an IP address", .0)]
    ServerName(String),
    /// The TLS library refuses what it is asked for.
    #[error("cannot set up TLS: {0}")]
    Engine(String),
}
