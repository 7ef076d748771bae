//! The mechanisms and their names.

use core::fmt;

/// A SASL mechanism for `AUTH` (RFC 5034).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 7677: proves the secret on both sides, and does not show it.
    ScramSha256,
    /// RFC 5802: the same with SHA-1.
    ScramSha1,
    /// RFC 2195: a digest of a challenge and the secret.
    CramMd5,
    /// RFC 4616: user and secret as they are.
    Plain,
    /// User and secret as they are, each in answer to a prompt. Never standardised, still found.
    Login,
    /// RFC 7628: a bearer token.
    OauthBearer,
    /// A bearer token, as Google and Microsoft wrote it before RFC 7628.
    Xoauth2,
    /// RFC 4422 appendix A: what the TLS layer proved, which is a client certificate.
    External,
}

impl Mechanism {
    /// The registered name, for the `AUTH` line and for comparison with what CAPA lists behind `SASL`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::CramMd5 => "CRAM-MD5",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::OauthBearer => "OAUTHBEARER",
            Self::Xoauth2 => "XOAUTH2",
            Self::External => "EXTERNAL",
        }
    }

    /// Whether the client can speak first, on the line of `AUTH`.
    pub fn begins_with_client(self) -> bool {
        !matches!(self, Self::CramMd5 | Self::Login)
    }

    /// Whether who reads what is sent has the secret: not without TLS.
    pub fn shows_secret(self) -> bool {
        match self {
            Self::Plain | Self::Login | Self::OauthBearer | Self::Xoauth2 => true,
            Self::ScramSha256 | Self::ScramSha1 | Self::CramMd5 | Self::External => false,
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
