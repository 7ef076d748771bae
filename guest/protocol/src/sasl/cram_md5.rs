//! CRAM-MD5 (RFC 2195).

use alloc::string::String;
use alloc::vec::Vec;

use hmac::Hmac;
use md5::Md5;
use zeroize::Zeroizing;

use super::SaslError;
use super::hash::hmac;
use crate::apop::hex_digit;

/// The user, and the secret, which keys the digest.
pub(super) struct Keyed {
    user: String,
    secret: Zeroizing<Vec<u8>>,
}

impl Keyed {
    pub(super) fn new(user: &str, secret: &[u8]) -> Self {
        Keyed { user: user.into(), secret: Zeroizing::new(secret.to_vec()) }
    }

    /// The user, a blank, and the digest in lower-case hexadecimal (RFC 2195 §2).
    pub(super) fn answer(&self, challenge: &[u8]) -> Result<Zeroizing<Vec<u8>>, SaslError> {
        let digest = hmac::<Hmac<Md5>>(&self.secret, challenge)?;
        let hex = digest.iter().flat_map(|octet| [hex_digit(octet >> 4), hex_digit(octet & 0xf)]);
        Ok(Zeroizing::new(self.user.bytes().chain([b' ']).chain(hex).collect()))
    }
}
