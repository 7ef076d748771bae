//! Why a verb failed, and whose fault it is.

use std::fmt;

use thiserror::Error;

use crate::sandbox::{Stopped, contract};
use crate::tls::{TlsFailure, TlsFault, TlsRecord, TlsSetupError};

/// A verb that failed.
#[derive(Clone, Debug, Error)]
pub enum SessionError {
    /// What the component says: see `error` in `wit/types.wit`.
    #[error("{}", Words(.0))]
    Pop3(contract::Error),
    /// There is no TLS, and nothing secret was sent.
    #[error(transparent)]
    Tls(#[from] TlsFailure),
    /// TLS cannot be had on this machine.
    #[error("{0}")]
    TlsSetup(String),
    /// The component was stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl From<TlsSetupError> for SessionError {
    fn from(error: TlsSetupError) -> Self {
        SessionError::TlsSetup(error.to_string())
    }
}

impl From<contract::Error> for SessionError {
    fn from(error: contract::Error) -> Self {
        SessionError::Pop3(error)
    }
}

impl SessionError {
    /// What the component says, with the cause that only TLS knows: the component sees no more than that there is no TLS, or
    /// that the connection broke. In TLS 1.3 that is also how a server refuses its client after the handshake.
    pub(super) fn of(error: contract::Error, tls: &TlsRecord) -> Self {
        use contract::Error::{Closed, Network, TlsFailed};
        match (error, tls.failure()) {
            (TlsFailed(_), Some(failure)) => SessionError::Tls(failure),
            (Network(_) | Closed(_), Some(failure)) if failure.fault() == TlsFault::ClientCertificate => {
                SessionError::Tls(failure)
            }
            (Network(_), Some(failure)) => Network(failure.to_string()).into(),
            (error, _) => error.into(),
        }
    }

    /// Whether the session is of no more use.
    pub fn ends_session(&self) -> bool {
        use contract::Error::{Closed, ConnectFailed, LimitExceeded, Misbehaved, Network, Timeout, TlsFailed};
        match self {
            SessionError::Stopped(_) | SessionError::Tls(_) | SessionError::TlsSetup(_) => true,
            SessionError::Pop3(error) => matches!(
                error,
                Closed(_)
                    | ConnectFailed(_)
                    | LimitExceeded(_)
                    | Misbehaved(_)
                    | Network(_)
                    | Timeout(_)
                    | TlsFailed(_)
            ),
        }
    }

    /// Whether the server answered `-ERR` to this command.
    pub fn is_refusal(&self) -> bool {
        matches!(self, SessionError::Pop3(contract::Error::Refused(_)))
    }

    /// Whether the server refused the token that it was given in signing in, for a reason that another token may not have.
    pub(crate) fn is_refused_token(&self) -> bool {
        use contract::ResponseCode::{InUse, LoginDelay, SysPerm, SysTemp};
        match self {
            SessionError::Pop3(contract::Error::SignInRefused(refusal)) => {
                !matches!(refusal.reply.code, Some(InUse | LoginDelay | SysPerm | SysTemp))
            }
            // There are servers that close the connection after that, and do not say goodbye in TLS.
            SessionError::Pop3(contract::Error::Closed(_) | contract::Error::Network(_)) => true,
            _ => false,
        }
    }

