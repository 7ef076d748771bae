//! Bearer tokens: OAUTHBEARER (RFC 7628) and XOAUTH2.

use alloc::format;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::{Identity, Mechanism, REPORT_LIMIT, SaslError, challenge, name};

/// What is said to an error report, before the server says `-ERR`.
pub(super) type Acknowledgement = &'static [u8];

/// RFC 7628 §3.2.3.
pub(super) const OAUTHBEARER_ACKNOWLEDGEMENT: Acknowledgement = b"\x01";
/// Google's and Microsoft's documents want an empty line.
pub(super) const XOAUTH2_ACKNOWLEDGEMENT: Acknowledgement = b"";

/// The message of OAUTHBEARER (RFC 7628 §3.1).
pub(super) fn oauthbearer(identity: &Identity<'_>) -> Zeroizing<Vec<u8>> {
    let Identity { user, secret, host, port, .. } = identity;
    let head = format!("n,a={},\x01host={host}\x01port={port}\x01auth=Bearer ", name::escaped(user));
    Zeroizing::new([head.as_bytes(), secret, b"\x01\x01"].concat())
}

/// The message of XOAUTH2.
pub(super) fn xoauth2(identity: &Identity<'_>) -> Zeroizing<Vec<u8>> {
    let Identity { user, secret, .. } = identity;
    Zeroizing::new([b"user=", user.as_bytes(), b"\x01auth=Bearer ", secret, b"\x01\x01"].concat())
}

/// Nothing may end a field early. A token has no blanks (RFC 6750 §2.1), and the line end of the file that it came from
/// is the likeliest one.
pub(super) fn check(identity: &Identity<'_>, mechanism: Mechanism) -> Result<(), SaslError> {
    let Identity { user, secret, host, .. } = identity;
    let forbidden = |argument| Err(SaslError::ForbiddenOctet { argument });
    if user.chars().any(char::is_control) {
        return forbidden("user");
    }
    if !secret.iter().all(u8::is_ascii_graphic) {
        return forbidden("secret");
    }
    if mechanism == Mechanism::OauthBearer {
        if host.is_empty() {
            return Err(SaslError::Empty { argument: "host" });
        }
        if !host.bytes().all(|octet| octet.is_ascii_graphic()) {
            return forbidden("host");
        }
    }
    Ok(())
}

/// What a challenge says about why the token was refused.
pub(super) fn report(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    let mut report = challenge::decode_strictly(text).unwrap_or_else(|| text.to_vec());
    report.truncate(REPORT_LIMIT);
    (!report.is_empty()).then_some(report)
}
