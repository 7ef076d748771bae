//! `--auth`: which ways to sign in are permitted.

use std::str::FromStr;

use super::password::SecretKind;
use crate::sandbox::contract::Mechanism;
use crate::session::{Capability, Greeting, Security};

/// One entry of `--auth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Auth {
    /// What is strong enough for the channel.
    Auto,
    /// This one.
    Named(Mechanism),
}

/// All names, the strongest first. `user` is USER and PASS, `apop` the command of that name, the others are registered with
/// IANA for SASL.
const NAMES: [(&str, Mechanism); 10] = [
    ("scram-sha-256", Mechanism::ScramShaTwoFiveSix),
    ("scram-sha-1", Mechanism::ScramShaOne),
    ("cram-md5", Mechanism::CramMd5),
    ("apop", Mechanism::Apop),
    ("plain", Mechanism::Plain),
    ("login", Mechanism::Login),
    ("user", Mechanism::User),
    ("oauthbearer", Mechanism::Oauthbearer),
    ("xoauth2", Mechanism::XoauthTwo),
    ("external", Mechanism::External),
];

impl FromStr for Auth {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name.eq_ignore_ascii_case("auto") {
            return Ok(Auth::Auto);
        }
        let named = NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, mechanism)| Auth::Named(*mechanism));
        named.ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            format!("not a way to sign in; there are auto, {}", names.join(", "))
        })
    }
}

/// The name of a mechanism on the command line and in the output.
pub(super) fn name(mechanism: Mechanism) -> &'static str {
    NAMES.iter().find(|(_, known)| *known == mechanism).map_or("unknown", |(name, _)| name)
}

/// What a server offers, by its greeting and its capabilities.
pub(super) struct Offers<'a> {
    pub(super) greeting: &'a Greeting,
    /// Nothing where the server has no CAPA.
    pub(super) capabilities: Option<&'a [Capability]>,
}

impl Offers<'_> {
    /// Whether the server says that it has this mechanism.
    pub(super) fn has(&self, mechanism: Mechanism) -> bool {
        match mechanism {
            Mechanism::Apop => self.greeting.timestamp.is_some(),
            // RFC 1939 servers have USER without a word about it; those with CAPA name it.
            Mechanism::User => self.capabilities.is_none_or(|rows| rows.iter().any(|row| row.name == "USER")),
            _ => self.sasl().any(|offered| offered.eq_ignore_ascii_case(name(mechanism))),
        }
    }

    /// The names behind SASL.
    pub(super) fn sasl(&self) -> impl Iterator<Item = &str> {
        let rows = self.capabilities.unwrap_or_default().iter().filter(|row| row.name == "SASL");
        rows.flat_map(|row| row.parameters.iter().map(String::as_str))
    }
}

/// Whether what the list permits depends on what the server offers.
pub(super) fn asks(list: &[Auth]) -> bool {
    list.contains(&Auth::Auto)
}

/// Whether only a token is of use with this list.
pub(super) fn wants_token(list: &[Auth]) -> bool {
    list.iter().all(|auth| matches!(auth, Auth::Named(mechanism) if takes_token(*mechanism)))
}

/// The name of a mechanism of the list that would send a token as a password.
pub(super) fn takes_no_token(list: &[Auth]) -> Option<&'static str> {
    list.iter().find_map(|auth| match auth {
        Auth::Named(Mechanism::External) | Auth::Auto => None,
        Auth::Named(mechanism) => (!takes_token(*mechanism)).then(|| name(*mechanism)),
    })
}

fn takes_token(mechanism: Mechanism) -> bool {
    matches!(mechanism, Mechanism::Oauthbearer | Mechanism::XoauthTwo)
}

/// The mechanisms that the list permits with such a server on such a channel, in order, each once. `auto` is the strongest
/// that is offered, and only that: a refusal of it must not lead to a weaker one that nobody has named. Where nothing
/// is offered, it is what the server would have to name, so that the sign-in can say what is missing.
pub(super) fn permitted(list: &[Auth], security: Security, secret: SecretKind, offers: &Offers<'_>) -> Vec<Mechanism> {
    let mut permitted = Vec::new();
    for auth in list {
        let candidates = candidates(security, secret);
        let offered = candidates.iter().find(|mechanism| offers.has(**mechanism));
        let mechanisms = match (auth, offered) {
            (Auth::Named(mechanism), _) => vec![*mechanism],
            (Auth::Auto, Some(strongest)) => vec![*strongest],
            (Auth::Auto, None) => {
                candidates.iter().copied().filter(|mechanism| *mechanism != Mechanism::User).collect()
            }
        };
        for mechanism in mechanisms {
            if !permitted.contains(&mechanism) {
                permitted.push(mechanism);
            }
        }
    }
    permitted
}

