//! How the names of a group of messages are kept: in one value, for they come and go together.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::Begun;

/// Unique-id and file name of each message, each with its length in four octets in front.
pub(super) fn encode(messages: &[Begun]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(messages.len() * 128);
    for Begun { id, file } in messages {
        for field in [id.as_slice(), file.as_bytes()] {
            // Neither is longer than a line of the server or a name of a file.
            octets.extend_from_slice(&u32::try_from(field.len()).unwrap_or(0).to_le_bytes());
            octets.extend_from_slice(field);
        }
    }
    octets
}

/// Nothing where the octets are cut or broken.
pub(super) fn decode(mut octets: &[u8]) -> Option<Vec<Begun>> {
    let mut field = || -> Option<Option<Vec<u8>>> {
        let Some((length, rest)) = octets.split_first_chunk::<4>() else { return octets.is_empty().then_some(None) };
        let (field, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        octets = rest;
        Some(Some(field.to_vec()))
    };
    let mut messages = Vec::new();
    while let Some(id) = field()? {
        messages.push(Begun { id, file: OsString::from_vec(field()??) });
    }
    Some(messages)
}

#[cfg(test)]
mod tests {
    use super::{Begun, decode, encode};

    #[test]
    fn what_was_written_is_read() {
        let begun = |id: &[u8], file: &str| Begun { id: id.to_vec(), file: file.into() };
        let messages = [begun(b"a\0\xff", "1.M2P3.host"), begun(b"", "name"), begun(b"b", "")];
        assert_eq!(decode(&encode(&messages)).as_deref(), Some(&messages[..]));
        assert_eq!(decode(&encode(&[])), Some(Vec::new()));
    }

    #[test]
    fn what_is_cut_is_not_read() {
        let octets = encode(&[Begun { id: b"id".to_vec(), file: "file".into() }]);
        for end in 1..octets.len() {
            assert_eq!(decode(&octets[..end]), None, "{end}");
        }
    }
}
