//! Why the command has failed: one line, what can be done, and the exit code.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::password::PasswordError;
use crate::delivery::{DeliveryError, DeliveryErrorKind};
use crate::fetch::{FetchError, Summary};
use crate::journal::{JournalError, JournalErrorKind};
use crate::sandbox::contract::{self, Reply, ResponseCode, Wait};
use crate::sandbox::{LoadError, Stopped};
use crate::server_url::UrlError;
use crate::session::SessionError;
use crate::tls::{TlsFault, TlsSetupError};

/// What the contract says in the place of a command where it was the greeting.
const CONNECTION: &str = "the connection";

/// The codes of sysexits.h that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Exit {
    Usage = 64,
    Unavailable = 69,
    Software = 70,
    CannotCreate = 73,
    Io = 74,
    TryLater = 75,
    Protocol = 76,
    NoPermission = 77,
    Configuration = 78,
    // Not of sysexits.h: what a shell says of a program that a signal has ended.
    HungUp = 129,
    Interrupted = 130,
    Terminated = 143,
}

/// The command that begins TLS.
const STLS: &str = "STLS";

/// Everything that ends the command without success.
#[derive(Debug, Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Url(#[from] UrlError),
    #[error("a token travels as it is, so that auto does not use it without TLS; --auth oauthbearer or xoauth2 would")]
    TokenInClearText,
    #[error(transparent)]
    Tls(#[from] TlsSetupError),
    #[error("cannot write the trace {path}: {cause}", path = path.display())]
    Trace { path: PathBuf, cause: std::io::Error },
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("cannot find the host {host}: {cause}")]
    UnknownHost { host: String, cause: String },
    #[error("looking up the host {host} took more than {} seconds", .timeout.as_secs_f32())]
    LookupTimeout { host: String, timeout: Duration },
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Fetch(FetchError),
    #[error("{}", Incomplete(.0))]
    Incomplete(Summary),
    #[error(
        "there is no place for the journal, for neither HOME nor XDG_STATE_HOME is set; \
         name a file with --state, or do without with --no-state"
    )]
    NoStateHome,
    #[error("cannot make the directory {path} for the journal: {cause}; name a file with --state", path = path.display())]
    StateDirectory { path: PathBuf, cause: std::io::Error },
    #[error("there is no journal {path}; fetch makes it, or name another one with --state", path = path.display())]
    NoJournal { path: PathBuf },
    #[error("the journal {path} is damaged; popfetch journal repair takes over what can be read of it", path = path.display())]
    DamagedJournal { path: PathBuf },
    #[error(
        "mail of this account was stored in the Maildir {path}, which is not there; mount it or put it back, \
         or name another journal with --state to fetch everything again",
        path = path.display()
    )]
    MaildirGone { path: PathBuf },
    #[error("{failed} of the accounts have failed")]
    Accounts {
        failed: usize,
        /// That of the first of them.
        exit: Exit,
    },
    #[error("cannot write to standard output: {0}")]
    Output(std::io::Error),
    #[error("interrupted; what is stored stays, run again for the rest")]
    Interrupted(Exit),
    #[error("{0}; this is a defect, please report it")]
    Internal(&'static str),
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Session(error) => Failure::Session(error),
            FetchError::Delivery(error) => Failure::Delivery(error),
            FetchError::Journal(error) => Failure::Journal(error),
            error => Failure::Fetch(error),
        }
    }
}

