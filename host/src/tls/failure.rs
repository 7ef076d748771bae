//! Why there is no TLS, in words that tell whose fault it is.

use std::fmt;
use std::io::{self, ErrorKind};

use rustls::{AlertDescription, CertificateError, Error as RustlsError, InvalidMessage, PeerIncompatible};
use thiserror::Error;

use super::certificate::{ServerCertificate, rfc3339};
use super::pin::Pin;
use super::record::IdentityWanted;
use crate::escape::escape_cut;

/// The most characters that one piece of a certificate or of an explanation takes in a message.
const LONGEST_PIECE: usize = 200;

/// The names of a certificate that a message lists.
const MOST_NAMES: usize = 8;

/// Why no TLS, or none any more. Each is one line, with what can be done where there is something.
///
/// Texts that are fields come from the server and are not escaped; the line is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TlsFailure {
    /// The server's certificate, or one between it and the root, was valid once.
    #[error("the certificate that the server shows expired at {since}; its administrator must renew it")]
    Expired {
        /// In UTC, as RFC 3339 has it.
        since: String,
    },
    /// The server's certificate, or one between it and the root, will be valid.
    #[error("the certificate that the server shows is not valid before {from}; is the clock of this machine right?")]
    NotYetValid {
        /// In UTC, as RFC 3339 has it.
        from: String,
    },
    /// The certificate is for other names. The common name does not count, only subjectAltName (RFC 9525).
    #[error("the server's certificate is not for {}, {}", Piece(.expected), Names(.names))]
    WrongHost {
        /// The name that was checked.
        expected: String,
        /// What it is valid for: at most 64 names, 256 octets of each.
        names: Vec<String>,
    },
    /// Nothing that is trusted has signed the certificate.
    #[error(
        "{reason}; if the server's administrator confirms that its key is {pin}, trust that with --tls-pin {pin}, \
         or give the CA's certificate with --ca-file",
        reason = Reason(reason, issuer)
    )]
    UnknownIssuer {
        /// What kind of certificate it is.
        reason: Untrusted,
        /// Who has signed it, as it says; at most 1024 octets.
        issuer: String,
        /// Its key.
        pin: Pin,
    },
    /// The server's key is none of the pinned ones.
    #[error(
        "the server's key is not the one that was pinned but {actual}: it was changed, or this is another server; \
         nothing was sent"
    )]
    PinMismatch {
        /// The server's key.
        actual: Pin,
    },
    /// What was pinned is the SHA-256 of the certificate, and not that of its key.
    #[error(
        "what is pinned is the fingerprint of the server's certificate; a pin is that of its key, which stays when the \
         certificate is renewed: --tls-pin {actual}"
    )]
    PinIsFingerprint {
        /// The server's key.
        actual: Pin,
    },
    /// The certificate was revoked.
    #[error("the server's certificate was revoked")]
    Revoked,
    /// The certificate, or its chain, is not as it must be.
    #[error("the server's certificate cannot be accepted: {}", Piece(.0))]
    BadCertificate(String),
    /// This machine has no roots that the certificate could lead to.
    #[error(
        "this system has no trusted root certificates ({}); install them (ca-certificates), or name a file of them \
         with SSL_CERT_FILE or --ca-file",
        Piece(.0)
    )]
    NoRoots(String),
    /// The server wants a certificate of its client, and there is none to show.
    #[error("the server wants to see a certificate of its client; give one with --tls-cert and --tls-key")]
    ClientCertificateWanted,
    /// The server does not accept the certificate that it was shown.
    #[error("the server refuses the client's certificate ({0})")]
    ClientCertificateRefused(String),
    /// Neither side has a version that the other accepts.
    #[error("the server has no version of TLS that is accepted here")]
    NoCommonVersion,
    /// The server lacks something that TLS needs here.
    #[error("the server's TLS does not go together with this client's: {}", Piece(.0))]
    PeerIncompatible(String),
    /// The server breaks the rules of TLS, or somebody in between does.
    #[error("the server breaks the TLS protocol: {}", Piece(.0))]
    PeerMisbehaved(String),
    /// What answers does not speak TLS.
    #[error(
        "what answers does not speak TLS; write pop3:// for a port with STLS, and pop3s:// for one with TLS from the start"
    )]
    NotTls,
    /// The server gives up, with an alert (RFC 8446 section 6.2).
    #[error("the server ends the TLS handshake with the alert {0}")]
    Alert(String),
    /// The server closed the connection before the handshake was complete.
    #[error("the server closed the connection in the middle of the TLS handshake")]
    Closed,
    /// After the handshake, the connection was closed without TLS's goodbye: by the server, or by somebody in between.
    #[error("the connection was closed without the end that TLS demands, so something may be missing")]
    Truncated,
    /// The connection broke.
    #[error("the connection broke under TLS: {}", Piece(.0))]
    Io(String),
    /// The name that was asked for cannot be in a certificate.
    #[error("{} is not a name that a certificate can have: a DNS name or an IP address", Piece(.0))]
    BadName(String),
    /// The component has asked for what it may not have.
    #[error("the component {0}; TLS was refused")]
    ComponentMisbehaved(&'static str),
    /// Anything else.
    #[error("TLS failed: {}", Piece(.0))]
    Other(String),
}

