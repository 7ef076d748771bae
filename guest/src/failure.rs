//! What the protocol core gives, in the words of the contract.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};

use pop3_protocol::{CommandError, ProtocolError, Sent, escape};

use crate::types::{Error, Excess, Misbehaviour, Refusal, Reply, ResponseCode};

/// How much of an unknown response code is passed on, in octets.
const CODE_SHOWN: usize = 64;

impl From<CommandError> for Error {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::State { .. }
            | CommandError::PassWithoutUser
            | CommandError::NoTimestamp
            | CommandError::Busy { .. }
            | CommandError::NoChallenge => Error::InvalidState(error.to_string()),
            _ => Error::InvalidArgument(error.to_string()),
        }
    }
}

impl From<ProtocolError> for Error {
    fn from(error: ProtocolError) -> Self {
        let misbehaved = |command: Option<Sent>, problem: &str, line: String| {
            let command = command.map(|sent| sent.to_string());
            Error::Misbehaved(Misbehaviour { command, problem: problem.to_owned(), line })
        };
        let exceeded = |command: Option<Sent>, limit: &str, bound: usize| {
            let command = command.map(|sent| sent.to_string());
            Error::LimitExceeded(Excess {
                limit: limit.to_owned(),
                bound: u32::try_from(bound).unwrap_or(u32::MAX),
                command,
            })
        };
        match error {
            ProtocolError::NotAReply { after: after @ Sent::Connection, line } => {
                misbehaved(Some(after), "not a POP3 greeting", line)
            }
            ProtocolError::NotAReply { after, line } => misbehaved(Some(after), "neither +OK nor -ERR", line),
            ProtocolError::Malformed { after, line } => misbehaved(Some(after), "an answer that makes no sense", line),
            ProtocolError::OtherMessage { after, number } => {
                misbehaved(Some(after), "an answer about another message", number.to_string())
            }
            ProtocolError::Unsolicited { line } => misbehaved(None, "a line that nothing asked for", line),
            ProtocolError::ClearBehindStls { line } => {
                misbehaved(Some(Sent::Stls), "clear text behind the answer, as somebody in between would send it", line)
            }
            ProtocolError::LineTooLong { after, limit } => exceeded(after, "reply-line", limit),
            ProtocolError::TooManyRows { after, limit } => exceeded(Some(after), "listing-entries", limit),
            ProtocolError::Closed { after } => Error::Closed(after.map(|sent| sent.to_string())),
        }
    }
}

/// The server's words, safe to print.
pub(crate) fn reply(reply: pop3_protocol::Reply<'_>) -> Reply {
    use pop3_protocol::ResponseCode as Code;
    let code = reply.code.map(|code| match code {
        Code::InUse => ResponseCode::InUse,
        Code::LoginDelay => ResponseCode::LoginDelay,
        Code::SysTemp => ResponseCode::SysTemp,
        Code::SysPerm => ResponseCode::SysPerm,
        Code::Auth => ResponseCode::Auth,
        Code::Other(code) => ResponseCode::Other(escape(code, CODE_SHOWN)),
    });
    Reply { code, text: escape(reply.text, usize::MAX) }
}

/// `-ERR` to a command.
pub(crate) fn refusal(sent: Sent, words: pop3_protocol::Reply<'_>) -> Refusal {
    Refusal { command: sent.to_string(), reply: reply(words), status: None }
}

impl Refusal {
    /// Whether the reason is trouble of the server's own: another command would meet it too.
    pub(crate) fn is_trouble(&self) -> bool {
        use ResponseCode::{InUse, LoginDelay, SysPerm, SysTemp};
        matches!(self.reply.code, Some(InUse | LoginDelay | SysTemp | SysPerm))
    }
}