impl Failure {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Failure::Usage(_) | Failure::Url(_) | Failure::TokenInClearText => Exit::Usage,
            Failure::UnknownHost { .. } => Exit::Unavailable,
            Failure::Tls(TlsSetupError::Engine(_)) => Exit::Software,
            Failure::Tls(TlsSetupError::ServerName(_)) => Exit::Usage,
            Failure::Tls(_) => Exit::Configuration,
            Failure::Trace { .. } | Failure::StateDirectory { .. } | Failure::MaildirGone { .. } => Exit::CannotCreate,
            Failure::NoStateHome | Failure::NoJournal { .. } => Exit::Configuration,
            Failure::DamagedJournal { .. } => Exit::Io,
            Failure::Password(PasswordError::Interrupted) => Exit::Interrupted,
            Failure::Password(_) => Exit::Configuration,
            Failure::Load(LoadError::Engine(_)) => Exit::Software,
            Failure::Load(_) => Exit::Configuration,
            Failure::LookupTimeout { .. } => Exit::TryLater,
            Failure::Session(error) => of_session(error),
            Failure::Delivery(error) => match error.kind() {
                DeliveryErrorKind::CannotStore => Exit::CannotCreate,
                DeliveryErrorKind::Io => Exit::Io,
            },
            Failure::Journal(error) => match error.kind() {
                JournalErrorKind::Configuration => Exit::Configuration,
                JournalErrorKind::CannotCreate => Exit::CannotCreate,
                JournalErrorKind::Io => Exit::Io,
                JournalErrorKind::Busy => Exit::TryLater,
            },
            Failure::Fetch(FetchError::NoSuchMessage { .. }) => Exit::Protocol,
            Failure::Fetch(FetchError::Unconfirmed { .. } | FetchError::TooSlow { .. }) => Exit::TryLater,
            Failure::Fetch(_) => Exit::Software,
            Failure::Incomplete(summary) if summary.temporary || summary.refused + summary.not_deleted == 0 => {
                Exit::TryLater
            }
            Failure::Incomplete(_) => Exit::Unavailable,
            Failure::Output(_) => Exit::Io,
            Failure::Interrupted(exit) | Failure::Accounts { exit, .. } => *exit,
            Failure::Internal(_) => Exit::Software,
        }
    }

    /// What can be done about it, where the line itself does not say so.
    pub(super) fn advice(&self) -> Option<&'static str> {
        match self {
            Failure::UnknownHost { .. } => Some("check the host in the URL"),
            Failure::LookupTimeout { .. } => Some("try again later"),
            Failure::Session(error) => advice_on_session(error),
            Failure::Fetch(FetchError::Unconfirmed { .. }) => {
                Some("run again; with --no-state, what is still there is fetched a second time")
            }
            Failure::Fetch(FetchError::TooSlow { .. }) => Some("nothing was deleted; try again later"),
            Failure::Incomplete(summary) if summary.failed > 0 => {
                Some("such messages are tried again, later each time; popfetch journal list shows them")
            }
            Failure::Incomplete(_) => Some("run again; -v shows the server's words for each"),
            _ => None,
        }
    }
}

fn of_session(error: &SessionError) -> Exit {
    use contract::Error;
    match error {
        SessionError::Tls(failure) => of_tls(failure.fault()),
        SessionError::TlsSetup(_) => Exit::Software,
        SessionError::Stopped(Stopped::Deadline) => Exit::TryLater,
        SessionError::Stopped(Stopped::Memory(_) | Stopped::Busy(_)) => Exit::Protocol,
        SessionError::Stopped(Stopped::Trapped(_) | Stopped::OutOfContract(_)) => Exit::Software,
        SessionError::Pop3(error) => match error {
            Error::InvalidArgument(_) => Exit::Usage,
            Error::InvalidState(_) => Exit::Software,
            Error::NotSupported(_) | Error::ConnectFailed(_) => Exit::Unavailable,
            Error::Timeout(_) => Exit::TryLater,
            Error::Closed(_) | Error::Network(_) => Exit::Io,
            Error::Refused(refusal) => of_reply(&refusal.reply).unwrap_or(Exit::Unavailable),
            Error::SignInRefused(refusal) => of_reply(&refusal.reply).unwrap_or(Exit::NoPermission),
            Error::NoMechanism(_) => Exit::NoPermission,
            Error::Misbehaved(_) | Error::LimitExceeded(_) | Error::TlsFailed(_) => Exit::Protocol,
        },
    }
}

fn of_tls(fault: TlsFault) -> Exit {
    match fault {
        TlsFault::Certificate | TlsFault::Protocol => Exit::Protocol,
        TlsFault::ClientCertificate => Exit::NoPermission,
        TlsFault::Connection => Exit::Io,
        TlsFault::Configuration => Exit::Configuration,
        TlsFault::Internal => Exit::Software,
    }
}

fn of_reply(reply: &Reply) -> Option<Exit> {
    match &reply.code {
        Some(ResponseCode::InUse | ResponseCode::LoginDelay | ResponseCode::SysTemp) => Some(Exit::TryLater),
        Some(ResponseCode::SysPerm) => Some(Exit::Unavailable),
        Some(ResponseCode::Auth) => Some(Exit::NoPermission),
        Some(ResponseCode::Other(_)) => None,
        None => reply.says_in_use().then_some(Exit::TryLater),
    }
}

