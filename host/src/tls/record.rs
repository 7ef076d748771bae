//! What became of a handshake, for those who did not make it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::ClientConnection;

use super::certificate::{ServerCertificate, rfc3339};
use super::failure::{TlsFailure, TlsFault};
use super::pin::Pin;

/// A connection that is protected. The text of the certificate is the server's: bounded, but not escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsDetails {
    /// `TLS 1.3`, for example.
    pub version: String,
    /// As IANA names it: `TLS13_AES_128_GCM_SHA256`, for example.
    pub cipher_suite: String,
    /// The protocol that the server has chosen (RFC 7301): `pop3`, if anything.
    pub alpn: Option<String>,
    /// Whom the certificate is for, at most 1024 octets.
    pub subject: String,
    /// Who signed it, at most 1024 octets.
    pub issuer: String,
    /// The DNS names and IP addresses that it is valid for: the first 64 of them, 256 octets of each.
    pub names: Vec<String>,
    /// From when it is valid, in UTC, as RFC 3339 has it.
    pub not_before: String,
    /// Until when it is valid, in the same form.
    pub not_after: String,
    /// Its key.
    pub pin: Pin,
    /// Why it was accepted.
    pub trusted_by: TrustedBy,
}

/// Why a certificate was accepted. Its name and dates were right in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustedBy {
    /// It leads to one of the roots, or is one of the files of roots itself. If there are pins, it has one of them, too.
    Root,
    /// Its key is pinned; no known root has signed it.
    Pin,
}

/// One handshake: the provider writes what happens, the session reads. A clone is the same record.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsRecord(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    accepted: Option<(ServerCertificate, TrustedBy)>,
    wanted: Option<IdentityWanted>,
    details: Option<TlsDetails>,
    failure: Option<TlsFailure>,
}

/// The server has asked for the client's certificate.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdentityWanted {
    /// And there was one to show.
    pub(super) shown: bool,
}

impl TlsRecord {
    /// The connection, once the handshake is complete.
    pub(crate) fn details(&self) -> Option<TlsDetails> {
        self.state().details.clone()
    }

    /// Why there is no TLS, or none any more: in TLS 1.3 a server refuses its client only after the handshake.
    ///
    /// A connection that has been used to its end may have one, too, for many servers close it without TLS's goodbye.
    pub(crate) fn failure(&self) -> Option<TlsFailure> {
        self.state().failure.clone()
    }

    /// Whether the handshake is complete and the server is the right one. Nothing secret may be sent before that.
    pub(crate) fn is_established(&self) -> bool {
        self.state().details.is_some()
    }

    pub(super) fn certificate_was_accepted(&self, certificate: ServerCertificate, trusted_by: TrustedBy) {
        self.state().accepted = Some((certificate, trusted_by));
    }

    pub(super) fn identity_was_wanted(&self, shown: bool) {
        self.state().wanted = Some(IdentityWanted { shown });
    }

    pub(super) fn identity_wanted(&self) -> Option<IdentityWanted> {
        self.state().wanted
    }

    /// `false`, and nothing is recorded, unless a certificate was accepted before.
    #[must_use]
    pub(super) fn was_established(&self, connection: &ClientConnection) -> bool {
        let mut state = self.state();
        let details = match &state.accepted {
            Some((certificate, trusted_by)) => details(connection, certificate, *trusted_by),
            None => None,
        };
        state.details = details;
        state.details.is_some()
    }

    /// The first failure stays, for others follow from it. Only a broken connection gives way: it may be broken because
    /// of what the server says last.
    pub(super) fn failed(&self, failure: TlsFailure) {
        let mut state = self.state();
        match &state.failure {
            Some(known) if known.fault() != TlsFault::Connection || failure.fault() == TlsFault::Connection => {}
            _ => state.failure = Some(failure),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No line that holds it can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn details(
    connection: &ClientConnection,
    certificate: &ServerCertificate,
    trusted_by: TrustedBy,
) -> Option<TlsDetails> {
    let version = connection.protocol_version()?;
    let version = match version {
        rustls::ProtocolVersion::TLSv1_2 => "TLS 1.2".to_owned(),
        rustls::ProtocolVersion::TLSv1_3 => "TLS 1.3".to_owned(),
        other => format!("{other:?}"),
    };
    let suite = connection.negotiated_cipher_suite()?.suite();
    Some(TlsDetails {
        version,
        cipher_suite: suite.as_str().map_or_else(|| format!("{suite:?}"), str::to_owned),
        alpn: connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
        subject: certificate.subject.clone(),
        issuer: certificate.issuer.clone(),
        names: certificate.names.clone(),
        not_before: rfc3339(certificate.validity.not_before),
        not_after: rfc3339(certificate.validity.not_after),
        pin: certificate.pin,
        trusted_by,
    })
}
