//! What can go wrong with a reply.

use std::time::Duration;

use super::Segments;
use crate::maildrop::Content;

/// What goes wrong with one reply (the greeting is one too).
///
/// Several may match one command. Those that edit the honest reply ([`NoEffect`](Self::NoEffect) to
/// [`EndlessBody`](Self::EndlessBody)) come first, in the order in which they were added; then the others, each around
/// what the one before has left: [`Play`](Self::Play) with [`Action::Honest`] in it plays that.
///
/// Unless it says otherwise a fault spoils the reply only: the command has been carried out all the same, as when a
/// reply gets lost.
#[derive(Clone, Debug)]
pub enum Fault {
    // These edit the honest reply.
    /// The reply is sent, but the command does nothing: a DELE that does not mark, a QUIT that does not delete.
    NoEffect,
    /// `-ERR ` and this text, which may be anything (response codes, terminal escapes, 100 KB), and the command is not
    /// carried out.
    Refuse(Vec<u8>),
    /// Another status line, given without CRLF, such as `+OK 10 8`. Rows or content follow as before.
    Status(Vec<u8>),
    /// Another row in a listing (LIST, UIDL, CAPA without argument).
    Row(Row),
    /// The message is not dot-stuffed.
    Unstuffed,
    /// The last CRLF of the message is missing before the final dot, which so ends up in the last line.
    NoCrlfBeforeFinalDot,
    /// The final dot with its CRLF is missing.
    NoFinalDot,
    /// Rows or content never end: rows with rising numbers, or lines of text.
    EndlessBody,

    // These replace it, or are put around it.
    /// Octets exactly as they are instead of the reply: no CRLF is added, none converted.
    Raw(Vec<u8>),
    /// What another protocol says instead of the reply.
    Banner(Banner),
    /// The reply and then these octets, exactly as they are: as if the server had answered something that was not
    /// asked.
    Append(Vec<u8>),
    /// The reply, and the same once more.
    Twice,
    /// The reply only after some time.
    Delay(Duration),
    /// The reply one octet at a time, with so much time between two octets.
    Drip(Duration),
    /// `+OK ` and then text for ever, with no line end.
    EndlessLine,
    /// Lines of text for ever.
    EndlessLines,
    /// No reply: this instead.
    End(Ending),
    /// The reply, but after so many octets of it this (after the whole of it when it is shorter).
    CutReply {
        /// Octets of the reply which are sent, counted as on the wire.
        after: u64,
        /// What happens then.
        ending: Ending,
    },
    /// The reply, but after so many octets of its rows or content this. Without rows or content, after the reply.
    CutContent {
        /// Octets after the status line which are sent, counted as on the wire: dots that were stuffed are among them.
        after: u64,
        /// What happens then.
        ending: Ending,
    },
    /// Anything: these actions instead of the reply.
    Play(Vec<Action>),
}

impl Fault {
    /// True when the command must not be carried out.
    pub(super) fn is_without_effect(&self) -> bool {
        matches!(self, Self::NoEffect | Self::Refuse(_))
    }
}

/// How a conversation stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The server closes the connection in order: close_notify where there is TLS, and FIN. What the client still
    /// sends is read and recorded.
    Close,
    /// The server closes the TCP connection without the close_notify of TLS, as an attacker can. In clear it is as
    /// [`Close`](Self::Close).
    Truncate,
    /// The server resets the connection: RST (`SO_LINGER` 0).
    Reset,
    /// The server sends nothing any more. The connection stays open until the client closes it.
    Silence,
}

/// A change to the rows of a listing. Positions count from 1, and one that there is not changes nothing.
#[derive(Clone, Debug)]
pub enum Row {
    /// The row at this position is missing.
    Drop(usize),
    /// The row at this position comes twice.
    Duplicate(usize),
    /// The row at this position is this, given without CRLF: `1 -5`, `2 99999999999999999999`, `x`.
    Replace(usize, Vec<u8>),
    /// This row comes after the last one, given without CRLF.
    Append(Vec<u8>),
    /// The rows come from the last to the first.
    Reverse,
    /// There are no rows.
    Clear,
}

/// What a server of another protocol says first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Banner {
    /// An SSH server.
    Ssh,
    /// An HTTP server which got a request that it does not understand.
    Http,
    /// An SMTP server.
    Smtp,
    /// An IMAP server.
    Imap,
    /// The alert of a TLS server which got cleartext.
    TlsAlert,
    /// A kilobyte of octets of any value.
    Noise,
}

impl Banner {
    pub(super) fn octets(self) -> Vec<u8> {
        match self {
            Self::Ssh => b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n".to_vec(),
            Self::Http => {
                b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html></html>\r\n"
                    .to_vec()
            }
            Self::Smtp => b"220 mail.example.org ESMTP ready\r\n".to_vec(),
            Self::Imap => b"* OK [CAPABILITY IMAP4rev1] ready\r\n".to_vec(),
            Self::TlsAlert => b"\x15\x03\x01\x00\x02\x02\x46".to_vec(),
            Self::Noise => crate::maildrop::Random::new(1939).octets(1024),
        }
    }
}

/// One thing that the server does with its end of the connection.
#[derive(Clone, Debug)]
pub enum Action {
    /// Sends these octets. [`LineEnd`](super::LineEnd) applies to them, so use LF alone where LF is meant.
    Send(Vec<u8>),
    /// Sends these octets for ever.
    Repeat(Vec<u8>),
    /// Sends rows of a number and a number for ever, the first with this one.
    RepeatRows(u64),
    /// Sends the first `octets` octets of the content.
    Content {
        /// What is sent.
        content: Content,
        /// How much of it, `u64::MAX` for all.
        octets: u64,
        /// Whether it is dot-stuffed.
        stuffed: bool,
    },
    /// Does what the server would have done without the fault that this is in.
    Honest,
    /// The TLS handshake, up to its end. It is what is honest at [`At::handshake`](super::At::handshake), and nothing
    /// where the server has no TLS.
    Handshake,
    /// Waits, after everything so far has been sent.
    Pause(Duration),
    /// Cuts what follows into such segments, with so much time between them. It holds for the reply it is in.
    Pace(Segments, Duration),
    /// Lets so many octets more through, then ends. It holds for the reply it is in.
    CutAfter(u64, Ending),
    /// Ends at once.
    End(Ending),
}