/// What kind of certificate it is that nobody trusted has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Untrusted {
    /// One that an unknown CA, or nobody at all, has signed.
    UnknownIssuer,
    /// One that is signed with its own key.
    SelfSigned,
    /// A CA's own, which is not for servers.
    Authority,
}

/// Whose matter a [`TlsFailure`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFault {
    /// The server's certificate, or its key: it may be another server.
    Certificate,
    /// The server, which does not speak TLS as it must.
    Protocol,
    /// The server refuses the client for lack of a certificate that it accepts.
    ClientCertificate,
    /// The connection.
    Connection,
    /// The options, or this machine.
    Configuration,
    /// The component, or the host itself.
    Internal,
}

impl TlsFailure {
    /// Whose matter it is.
    pub fn fault(&self) -> TlsFault {
        match self {
            Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::WrongHost { .. }
            | Self::UnknownIssuer { .. }
            | Self::PinMismatch { .. }
            | Self::PinIsFingerprint { .. }
            | Self::Revoked
            | Self::BadCertificate(_) => TlsFault::Certificate,
            Self::NoCommonVersion
            | Self::PeerIncompatible(_)
            | Self::PeerMisbehaved(_)
            | Self::NotTls
            | Self::Alert(_) => TlsFault::Protocol,
            Self::ClientCertificateWanted | Self::ClientCertificateRefused(_) => TlsFault::ClientCertificate,
            Self::Closed | Self::Truncated | Self::Io(_) => TlsFault::Connection,
            Self::NoRoots(_) | Self::BadName(_) => TlsFault::Configuration,
            Self::ComponentMisbehaved(_) | Self::Other(_) => TlsFault::Internal,
        }
    }

    /// What ended a handshake.
    pub(super) fn of_handshake(error: &io::Error, wanted: Option<IdentityWanted>) -> Self {
        match (by_rustls(error), error.kind()) {
            (Some(RustlsError::InvalidMessage(what)), _) if is_another_protocol(*what) => Self::NotTls,
            (Some(error), _) => Self::of_rustls(error, wanted),
            // The writer of `wasi:tls` says WriteZero when the stream below is closed.
            (None, ErrorKind::UnexpectedEof | ErrorKind::WriteZero) => Self::Closed,
            (None, _) => Self::Io(error.to_string()),
        }
    }

    /// What ended an established connection.
    pub(super) fn of_connection(error: &io::Error, wanted: Option<IdentityWanted>) -> Self {
        match (by_rustls(error), error.kind()) {
            (Some(error), _) => Self::of_rustls(error, wanted),
            (None, ErrorKind::UnexpectedEof | ErrorKind::WriteZero) => Self::Truncated,
            (None, _) => Self::Io(error.to_string()),
        }
    }

    fn of_rustls(error: &RustlsError, wanted: Option<IdentityWanted>) -> Self {
        match error {
            RustlsError::AlertReceived(alert) => of_alert(*alert, wanted),
            RustlsError::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ) => Self::NoCommonVersion,
            RustlsError::PeerIncompatible(what) => Self::PeerIncompatible(format!("{what:?}")),
            RustlsError::NoCertificatesPresented => Self::BadCertificate("it shows none".into()),
            RustlsError::InvalidCertificate(cause) => Self::BadCertificate(cause.to_string()),
            RustlsError::InvalidMessage(_)
            | RustlsError::InappropriateMessage { .. }
            | RustlsError::InappropriateHandshakeMessage { .. }
            | RustlsError::PeerMisbehaved(_)
            | RustlsError::PeerSentOversizedRecord
            | RustlsError::DecryptError => Self::PeerMisbehaved(error.to_string()),
            other => Self::Other(other.to_string()),
        }
    }

    /// What is wrong with the server's certificate, by webpki.
    pub(super) fn of_certificate(error: &RustlsError, certificate: &ServerCertificate, expected: &str) -> Self {
        let RustlsError::InvalidCertificate(error) = error else { return Self::BadCertificate(error.to_string()) };
        match error {
            CertificateError::ExpiredContext { not_after, .. } => Self::expired(seconds(not_after.as_secs())),
            CertificateError::Expired => Self::expired(certificate.validity.not_after),
            CertificateError::NotValidYetContext { not_before, .. } => {
                Self::not_yet_valid(seconds(not_before.as_secs()))
            }
            CertificateError::NotValidYet => Self::not_yet_valid(certificate.validity.not_before),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongHost { expected: expected.to_owned(), names: certificate.names.clone() }
            }
            CertificateError::Revoked => Self::Revoked,
            other => Self::BadCertificate(words(other)),
        }
    }

    /// Since a time in seconds since 1970.
    pub(super) fn expired(since: i64) -> Self {
        Self::Expired { since: rfc3339(since) }
    }

    /// Before a time in seconds since 1970.
    pub(super) fn not_yet_valid(from: i64) -> Self {
        Self::NotYetValid { from: rfc3339(from) }
    }

    /// What the server is told when its certificate was the reason (RFC 8446 section 6.2).
    pub(super) fn to_rustls(&self) -> RustlsError {
        RustlsError::InvalidCertificate(match self {
            Self::Expired { .. } => CertificateError::Expired,
            Self::NotYetValid { .. } => CertificateError::NotValidYet,
            Self::WrongHost { .. } => CertificateError::NotValidForName,
            Self::UnknownIssuer { .. } | Self::NoRoots(_) => CertificateError::UnknownIssuer,
            Self::Revoked => CertificateError::Revoked,
            Self::BadCertificate(_) => CertificateError::BadEncoding,
            _ => CertificateError::ApplicationVerificationFailure,
        })
    }
}

