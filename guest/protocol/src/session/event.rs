//! What a session tells its caller.

use core::num::NonZeroU32;
use core::ops::Range;

use crate::command::Sent;
use crate::reply::Reply;
use crate::rows::Capability;

/// What the server said. `number` is that of a message.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The first line, `+OK`: the session is in AUTHORIZATION.
    Greeting(Reply<'a>),
    /// `+OK` to a command that is answered by nothing more, or the first line of a listing.
    Accepted {
        /// The command.
        sent: Sent,
        /// The server's words.
        reply: Reply<'a>,
    },
    /// `-ERR` to a command, or to the connection.
    Refused {
        /// The command.
        sent: Sent,
        /// The server's words.
        reply: Reply<'a>,
    },
    /// What the server wants to hear next in the exchange of `AUTH`. The exchange waits for
    /// [`respond`](crate::Session::respond) or [`cancel`](crate::Session::cancel).
    Challenge {
        /// What stands behind `+`, or behind `+OK` where the client has proved nothing yet: base64 of anything, other
        /// words, or nothing.
        text: &'a [u8],
    },
    /// The answer to `STAT`.
    Maildrop {
        /// How many there are.
        messages: u32,
        /// How large they are together, as the server counts.
        octets: u64,
    },
    /// The answer to `LIST n`, or a row of `LIST`.
    ScanListing {
        /// The message.
        number: NonZeroU32,
        /// Its size as the server counts.
        octets: u64,
    },
    /// The answer to `UIDL n`, or a row of `UIDL`.
    UniqueId {
        /// The message.
        number: NonZeroU32,
        /// As sent, possibly of no octets.
        unique_id: &'a [u8],
    },
    /// A row of `LANG`.
    Language {
        /// The language tag (RFC 5646), as sent.
        tag: &'a [u8],
        /// Its name in that language, as sent.
        description: &'a [u8],
    },
    /// A row of `CAPA`.
    Capability(Capability<'a>),
    /// The last row of a listing was the one before.
    ListingEnd,
    /// `+OK` to `RETR` or `TOP`; the content follows.
    MessageBegin {
        /// The message.
        number: NonZeroU32,
        /// The size that the `+OK` line of `RETR` names, which is often wrong.
        announced: Option<u64>,
    },
    /// Octets of the message, dots unstuffed.
    Content {
        /// Octets that came with an earlier segment, of which only now is known that they are not the message's end.
        held: &'static [u8],
        /// Where in the input the octets behind them are now.
        at: Range<usize>,
    },
    /// The message's end.
    MessageEnd {
        /// The message.
        number: NonZeroU32,
        /// Octets of its content.
        octets: u64,
        /// How many of them, at the beginning, are the `+OK` line of `RETR` once more and not the message's. Without them
        /// the message has the announced size.
        repeated: usize,
    },
}

/// What one call of [`Session::receive`](crate::Session::receive) has done.
#[derive(Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// How many octets of the input are done with.
    pub consumed: usize,
    /// What they mean; nothing where more octets are needed, and then all of them are consumed.
    pub event: Option<Event<'a>>,
}
