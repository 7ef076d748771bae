//! The rules for a message's content, written the slow and plain way, to compare with.

use crate::retrieval::Decoded;

/// A message as a server sends it, without the end: a line that begins with a dot gets one more. `line_end` is CRLF or LF.
pub(crate) fn stuff(message: &[u8], line_end: &[u8]) -> Vec<u8> {
    let mut sent = Vec::new();
    for (position, octet) in message.iter().enumerate() {
        let begins_line = position == 0 || message[..position].ends_with(line_end);
        if begins_line && *octet == b'.' {
            sent.push(b'.');
        }
        sent.push(*octet);
    }
    sent
}

/// Takes line by line: the one of a lone dot is the end, and any other loses the dot that it begins with.
/// `line_end` is CRLF or LF.
pub(crate) fn decode(octets: &[u8], line_end: &[u8]) -> Decoded {
    let mut content = Vec::new();
    let mut start = 0;
    while start < octets.len() {
        let rest = &octets[start..];
        let length = (1..=rest.len()).find(|length| rest[..*length].ends_with(line_end));
        let line = &rest[..length.unwrap_or(rest.len())];
        let lone_dot = line == b".\r\n" || (line == b".\n" && line_end == b"\n");
        if lone_dot {
            return Decoded { content, end: Some(start + line.len()) };
        }
        // Here the octets end, and these may still become the end of the message.
        let undecided = line == b"." || line == b".\r";
        if !undecided {
            content.extend(line.strip_prefix(b".").unwrap_or(line));
        }
        start += line.len();
    }
    Decoded { content, end: None }
}
