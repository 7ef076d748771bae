//! What a session says, in words and octets that outlive its input.

use pop3_protocol::{Event, ProtocolError, Reply, ResponseCode, Session};

/// Something that a session said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// An event, or the error that ended the session.
    Said(String),
    /// What the server wants to be answered.
    Challenge(Vec<u8>),
    /// Content, as much as came without another event between.
    Content(Vec<u8>),
}

/// Gives a session one segment and hears what it says; what must hold after any call is checked on the way.
pub(crate) fn feed(session: &mut Session, segment: &[u8], heard: &mut Vec<Heard>) -> Result<(), ProtocolError> {
    let mut buffer = segment.to_vec();
    let mut start = 0;
    let mut idle = false;
    loop {
        let input = &mut buffer[start..];
        let length = input.len();
        let step = match session.receive(input) {
            Ok(step) => step,
            Err(failure) => {
                assert_eq!(session.receive(&mut []), Err(failure.clone()));
                assert_eq!(session.end_of_input(), Err(failure.clone()));
                heard.push(Heard::Said(format!("error: {failure}")));
                return Err(failure);
            }
        };
        let consumed = step.consumed;
        assert!(consumed <= length, "consumed {consumed} of {length}");
        assert!(consumed > 0 || !idle || step.event.is_none(), "two events of no octets");
        idle = consumed == 0;
        match step.event {
            None => {
                assert_eq!(consumed, length, "octets are left over, and there is no event");
                return Ok(());
            }
            Some(Event::Content { held, at }) => {
                assert!(at.end <= consumed, "content at {at:?} of {consumed} octets");
                let octets = [held, &buffer[start..][at]].concat();
                assert!(!octets.is_empty(), "content of no octets");
                match heard.last_mut() {
                    Some(Heard::Content(content)) => content.extend(octets),
                    _ => heard.push(Heard::Content(octets)),
                }
            }
            Some(Event::Challenge { text }) => heard.push(Heard::Challenge(text.to_vec())),
            Some(event) => heard.push(Heard::Said(say(&event))),
        }
        start += consumed;
    }
}

fn say(event: &Event<'_>) -> String {
    match event {
        Event::Greeting(reply) => format!("greeting{}", words(reply)),
        Event::Accepted { sent, reply } => format!("accepted {sent}{}", words(reply)),
        Event::Refused { sent, reply } => format!("refused {sent}{}", words(reply)),
        Event::Maildrop { messages, octets } => format!("maildrop of {messages} messages, {octets} octets"),
        Event::ScanListing { number, octets } => format!("message {number} has {octets} octets"),
        Event::UniqueId { number, unique_id } => format!("message {number} is '{}'", quote(unique_id)),
        Event::Capability(capability) => {
            let mut text = format!("capability '{}'", quote(capability.name()));
            for parameter in capability.parameters() {
                text += &format!(" '{}'", quote(parameter));
            }
            text
        }
        Event::Language { tag, description } => format!("language '{}': {}", quote(tag), quote(description)),
        Event::ListingEnd => "end of listing".into(),
        Event::MessageBegin { number, announced: Some(octets) } => {
            format!("message {number}, {octets} octets announced")
        }
        Event::MessageBegin { number, announced: None } => format!("message {number}"),
        Event::MessageEnd { number, octets, repeated: 0 } => format!("end of message {number}, {octets} octets"),
        Event::MessageEnd { number, octets, repeated } => {
            format!("end of message {number}, {octets} octets, {repeated} of them repeated")
        }
        other => panic!("an event without words: {other:?}"),
    }
}

fn words(reply: &Reply<'_>) -> String {
    let code = match reply.code {
        None => String::new(),
        Some(ResponseCode::InUse) => " (in use)".into(),
        Some(ResponseCode::LoginDelay) => " (login delay)".into(),
        Some(ResponseCode::SysTemp) => " (temporary)".into(),
        Some(ResponseCode::SysPerm) => " (permanent)".into(),
        Some(ResponseCode::Auth) => " (credentials)".into(),
        Some(ResponseCode::Other(code)) => format!(" (other: {})", quote(code)),
    };
    let text = if reply.text.is_empty() { String::new() } else { format!(": {}", quote(reply.text)) };
    code + &text
}

/// Octets as they are written in stories: `\r`, `\n`, `\0`, `\\` and `\xNN` for what is not printable ASCII.
pub(crate) fn quote(octets: &[u8]) -> String {
    let mut text = String::new();
    for octet in octets {
        match octet {
            b'\r' => text += "\\r",
            b'\n' => text += "\\n",
            0 => text += "\\0",
            b'\\' => text += "\\\\",
            b' '..=b'~' => text.push(char::from(*octet)),
            _ => text += &format!("\\x{octet:02x}"),
        }
    }
    text
}
