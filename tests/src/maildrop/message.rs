//! A message with its unique-id, and the ordered maildrop of them.

use super::Content;
use crate::fingerprint::Fingerprint;

/// One message in a maildrop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What `UIDL` says, octet for octet: a test may give control octets, nothing, or ten thousand octets.
    pub uid: Vec<u8>,
    /// What a client should deliver.
    pub content: Content,
}

impl Message {
    /// A message of these octets. POP3 has no way to send a last line without its CRLF, so one is added where it is
    /// missing, as a real server does; a message of no octets stays empty.
    pub fn new(uid: impl Into<Vec<u8>>, octets: impl Into<Vec<u8>>) -> Self {
        let mut octets = octets.into();
        if !octets.is_empty() && !octets.ends_with(b"\r\n") {
            octets.extend_from_slice(b"\r\n");
        }
        Self { uid: uid.into(), content: Content::from(octets) }
    }

    /// A message whose content is shared or generated. It must be empty or end with CRLF.
    pub fn with_content(uid: impl Into<Vec<u8>>, content: Content) -> Self {
        Self { uid: uid.into(), content }
    }

    /// Size in octets.
    pub fn octets(&self) -> u64 {
        self.content.len()
    }

    /// What the delivered message must hash to when it is stored with CRLF line ends, labelled with the unique-id.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_content(self.label(), &self.content)
    }

    /// What the delivered message must hash to when each CRLF is stored as LF, labelled with the unique-id.
    pub fn fingerprint_lf(&self) -> Fingerprint {
        Fingerprint::of_content_lf(self.label(), &self.content)
    }

    fn label(&self) -> String {
        format!("uid {}", self.uid.escape_ascii())
    }
}

/// Messages in the order of their message-numbers, the first is number 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maildrop {
    messages: Vec<Message>,
}

impl Maildrop {
    /// A maildrop of these messages.
    pub fn new(messages: impl IntoIterator<Item = Message>) -> Self {
        Self { messages: messages.into_iter().collect() }
    }

    /// A maildrop of these contents, with the unique-ids `uid-1`, `uid-2`, …
    pub fn of_octets<T: Into<Vec<u8>>>(contents: impl IntoIterator<Item = T>) -> Self {
        let uids = (1..).map(|number| format!("uid-{number}"));
        Self::new(contents.into_iter().zip(uids).map(|(octets, uid)| Message::new(uid, octets)))
    }

    /// `count` messages that share one content, with the unique-ids `uid-1`, `uid-2`, …: a large maildrop for little
    /// memory.
    pub fn repeated(count: usize, content: Content) -> Self {
        Self::new((1..=count).map(|number| Message::with_content(format!("uid-{number}"), content.clone())))
    }

    /// Number of messages.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// True when there is no message.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// All messages, in order.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// All messages, in order, to change them: contents, unique-ids, order, number.
    pub fn messages_mut(&mut self) -> &mut Vec<Message> {
        &mut self.messages
    }

    /// The unique-ids in order, escaped where they are not printable ASCII.
    pub fn uids(&self) -> Vec<String> {
        self.messages.iter().map(|message| message.uid.escape_ascii().to_string()).collect()
    }

    /// What the messages must hash to when they are stored with CRLF line ends.
    pub fn fingerprints(&self) -> Vec<Fingerprint> {
        self.messages.iter().map(Message::fingerprint).collect()
    }

    /// What the messages must hash to when each CRLF is stored as LF.
    pub fn fingerprints_lf(&self) -> Vec<Fingerprint> {
        self.messages.iter().map(Message::fingerprint_lf).collect()
    }
}
