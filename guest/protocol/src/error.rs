//! Errors, by whose fault they are.

use alloc::string::String;
use core::fmt;

use crate::command::Sent;
use crate::session::State;

/// The caller's fault: a command that must not be sent. Nothing was added to the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// The session's state does not have this command (RFC 1939 §3).
    State {
        /// The command's keyword.
        command: &'static str,
        /// The state that the session is in.
        state: State,
    },
    /// `PASS` without a `USER` that was accepted right before it (RFC 1939 §7).
    PassWithoutUser,
    /// `APOP` to a server whose greeting has no timestamp (RFC 1939 §7).
    NoTimestamp,
    /// An exchange of `AUTH`, or `STLS`, is not over; or it is to begin, and another command is not answered.
    Busy {
        /// The command whose answer has to come first.
        awaited: Sent,
    },
    /// There is no challenge to respond to.
    NoChallenge,
    /// CR, LF or NUL in an argument, which would end the command early.
    ControlOctet {
        /// Which argument.
        argument: &'static str,
    },
    /// An argument of no octets.
    Empty {
        /// Which argument.
        argument: &'static str,
    },
    /// A language that is no tag of RFC 5646 and not `*`: a blank in it would make the command another one.
    NoLanguage,
    /// An argument longer than [`Limits::credential`](crate::Limits::credential).
    TooLong {
        /// Which argument.
        argument: &'static str,
        /// The limit in octets.
        limit: usize,
    },
    /// Message number 0: the first message is 1.
    MessageZero,
}

/// The server's fault: it does not speak the protocol. The session is of no more use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// A line that is neither `+OK` nor `-ERR` where a reply belongs (RFC 1939 §3).
    NotAReply {
        /// The command whose reply was awaited.
        after: Sent,
        /// The beginning of the line, escaped.
        line: String,
    },
    /// `+OK` without the numbers or the unique-id that belong to it, or a row that is none.
    Malformed {
        /// The command whose answer it is.
        after: Sent,
        /// The beginning of the line, escaped.
        line: String,
    },
    /// `LIST n` or `UIDL n` answered about another message.
    OtherMessage {
        /// The command.
        after: Sent,
        /// The message that the answer is about.
        number: u32,
    },
    /// Octets from the server while no reply was awaited.
    Unsolicited {
        /// The beginning of the line, escaped.
        line: String,
    },
    /// Octets in clear text behind the `+OK` to `STLS`. Somebody in between wants them to be taken for an answer that came
    /// under TLS (CVE-2021-22947, CVE-2026-41319).
    ClearBehindStls {
        /// Their beginning, escaped.
        line: String,
    },
    /// A line longer than [`Limits::reply_line`](crate::Limits::reply_line).
    LineTooLong {
        /// The command whose answer it is, where one was awaited.
        after: Option<Sent>,
        /// The limit in octets.
        limit: usize,
    },
    /// More rows than [`Limits::listing_entries`](crate::Limits::listing_entries).
    TooManyRows {
        /// The command whose answer it is.
        after: Sent,
        /// The limit in rows.
        limit: usize,
    },
    /// The connection was closed before all replies had come.
    Closed {
        /// The command whose reply is missing or cut short, where one was awaited.
        after: Option<Sent>,
    },
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State { command, state } => write!(f, "{command} is not a command of the {state} state"),
            Self::PassWithoutUser => f.write_str("PASS needs a USER that was accepted right before it"),
            Self::Busy { awaited } => write!(f, "nothing may be sent before {awaited} is answered"),
            Self::NoChallenge => f.write_str("there is no challenge to respond to"),
            Self::NoTimestamp => f.write_str("APOP needs a timestamp in the greeting"),
            Self::ControlOctet { argument } => write!(f, "the {argument} has CR, LF or NUL in it"),
            Self::Empty { argument } => write!(f, "the {argument} is empty"),
            Self::NoLanguage => f.write_str("the language is a tag such as de or fr-CA, without blanks, or *"),
            Self::TooLong { argument, limit } => write!(f, "the {argument} is longer than {limit} octets"),
            Self::MessageZero => f.write_str("messages are counted from 1"),
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAReply { after, line } => write!(f, "answered {after} with neither +OK nor -ERR: {line}"),
            Self::Malformed { after, line } => write!(f, "answered {after} with a line that makes no sense: {line}"),
            Self::OtherMessage { after, number } => write!(f, "answered {after} about message {number}"),
            Self::Unsolicited { line } => write!(f, "sent a line that nothing asked for: {line}"),
            Self::ClearBehindStls { line } => write!(f, "sent clear text behind its answer to STLS: {line}"),
            Self::LineTooLong { after: Some(after), limit } => {
                write!(f, "answered {after} with a line of more than {limit} octets")
            }
            Self::LineTooLong { after: None, limit } => {
                write!(f, "sent a line of more than {limit} octets that nothing asked for")
            }
            Self::TooManyRows { after, limit } => write!(f, "answered {after} with more than {limit} rows"),
            Self::Closed { after: Some(after) } => write!(f, "closed the connection before {after} was answered"),
            Self::Closed { after: None } => f.write_str("closed the connection"),
        }
    }
}

impl core::error::Error for CommandError {}
impl core::error::Error for ProtocolError {}
