//! What a model server is like: its maildrop, its abilities, its habits, and its faults.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use super::{At, Fault, Mechanism, Rule, Sasl, ServerTls, Wire};
use crate::maildrop::Maildrop;

/// A server to be. The default one is correct, has an empty maildrop, and lets `alice` sign in with `secret`.
#[derive(Clone, Debug)]
pub struct Script {
    /// The messages at the start.
    pub maildrop: Maildrop,
    /// The one user.
    pub user: String,
    /// The password, which may contain spaces.
    pub password: String,
    /// The password after SASLprep (RFC 4013), which SCRAM proves, where it is another one. PLAIN and LOGIN may give
    /// either.
    pub prepared_password: Option<String>,
    /// The address to listen on; the port is always a free one.
    pub listen: IpAddr,
    /// Text of the greeting after `+OK `.
    pub greeting: String,
    /// The timestamp at the end of the greeting, with its angle brackets, such as `<1896.697170952@dbc.mtview.ca.us>`.
    /// Without one there is no APOP.
    pub apop: Option<String>,
    /// Whether USER and PASS are permitted.
    pub user_pass: bool,
    /// The mechanisms of AUTH; without one AUTH is unknown. CAPA has them as `SASL …`, unless its list has such a line
    /// already, or signing in needs TLS.
    pub mechanisms: Vec<Mechanism>,
    /// The habits of AUTH.
    pub sasl: Sasl,
    /// Whether UTF8 is known and announced (RFC 6856 §2).
    pub utf8: bool,
    /// Tags and descriptions of the languages of LANG (RFC 6856 §3), the default one first; without one it is unknown.
    pub languages: Vec<(String, String)>,
    /// Whether a client may sign in without TLS, in whatever way.
    pub clear_sign_in: bool,
    /// TLS, where there is one.
    pub tls: Option<ServerTls>,
    /// What CAPA lists before sign-in and without TLS; `None` for a server which does not know CAPA. To this and the
    /// other lists is added what follows from the script and is not there: `STLS`, `SASL`, `UTF8`, `LANG`.
    pub capabilities: Option<Vec<String>>,
    /// What CAPA lists before sign-in and under TLS; `None` for a server which does not know CAPA then.
    pub capabilities_tls: Option<Vec<String>>,
    /// What CAPA lists after sign-in; `None` for a server which does not know CAPA then.
    pub capabilities_signed_in: Option<Vec<String>>,
    /// Whether UIDL is known.
    pub uidl: bool,
    /// Whether TOP is known.
    pub top: bool,
    /// With a time: the maildrop is locked by one session, and another sign-in waits so long before it is refused with
    /// `[IN-USE]`. Some time is needed by a client which comes back at once: the end of its last session may not be
    /// seen yet. Without: sessions do not exclude each other.
    pub exclusive: Option<Duration>,
    /// Closes a session in which no command came for so long.
    pub idle_timeout: Option<Duration>,
    /// Shows only so many messages to a session, the oldest, as Gmail does.
    pub visible: Option<usize>,
    /// Marks a message for deletion once it was retrieved, as Gmail and others can be told to.
    pub retr_deletes: bool,
    /// How octet counts in STAT, LIST and the reply to RETR relate to the truth.
    pub announced: Announced,
    /// What happens to commands that arrive before the last one was answered.
    pub pipelining: Pipelining,
    /// Text behind every `+OK` reply, for instance behind the numbers of STAT. Empty for none.
    pub extra_text: String,
    /// Text behind every row of LIST and UIDL, and behind the one row which these give with an argument. Empty for
    /// none.
    pub extra_row_text: String,
    /// How the server writes.
    pub wire: Wire,
    /// What goes wrong, and where. All that match a point are applied, see [`Fault`].
    pub rules: Vec<Rule>,
}

