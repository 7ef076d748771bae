//! The server's side of SASL (RFC 4422), as AUTH carries it (RFC 5034): what a script says about it, and `exchange`,
//! which follows that.

mod exchange;
mod scram;

pub(super) use exchange::{Exchange, Step, Witness};

/// A SASL mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 7677.
    ScramSha256,
    /// RFC 5802.
    ScramSha1,
    /// RFC 2195.
    CramMd5,
    /// RFC 4616.
    Plain,
    /// `Username:` and `Password:` as challenges (draft-murchison-sasl-login).
    Login,
    /// What Google and Microsoft have in place of [`OauthBearer`](Self::OauthBearer).
    Xoauth2,
    /// RFC 7628.
    OauthBearer,
    /// RFC 4422 appendix A: the certificate of TLS says who it is.
    External,
}

impl Mechanism {
    /// All of them, the strongest first.
    pub const ALL: [Self; 8] = [
        Self::External,
        Self::ScramSha256,
        Self::ScramSha1,
        Self::CramMd5,
        Self::OauthBearer,
        Self::Xoauth2,
        Self::Plain,
        Self::Login,
    ];

    /// Its registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::CramMd5 => "CRAM-MD5",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::Xoauth2 => "XOAUTH2",
            Self::OauthBearer => "OAUTHBEARER",
            Self::External => "EXTERNAL",
        }
    }

    /// Whether the server speaks first, so that there is no initial response.
    fn is_server_first(self) -> bool {
        self == Self::CramMd5
    }
}

/// The habits of a server with SASL. Single replies are changed with faults at [`At::verb`](super::At::verb) `AUTH` and
/// [`At::response`](super::At::response): [`Fault::Status`](super::Fault::Status) puts anything in place of a challenge.
#[derive(Clone, Debug)]
pub struct Sasl {
    /// Whether AUTH may have a response behind the mechanism.
    pub initial_response: InitialResponse,
    /// What stands before a challenge and its space: `+`.
    pub mark: String,
    /// The whole line of a challenge without an octet, without its CRLF: `+ `, where some servers write `+`, or text.
    pub empty_challenge: String,
    /// So many empty challenges come before the result, more than the mechanism has. Each has to be answered.
    pub excess_challenges: usize,
    /// What follows `-ERR ` when name, password or token are wrong.
    pub refusal: String,
    /// The challenge of CRAM-MD5.
    pub cram_challenge: String,
    /// The server's side of SCRAM.
    pub scram: Scram,
    /// The tokens that are good for OAuth; without one the password is.
    pub tokens: Vec<String>,
    /// So many sign-ins with OAuth, over all connections, are refused whatever the token is, as if it had expired.
    pub expired: usize,
    /// The challenge before a token is refused; without one it is refused at once.
    pub token_error: Option<String>,
    /// Whether EXTERNAL takes everybody for the user, not only who has shown a client certificate with the user as
    /// common name.
    pub external_without_certificate: bool,
}

impl Default for Sasl {
    fn default() -> Self {
        Self {
            initial_response: InitialResponse::Allowed,
            mark: "+".to_owned(),
            empty_challenge: "+ ".to_owned(),
            excess_challenges: 0,
            refusal: "[AUTH] wrong name or password".to_owned(),
            cram_challenge: "<1896.697170952@localhost>".to_owned(),
            scram: Scram::default(),
            tokens: Vec::new(),
            expired: 0,
            token_error: Some(r#"{"status":"invalid_token"}"#.to_owned()),
            external_without_certificate: false,
        }
    }
}

/// Whether AUTH may have a response behind the mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialResponse {
    /// With or without, as in RFC 5034 §4.
    Allowed,
    /// A response there is a protocol error, as with Microsoft.
    Refused,
    /// Without it AUTH is refused.
    Required,
}

/// The server's side of SCRAM (RFC 5802).
#[derive(Clone, Debug)]
pub struct Scram {
    /// How often the password is hashed, truly, and so announced.
    pub iterations: u32,
    /// The salt.
    pub salt: Vec<u8>,
    /// What the server appends to the client's nonce.
    pub nonce: String,
    /// What it does wrong.
    pub fault: Option<ScramFault>,
}

impl Default for Scram {
    fn default() -> Self {
        Self {
            iterations: 4096,
            salt: b"sodium chloride".to_vec(),
            nonce: "3rfcNHYJY1ZVvWVs7j".to_owned(),
            fault: None,
        }
    }
}

/// What a server does wrong in SCRAM. But for these it goes on as if it were right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScramFault {
    /// The nonce of the server-first-message is the server's alone: it does not begin with the client's.
    ForeignNonce,
    /// The nonce of the server-first-message is the client's, with nothing appended.
    SameNonce,
    /// The server-first-message begins with the mandatory extension `m=x`, which a client must not accept.
    MandatoryExtension,
    /// This is the server-first-message, with the true nonce in place of `{nonce}`: `r={nonce},s=c2FsdA==,i=0`.
    ServerFirst(String),
    /// The server's signature is another one: it does not know the password.
    WrongSignature,
    /// `+OK` comes in place of the server-final-message: the server has not shown that it knows the password.
    NoServerFinal,
    /// The server-final-message is behind `+OK `, and the client is not asked again.
    ServerFinalInSuccess,
    /// This is the server-final-message: `v=`, or anything.
    ServerFinal(String),
    /// The server-final-message is `e=` and this, whatever the proof; `-ERR` follows the answer.
    Error(String),
}