/// What `auto` may be, the strongest first. Without TLS that is what gives a listener neither the password nor a quick way to
/// try passwords.
fn candidates(security: Security, secret: SecretKind) -> &'static [Mechanism] {
    use Mechanism::{Apop, CramMd5, Login, Oauthbearer, Plain, ScramShaOne, ScramShaTwoFiveSix, User, XoauthTwo};
    match (security, secret) {
        (Security::Cleartext, SecretKind::Password) => &[ScramShaTwoFiveSix, ScramShaOne],
        // The timestamp for APOP came in clear text, and from anybody.
        (Security::StartTls, SecretKind::Password) => &[ScramShaTwoFiveSix, ScramShaOne, CramMd5, Plain, Login, User],
        (_, SecretKind::Password) => &[ScramShaTwoFiveSix, ScramShaOne, CramMd5, Apop, Plain, Login, User],
        (Security::Cleartext, SecretKind::Token) => &[],
        (_, SecretKind::Token) => &[Oauthbearer, XoauthTwo],
    }
}

#[cfg(test)]
mod tests {
    use super::{Auth, Capability, Greeting, Mechanism, Offers, SecretKind, Security, permitted};

    fn with(list: &str, security: Security, secret: SecretKind, sasl: Option<&str>, timestamp: bool) -> Vec<Mechanism> {
        let list: Vec<Auth> = list.split(',').map(|name| name.parse().unwrap()).collect();
        let timestamp = timestamp.then(|| "<1@host>".to_owned());
        let capabilities = sasl.map(|names| {
            let parameters = names.split_whitespace().map(str::to_owned).collect();
            vec![
                Capability { name: "USER".to_owned(), parameters: Vec::new() },
                Capability { name: "SASL".to_owned(), parameters },
            ]
        });
        let greeting = Greeting { text: String::new(), timestamp };
        let offers = Offers { greeting: &greeting, capabilities: capabilities.as_deref() };
        permitted(&list, security, secret, &offers)
    }

    #[test]
    fn auto_is_the_strongest_that_is_offered_and_only_that() {
        use Mechanism::{Apop, CramMd5, Plain, ScramShaOne, ScramShaTwoFiveSix, User};
        let tls = |sasl, timestamp| with("auto", Security::ImplicitTls, SecretKind::Password, sasl, timestamp);
        assert_eq!(tls(Some("PLAIN SCRAM-SHA-1 scram-sha-256"), true), [ScramShaTwoFiveSix]);
        assert_eq!(tls(Some("PLAIN SCRAM-SHA-1 CRAM-MD5"), true), [ScramShaOne]);
        assert_eq!(tls(Some("LOGIN PLAIN CRAM-MD5"), true), [CramMd5]);
        assert_eq!(tls(Some("LOGIN PLAIN"), true), [Apop]);
        assert_eq!(tls(Some("LOGIN PLAIN"), false), [Plain]);
        assert_eq!(tls(Some("GSSAPI"), false), [User]);
        // The timestamp of a greeting in clear text may be anybody's.
        assert_eq!(with("auto", Security::StartTls, SecretKind::Password, Some("PLAIN"), true), [Plain]);
        assert_eq!(tls(None, false), [User]);
    }

    #[test]
    fn auto_sends_nothing_in_clear_text_that_gives_the_password_away() {
        use Mechanism::{ScramShaOne, ScramShaTwoFiveSix};
        let clear = |sasl, timestamp| with("auto", Security::Cleartext, SecretKind::Password, sasl, timestamp);
        assert_eq!(clear(Some("PLAIN LOGIN CRAM-MD5"), true), [ScramShaTwoFiveSix, ScramShaOne]);
        assert_eq!(clear(Some("PLAIN SCRAM-SHA-1"), true), [ScramShaOne]);
        assert_eq!(clear(None, true), [ScramShaTwoFiveSix, ScramShaOne]);
        assert_eq!(with("auto", Security::Cleartext, SecretKind::Token, Some("XOAUTH2"), true), []);
    }

    #[test]
    fn a_token_is_no_password() {
        let tls = |sasl| with("auto", Security::ImplicitTls, SecretKind::Token, Some(sasl), true);
        assert_eq!(tls("PLAIN XOAUTH2"), [Mechanism::XoauthTwo]);
        assert_eq!(tls("PLAIN XOAUTH2 OAUTHBEARER"), [Mechanism::Oauthbearer]);
        assert_eq!(tls("PLAIN"), [Mechanism::Oauthbearer, Mechanism::XoauthTwo]);
    }

    #[test]
    fn the_order_is_the_callers() {
        use Mechanism::{Apop, ScramShaOne, ScramShaTwoFiveSix, User};
        let clear = |list| with(list, Security::Cleartext, SecretKind::Password, Some(""), true);
        assert_eq!(clear("user,auto,user"), [User, ScramShaTwoFiveSix, ScramShaOne]);
        assert_eq!(clear("apop,user"), [Apop, User]);
        assert!("APOP ".parse::<Auth>().is_err());
        assert_eq!("APOP".parse(), Ok(Auth::Named(Apop)));
    }
}
