//! Mechanisms that say things as they are: PLAIN, LOGIN, EXTERNAL.

use alloc::vec::Vec;

use zeroize::Zeroizing;

/// The message of PLAIN (RFC 4616 §2): no authorization identity, the user, the secret.
pub(super) fn message(user: &str, secret: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([b"\0", user.as_bytes(), b"\0", secret].concat())
}

/// The message of EXTERNAL (RFC 4422 appendix A.1): whom to act as, or nothing for whom the certificate names.
pub(super) fn external(user: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(user.as_bytes().to_vec())
}

/// The second answer of LOGIN.
pub(super) type Password = Zeroizing<Vec<u8>>;

/// The two answers of LOGIN.
pub(super) struct Login {
    pub(super) user: Zeroizing<Vec<u8>>,
    pub(super) password: Password,
}

impl Login {
    pub(super) fn new(user: &str, secret: &[u8]) -> Self {
        Login { user: Zeroizing::new(user.as_bytes().to_vec()), password: Zeroizing::new(secret.to_vec()) }
    }
}
