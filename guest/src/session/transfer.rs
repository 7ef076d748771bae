//! Messages on their way: `RETR` and `TOP`, pipelined.

use alloc::vec::{self, Vec};

use pop3_protocol::{Command, Event, Sent};

use super::{Arrived, Session};
use crate::failure::reply;
use crate::types::{Error, MessageBegin, MessageEnd, MessageRefused, Piece};

/// The most octets of a message that are kept back because its first line may not be its own.
const MOST_WITHHELD: u64 = 1 << 20;

/// Octets of a piece of content that was kept back.
const PIECE: usize = 64 * 1024;

/// Gives the content of messages piece by piece. The verbs are documented in `wit/client.wit`.
pub struct Transfer {
    unsent: vec::IntoIter<u32>,
    /// How many lines of the body, or the whole message.
    lines: Option<u32>,
    /// The size that was announced for the message that has begun.
    announced: Option<u64>,
    /// Content that begins with the server's `+OK` once more, until the size tells whose line that is.
    withheld: Vec<u8>,
    /// The end of a message that nothing has followed yet.
    unconfirmed: Option<MessageEnd>,
    fence: Fence,
    /// Another message of the transfer, to ask about where the server refuses the answer about the last one.
    other: Option<u32>,
    state: State,
    /// What came behind good pieces, and is given when these have been.
    failure: Option<Error>,
}

/// A `LIST n` behind the messages. Its answer names the message, which the answers to `RETR` do not: a server that has
/// answered once too often, or whose messages can imitate replies, is found out here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fence {
    /// None is needed so far.
    None,
    /// To be sent behind the last message.
    Due(u32),
    Sent(u32),
    Answered,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    /// Everything was given.
    Complete,
    /// An error was given, or will be again.
    Failed,
}

impl Session {
    /// See `session.retrieve` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn retrieve(&mut self, messages: Vec<u32>) -> Result<Transfer, Error> {
        self.transfer(messages, None)
    }

    /// See `session.top` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn top(&mut self, messages: Vec<u32>, lines: u32) -> Result<Transfer, Error> {
        self.transfer(messages, Some(lines))
    }

    fn transfer(&mut self, messages: Vec<u32>, lines: Option<u32>) -> Result<Transfer, Error> {
        self.check_messages(&messages)?;
        // One message cannot be taken for another; its end can be certain without.
        let (fence, other) = match messages.as_slice() {
            [first, .., last] if lines.is_none() => (Fence::Due(*last), Some(*first).filter(|first| first != last)),
            _ => (Fence::None, None),
        };
        let mut unsent = messages.into_iter();
        // The first command shows whether the session's state has it.
        let state = match unsent.next() {
            Some(first) => {
                self.enqueue(command(first, lines))?;
                self.transferring = true;
                State::Running
            }
            None => State::Complete,
        };
        Ok(Transfer {
            unsent,
            lines,
            announced: None,
            withheld: Vec::new(),
            unconfirmed: None,
            fence,
            other,
            state,
            failure: None,
        })
    }
}

