//! SASL for POP3's `AUTH` (RFC 5034): what the client says in an exchange, and what it makes of the answers.
//!
//! An [`Exchange`] is one attempt to sign in. It neither sends nor reads lines, and it has no randomness of its own.
//! Whoever drives it, after [`Exchange::begin`],
//!
//! 1. sends `AUTH NAME` alone, or with the base64 of [`Exchange::initial`] behind it where there is one;
//! 2. answers each `+ text` with the base64 of what [`Exchange::respond`] gives, in a line of its own, or with the
//!    line `*` where it gives an error;
//! 3. asks [`Exchange::succeed`] about the `+OK text` that ends it. Only then is the client signed in: a server that
//!    knows no password can say `+OK` as well.
//!
//! Some servers write `+OK` where `+` belongs: while the last response was not [`Response::complete`], or there was
//! none, `+OK` is a challenge.
//!
//! ```
//! use pop3_protocol::sasl::{Exchange, Identity, Mechanism};
//!
//! let alice = Identity { user: "tim", secret: b"tanstaaftanstaaf", prepared: None, host: "pop.example.org", port: 995 };
//! let mut exchange = Exchange::begin(Mechanism::CramMd5, &alice, b"", 4096..=600_000)?;
//! assert!(exchange.initial().is_none());
//! let response = exchange.respond(b"PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+")?;
//! assert_eq!(response.octets.as_slice(), b"tim b913a602c7eda7a495b4e6e7334d3890");
//! exchange.succeed(b"signed in")?;
//! # Ok::<(), pop3_protocol::sasl::SaslError>(())
//! ```

use alloc::vec::Vec;
use core::fmt;
use core::ops::RangeInclusive;

use zeroize::Zeroizing;

mod bearer;
mod challenge;
mod cram_md5;
mod error;
mod hash;
mod mechanism;
mod name;
mod plain;
mod scram;

pub use error::SaslError;
pub use mechanism::Mechanism;

/// How long a challenge may be, in octets as sent.
pub const CHALLENGE_LIMIT: usize = 4096;
/// How long a user, secret or host may be, in octets. Tokens of several KiB are common.
pub const IDENTITY_LIMIT: usize = 64 * 1024;
/// How much of a server's error report is kept, in octets.
pub const REPORT_LIMIT: usize = 1024;
/// How many random octets a SCRAM nonce is made of at least.
pub const NONCE_LEAST: usize = 16;

/// Who signs in, and where.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// The user. Empty only for EXTERNAL, where it means whom the certificate names.
    pub user: &'a str,
    /// The password, or the token without the word `Bearer`. EXTERNAL does not use it.
    pub secret: &'a [u8],
    /// User and secret after SASLprep (RFC 4013), where they could be prepared. SCRAM, PLAIN and CRAM-MD5 take them
    /// from here, as their documents want it; without it, and in the other mechanisms, they go as they are.
    pub prepared: Option<(&'a str, &'a [u8])>,
    /// The host as the caller names it. OAUTHBEARER sends it.
    pub host: &'a str,
    /// The TCP port. OAUTHBEARER sends it.
    pub port: u16,
}

/// What the client says in answer.
pub struct Response {
    /// The octets, which go through base64 before they are sent. They are wiped when dropped.
    pub octets: Zeroizing<Vec<u8>>,
    /// The client has said all that proves it: `+OK` after this is the end of the exchange; before it, `+OK` is a
    /// challenge of a server that writes it for `+`.
    pub complete: bool,
}

/// One attempt to sign in. Its secrets are wiped when it is dropped.
///
/// An error is the end of it: afterwards there is no response, and no success.
pub struct Exchange {
    mechanism: Mechanism,
    /// What the client says first and unasked, until it is said.
    first: Option<Response>,
    awaited: Awaited,
    /// The last response was complete.
    complete: bool,
    server_error: Option<Vec<u8>>,
}

/// What the next challenge would be.
enum Awaited {
    Nothing,
    UserPrompt(plain::Login),
    PasswordPrompt(plain::Password),
    Digestible(cram_md5::Keyed),
    ErrorReport(bearer::Acknowledgement),
    ServerFirst(scram::ClientFirst),
    ServerFinal(scram::ClientFinal),
}