fn advice_on_session(error: &SessionError) -> Option<&'static str> {
    use contract::Error;
    if let SessionError::Stopped(Stopped::Deadline) = error {
        return Some("give more time with --deadline");
    }
    let error = match error {
        SessionError::Pop3(error) => error,
        // The line says it.
        SessionError::Tls(_) | SessionError::TlsSetup(_) => return None,
        SessionError::Stopped(_) => return Some("nothing was deleted; please report it with the server's name"),
    };
    match error {
        Error::ConnectFailed(_) => Some("check the host and port in the URL"),
        Error::Timeout(Wait::Greeting) => {
            Some("try again later; if that port wants TLS from the first octet, write pop3s://")
        }
        Error::Timeout(Wait::Session) => Some("give more time with --deadline"),
        Error::Timeout(_) => Some("try again later, or wait longer with --timeout"),
        Error::Closed(_) | Error::Network(_) => Some("try again; nothing was deleted"),
        Error::Refused(refusal) | Error::SignInRefused(refusal) => match &refusal.reply.code {
            Some(ResponseCode::InUse) => Some("another session holds the mailbox; try again later"),
            Some(ResponseCode::LoginDelay) => Some("the server wants a pause between sessions; try again later"),
            Some(ResponseCode::SysTemp) => Some("try again later"),
            Some(ResponseCode::SysPerm) => Some("ask who runs the server"),
            None if refusal.reply.says_in_use() => Some("another session may hold the mailbox; try again later"),
            code if matches!(error, Error::SignInRefused(_)) => {
                Some(advice_on_sign_in(&refusal.command, matches!(code, Some(ResponseCode::Auth))))
            }
            Some(ResponseCode::Auth) => Some("check the user name and the password"),
            _ if refusal.command == CONNECTION => Some("try again later"),
            _ if refusal.command == STLS => Some(
                "nothing secret was sent; try pop3s:// (without TLS, which is --tls off, everybody on the way can listen)",
            ),
            _ if refusal.command.starts_with("LANG") => Some("leave out --lang, or name another language"),
            _ => None,
        },
        Error::NoMechanism(_) => Some(
            "--auth auto, the default, takes the best that keeps the password secret; others have to be named: apop, cram-md5 \
             rest on MD5; user, plain and login send the password as it is",
        ),
        Error::TlsFailed(_) => None,
        Error::Misbehaved(misbehaviour) if misbehaviour.problem.contains("SCRAM iteration count") => {
            Some("--scram-iterations permits other counts; ask who runs the server before you permit fewer than 4096")
        }
        Error::Misbehaved(misbehaviour) if misbehaviour.command.as_deref() == Some(CONNECTION) => {
            Some("check that the host and port are those of a POP3 server")
        }
        Error::Misbehaved(_) | Error::LimitExceeded(_) => Some("nothing was deleted; tell who runs the server"),
        Error::InvalidArgument(_) | Error::InvalidState(_) | Error::NotSupported(_) => None,
    }
}

/// By the command that was refused.
fn advice_on_sign_in(command: &str, is_about_credentials: bool) -> &'static str {
    match command.strip_prefix("AUTH ") {
        Some("XOAUTH2" | "OAUTHBEARER") => "check the user name and the token (its scope, and whether it has expired)",
        Some("EXTERNAL") => "check the user name and the certificate",
        Some(mechanism) if mechanism.starts_with("SCRAM") => {
            "check the user name and the password; a server that stores it in another way needs --auth plain, under TLS"
        }
        _ if is_about_credentials => "check the user name and the password",
        _ => "check the user name and the password, or whether another session holds the mailbox",
    }
}

/// A run to the end that has not got everything.
struct Incomplete<'a>(&'a Summary);

impl std::fmt::Display for Incomplete<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Summary { stored, refused, not_deleted, failed, cause, refusal, .. } = self.0;
        write!(f, "{} stored", counted_as(*stored))?;
        if *failed > 0 {
            write!(f, ", {failed} could not be fetched")?;
        }
        if let Some(cause) = cause {
            write!(f, " ({cause})")?;
        }
        if *refused > 0 {
            write!(f, ", the server refused to give {refused}")?;
        }
        if *not_deleted > 0 {
            write!(f, ", the server refused to delete {not_deleted}")?;
        }
        match refusal {
            Some(words) if *refused + *not_deleted > 1 => write!(f, " (at last: {words})"),
            Some(words) => write!(f, " ({words})"),
            None => Ok(()),
        }
    }
}

/// "1 message is", "2 messages are".
fn counted_as(messages: u32) -> String {
    if messages == 1 { "1 message is".to_owned() } else { format!("{messages} messages are") }
}