impl Transfer {
    /// See `transfer.next` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn next(&mut self, session: &mut Session) -> Result<Vec<Piece>, Error> {
        if self.state != State::Running {
            return Ok(Vec::new());
        }
        let pieces = self.next_pieces(session);
        match &pieces {
            Err(_) => {
                self.state = State::Failed;
                session.abandon();
            }
            Ok(pieces) if pieces.is_empty() => self.state = State::Complete,
            Ok(_) => {}
        }
        if self.state != State::Running {
            session.transferring = false;
        }
        pieces
    }

    /// Says that nobody will ask for the rest. Replies that are on their way make the session useless.
    pub fn abandon(&self, session: &mut Session) {
        if self.state == State::Running {
            session.transferring = false;
            session.abandon();
        }
    }

    fn next_pieces(&mut self, session: &mut Session) -> Result<Vec<Piece>, Error> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        let mut pieces = Vec::new();
        loop {
            session.send_ahead(|| self.unsent.next().map(|message| command(message, self.lines)))?;
            if session.core.in_flight() == 0 && !self.send_fence(session)? {
                return Ok(pieces);
            }
            // Before the host is busy with the pieces, so that the server is never idle.
            session.send()?;
            if let Err(error) = self.take_buffered(session, &mut pieces) {
                // What came before the error is good.
                if pieces.is_empty() {
                    return Err(error);
                }
                self.failure = Some(error);
                return Ok(pieces);
            }
            if !pieces.is_empty() {
                return Ok(pieces);
            }
            if session.core.in_flight() > 0 {
                session.exchange()?;
            }
        }
    }

    /// Sends what shows whether the server is in step, if that is open. Only when nothing else is awaited: behind an
    /// answer that never comes, its own could be taken for that one.
    fn send_fence(&mut self, session: &mut Session) -> Result<bool, Error> {
        let message = match (self.fence, &self.unconfirmed) {
            (Fence::Due(message), _) => message,
            (Fence::None, Some(end)) => end.number,
            _ => return Ok(false),
        };
        self.fence = Fence::Sent(message);
        let mut list = Some(Command::List(Some(message)));
        session.send_ahead(|| list.take())?;
        Ok(true)
    }

    /// Turns all that was read into pieces.
    fn take_buffered(&mut self, session: &mut Session, pieces: &mut Vec<Piece>) -> Result<(), Error> {
        loop {
            match session.buffered(|event| self.piece(event))? {
                None => return Ok(()),
                Some(Arrived::Content { held, octets }) => {
                    if session.core.may_be_repeated() && self.announced.is_some_and(|most| most <= MOST_WITHHELD) {
                        self.withheld.extend(held.iter().chain(&octets));
                        continue;
                    }
                    self.release(pieces);
                    let parts = [held.to_vec(), octets].into_iter().filter(|part| !part.is_empty());
                    pieces.extend(parts.map(Piece::Content));
                }
                Some(Arrived::Event((confirmed, piece))) => {
                    self.release(pieces);
                    pieces.extend(confirmed.map(Piece::End));
                    pieces.extend(piece);
                }
            }
        }
    }

    /// Gives what was kept back.
    fn release(&mut self, pieces: &mut Vec<Piece>) {
        let withheld = core::mem::take(&mut self.withheld);
        pieces.extend(withheld.chunks(PIECE).map(|part| Piece::Content(part.to_vec())));
    }

    /// What an event means: the end of the message before, if it was not certain until now, and a piece.
    fn piece(&mut self, event: Event<'_>) -> (Option<MessageEnd>, Option<Piece>) {
        match event {
            Event::MessageBegin { number, announced } => {
                self.announced = announced;
                let begin = MessageBegin { number: number.get(), announced };
                (self.unconfirmed.take(), Some(Piece::Begin(begin)))
            }
            Event::MessageEnd { number, octets, repeated } => {
                // Nothing was kept back of a message that is too long for it.
                let surplus = repeated.min(self.withheld.len());
                self.withheld.drain(..surplus);
                let octets = octets - surplus as u64;
                let end = MessageEnd { number: number.get(), octets };
                // A dot that the server forgot to stuff looks like the end. It is the end for certain when the size
                // is the announced one, or else when the next reply follows. A TOP is not worth a wait.
                if self.lines.is_some() || self.announced == Some(octets) {
                    (None, Some(Piece::End(end)))
                } else {
                    self.unconfirmed = Some(end);
                    (None, None)
                }
            }
            Event::Refused { sent: Sent::Retr(number) | Sent::Top(number), reply: words } => {
                let refused = MessageRefused { number: number.get(), reply: reply(words) };
                (self.unconfirmed.take(), Some(Piece::Refused(refused)))
            }
            // Some servers take a message away with RETR. But it could as well be a refusal of something before; then
            // the answer to the next LIST is about this message, and not about the one asked for.
            Event::Refused { .. } => {
                self.fence = self.other.take().map_or(Fence::Answered, Fence::Due);
                (self.unconfirmed.take(), None)
            }
            // The answer to LIST, about that message: the core has seen to it.
            _ => {
                self.fence = Fence::Answered;
                (self.unconfirmed.take(), None)
            }
        }
    }
}

fn command(message: u32, lines: Option<u32>) -> Command<'static> {
    match lines {
        Some(lines) => Command::Top { message, lines },
        None => Command::Retr(message),
    }
}