impl Exchange {
    /// Begins an exchange. Nothing costly is done yet.
    ///
    /// `nonce` is for SCRAM: at least [`NONCE_LEAST`] random octets that were never used before; their base64 is what
    /// the server sees. `iterations` are the iteration counts that a SCRAM server may ask for. Each iteration costs
    /// two hashes here, and a count under 4096 (RFC 5802 §5.1) makes it cheap to guess the password from what is said.
    ///
    /// # Errors
    /// What [`SaslError`] names as the caller's fault.
    pub fn begin(
        mechanism: Mechanism,
        identity: &Identity<'_>,
        nonce: &[u8],
        iterations: RangeInclusive<u32>,
    ) -> Result<Exchange, SaslError> {
        identity.check(mechanism)?;
        let (user, secret) = identity.said(mechanism);
        let (first, awaited) = match mechanism {
            Mechanism::ScramSha256 | Mechanism::ScramSha1 => {
                let hash = if mechanism == Mechanism::ScramSha1 { hash::Hash::Sha1 } else { hash::Hash::Sha256 };
                let first = scram::ClientFirst::new(hash, user, secret, scram::printable(nonce)?, iterations);
                (Some(Response::more_follows(first.message())), Awaited::ServerFirst(first))
            }
            Mechanism::CramMd5 => (None, Awaited::Digestible(cram_md5::Keyed::new(user, secret))),
            Mechanism::Plain => (Some(Response::last(plain::message(user, secret))), Awaited::Nothing),
            Mechanism::Login => (None, Awaited::UserPrompt(plain::Login::new(user, secret))),
            Mechanism::OauthBearer => {
                let message = bearer::oauthbearer(identity);
                (Some(Response::last(message)), Awaited::ErrorReport(bearer::OAUTHBEARER_ACKNOWLEDGEMENT))
            }
            Mechanism::Xoauth2 => {
                let message = bearer::xoauth2(identity);
                (Some(Response::last(message)), Awaited::ErrorReport(bearer::XOAUTH2_ACKNOWLEDGEMENT))
            }
            Mechanism::External => (Some(Response::last(plain::external(user))), Awaited::Nothing),
        };
        Ok(Exchange { mechanism, first, awaited, complete: false, server_error: None })
    }

    /// The initial response, for the `AUTH` line (RFC 5034 §4), of a mechanism in which the client speaks first: all
    /// but LOGIN and CRAM-MD5. An empty one, which EXTERNAL may have, is written `=` there.
    ///
    /// Not to be called where `AUTH` was sent without it: the first [`respond`](Self::respond) gives it then. Nothing
    /// the second time.
    pub fn initial(&mut self) -> Option<Response> {
        let first = self.first.take()?;
        self.complete = first.complete;
        Some(first)
    }

    /// The answer to a challenge. `text` is what stands behind `+` and its blank, as sent: base64, nothing, or
    /// whatever else a server puts there.
    ///
    /// While the initial response is not given, the challenge only asks for it and its text does not matter. The two
    /// challenges of LOGIN are answered by their order alone, for their texts differ from server to server.
    ///
    /// # Errors
    /// The challenge is not one of the mechanism, or one that must not be answered, or one too many. Then `*` is to be
    /// sent (RFC 5034 §4).
    pub fn respond(&mut self, text: &[u8]) -> Result<Response, SaslError> {
        self.complete = false;
        let first = self.first.take();
        let awaited = core::mem::replace(&mut self.awaited, Awaited::Nothing);
        if text.len() > CHALLENGE_LIMIT {
            return Err(SaslError::ChallengeTooLong { limit: CHALLENGE_LIMIT });
        }
        let response = match (first, awaited) {
            (Some(first), awaited) => {
                self.awaited = awaited;
                first
            }
            (None, Awaited::Nothing) => return Err(SaslError::ChallengeUnexpected { mechanism: self.mechanism }),
            (None, Awaited::UserPrompt(login)) => {
                self.awaited = Awaited::PasswordPrompt(login.password);
                Response::more_follows(login.user)
            }
            (None, Awaited::PasswordPrompt(password)) => Response::last(password),
            (None, Awaited::Digestible(keyed)) => Response::last(keyed.answer(&challenge::decode(text)?)?),
            (None, Awaited::ErrorReport(acknowledgement)) => {
                self.server_error = bearer::report(text);
                Response::last(Zeroizing::new(acknowledgement.to_vec()))
            }
            (None, Awaited::ServerFirst(first)) => {
                let last = first.answer(&challenge::decode(text)?)?;
                let message = last.message();
                self.awaited = Awaited::ServerFinal(last);
                Response::last(message)
            }
            (None, Awaited::ServerFinal(last)) => {
                last.verify(&challenge::decode(text)?)?;
                Response::last(Zeroizing::new(Vec::new()))
            }
        };
        self.complete = response.complete;
        Ok(response)
    }

