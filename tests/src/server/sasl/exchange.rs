//! One exchange of challenges and responses. It knows the octets, and not how Base64 and POP3 wrap them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

use super::{
    Mechanism, Sasl, ScramFault,
    scram::{self, Challenged, Hash},
};
use crate::server::Script;

/// What the server knows besides the script.
#[derive(Clone, Debug)]
pub(in crate::server) struct Witness {
    /// Whether TLS has shown a certificate of the user.
    pub(in crate::server) certified: bool,
    /// How many sign-ins with OAuth came so far, over all connections.
    pub(in crate::server) tokens_seen: Arc<AtomicUsize>,
}

/// An exchange that goes on.
#[derive(Debug)]
pub(in crate::server) struct Exchange {
    mechanism: Mechanism,
    script: Arc<Script>,
    witness: Witness,
    stage: Stage,
    /// Responses so far.
    responses: usize,
}

/// What the server says to a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) enum Step {
    Challenge(Vec<u8>),
    /// The client is the user; with something to say behind it.
    Success(Option<Vec<u8>>),
    /// What follows `-ERR `.
    Failure(String),
}

/// What the next response answers.
#[derive(Debug)]
enum Stage {
    /// Nothing, or what every exchange of the mechanism begins with.
    First,
    Password {
        name: Vec<u8>,
    },
    ScramProof(Challenged),
    /// The error of a server, which this has to acknowledge; then it fails.
    Error {
        acknowledgement: &'static [u8],
    },
    /// Challenges that must be answered by nothing, and then this is what the server says.
    Empty {
        left: usize,
        then: Step,
    },
}

impl Exchange {
    /// An exchange, and the challenge to begin with. With an initial response the challenge is not sent.
    ///
    /// # Errors
    /// When the mechanism has no initial response and there is to be one.
    pub(in crate::server) fn begin(
        mechanism: Mechanism,
        initial: bool,
        script: Arc<Script>,
        witness: Witness,
    ) -> Result<(Self, Vec<u8>), String> {
        if initial && mechanism.is_server_first() {
            return Err(format!("{} has no initial response", mechanism.name()));
        }
        let challenge = match mechanism {
            Mechanism::CramMd5 => script.sasl.cram_challenge.clone().into_bytes(),
            Mechanism::Login => b"Username:".to_vec(),
            _ => Vec::new(),
        };
        Ok((Self { mechanism, script, witness, stage: Stage::First, responses: 0 }, challenge))
    }

    /// Takes a response.
    pub(in crate::server) fn respond(&mut self, response: &[u8]) -> Step {
        match std::mem::replace(&mut self.stage, Stage::First) {
            Stage::First => self.first(response),
            Stage::Password { name } => self.judge(self.is_user(&name) && self.is_password(response)),
            Stage::ScramProof(challenged) => self.proof(&challenged, response),
            Stage::Error { acknowledgement } if response == acknowledgement => self.refusal(),
            Stage::Empty { left, then } if response.is_empty() => self.ask_in_vain(left, then),
            Stage::Error { .. } | Stage::Empty { .. } => malformed(),
        }
    }

    /// Counts a response, and gives its position in the exchange, from 1.
    pub(in crate::server) fn count(&mut self) -> usize {
        self.responses += 1;
        self.responses
    }

    fn first(&mut self, response: &[u8]) -> Step {
        match self.mechanism {
            Mechanism::ScramSha256 => self.scram(Hash::Sha256, response),
            Mechanism::ScramSha1 => self.scram(Hash::Sha1, response),
            Mechanism::CramMd5 => self.judge(self.proves_cram(response)),
            Mechanism::Plain => self.plain(response),
            Mechanism::Login => {
                self.stage = Stage::Password { name: response.to_vec() };
                Step::Challenge(b"Password:".to_vec())
            }
            Mechanism::Xoauth2 => self.token(xoauth2(response), b""),
            Mechanism::OauthBearer => self.token(oauth_bearer(response), b"\x01"),
            Mechanism::External => {
                let certified = self.witness.certified || self.sasl().external_without_certificate;
                self.judge(certified && (response.is_empty() || self.is_user(response)))
            }
        }
    }

    fn plain(&mut self, response: &[u8]) -> Step {
        let parts: Vec<&[u8]> = response.split(|&octet| octet == 0).collect();
        let [authorization, name, password] = parts.as_slice() else { return malformed() };
        let authorized = authorization.is_empty() || self.is_user(authorization);
        self.judge(authorized && self.is_user(name) && self.is_password(password))
    }

    fn proves_cram(&self, response: &[u8]) -> bool {
        let hmac = Hmac::<Md5>::new_from_slice(self.script.password.as_bytes()).expect("a key of any length");
        let digest = hmac.chain_update(&self.sasl().cram_challenge).finalize();
        let digest: String = digest.as_bytes().iter().map(|octet| format!("{octet:02x}")).collect();
        response == format!("{} {digest}", self.script.user).as_bytes()
    }

