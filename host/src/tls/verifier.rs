//! Whether the server is who it should be.

use std::fmt;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::Tls;
use super::certificate::{ServerCertificate, Validity};
use super::failure::{TlsFailure, Untrusted};
use super::pin::Pin;
use super::record::{TlsRecord, TrustedBy};

/// Checks a server's certificate by the options, and takes down what it found.
///
/// The key must be a pinned one, if there are pins. The chain must lead to a root; where it leads nowhere, a pin or the
/// very certificate in a file of roots stands in. Dates and the handshake's signature are checked in every case, and so is
/// the name, but for a pinned key whose certificate names nobody.
pub(super) struct Verifier {
    tls: Tls,
    record: TlsRecord,
}

impl Verifier {
    pub(super) fn new(tls: Tls, record: TlsRecord) -> Self {
        Self { tls, record }
    }

    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(ServerCertificate, TrustedBy), TlsFailure> {
        let unreadable =
            || TlsFailure::BadCertificate("it cannot be read, or is of a version of X.509 before 3".into());
        let parsed = ParsedCertificate::try_from(end_entity).map_err(|_| unreadable())?;
        let certificate = ServerCertificate::read(end_entity).ok_or_else(unreadable)?;
        let failure = |error| TlsFailure::of_certificate(&error, &certificate, &server_name.to_str());

        let settings = &self.tls.0;
        if !settings.pins.is_empty() && !settings.pins.contains(&certificate.pin) {
            let actual = certificate.pin;
            return Err(match settings.pins.contains(&Pin::fingerprint(end_entity)) {
                true => TlsFailure::PinIsFingerprint { actual },
                false => TlsFailure::PinMismatch { actual },
            });
        }

        let no_roots = RootCertStore::empty();
        let roots = settings.roots.store();
        let led = verify_server_cert_signed_by_trust_anchor(
            &parsed,
            roots.unwrap_or(&no_roots),
            intermediates,
            now,
            settings.algorithms.all,
        );
        let trusted_by = match led {
            Ok(()) => TrustedBy::Root,
            Err(error) => {
                let why = leads_nowhere(&error).ok_or_else(|| failure(error))?;
                check_validity(certificate.validity, now)?;
                // By now the key is a pinned one, if there are pins.
                match roots {
                    _ if settings.roots.list(end_entity) => TrustedBy::Root,
                    _ if !settings.pins.is_empty() => TrustedBy::Pin,
                    Err(cause) => return Err(TlsFailure::NoRoots(cause.to_owned())),
                    Ok(_) => return Err(unknown_issuer(why, certificate)),
                }
            }
        };
        match verify_server_name(&parsed, server_name) {
            // A certificate that names nobody says nothing against the key that is pinned.
            Err(_) if certificate.names.is_empty() && !settings.pins.is_empty() => {}
            named => named.map_err(failure)?,
        }
        Ok((certificate, trusted_by))
    }
}

/// What kind of certificate it is, if no root is known for it; `None` for one that is wrong in another way, which no
/// pin makes good.
fn leads_nowhere(error: &Error) -> Option<Untrusted> {
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => Some(Untrusted::UnknownIssuer),
        // A root has the issuer's name, but it is not this root's key, or not even of its kind, that has signed.
        Error::InvalidCertificate(
            CertificateError::BadSignature | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
        ) => Some(Untrusted::UnknownIssuer),
        // `openssl req -x509` makes such certificates, and many use them for servers.
        Error::InvalidCertificate(CertificateError::Other(other)) => match other.0.downcast_ref() {
            Some(webpki::Error::CaUsedAsEndEntity) => Some(Untrusted::Authority),
            _ => None,
        },
        _ => None,
    }
}

/// webpki 0.103 looks at the dates before it looks for an issuer, but does not promise to: where no way led to a root, they
/// are checked here.
fn check_validity(validity: Validity, now: UnixTime) -> Result<(), TlsFailure> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < validity.not_before {
        return Err(TlsFailure::not_yet_valid(validity.not_before));
    }
    if now > validity.not_after {
        return Err(TlsFailure::expired(validity.not_after));
    }
    Ok(())
}

fn unknown_issuer(reason: Untrusted, certificate: ServerCertificate) -> TlsFailure {
    let reason = if certificate.self_issued { Untrusted::SelfSigned } else { reason };
    TlsFailure::UnknownIssuer { reason, issuer: certificate.issuer, pin: certificate.pin }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.judge(end_entity, intermediates, server_name, now) {
            Ok((certificate, trusted_by)) => {
                self.record.certificate_was_accepted(certificate, trusted_by);
                Ok(ServerCertVerified::assertion())
            }
            Err(failure) => {
                let error = failure.to_rustls();
                self.record.failed(failure);
                Err(error)
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.tls.0.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.tls.0.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.tls.0.algorithms.supported_schemes()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{TlsFailure, UnixTime, Validity, check_validity};

    #[test]
    fn the_first_and_the_last_second_of_the_validity_are_valid() {
        let validity = Validity { not_before: 100, not_after: 200 };
        let at = |seconds| check_validity(validity, UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
        assert_eq!(at(99), Err(TlsFailure::NotYetValid { from: "1970-01-01T00:01:40Z".into() }));
        assert_eq!((at(100), at(150), at(200)), (Ok(()), Ok(()), Ok(())));
        assert_eq!(at(201), Err(TlsFailure::Expired { since: "1970-01-01T00:03:20Z".into() }));
        assert_eq!(at(u64::MAX), Err(TlsFailure::Expired { since: "1970-01-01T00:03:20Z".into() }));
    }
}