    /// The server said `+OK text` behind a complete response. To be called once.
    ///
    /// A SCRAM server's signature that has not come in a challenge may stand here: as the whole text, or as the last
    /// word of it, in base64.
    ///
    /// # Errors
    /// The client had not said what proves it, or the server has not proved that it knows the password: the
    /// connection is then not to be used.
    pub fn succeed(&mut self, text: &[u8]) -> Result<(), SaslError> {
        self.first = None;
        let awaited = core::mem::replace(&mut self.awaited, Awaited::Nothing);
        if !core::mem::take(&mut self.complete) {
            return Err(SaslError::SuccessUnexpected { mechanism: self.mechanism });
        }
        match awaited {
            Awaited::ServerFinal(last) => match challenge::decode_last_word(text) {
                Some(server_final) if server_final.starts_with(b"v=") => last.verify(&server_final),
                _ => Err(SaslError::ScramUnverified),
            },
            _ => Ok(()),
        }
    }

    /// What the server said about the failure, after a challenge in answer to a token: the JSON of RFC 7628 §3.2.2,
    /// out of base64, or the challenge as it is where it was not base64. Cut at [`REPORT_LIMIT`] octets, which may be
    /// any.
    pub fn server_error(&self) -> Option<&[u8]> {
        self.server_error.as_deref()
    }
}

impl<'a> Identity<'a> {
    /// User and secret as the mechanism says them.
    fn said(&self, mechanism: Mechanism) -> (&'a str, &'a [u8]) {
        let raw = (self.user, self.secret);
        match mechanism {
            Mechanism::ScramSha256 | Mechanism::ScramSha1 | Mechanism::CramMd5 | Mechanism::Plain => {
                self.prepared.unwrap_or(raw)
            }
            Mechanism::Login | Mechanism::OauthBearer | Mechanism::Xoauth2 | Mechanism::External => raw,
        }
    }

    /// Refuses what the mechanism cannot say, or a server would take for something else.
    fn check(&self, mechanism: Mechanism) -> Result<(), SaslError> {
        let (user, secret) = self.said(mechanism);
        for (argument, octets) in [("user", user.as_bytes()), ("secret", secret), ("host", self.host.as_bytes())] {
            if octets.len() > IDENTITY_LIMIT {
                return Err(SaslError::TooLong { argument, limit: IDENTITY_LIMIT });
            }
            let needed = argument != "host" && mechanism != Mechanism::External;
            if needed && octets.is_empty() {
                return Err(SaslError::Empty { argument });
            }
        }
        if user.contains('\0') {
            return Err(SaslError::ForbiddenOctet { argument: "user" });
        }
        match mechanism {
            Mechanism::Plain if secret.contains(&0) => Err(SaslError::ForbiddenOctet { argument: "secret" }),
            Mechanism::Xoauth2 | Mechanism::OauthBearer => bearer::check(self, mechanism),
            _ => Ok(()),
        }
    }
}

impl Response {
    fn more_follows(octets: Zeroizing<Vec<u8>>) -> Self {
        Response { octets, complete: false }
    }

    fn last(octets: Zeroizing<Vec<u8>>) -> Self {
        Response { octets, complete: true }
    }
}

impl fmt::Debug for Identity<'_> {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Identity { user, host, port, .. } = self;
        f.debug_struct("Identity").field("user", user).field("host", host).field("port", port).finish_non_exhaustive()
    }
}

impl fmt::Debug for Response {
    /// Without the octets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("complete", &self.complete).finish_non_exhaustive()
    }
}

impl fmt::Debug for Exchange {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}
