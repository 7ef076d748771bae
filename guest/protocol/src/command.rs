//! Commands, as the caller names them and as they are remembered until their replies come.

use alloc::vec::Vec;
use core::fmt::{self, Write};
use core::num::NonZeroU32;

use crate::sasl::Mechanism;

/// A command of RFC 1939 or of one of its extensions. Messages are counted from 1.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command<'a> {
    /// The mailbox's name, in clear text.
    User(&'a str),
    /// The password, in clear text; right after an accepted `USER`.
    Pass(&'a [u8]),
    /// The mailbox's name, and a digest of the greeting's timestamp and the secret.
    Apop {
        /// The mailbox's name.
        user: &'a str,
        /// The secret, which is not sent.
        secret: &'a [u8],
    },
    /// Begins an exchange of challenges and responses (RFC 5034 §4), which goes on with
    /// [`Session::respond`](crate::Session::respond).
    Auth {
        /// By which mechanism.
        mechanism: Mechanism,
        /// What the client says at once, not yet in base64; nothing where it waits to be asked.
        initial: Option<&'a [u8]>,
        /// This proves who the client is. Before that, `+OK` cannot mean that the sign-in is over.
        proves: bool,
    },
    /// TLS from here on (RFC 2595 §4).
    Stls,
    /// UTF-8 in names, passwords and messages (RFC 6856 §2).
    Utf8,
    /// The language of the server's words (RFC 6856 §3): the one to use, or which there are.
    Lang(Option<&'a str>),
    /// What the server can do.
    Capa,
    /// Count and size of the maildrop.
    Stat,
    /// The size of one message, or of all.
    List(Option<u32>),
    /// The unique-id of one message, or of all.
    Uidl(Option<u32>),
    /// A message.
    Retr(u32),
    /// The header of a message and some lines of its body.
    Top {
        /// The message.
        message: u32,
        /// How many lines of the body.
        lines: u32,
    },
    /// Marks a message as deleted.
    Dele(u32),
    /// Nothing.
    Noop,
    /// Takes back all marks.
    Rset,
    /// The end of the session; in TRANSACTION, the server then removes what is marked.
    Quit,
}

/// A command in flight, without its secrets. Shows as the command line: `RETR 3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sent {
    /// Nothing was sent: the greeting is awaited.
    Connection,
    /// `USER`
    User,
    /// `PASS`
    Pass,
    /// `APOP`
    Apop,
    /// `AUTH` and the exchange behind it
    Auth(Mechanism),
    /// `STLS`
    Stls,
    /// `UTF8`
    Utf8,
    /// `LANG` with a language
    Lang,
    /// `LANG` for all languages
    LangAll,
    /// `CAPA`
    Capa,
    /// `STAT`
    Stat,
    /// `LIST` for all messages
    ListAll,
    /// `LIST n`
    List(NonZeroU32),
    /// `UIDL` for all messages
    UidlAll,
    /// `UIDL n`
    Uidl(NonZeroU32),
    /// `RETR n`
    Retr(NonZeroU32),
    /// `TOP n`
    Top(NonZeroU32),
    /// `DELE n`
    Dele(NonZeroU32),
    /// `NOOP`
    Noop,
    /// `RSET`
    Rset,
    /// `QUIT`
    Quit,
}

impl Command<'_> {
    /// The first word of the command line.
    pub fn keyword(&self) -> &'static str {
        match self {
            Self::User(_) => "USER",
            Self::Pass(_) => "PASS",
            Self::Apop { .. } => "APOP",
            Self::Auth { .. } => "AUTH",
            Self::Stls => "STLS",
            Self::Utf8 => "UTF8",
            Self::Lang(_) => "LANG",
            Self::Capa => "CAPA",
            Self::Stat => "STAT",
            Self::List(_) => "LIST",
            Self::Uidl(_) => "UIDL",
            Self::Retr(_) => "RETR",
            Self::Top { .. } => "TOP",
            Self::Dele(_) => "DELE",
            Self::Noop => "NOOP",
            Self::Rset => "RSET",
            Self::Quit => "QUIT",
        }
    }

    /// What is remembered of the command; nothing for message 0.
    pub(crate) fn sent(&self) -> Option<Sent> {
        let sent = match *self {
            Self::User(_) => Sent::User,
            Self::Pass(_) => Sent::Pass,
            Self::Apop { .. } => Sent::Apop,
            Self::Auth { mechanism, .. } => Sent::Auth(mechanism),
            Self::Stls => Sent::Stls,
            Self::Utf8 => Sent::Utf8,
            Self::Lang(Some(_)) => Sent::Lang,
            Self::Lang(None) => Sent::LangAll,
            Self::Capa => Sent::Capa,
            Self::Stat => Sent::Stat,
            Self::List(None) => Sent::ListAll,
            Self::List(Some(message)) => Sent::List(NonZeroU32::new(message)?),
            Self::Uidl(None) => Sent::UidlAll,
            Self::Uidl(Some(message)) => Sent::Uidl(NonZeroU32::new(message)?),
            Self::Retr(message) => Sent::Retr(NonZeroU32::new(message)?),
            Self::Top { message, .. } => Sent::Top(NonZeroU32::new(message)?),
            Self::Dele(message) => Sent::Dele(NonZeroU32::new(message)?),
            Self::Noop => Sent::Noop,
            Self::Rset => Sent::Rset,
            Self::Quit => Sent::Quit,
        };
        Some(sent)
    }
}

/// Adds a command line whose arguments are numbers.
pub(crate) fn write_line(output: &mut Vec<u8>, line: fmt::Arguments<'_>) {
    struct Octets<'a>(&'a mut Vec<u8>);
    impl Write for Octets<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }
    // Writing to a Vec cannot fail.
    let _ = write!(Octets(output), "{line}\r\n");
}

impl fmt::Debug for Command<'_> {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sent() {
            Some(sent) => write!(f, "Command({sent})"),
            None => write!(f, "Command({} 0)", self.keyword()),
        }
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection => f.write_str("the connection"),
            Self::User => f.write_str("USER"),
            Self::Pass => f.write_str("PASS"),
            Self::Apop => f.write_str("APOP"),
            Self::Auth(mechanism) => write!(f, "AUTH {}", mechanism.name()),
            Self::Stls => f.write_str("STLS"),
            Self::Utf8 => f.write_str("UTF8"),
            Self::Lang | Self::LangAll => f.write_str("LANG"),
            Self::Capa => f.write_str("CAPA"),
            Self::Stat => f.write_str("STAT"),
            Self::ListAll => f.write_str("LIST"),
            Self::List(message) => write!(f, "LIST {message}"),
            Self::UidlAll => f.write_str("UIDL"),
            Self::Uidl(message) => write!(f, "UIDL {message}"),
            Self::Retr(message) => write!(f, "RETR {message}"),
            Self::Top(message) => write!(f, "TOP {message}"),
            Self::Dele(message) => write!(f, "DELE {message}"),
            Self::Noop => f.write_str("NOOP"),
            Self::Rset => f.write_str("RSET"),
            Self::Quit => f.write_str("QUIT"),
        }
    }
}