    /// Whether it did so for lack of what was asked for, and not because of trouble of its own.
    pub(crate) fn is_lack(&self) -> bool {
        use contract::ResponseCode::{InUse, LoginDelay, SysPerm, SysTemp};
        match self {
            SessionError::Pop3(contract::Error::Refused(refusal)) => {
                !matches!(refusal.reply.code, Some(InUse | LoginDelay | SysPerm | SysTemp))
            }
            _ => false,
        }
    }
}

/// One line for people. What the server said is escaped by the component; who prints it escapes it again, for a
/// component is not to be trusted.
struct Words<'a>(&'a contract::Error);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use contract::{Error, Misbehaviour, Wait};
        match self.0 {
            Error::InvalidArgument(problem) | Error::InvalidState(problem) => f.write_str(problem),
            Error::NotSupported(what) => f.write_str(what),
            Error::ConnectFailed(causes) => write!(f, "cannot connect: {causes}"),
            Error::Timeout(Wait::Connect) => f.write_str("connecting timed out"),
            Error::Timeout(Wait::Tls) => f.write_str("the server was silent in the TLS handshake"),
            Error::Timeout(Wait::Greeting) => f.write_str("the server was silent for too long before its greeting"),
            Error::Timeout(Wait::Reply) => f.write_str("the server was silent for too long"),
            Error::Timeout(Wait::Send) => f.write_str("the server took nothing for too long"),
            Error::Timeout(Wait::Quit) => f.write_str("the server did not answer QUIT in time"),
            Error::Timeout(Wait::Session) => f.write_str("the session took longer than it may"),
            Error::Closed(Some(command)) if command == "the connection" => {
                f.write_str("the server closed the connection before its greeting")
            }
            Error::Closed(None) => f.write_str("the server closed the connection"),
            Error::Closed(Some(command)) => {
                write!(f, "the server closed the connection instead of answering {command}")
            }
            Error::TlsFailed(cause) => write!(f, "no TLS: {cause}"),
            Error::Network(cause) => write!(f, "the connection broke: {cause}"),
            Error::Refused(refusal) => write!(f, "the server refused {}", Refused(refusal)),
            Error::SignInRefused(refusal) => write!(f, "the server refused the sign-in with {}", Refused(refusal)),
            Error::NoMechanism(why) => write!(f, "the server offers none of the permitted mechanisms: {why}"),
            // What a mechanism of SASL says stands for itself; the challenge is noise to people.
            Error::Misbehaved(Misbehaviour { command: Some(command), problem, .. }) if command.starts_with("AUTH ") => {
                write!(f, "the server breaks the rules of {command}: {problem}")
            }
            Error::Misbehaved(misbehaviour) => {
                f.write_str("the server does not speak POP3 as it must: ")?;
                f.write_str(&misbehaviour.problem)?;
                if let Some(command) = &misbehaviour.command {
                    write!(f, " to {command}")?;
                }
                if misbehaviour.line.is_empty() { Ok(()) } else { write!(f, ": \"{}\"", misbehaviour.line) }
            }
            Error::LimitExceeded(excess) => {
                let command = excess.command.as_deref().unwrap_or("nothing");
                write!(f, "the server answered {command} with more than allowed ({}: {})", excess.limit, excess.bound)
            }
        }
    }
}

struct Refused<'a>(&'a contract::Refusal);

impl fmt::Display for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contract::Refusal { command, reply, status } = self.0;
        write!(f, "{command}: \"-ERR")?;
        let line = reply.to_line();
        if line.is_empty() { f.write_str("\"") } else { write!(f, " {line}\"") }?;
        status.as_ref().map_or(Ok(()), |status| write!(f, " ({status})"))
    }
}

impl contract::Reply {
    /// The server's words as one line, with the response code in its brackets in front.
    pub fn to_line(&self) -> String {
        use contract::ResponseCode;
        let code = match &self.code {
            None => return self.text.clone(),
            Some(ResponseCode::InUse) => "IN-USE",
            Some(ResponseCode::LoginDelay) => "LOGIN-DELAY",
            Some(ResponseCode::SysTemp) => "SYS/TEMP",
            Some(ResponseCode::SysPerm) => "SYS/PERM",
            Some(ResponseCode::Auth) => "AUTH",
            Some(ResponseCode::Other(code)) => code,
        };
        if self.text.is_empty() { format!("[{code}]") } else { format!("[{code}] {}", self.text) }
    }

    /// Whether the words mean that another session holds the maildrop, where there is no response code to say so: "maildrop
    /// already locked" (RFC 1939 §7, PASS), and the like. An account that is locked is another matter.
    pub(crate) fn says_in_use(&self) -> bool {
        let text = self.text.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        says(&["maildrop", "mailbox"]) && says(&["lock", "in use", "busy"])
    }
}