impl Default for Script {
    fn default() -> Self {
        let capabilities: Vec<String> =
            ["TOP", "UIDL", "USER", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE"].map(String::from).into();
        Self {
            maildrop: Maildrop::default(),
            user: "alice".to_owned(),
            password: "secret".to_owned(),
            prepared_password: None,
            listen: Ipv4Addr::LOCALHOST.into(),
            greeting: "model server ready".to_owned(),
            apop: None,
            user_pass: true,
            mechanisms: Vec::new(),
            sasl: Sasl::default(),
            utf8: false,
            languages: Vec::new(),
            clear_sign_in: true,
            tls: None,
            capabilities: Some(capabilities.clone()),
            capabilities_tls: Some(capabilities.clone()),
            capabilities_signed_in: Some(capabilities),
            uidl: true,
            top: true,
            exclusive: Some(Duration::from_secs(1)),
            idle_timeout: None,
            visible: None,
            retr_deletes: false,
            announced: Announced::default(),
            pipelining: Pipelining::Proper,
            extra_text: String::new(),
            extra_row_text: String::new(),
            wire: Wire::default(),
            rules: Vec::new(),
        }
    }
}

impl Script {
    /// The default server with this maildrop.
    pub fn with(maildrop: Maildrop) -> Self {
        Self { maildrop, ..Self::default() }
    }

    /// Adds a fault. All faults that match a point are applied.
    pub fn fault(mut self, at: At, fault: Fault) -> Self {
        self.rules.push(Rule::new(at, fault));
        self
    }

    /// Takes a capability, with whatever follows its name, from what CAPA lists. The command itself still works.
    pub fn without_capability(mut self, name: &str) -> Self {
        for list in self.capability_lists() {
            list.retain(|line| line.split(' ').next() != Some(name));
        }
        self
    }

    /// Adds a capability, such as `LOGIN-DELAY 60`, to all lists of CAPA.
    pub fn with_capability(mut self, line: &str) -> Self {
        for list in self.capability_lists() {
            list.push(line.to_owned());
        }
        self
    }

    /// A server which knows no CAPA, before and after sign-in.
    pub fn without_capa(self) -> Self {
        Self { capabilities: None, capabilities_tls: None, capabilities_signed_in: None, ..self }
    }

    fn capability_lists(&mut self) -> impl Iterator<Item = &mut Vec<String>> {
        [&mut self.capabilities, &mut self.capabilities_tls, &mut self.capabilities_signed_in].into_iter().flatten()
    }

    /// A server with these mechanisms of AUTH.
    pub fn with_mechanisms(self, mechanisms: impl Into<Vec<Mechanism>>) -> Self {
        Self { mechanisms: mechanisms.into(), ..self }
    }

    /// A server with this TLS.
    pub fn with_tls(self, tls: ServerTls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// A server which neither announces PIPELINING nor stands it: what arrives before a reply is lost.
    pub fn without_pipelining(self) -> Self {
        Self { pipelining: Pipelining::Discarded, ..self.without_capability("PIPELINING") }
    }

    /// A server which neither knows nor announces UIDL.
    pub fn without_uidl(self) -> Self {
        Self { uidl: false, ..self.without_capability("UIDL") }
    }

    /// A server which neither knows nor announces TOP.
    pub fn without_top(self) -> Self {
        Self { top: false, ..self.without_capability("TOP") }
    }

    /// A server with APOP, whose greeting ends with `timestamp` (with its angle brackets).
    pub fn with_apop(self, timestamp: &str) -> Self {
        Self { apop: Some(timestamp.to_owned()), ..self }
    }

    /// Listens on `::1`.
    pub fn on_ipv6(self) -> Self {
        Self { listen: Ipv6Addr::LOCALHOST.into(), ..self }
    }
}

/// How an announced octet count relates to the true one: `true count * factor + offset`. It may get negative or huge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Announced {
    /// What the true count is multiplied by.
    pub factor: f64,
    /// What is added then.
    pub offset: i64,
}

impl Default for Announced {
    fn default() -> Self {
        Self { factor: 1.0, offset: 0 }
    }
}

impl Announced {
    /// What is announced for `octets`.
    pub(super) fn of(self, octets: u64) -> i128 {
        // Counts under 2^53 are exact in a float, and no test has more.
        (octets as f64 * self.factor) as i128 + i128::from(self.offset)
    }
}

/// What happens to commands that arrive before the last one was answered. What CAPA announces is independent of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipelining {
    /// All are answered in order (RFC 2449 §6.6).
    Proper,
    /// Of what was read at once only the first command is answered, the rest is lost.
    OnlyFirstAnswered,
    /// What has arrived when a reply goes out is lost.
    Discarded,
    /// Commands read at once are answered in the reverse order.
    Reversed,
    /// The connection is closed without a reply when more than one command was read at once.
    Closes,
}
