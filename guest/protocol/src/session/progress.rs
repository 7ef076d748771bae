//! What a line from the server means, and what it changes.

use core::num::NonZeroU32;

use super::{Event, Exchange, Limits, Reading, SHOWN, State};
use crate::apop::Timestamp;
use crate::body::Body;
use crate::command::Sent;
use crate::error::ProtocolError;
use crate::escape::escape;
use crate::line::Line;
use crate::repeat::Repeat;
use crate::reply::{Status, StatusLine, status_line};
use crate::rows::{Capability, announced_octets, number_and_unique_id, two_numbers};

/// Whether the answer to the oldest command is at its end.
pub(super) enum Answer {
    Complete,
    GoesOn,
}

/// The parts of a session that a line changes, apart from the buffer that the line may stand in.
pub(super) struct Progress<'s> {
    pub(super) limits: &'s Limits,
    pub(super) state: &'s mut State,
    pub(super) timestamp: &'s mut Option<Timestamp>,
    pub(super) user_accepted: &'s mut bool,
    pub(super) exchange: &'s mut Exchange,
    pub(super) reading: &'s mut Reading,
    pub(super) repeat: &'s mut Repeat,
    /// No command was sent after the one that is answered.
    pub(super) is_latest: bool,
}

impl Progress<'_> {
    pub(super) fn line<'l>(&mut self, sent: Sent, line: Line<'l>) -> Result<(Event<'l>, Answer), ProtocolError> {
        match *self.reading {
            Reading::Rows { seen } => self.row(sent, line.octets, seen),
            _ => self.reply(sent, line),
        }
    }

    fn reply<'l>(&mut self, sent: Sent, line: Line<'l>) -> Result<(Event<'l>, Answer), ProtocolError> {
        if let Sent::Auth(_) = sent
            && let Some(text) = self.challenge(line.octets)?
        {
            *self.exchange = Exchange::Client;
            return Ok((Event::Challenge { text }, Answer::GoesOn));
        }
        let parsed = status_line(line.octets)
            .ok_or_else(|| ProtocolError::NotAReply { after: sent, line: escape(line.octets, SHOWN) })?;
        let reply = parsed.reply;
        if parsed.status == Status::Err {
            if matches!(sent, Sent::Connection | Sent::Quit) {
                *self.state = State::Closed;
            }
            return Ok((Event::Refused { sent, reply }, Answer::Complete));
        }
        let malformed = || ProtocolError::Malformed { after: sent, line: escape(line.octets, SHOWN) };
        let event = match sent {
            Sent::Connection => {
                *self.state = State::Authorization;
                *self.timestamp = Timestamp::find(parsed.rest);
                Event::Greeting(reply)
            }
            Sent::Stat => {
                let (messages, octets) = two_numbers(parsed.rest).ok_or_else(malformed)?;
                Event::Maildrop { messages, octets }
            }
            Sent::List(message) => {
                let (number, octets) = two_numbers(parsed.rest).ok_or_else(malformed)?;
                Event::ScanListing { number: the_same(sent, message, number)?, octets }
            }
            Sent::Uidl(message) => {
                let (number, unique_id) = number_and_unique_id(parsed.rest).ok_or_else(malformed)?;
                Event::UniqueId { number: the_same(sent, message, number)?, unique_id }
            }
            Sent::Retr(number) | Sent::Top(number) => {
                *self.reading = Reading::Content(Body::after(line.ending));
                let announced = if matches!(sent, Sent::Retr(_)) { announced_octets(parsed.rest) } else { None };
                self.repeat.begin(line, announced);
                return Ok((Event::MessageBegin { number, announced }, Answer::GoesOn));
            }
            Sent::Capa | Sent::LangAll | Sent::ListAll | Sent::UidlAll => {
                *self.reading = Reading::Rows { seen: 0 };
                return Ok((Event::Accepted { sent, reply }, Answer::GoesOn));
            }
            Sent::User => {
                *self.user_accepted = self.is_latest;
                Event::Accepted { sent, reply }
            }
            Sent::Pass | Sent::Apop | Sent::Auth(_) => {
                *self.state = match *self.state {
                    // A QUIT was sent behind it, and is a command of TRANSACTION now.
                    State::Closed | State::Update => State::Update,
                    _ => State::Transaction,
                };
                Event::Accepted { sent, reply }
            }
            Sent::Stls => {
                *self.state = State::Handshake;
                Event::Accepted { sent, reply }
            }
            Sent::Quit => {
                *self.state = State::Closed;
                Event::Accepted { sent, reply }
            }
            Sent::Dele(_) | Sent::Noop | Sent::Rset | Sent::Utf8 | Sent::Lang => Event::Accepted { sent, reply },
        };
        Ok((event, Answer::Complete))
    }

    /// What the server wants to hear, if the line is no answer to `AUTH` as a whole. There are servers that write `+OK` for
    /// `+`; while the client has proved nothing, it can mean nothing else.
    fn challenge<'l>(&self, line: &'l [u8]) -> Result<Option<&'l [u8]>, ProtocolError> {
        let status = status_line(line);
        let text = match (*self.exchange, &status) {
            (Exchange::Server { .. } | Exchange::Cancelled, Some(StatusLine { status: Status::Err, .. })) => None,
            (Exchange::Server { proved: true }, Some(_)) => None,
            (Exchange::Server { proved: false }, Some(accepted)) => Some(accepted.rest),
            (Exchange::Server { .. }, None) => line.strip_prefix(b"+").map(|text| text.trim_ascii()),
            // Nothing was to come before the client has answered, or nothing but -ERR.
            (Exchange::Client | Exchange::Cancelled, _) => {
                return Err(ProtocolError::Unsolicited { line: escape(line, SHOWN) });
            }
        };
        Ok(text)
    }

    fn row<'l>(&mut self, sent: Sent, line: &'l [u8], seen: usize) -> Result<(Event<'l>, Answer), ProtocolError> {
        if line == b"." {
            *self.reading = Reading::Reply;
            return Ok((Event::ListingEnd, Answer::Complete));
        }
        let limit = self.limits.listing_entries;
        if seen >= limit {
            return Err(ProtocolError::TooManyRows { after: sent, limit });
        }
        *self.reading = Reading::Rows { seen: seen + 1 };
        let malformed = || ProtocolError::Malformed { after: sent, line: escape(line, SHOWN) };
        let row = line.strip_prefix(b".").unwrap_or(line);
        let event = match sent {
            Sent::ListAll => {
                let (number, octets) = two_numbers(row).ok_or_else(malformed)?;
                Event::ScanListing { number: NonZeroU32::new(number).ok_or_else(malformed)?, octets }
            }
            Sent::UidlAll => {
                let (number, unique_id) = number_and_unique_id(row).ok_or_else(malformed)?;
                Event::UniqueId { number: NonZeroU32::new(number).ok_or_else(malformed)?, unique_id }
            }
            Sent::LangAll => {
                let tag = row.split(|octet| matches!(octet, b' ' | b'\t')).next().unwrap_or_default();
                Event::Language { tag, description: row.get(tag.len()..).unwrap_or_default().trim_ascii() }
            }
            _ => Event::Capability(Capability::of(row)),
        };
        Ok((event, Answer::GoesOn))
    }
}

/// The message that was asked about, if the answer is about it.
fn the_same(after: Sent, asked: NonZeroU32, answered: u32) -> Result<NonZeroU32, ProtocolError> {
    if asked.get() == answered { Ok(asked) } else { Err(ProtocolError::OtherMessage { after, number: answered }) }
}
