//! The ways from AUTHORIZATION to TRANSACTION: USER and PASS, APOP (RFC 1939 §7), AUTH (RFC 5034).

use std::sync::Arc;

use base64ct::{Base64, Encoding};
use md5::{Digest, Md5};

use super::{
    InitialResponse, Mechanism,
    reply::{Body, Reply},
    sasl::{Exchange, Step},
    session::{Effect, Security, Session},
    transaction::Transaction,
};

impl Session {
    pub(super) fn permits_sign_in(&self) -> bool {
        self.script.clear_sign_in || self.security == Security::Tls
    }

    pub(super) async fn sign_in(&self, proven: bool) -> (Reply, Effect) {
        if !proven {
            return (Reply::line("-ERR [AUTH] wrong name or password"), Effect::Nothing);
        }
        let lock = match self.script.exclusive {
            None => None,
            Some(patience) => match self.maildrop.lock(patience).await {
                None => {
                    return (Reply::line("-ERR [IN-USE] the maildrop is in use by another session"), Effect::Nothing);
                }
                lock => lock,
            },
        };
        let visible = self.script.visible.unwrap_or(usize::MAX);
        let messages = self.maildrop.maildrop().messages().iter().take(visible).cloned().collect();
        (Reply::line("+OK signed in"), Effect::SignIn(Transaction::new(messages, lock)))
    }

    /// Whether the argument of APOP has the name and the digest of timestamp and password (RFC 1939 §7).
    pub(super) fn proves(&self, argument: &str) -> bool {
        let timestamp = self.script.apop.as_deref().unwrap_or_default();
        let digest = Md5::digest(format!("{timestamp}{}", self.script.password));
        let digest: String = digest.iter().map(|octet| format!("{octet:02x}")).collect();
        argument.rsplit_once(' ') == Some((self.script.user.as_str(), digest.as_str()))
    }

    /// AUTH: the list of the mechanisms, or the begin of an exchange.
    pub(super) async fn auth(&self, argument: &str) -> (Reply, Effect) {
        let script = &self.script;
        if argument.is_empty() {
            let rows = script.mechanisms.iter().map(|mechanism| mechanism.name().into()).collect();
            return (Reply::new("+OK mechanisms follow", Body::Rows(rows)), Effect::Nothing);
        }
        let refused = |why: &str| (Reply::line(format!("-ERR {why}")), Effect::Nothing);
        let (name, initial) = match argument.split_once(' ') {
            Some((name, initial)) => (name, Some(initial)),
            None => (argument, None),
        };
        let known = |mechanism: &&Mechanism| mechanism.name().eq_ignore_ascii_case(name);
        let Some(&mechanism) = script.mechanisms.iter().find(known) else {
            return refused("unknown mechanism");
        };
        match (script.sasl.initial_response, initial) {
            (InitialResponse::Refused, Some(_)) => return refused("protocol error"),
            (InitialResponse::Required, None) => return refused("an initial response is needed"),
            _ => {}
        }
        let begun = Exchange::begin(mechanism, initial.is_some(), Arc::clone(script), self.witness.clone());
        match (begun, initial) {
            (Err(why), _) => refused(&why),
            (Ok((exchange, challenge)), None) => (self.challenge(&challenge), Effect::Exchange(exchange)),
            (Ok((exchange, _)), Some("=")) => self.step(exchange, b"").await,
            (Ok((exchange, _)), Some(initial)) => self.decode_and_step(exchange, initial).await,
        }
    }

    /// The answer to a line in an exchange.
    pub(super) async fn respond(&self, exchange: Exchange, line: &str) -> (Reply, Effect) {
        match line {
            "*" => (Reply::line("-ERR the exchange was cancelled"), Effect::Nothing),
            line => self.decode_and_step(exchange, line).await,
        }
    }

    async fn decode_and_step(&self, exchange: Exchange, response: &str) -> (Reply, Effect) {
        match Base64::decode_vec(response) {
            Ok(response) => self.step(exchange, &response).await,
            Err(_) => (Reply::line("-ERR this is not Base64"), Effect::Nothing),
        }
    }

    async fn step(&self, mut exchange: Exchange, response: &[u8]) -> (Reply, Effect) {
        match exchange.respond(response) {
            Step::Challenge(challenge) => (self.challenge(&challenge), Effect::Exchange(exchange)),
            Step::Failure(why) => (Reply::line(format!("-ERR {why}")), Effect::Nothing),
            Step::Success(None) => self.sign_in(true).await,
            Step::Success(Some(data)) => match self.sign_in(true).await {
                (_, effect @ Effect::SignIn(_)) => {
                    (Reply::line(format!("+OK {}", Base64::encode_string(&data))), effect)
                }
                refused => refused,
            },
        }
    }

    fn challenge(&self, octets: &[u8]) -> Reply {
        let sasl = &self.script.sasl;
        if octets.is_empty() {
            return Reply::line(sasl.empty_challenge.clone());
        }
        Reply::line(format!("{} {}", sasl.mark, Base64::encode_string(octets)))
    }
}
