//! Challenges out of base64.

use alloc::vec::Vec;

use base64ct::{Base64, Encoding};

use super::SaslError;
use crate::escape;

/// How much of what the server sent is shown in an error, in octets.
pub(super) const SHOWN: usize = 128;

/// The octets of a challenge that must not be empty. Blanks around it are none of it.
pub(super) fn decode(text: &[u8]) -> Result<Vec<u8>, SaslError> {
    let text = text.trim_ascii();
    decode_strictly(text)
        .filter(|octets| !octets.is_empty())
        .ok_or_else(|| SaslError::BadBase64 { text: escape(text, SHOWN) })
}

/// The octets of the last word of a line.
pub(super) fn decode_last_word(text: &[u8]) -> Option<Vec<u8>> {
    let word = text.trim_ascii_end().rsplit(u8::is_ascii_whitespace).next()?;
    decode_strictly(word)
}

/// Base64 with its padding and nothing else.
pub(super) fn decode_strictly(text: &[u8]) -> Option<Vec<u8>> {
    Base64::decode_vec(core::str::from_utf8(text).ok()?).ok()
}
