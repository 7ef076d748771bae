//! The TRANSACTION state: what a session sees of the maildrop, and the replies about it (RFC 1939 §5, §7).

use super::{
    Script,
    maildrop_lock::MaildropLock,
    reply::{Body, Reply},
};
use crate::maildrop::Message;

/// The maildrop as it was when the session signed in, and its marks.
#[derive(Debug)]
pub(super) struct Transaction {
    messages: Vec<Message>,
    marked: Vec<bool>,
    /// Held as long as the session is in this state.
    _lock: Option<MaildropLock>,
}

impl Transaction {
    pub(super) fn new(messages: Vec<Message>, lock: Option<MaildropLock>) -> Self {
        Self { marked: vec![false; messages.len()], messages, _lock: lock }
    }

    pub(super) fn stat(&self, script: &Script) -> Reply {
        let (count, octets) = self.totals();
        Reply::line(format!("+OK {count} {}", script.announced.of(octets)))
    }

    pub(super) fn list(&self, argument: &str, script: &Script) -> Reply {
        let (count, octets) = self.totals();
        let status = format!("+OK {count} messages ({} octets)", script.announced.of(octets));
        self.listing(argument, status, script, |message| script.announced.of(message.octets()).to_string().into_bytes())
    }

    pub(super) fn uidl(&self, argument: &str, script: &Script) -> Reply {
        self.listing(argument, "+OK unique-id listing follows".to_owned(), script, |message| message.uid.clone())
    }

    pub(super) fn retr(&self, argument: &str, script: &Script) -> Reply {
        self.with_message(argument, |message| {
            let status = format!("+OK {} octets", script.announced.of(message.octets()));
            Reply::new(status, Body::Content(message.content.clone(), u64::MAX))
        })
    }

    pub(super) fn top(&self, argument: &str) -> Reply {
        let (number, lines) = argument.split_once(' ').unwrap_or((argument, ""));
        let Ok(lines) = lines.parse() else {
            return Reply::line("-ERR TOP needs a message-number and a number of lines");
        };
        self.with_message(number, |message| {
            let octets = message.content.top_octets(lines);
            Reply::new("+OK top of message follows", Body::Content(message.content.clone(), octets))
        })
    }

    pub(super) fn dele(&self, argument: &str) -> Reply {
        self.with_message(argument, |_| Reply::line(format!("+OK message {argument} deleted")))
    }

    pub(super) fn rset(&self) -> Reply {
        let octets: u64 = self.messages.iter().map(Message::octets).sum();
        Reply::line(format!("+OK maildrop has {} messages ({octets} octets)", self.messages.len()))
    }

    /// Marks a message for deletion; nothing when there is none of this number.
    pub(super) fn mark(&mut self, argument: &str) {
        if let Some(index) = self.index(argument) {
            self.marked[index] = true;
        }
    }

    pub(super) fn unmark_all(&mut self) {
        self.marked.fill(false);
    }

    /// The messages that are marked for deletion.
    pub(super) fn marked(&self) -> Vec<Message> {
        let marked = self.messages.iter().zip(&self.marked).filter(|(_, marked)| **marked);
        marked.map(|(message, _)| message.clone()).collect()
    }

    fn listing(&self, argument: &str, status: String, script: &Script, value: impl Fn(&Message) -> Vec<u8>) -> Reply {
        let row = |number: usize, message: &Message| {
            let mut row = format!("{number} ").into_bytes();
            row.extend_from_slice(&value(message));
            if !script.extra_row_text.is_empty() {
                row.extend_from_slice(format!(" {}", script.extra_row_text).as_bytes());
            }
            row
        };
        if argument.is_empty() {
            let rows = self.unmarked().map(|(number, message)| row(number, message)).collect();
            return Reply::new(status, Body::Rows(rows));
        }
        match self.index(argument) {
            Some(index) => Reply::line([b"+OK ", row(index + 1, &self.messages[index]).as_slice()].concat()),
            None => no_such_message(),
        }
    }

    fn with_message(&self, argument: &str, reply: impl FnOnce(&Message) -> Reply) -> Reply {
        self.index(argument).map_or_else(no_such_message, |index| reply(&self.messages[index]))
    }

    /// The index of an unmarked message by its message-number.
    fn index(&self, argument: &str) -> Option<usize> {
        let number: usize = argument.parse().ok().filter(|_| argument.bytes().all(|octet| octet.is_ascii_digit()))?;
        let index = number.checked_sub(1)?;
        (!*self.marked.get(index)?).then_some(index)
    }

    fn unmarked(&self) -> impl Iterator<Item = (usize, &Message)> {
        let numbered = (1..).zip(&self.messages).zip(&self.marked);
        numbered.filter(|(_, marked)| !**marked).map(|(numbered, _)| numbered)
    }

    fn totals(&self) -> (usize, u64) {
        self.unmarked().fold((0, 0), |(count, octets), (_, message)| (count + 1, octets + message.octets()))
    }
}

fn no_such_message() -> Reply {
    Reply::line("-ERR no such message")
}
