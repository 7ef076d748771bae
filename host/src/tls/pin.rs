//! A server's key, known before.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Base64Unpadded, Encoding};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// SHA-256 of a certificate's SubjectPublicKeyInfo, as RFC 7469 defines it: it stays when a certificate is renewed with
/// the same key.
///
/// Shown as `sha256/` and base64. Read from that, from `sha256//` and base64 (as curl has it), from base64 alone, and
/// from 64 hexadecimal digits, with a colon between every two or without.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin([u8; Pin::OCTETS]);

/// Text that is not a [`Pin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a pin is the SHA-256 of the server's public key: sha256/ and 44 characters of base64, or 64 hexadecimal digits"
)]
pub struct PinError;

impl Pin {
    const OCTETS: usize = 32;

    /// Of the certificate's key, or `None` where it is not a certificate.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        // The parser that is used for the handshake's signature: the key that is pinned is the key that signs.
        let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
        Some(Self::of_key(&certificate.subject_public_key_info()))
    }

    /// The SHA-256 of the certificate as a whole, which is no pin, and which `openssl x509 -fingerprint` and other clients
    /// show.
    pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate).into())
    }

    fn of_key(key: &SubjectPublicKeyInfoDer<'_>) -> Self {
        Self(Sha256::digest(key).into())
    }
}

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let readings = match text.strip_prefix("sha256/") {
            // A second slash may be curl's, or the first character of the base64.
            Some(rest) => [Some(rest), rest.strip_prefix('/')],
            None => [Some(text), None],
        };
        let digest = |text| of_hexadecimal(text).or_else(|| of_base64(text));
        readings.into_iter().flatten().find_map(digest).map(Self).ok_or(PinError)
    }
}

fn of_base64(text: &str) -> Option<[u8; Pin::OCTETS]> {
    let mut digest = [0; Pin::OCTETS];
    let decoded = match text.ends_with('=') {
        true => Base64::decode(text, &mut digest),
        false => Base64Unpadded::decode(text, &mut digest),
    };
    (decoded.ok()?.len() == Pin::OCTETS).then_some(digest)
}

fn of_hexadecimal(text: &str) -> Option<[u8; Pin::OCTETS]> {
    let mut digits = text.chars();
    let mut digest = [0; Pin::OCTETS];
    let with_colons = text.contains(':');
    for (at, octet) in digest.iter_mut().enumerate() {
        if with_colons && at > 0 && digits.next()? != ':' {
            return None;
        }
        let high = digits.next()?.to_digit(16)?;
        let low = digits.next()?.to_digit(16)?;
        *octet = u8::try_from(high * 16 + low).ok()?;
    }
    digits.next().is_none().then_some(digest)
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", Base64::encode_string(&self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::{Pin, PinError};

    const BASE64: &str = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
    const HEXADECIMAL: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn a_pin_is_read_in_every_usual_form() {
        let pin = Pin([
            0x2c, 0xf2, 0x4d, 0xba, 0x5f, 0xb0, 0xa3, 0x0e, 0x26, 0xe8, 0x3b, 0x2a, 0xc5, 0xb9, 0xe2, 0x9e, 0x1b, 0x16,
            0x1e, 0x5c, 0x1f, 0xa7, 0x42, 0x5e, 0x73, 0x04, 0x33, 0x62, 0x93, 0x8b, 0x98, 0x24,
        ]);
        let octets: Vec<String> =
            HEXADECIMAL.as_bytes().chunks(2).map(|two| String::from_utf8_lossy(two).into()).collect();
        for text in [
            format!("sha256/{BASE64}"),
            format!("sha256//{BASE64}"),
            BASE64.to_owned(),
            BASE64.trim_end_matches('=').to_owned(),
            HEXADECIMAL.to_owned(),
            HEXADECIMAL.to_uppercase(),
            octets.join(":"),
            octets.join(":").to_uppercase(),
        ] {
            assert_eq!(text.parse(), Ok(pin), "{text}");
        }
        assert_eq!(pin.to_string(), format!("sha256/{BASE64}"));
        assert_eq!(pin.to_string().parse(), Ok(pin));
    }

    #[test]
    fn the_base64_may_begin_with_a_slash() {
        let pin = Pin([0xff; 32]);
        let base64 = format!("{}8=", "/".repeat(42));
        assert_eq!(pin.to_string(), format!("sha256/{base64}"));
        for text in [format!("sha256/{base64}"), format!("sha256//{base64}"), base64.clone()] {
            assert_eq!(text.parse(), Ok(pin), "{text}");
            assert_eq!(text.trim_end_matches('=').parse(), Ok(pin), "{text}");
        }
        for text in [format!("/{base64}"), format!("sha256///{base64}"), "sha256//".to_owned(), "sha256/".to_owned()] {
            assert_eq!(text.parse::<Pin>(), Err(PinError), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_pin_is_refused() {
        let long = format!("{HEXADECIMAL}0");
        let colons = format!("{}:{}", &HEXADECIMAL[..2], &HEXADECIMAL[2..]);
        let ending = format!("{HEXADECIMAL}:");
        let signed = HEXADECIMAL.replacen("2c", "+c", 1);
        for text in [
            "",
            "sha256/",
            "sha256//",
            "sha1/Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
            "Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
            &BASE64[1..],
            &HEXADECIMAL[1..],
            &long,
            &colons,
            &ending,
            &signed,
            &format!("{BASE64}\n"),
            &format!("SHA256:{BASE64}"),
            &format!("sha256///{BASE64}"),
            "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
            "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ==",
            "ä",
        ] {
            assert_eq!(text.parse::<Pin>(), Err(PinError), "{text}");
        }
    }
}