    fn scram(&mut self, hash: Hash, response: &[u8]) -> Step {
        let Some((challenged, challenge)) = scram::challenge(hash, response, &self.script.user, &self.sasl().scram)
        else {
            return self.refusal();
        };
        self.stage = Stage::ScramProof(challenged);
        Step::Challenge(challenge.into_bytes())
    }

    fn proof(&mut self, challenged: &Challenged, response: &[u8]) -> Step {
        let script = Arc::clone(&self.script);
        let password = script.prepared_password.as_ref().unwrap_or(&script.password);
        let scram = &script.sasl.scram;
        let Some(verdict) = challenged.verdict(response, password, scram) else { return malformed() };
        let server_final = verdict.server_final.into_bytes();
        match (&scram.fault, verdict.proven) {
            (Some(ScramFault::Error(_)), _) => {
                self.stage = Stage::Error { acknowledgement: b"" };
                Step::Challenge(server_final)
            }
            (_, false) => self.refusal(),
            (Some(ScramFault::NoServerFinal), true) => self.judge(true),
            (Some(ScramFault::ServerFinalInSuccess), true) => Step::Success(Some(server_final)),
            (_, true) => {
                // The client's empty answer to the server-final-message (RFC 5034 §4).
                self.stage = Stage::Empty { left: self.sasl().excess_challenges, then: Step::Success(None) };
                Step::Challenge(server_final)
            }
        }
    }

    fn token(&mut self, given: Option<Bearer<'_>>, acknowledgement: &'static [u8]) -> Step {
        let Some(Bearer { user, token }) = given else { return malformed() };
        let seen = self.witness.tokens_seen.fetch_add(1, Ordering::SeqCst);
        let password = std::slice::from_ref(&self.script.password);
        let tokens = if self.sasl().tokens.is_empty() { password } else { &self.sasl().tokens };
        let known = tokens.iter().any(|known| known == token) && user.is_none_or(|user| user == self.script.user);
        match &self.sasl().token_error {
            _ if known && seen >= self.sasl().expired => self.judge(true),
            None => self.refusal(),
            Some(error) => {
                let error = error.clone().into_bytes();
                self.stage = Stage::Error { acknowledgement };
                Step::Challenge(error)
            }
        }
    }

    /// Success or failure, after the challenges that the mechanism does not have.
    fn judge(&mut self, proven: bool) -> Step {
        let result = if proven { Step::Success(None) } else { self.refusal() };
        self.ask_in_vain(self.sasl().excess_challenges, result)
    }

    fn ask_in_vain(&mut self, left: usize, then: Step) -> Step {
        match left.checked_sub(1) {
            None => then,
            Some(left) => {
                self.stage = Stage::Empty { left, then };
                Step::Challenge(Vec::new())
            }
        }
    }

    fn refusal(&self) -> Step {
        Step::Failure(self.sasl().refusal.clone())
    }

    fn is_user(&self, name: &[u8]) -> bool {
        name == self.script.user.as_bytes()
    }

    fn is_password(&self, password: &[u8]) -> bool {
        let passwords = [Some(&self.script.password), self.script.prepared_password.as_ref()];
        passwords.into_iter().flatten().any(|known| known.as_bytes() == password)
    }

    fn sasl(&self) -> &Sasl {
        &self.script.sasl
    }
}

/// A token and for whom it is, where that was said.
struct Bearer<'r> {
    user: Option<&'r str>,
    token: &'r str,
}

/// `user=NAME^Aauth=Bearer TOKEN^A^A`.
fn xoauth2(response: &[u8]) -> Option<Bearer<'_>> {
    let response = std::str::from_utf8(response).ok()?;
    let (user, token) = response.strip_prefix("user=")?.split_once("\x01auth=Bearer ")?;
    Some(Bearer { user: Some(user), token: token.strip_suffix("\x01\x01")? })
}

/// `n,a=NAME,^Ahost=HOST^Aport=PORT^Aauth=Bearer TOKEN^A^A` (RFC 7628 §3.1), where all but `auth` may be missing.
fn oauth_bearer(response: &[u8]) -> Option<Bearer<'_>> {
    let response = std::str::from_utf8(response).ok()?;
    let (header, pairs) = response.strip_suffix("\x01\x01")?.split_once('\x01')?;
    let authorization = header.strip_prefix("n,").or(header.strip_prefix("y,"))?.strip_suffix(',')?;
    let user = if authorization.is_empty() { None } else { Some(authorization.strip_prefix("a=")?) };
    let token = pairs.split('\x01').find_map(|pair| pair.strip_prefix("auth=Bearer "))?;
    Some(Bearer { user, token })
}

fn malformed() -> Step {
    Step::Failure("this is not a response of the mechanism".to_owned())
}
