//! What ends an exchange, by whose fault it is.

use alloc::string::String;
use core::fmt;
use core::ops::RangeInclusive;

use super::Mechanism;

/// Why an exchange cannot begin, cannot go on, or must not be believed. None holds a secret; texts of the server are
/// escaped and cut.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SaslError {
    /// The caller's: an empty user, secret or host, where the mechanism needs one.
    Empty {
        /// Which part of the identity.
        argument: &'static str,
    },
    /// The caller's: an octet that the mechanism cannot carry. In a user NUL, in the secret of PLAIN NUL, in what
    /// belongs to a token controls, and in token and host also blanks and what is not ASCII.
    ForbiddenOctet {
        /// Which part of the identity.
        argument: &'static str,
    },
    /// The caller's: longer than [`IDENTITY_LIMIT`](super::IDENTITY_LIMIT).
    TooLong {
        /// Which part of the identity.
        argument: &'static str,
        /// The limit in octets.
        limit: usize,
    },
    /// The caller's: a nonce of fewer than [`NONCE_LEAST`](super::NONCE_LEAST) octets for SCRAM.
    NonceTooShort {
        /// The least length in octets.
        least: usize,
    },
    /// The server's: a challenge longer than [`CHALLENGE_LIMIT`](super::CHALLENGE_LIMIT).
    ChallengeTooLong {
        /// The limit in octets.
        limit: usize,
    },
    /// The server's: a challenge where the mechanism has none, or no more, or after an error.
    ChallengeUnexpected {
        /// The mechanism.
        mechanism: Mechanism,
    },
    /// The server's: a challenge that should be base64 (RFC 4648 §4, with its padding) and is not: often the text of
    /// an error. Or one that is empty, where the mechanism needs one.
    BadBase64 {
        /// The beginning of the challenge, escaped.
        text: String,
    },
    /// The server's: success before the client had proved anything, or after an error.
    SuccessUnexpected {
        /// The mechanism.
        mechanism: Mechanism,
    },
    /// The server's: a SCRAM message that is not as RFC 5802 §7 has it.
    ScramMalformed {
        /// The beginning of the message, escaped.
        text: String,
    },
    /// The server's: a SCRAM message with an extension (`m=`) that must be understood, and no such is known.
    ScramExtension,
    /// The server's: a SCRAM nonce that does not begin with the client's, or adds nothing to it.
    ScramNonce,
    /// The server's: a SCRAM iteration count that is not permitted. Nothing was computed with it.
    ScramIterations {
        /// The count, [`u64::MAX`] where it is greater.
        count: u64,
        /// The permitted counts.
        permitted: RangeInclusive<u32>,
    },
    /// The server's word on why it refuses (`e=` of SCRAM, RFC 5802 §7).
    ScramRefused {
        /// Its value, escaped and cut.
        reason: String,
    },
    /// The server's: a SCRAM signature that its knowledge of the password does not make. It is somebody else.
    ScramSignature,
    /// The server's: success without a SCRAM signature. It may be somebody else.
    ScramUnverified,
}

impl SaslError {
    /// Whether it is the server's fault, and not the caller's.
    pub fn is_servers(&self) -> bool {
        match self {
            Self::Empty { .. } | Self::ForbiddenOctet { .. } | Self::TooLong { .. } | Self::NonceTooShort { .. } => {
                false
            }
            Self::ChallengeTooLong { .. }
            | Self::ChallengeUnexpected { .. }
            | Self::BadBase64 { .. }
            | Self::SuccessUnexpected { .. }
            | Self::ScramMalformed { .. }
            | Self::ScramExtension
            | Self::ScramNonce
            | Self::ScramIterations { .. }
            | Self::ScramRefused { .. }
            | Self::ScramSignature
            | Self::ScramUnverified => true,
        }
    }
}

impl fmt::Display for SaslError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { argument } => write!(f, "the {argument} is empty"),
            Self::ForbiddenOctet { argument } => {
                write!(f, "the {argument} has an octet in it that the mechanism cannot carry")
            }
            Self::TooLong { argument, limit } => write!(f, "the {argument} is longer than {limit} octets"),
            Self::NonceTooShort { least } => write!(f, "the nonce has fewer than {least} octets"),
            Self::ChallengeTooLong { limit } => write!(f, "the server sent a challenge of more than {limit} octets"),
            Self::ChallengeUnexpected { mechanism } => {
                write!(f, "the server sent a challenge that {mechanism} does not have")
            }
            Self::BadBase64 { text } if text.is_empty() => f.write_str("the server sent an empty challenge"),
            Self::BadBase64 { text } => write!(f, "the server sent a challenge that is not base64: {text}"),
            Self::SuccessUnexpected { mechanism } => {
                write!(f, "the server said +OK before {mechanism} had come to its end")
            }
            Self::ScramMalformed { text } => write!(f, "the server sent a SCRAM message that makes no sense: {text}"),
            Self::ScramExtension => f.write_str("the server demands a SCRAM extension that is not known"),
            Self::ScramNonce => f.write_str("the server's SCRAM nonce does not continue the client's"),
            Self::ScramIterations { count, permitted } => write!(
                f,
                "the server asks for a SCRAM iteration count of {count}; permitted are {} to {}",
                permitted.start(),
                permitted.end()
            ),
            Self::ScramRefused { reason } => write!(f, "the server refused the SCRAM exchange: {reason}"),
            Self::ScramSignature => f.write_str(
                "the server's SCRAM signature is wrong: it does not know the password, and is not to be trusted",
            ),
            Self::ScramUnverified => {
                f.write_str("the server said +OK without the SCRAM signature that proves that it knows the password")
            }
        }
    }
}

impl core::error::Error for SaslError {}
