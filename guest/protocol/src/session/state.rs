//! The states of a session.

use core::fmt;

/// The states of RFC 1939 §3, with what comes before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The greeting has not come; there is no command.
    Greeting,
    /// The server does not know who is there: the commands that sign in, and `STLS`, `UTF8`, `LANG`, `CAPA`, `QUIT`.
    Authorization,
    /// `STLS` was accepted: the next octets are TLS's, and there is no command before
    /// [`tls_established`](super::Session::tls_established).
    Handshake,
    /// Signed in: all but the commands that sign in.
    Transaction,
    /// `QUIT` was sent in TRANSACTION: the server removes what is marked. There is no further command.
    Update,
    /// Greeted with `-ERR`, `QUIT` was sent in AUTHORIZATION or answered, the connection is gone, or the server does not
    /// speak POP3: there is no further command.
    Closed,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "greeting",
            Self::Authorization => "AUTHORIZATION",
            Self::Handshake => "TLS handshake",
            Self::Transaction => "TRANSACTION",
            Self::Update => "UPDATE",
            Self::Closed => "closed",
        })
    }
}
