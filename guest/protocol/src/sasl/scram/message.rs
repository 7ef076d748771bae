//! What a SCRAM server says (RFC 5802 §7).

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use crate::escape;
use crate::sasl::challenge::{SHOWN, decode_strictly};
use crate::sasl::error::SaslError;

/// How long a salt may be, in octets. Servers use 8 to 64.
const SALT_LIMIT: usize = 1024;

/// The `server-first-message`, found good. Its extensions, if any, are optional, and none is known.
pub(super) struct ServerFirst<'a> {
    /// The client's nonce and the server's behind it.
    pub(super) nonce: &'a [u8],
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u32,
}

impl<'a> ServerFirst<'a> {
    /// Nothing of it has been used for a computation when it is refused.
    pub(super) fn parse(
        message: &'a [u8],
        client_nonce: &[u8],
        permitted: &RangeInclusive<u32>,
    ) -> Result<Self, SaslError> {
        let malformed = || SaslError::ScramMalformed { text: escape(message, SHOWN) };
        refuse_errors_and_extensions(message)?;
        let mut attributes = message.split(|octet| *octet == b',');
        let mut value = |name| attributes.next().and_then(|attribute| attribute.strip_prefix(name));
        let nonce: &[u8] = value(b"r=").ok_or_else(malformed)?;
        let salt = value(b"s=").and_then(decode_strictly).ok_or_else(malformed)?;
        let count = value(b"i=").and_then(count).ok_or_else(malformed)?;

        if !nonce.iter().all(u8::is_ascii_graphic) || salt.is_empty() || salt.len() > SALT_LIMIT {
            return Err(malformed());
        }
        if nonce.strip_prefix(client_nonce).is_none_or(<[u8]>::is_empty) {
            return Err(SaslError::ScramNonce);
        }
        let iterations = u32::try_from(count)
            .ok()
            .filter(|iterations| permitted.contains(iterations))
            .ok_or_else(|| SaslError::ScramIterations { count, permitted: permitted.clone() })?;
        Ok(ServerFirst { nonce, salt, iterations })
    }
}

/// The signature in the `server-final-message`.
pub(super) fn server_signature(message: &[u8]) -> Result<Vec<u8>, SaslError> {
    refuse_errors_and_extensions(message)?;
    let verifier = message.split(|octet| *octet == b',').next().and_then(|attribute| attribute.strip_prefix(b"v="));
    verifier.and_then(decode_strictly).ok_or_else(|| SaslError::ScramMalformed { text: escape(message, SHOWN) })
}

/// `e=` says that the server has refused, and `m=` that there is more to it than this client knows: wherever it stands
/// (RFC 5802 §5.1).
fn refuse_errors_and_extensions(message: &[u8]) -> Result<(), SaslError> {
    if let Some(rest) = message.strip_prefix(b"e=") {
        let value = rest.split(|octet| *octet == b',').next().unwrap_or_default();
        return Err(SaslError::ScramRefused { reason: escape(value, SHOWN) });
    }
    if message.split(|octet| *octet == b',').any(|attribute| attribute.starts_with(b"m=")) {
        return Err(SaslError::ScramExtension);
    }
    Ok(())
}

/// The `posit-number` of RFC 5802 §7: digits, the first of them not 0. One that is too great is the greatest.
fn count(digits: &[u8]) -> Option<u64> {
    let positive = matches!(digits, [b'1'..=b'9', ..]) && digits.iter().all(u8::is_ascii_digit);
    let value = |value: u64, digit: &u8| value.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    positive.then(|| digits.iter().fold(0, value))
}
