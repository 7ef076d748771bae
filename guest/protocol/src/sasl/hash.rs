//! The hash functions of SCRAM, and HMAC (RFC 2104).

use alloc::vec::Vec;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::{IDENTITY_LIMIT, SaslError};

/// The hash function that a SCRAM mechanism is named for: `H`, `HMAC` and `Hi` of RFC 5802 §2.2 with it.
#[derive(Clone, Copy)]
pub(super) enum Hash {
    Sha256,
    Sha1,
}

impl Hash {
    const SHA_256_OCTETS: usize = 32;
    const SHA_1_OCTETS: usize = 20;

    pub(super) fn digest(self, octets: &[u8]) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Sha256 => wiped(Sha256::digest(octets).as_mut_slice()),
            Self::Sha1 => wiped(Sha1::digest(octets).as_mut_slice()),
        }
    }

    pub(super) fn hmac(self, key: &[u8], octets: &[u8]) -> Result<Zeroizing<Vec<u8>>, SaslError> {
        match self {
            Self::Sha256 => hmac::<Hmac<Sha256>>(key, octets),
            Self::Sha1 => hmac::<Hmac<Sha1>>(key, octets),
        }
    }

    /// Whether it is the HMAC, found out in constant time.
    pub(super) fn is_hmac(self, key: &[u8], octets: &[u8], claimed: &[u8]) -> Result<bool, SaslError> {
        match self {
            Self::Sha256 => is_hmac::<Hmac<Sha256>>(key, octets, claimed),
            Self::Sha1 => is_hmac::<Hmac<Sha1>>(key, octets, claimed),
        }
    }

    /// `Hi`, which is PBKDF2: takes two hashes an iteration.
    pub(super) fn stretch(self, secret: &[u8], salt: &[u8], iterations: u32) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Sha256 => {
                wiped(&mut pbkdf2::pbkdf2_hmac_array::<Sha256, { Self::SHA_256_OCTETS }>(secret, salt, iterations))
            }
            Self::Sha1 => {
                wiped(&mut pbkdf2::pbkdf2_hmac_array::<Sha1, { Self::SHA_1_OCTETS }>(secret, salt, iterations))
            }
        }
    }
}

/// # Errors
/// The key is too long, which none is for HMAC.
pub(super) fn hmac<M: Mac + KeyInit>(key: &[u8], octets: &[u8]) -> Result<Zeroizing<Vec<u8>>, SaslError> {
    Ok(wiped(keyed::<M>(key)?.chain_update(octets).finalize().into_bytes().as_mut_slice()))
}

fn is_hmac<M: Mac + KeyInit>(key: &[u8], octets: &[u8], claimed: &[u8]) -> Result<bool, SaslError> {
    Ok(keyed::<M>(key)?.chain_update(octets).verify_slice(claimed).is_ok())
}

fn keyed<M: KeyInit>(key: &[u8]) -> Result<M, SaslError> {
    M::new_from_slice(key).map_err(|_| SaslError::TooLong { argument: "secret", limit: IDENTITY_LIMIT })
}

/// Moves a result to where it is wiped after use.
fn wiped(octets: &mut [u8]) -> Zeroizing<Vec<u8>> {
    let kept = Zeroizing::new(octets.to_vec());
    octets.zeroize();
    kept
}
