//! `--auth`: which ways to sign in are permitted.

use std::str::FromStr;

use crate::sandbox::contract::Mechanism;
use crate::session::Security;

/// One entry of `--auth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Auth {
    /// What is strong enough for the channel.
    Auto,
    /// This one.
    Named(Mechanism),
}

/// All names. `user` is USER and PASS, `apop` the command of that name, the others are registered with IANA for SASL.
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

/// What the component of this version can do.
const BUILT: [Mechanism; 2] = [Mechanism::Apop, Mechanism::User];

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
            let built = NAMES.iter().filter(|(_, mechanism)| BUILT.contains(mechanism));
            let names: Vec<&str> = built.map(|(name, _)| *name).collect();
            format!("not a way to sign in; this version has auto, {}", names.join(", "))
        })
    }
}

/// The name of a mechanism on the command line and in the output.
pub(super) fn name(mechanism: Mechanism) -> &'static str {
    NAMES.iter().find(|(_, known)| *known == mechanism).map_or("unknown", |(name, _)| name)
}

/// The mechanisms that the list permits on such a channel, in order, each once. An error names those that this version
/// does not have, where it has none of the list.
pub(super) fn permitted(list: &[Auth], security: Security) -> Result<Vec<Mechanism>, String> {
    let mut permitted = Vec::new();
    let mut not_built = Vec::new();
    for auth in list {
        let mechanisms = match auth {
            Auth::Named(mechanism) => vec![*mechanism],
            // Without TLS, only what keeps the password from whoever listens.
            Auth::Auto if security == Security::Cleartext => vec![Mechanism::Apop],
            Auth::Auto => vec![Mechanism::Apop, Mechanism::User],
        };
        for mechanism in mechanisms {
            if !BUILT.contains(&mechanism) {
                not_built.push(name(mechanism));
            } else if !permitted.contains(&mechanism) {
                permitted.push(mechanism);
            }
        }
    }
    if permitted.is_empty() { Err(not_built.join(", ")) } else { Ok(permitted) }
}

#[cfg(test)]
mod tests {
    use super::{Auth, Mechanism, Security, permitted};

    fn list(names: &str) -> Vec<Auth> {
        names.split(',').map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn auto_sends_no_password_in_clear_text() {
        assert_eq!(permitted(&list("auto"), Security::Cleartext), Ok(vec![Mechanism::Apop]));
        assert!(permitted(&list("auto"), Security::ImplicitTls).unwrap().contains(&Mechanism::User));
    }

    #[test]
    fn the_order_is_the_callers() {
        let both = Ok(vec![Mechanism::User, Mechanism::Apop]);
        assert_eq!(permitted(&list("user,auto,user"), Security::Cleartext), both);
        assert_eq!(permitted(&list("apop,user"), Security::Cleartext), Ok(vec![Mechanism::Apop, Mechanism::User]));
    }

    #[test]
    fn what_is_not_built_is_named() {
        assert_eq!(permitted(&list("plain,xoauth2"), Security::Cleartext), Err("plain, xoauth2".to_owned()));
        assert_eq!(permitted(&list("plain,user"), Security::Cleartext), Ok(vec![Mechanism::User]));
        assert!("APOP ".parse::<Auth>().is_err());
        assert_eq!("APOP".parse(), Ok(Auth::Named(Mechanism::Apop)));
    }
}