fn by_rustls(error: &io::Error) -> Option<&RustlsError> {
    error.get_ref()?.downcast_ref()
}

/// Whether the first octets are not those of TLS: `+OK` of a server that speaks in clear text, for example.
fn is_another_protocol(what: InvalidMessage) -> bool {
    matches!(what, InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion)
}

/// What is wrong with a certificate, where the library has names for programmers.
fn words(error: &CertificateError) -> String {
    use CertificateError::{BadEncoding, InvalidPurpose, InvalidPurposeContext, Other};
    use CertificateError::{UnsupportedSignatureAlgorithmContext, UnsupportedSignatureAlgorithmForPublicKeyContext};
    match error {
        BadEncoding => "it cannot be read".to_owned(),
        InvalidPurpose | InvalidPurposeContext { .. } => "it is not for servers".to_owned(),
        UnsupportedSignatureAlgorithmContext { .. } | UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "it is signed in a way that is not accepted, such as with SHA-1 or with a short key".to_owned()
        }
        Other(other) => match other.0.downcast_ref() {
            Some(webpki::Error::EndEntityUsedAsCa) => "it is signed by one that is no CA's".to_owned(),
            Some(webpki::Error::NameConstraintViolation) => "its CA may not sign for this name".to_owned(),
            Some(other) => format!("{other:?}"),
            None => error.to_string(),
        },
        other => other.to_string(),
    }
}

fn of_alert(alert: AlertDescription, wanted: Option<IdentityWanted>) -> TlsFailure {
    use AlertDescription as Is;
    let name = alert.as_str().map_or_else(|| format!("{alert:?}"), str::to_owned);
    match (alert, wanted) {
        (Is::ProtocolVersion, _) => TlsFailure::NoCommonVersion,
        (Is::CertificateRequired, _) => TlsFailure::ClientCertificateWanted,
        // With TLS 1.2 a missing certificate is a plain failure of the handshake to many servers.
        (
            Is::HandshakeFailure
            | Is::NoCertificate
            | Is::BadCertificate
            | Is::UnsupportedCertificate
            | Is::CertificateRevoked
            | Is::CertificateExpired
            | Is::CertificateUnknown
            | Is::UnknownCA
            | Is::AccessDenied
            | Is::DecryptError,
            Some(IdentityWanted { shown }),
        ) => match shown {
            true => TlsFailure::ClientCertificateRefused(name),
            false => TlsFailure::ClientCertificateWanted,
        },
        _ => TlsFailure::Alert(name),
    }
}

fn seconds(since_1970: u64) -> i64 {
    i64::try_from(since_1970).unwrap_or(i64::MAX)
}

/// Text of the server or of a library, in a message.
struct Piece<'a>(&'a str);

impl fmt::Display for Piece<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape_cut(self.0.as_bytes(), LONGEST_PIECE).fmt(f)
    }
}

/// What a certificate is valid for instead.
struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(
                "nor for any name or address at all: it must be made anew with a subjectAltName, or its key be pinned",
            );
        }
        for (at, name) in self.0.iter().take(MOST_NAMES).enumerate() {
            let before = if at == 0 { "but for " } else { ", " };
            write!(f, "{before}{}", Piece(name))?;
        }
        match self.0.len().saturating_sub(MOST_NAMES) {
            0 => {}
            more => write!(f, " and {more} more")?,
        }
        f.write_str("; if that is the server that is meant, give its name with --tls-name")
    }
}

/// Why nobody trusts a certificate.
struct Reason<'a>(&'a Untrusted, &'a str);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuer = Piece(self.1);
        match self.0 {
            Untrusted::UnknownIssuer => {
                write!(f, "the server's certificate is signed by \"{issuer}\", which does not lead to a trusted CA")
            }
            Untrusted::SelfSigned => f.write_str("the server's certificate is self-signed"),
            Untrusted::Authority => {
                write!(f, "the server's certificate is that of a CA, not of a server (signed by \"{issuer}\")")
            }
        }
    }
}
