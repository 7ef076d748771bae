//! User names in the messages of SCRAM and OAUTHBEARER.

use alloc::string::String;

/// The `saslname` of RFC 5802 §5.1: `=` and `,` have a meaning there.
pub(super) fn escaped(user: &str) -> String {
    user.replace('=', "=3D").replace(',', "=2C")
}
