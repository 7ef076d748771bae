//! A server's certificate, as people are told of it.

use std::net::IpAddr;

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;

use super::pin::Pin;

/// The most names of a certificate that are kept, and the most octets of one and of a subject or an issuer.
const MOST_NAMES: usize = 64;
const LONGEST_NAME: usize = 256;
const LONGEST_SUBJECT: usize = 1024;

/// What a certificate says of itself. Nothing here is trusted for that: the chain, the names and the signatures are
/// webpki's to check. The text is the peer's, cut but not escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServerCertificate {
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) self_issued: bool,
    /// DNS names and IP addresses of the subjectAltName.
    pub(super) names: Vec<String>,
    pub(super) validity: Validity,
    pub(super) pin: Pin,
}

/// From when to when, both included, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

impl ServerCertificate {
    /// `None` where it is not a certificate.
    pub(super) fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let validity = certificate.validity();
        Some(Self {
            subject: cut(certificate.subject().to_string(), LONGEST_SUBJECT),
            issuer: cut(certificate.issuer().to_string(), LONGEST_SUBJECT),
            self_issued: certificate.subject().as_raw() == certificate.issuer().as_raw(),
            names: names(&certificate),
            validity: Validity {
                not_before: validity.not_before.timestamp(),
                not_after: validity.not_after.timestamp(),
            },
            pin: Pin::of(der)?,
        })
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(cut((*name).to_owned(), LONGEST_NAME)),
        GeneralName::IPAddress(octets) => address(octets).map(|address| address.to_string()),
        _ => None,
    });
    names.take(MOST_NAMES).collect()
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

fn cut(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text.shrink_to_fit();
    text
}

/// A time in seconds since 1970 as RFC 3339 has it, in UTC; empty for one that no certificate can have.
pub(super) fn rfc3339(seconds: i64) -> String {
    let Ok(time) = ASN1Time::from_timestamp(seconds) else { return String::new() };
    let time = time.to_datetime();
    let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};
    use rustls::pki_types::CertificateDer;

    use super::{LONGEST_NAME, LONGEST_SUBJECT, MOST_NAMES, ServerCertificate, rfc3339};

    #[test]
    fn a_time_is_shown_as_rfc_3339_has_it() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_709_210_096), "2024-02-29T12:34:56Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59Z");
        assert_eq!(rfc3339(253_402_300_799), "9999-12-31T23:59:59Z");
        assert_eq!(rfc3339(i64::MAX), "");
    }

    #[test]
    fn what_is_kept_of_a_certificate_is_bounded() {
        let mut params = CertificateParams::default();
        let long = "ä".repeat(5_000);
        params.distinguished_name.push(DnType::OrganizationName, long);
        params.subject_alt_names = vec![SanType::DnsName("x".repeat(400).try_into().unwrap()); 80];
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();

        let read = ServerCertificate::read(certificate.der()).unwrap();
        assert_eq!(read.names.len(), MOST_NAMES);
        assert!(read.names.iter().all(|name| name.len() == LONGEST_NAME));
        assert!(read.subject.len() <= LONGEST_SUBJECT && read.issuer.len() <= LONGEST_SUBJECT);
        assert!(read.subject.contains("äää"), "{}", read.subject);
    }

    #[test]
    fn octets_that_are_not_a_certificate_are_none() {
        assert_eq!(ServerCertificate::read(&CertificateDer::from_slice(b"\x30\x03\x02\x01\x00")), None);
        assert_eq!(ServerCertificate::read(&CertificateDer::from_slice(b"")), None);
    }
}
