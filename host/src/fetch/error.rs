//! Why a run has stopped.

use thiserror::Error;

use crate::delivery::DeliveryError;
use crate::journal::JournalError;
use crate::session::SessionError;

/// Why a run has stopped. Nothing was deleted at the server, but for [`FetchError::Unconfirmed`], where it is open, and for
/// [`FetchError::Journal`] where [`Summary::deleted`](super::Summary::deleted) counts messages: then only noting that has failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The server, the network, or the sandbox.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The destination.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The record of what is stored.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The server listed a message that it does not have.
    #[error(
        "the server does not speak POP3 as it must: UIDL lists message {number}, but STAT says that there are {messages}"
    )]
    NoSuchMessage {
        /// The message.
        number: u32,
        /// How many there are.
        messages: u32,
    },
    /// The server has sent less than the user wants.
    #[error("the server sends less than {least} octets a second")]
    TooSlow {
        /// How much it should have been, as an average over some time.
        least: u64,
    },
    /// `QUIT` failed after `DELE`.
    #[error("{messages} messages are stored, but whether the server has deleted them is open: {cause}")]
    Unconfirmed {
        /// How many were to be deleted.
        messages: u32,
        /// What became of `QUIT`.
        cause: SessionError,
    },
    /// A defect of this program.
    #[error("{0}; this is a defect, please report it")]
    Internal(&'static str),
}
