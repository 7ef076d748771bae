//! Signing in, along the caller's list of mechanisms.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use pop3_protocol::{Command, sasl};
use zeroize::Zeroizing;

use super::exchange::Denied;
use super::{Asked, Session};
use crate::types::{Capability, Credentials, Error, Mechanism, Refusal, ResponseCode, ScramIterations};

/// Credentials that are wiped after use.
struct Known {
    user: String,
    secret: Zeroizing<Vec<u8>>,
    prepared: Option<(String, Zeroizing<Vec<u8>>)>,
}

impl Session {
    /// See `session.sign-in` in `wit/client.wit`. The secrets are wiped.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn sign_in(&mut self, credentials: Credentials, permitted: &[Mechanism]) -> Result<Mechanism, Error> {
        let known = Known {
            user: credentials.user,
            secret: Zeroizing::new(credentials.secret),
            prepared: credentials.prepared.map(|prepared| (prepared.user, Zeroizing::new(prepared.secret))),
        };
        self.check_free()?;
        if permitted.is_empty() {
            return Err(Error::InvalidArgument("no mechanism is permitted".into()));
        }
        let ScramIterations { least, most } = self.options.scram_iterations;
        if least > most {
            return Err(Error::InvalidArgument("the range of SCRAM's iterations is empty".into()));
        }
        let offered = self.offered(permitted)?;
        let mut refused: Option<Refusal> = None;
        let mut missing = Missing::default();
        let mut knows_the_password = false;
        for mechanism in permitted {
            if knows_the_password && shows_the_password(*mechanism) {
                continue;
            }
            let attempt = match sasl_mechanism(*mechanism) {
                None if *mechanism == Mechanism::User => self.user_and_pass(&known),
                None if self.core.timestamp().is_some() => self.apop(&known).map_err(denied),
                None => {
                    missing.timestamp = true;
                    continue;
                }
                Some(sasl) if offered.has(sasl) => self.sasl(sasl, &known),
                Some(_) => {
                    missing.sasl = true;
                    continue;
                }
            };
            let refusal = match attempt {
                Ok(()) => return Ok(*mechanism),
                Err(Denied::Failed(error)) => return Err(error),
                Err(Denied::Unasked(refusal)) => refusal,
                Err(Denied::Refused(refusal)) => {
                    // The server has seen it, and said that it is another one.
                    knows_the_password |=
                        shows_the_password(*mechanism) && matches!(refusal.reply.code, Some(ResponseCode::Auth));
                    refusal
                }
            };
            if refusal.is_trouble() || self.connection.is_none() {
                return Err(Error::SignInRefused(refusal));
            }
            refused = Some(refusal);
        }
        match refused {
            Some(refusal) => Err(Error::SignInRefused(refusal)),
            None => Err(Error::NoMechanism(missing.words(&offered))),
        }
    }

    /// RFC 6856 §2.2 has SASLprep here, too.
    fn apop(&mut self, known: &Known) -> Result<(), Error> {
        let (user, secret) = match &known.prepared {
            Some((user, secret)) => (user, secret),
            None => (&known.user, &known.secret),
        };
        self.command(Command::Apop { user, secret })
    }

    fn user_and_pass(&mut self, known: &Known) -> Result<(), Denied> {
        self.core.check_credentials(&known.user, &known.secret).map_err(Error::from)?;
        match self.command(Command::User(&known.user)) {
            Err(Error::Refused(refusal)) => return Err(Denied::Unasked(refusal)),
            accepted => accepted?,
        }
        self.command(Command::Pass(&known.secret)).map_err(denied)
    }

    /// An exchange without an initial response, as Microsoft's servers want it for their tokens; and where a server refuses
    /// that before it has heard anything, one with it.
    fn sasl(&mut self, mechanism: sasl::Mechanism, known: &Known) -> Result<(), Denied> {
        if mechanism != sasl::Mechanism::External {
            self.core.check_credentials(&known.user, &known.secret).map_err(Error::from)?;
        }
        let (host, port) = self.server.clone();
        let identity = sasl::Identity {
            user: &known.user,
            secret: &known.secret,
            prepared: known.prepared.as_ref().map(|(user, secret)| (user.as_str(), secret.as_slice())),
            host: &host,
            port,
        };
        match self.authenticate(mechanism, &identity, false) {
            Err(Denied::Unasked(refusal)) if mechanism.begins_with_client() && refusal.reply.code.is_none() => {
                self.authenticate(mechanism, &identity, true)
            }
            other => other,
        }
    }

    /// What the server has of SASL. Nobody is asked where nobody wants to know.
    fn offered(&mut self, permitted: &[Mechanism]) -> Result<Offered, Error> {
        if !permitted.iter().any(|mechanism| sasl_mechanism(*mechanism).is_some()) {
            return Ok(Offered::Named(Vec::new()));
        }
        if let Asked::NotYet = self.capabilities {
            match self.capabilities() {
                Ok(_) => {}
                Err(Error::Refused(refusal)) if refusal.is_trouble() => return Err(Error::SignInRefused(refusal)),
                Err(Error::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        if let Asked::Answered(capabilities) = &self.capabilities {
            return Ok(Offered::of(capabilities));
        }
        let has_other = permitted.iter().any(|mechanism| match mechanism {
            Mechanism::User => true,
            Mechanism::Apop => self.core.timestamp().is_some(),
            _ => false,
        });
        Ok(if has_other { Offered::Named(Vec::new()) } else { Offered::Unknown })
    }
}

/// The mechanisms of SASL that a server has.
enum Offered {
    Named(Vec<String>),
    /// It does not say, and nothing else can be tried.
    Unknown,
}

impl Offered {
    fn of(capabilities: &[Capability]) -> Self {
        let sasl = capabilities.iter().filter(|capability| capability.name == "SASL");
        Offered::Named(sasl.flat_map(|capability| capability.parameters.iter().cloned()).collect())
    }

    fn has(&self, mechanism: sasl::Mechanism) -> bool {
        match self {
            Offered::Named(names) => names.iter().any(|name| name.eq_ignore_ascii_case(mechanism.name())),
            Offered::Unknown => true,
        }
    }
}

/// What of the list the server lacks.
#[derive(Default)]
struct Missing {
    timestamp: bool,
    sasl: bool,
}

impl Missing {
    fn words(&self, offered: &Offered) -> String {
        let sasl = match offered {
            Offered::Named(names) if names.is_empty() => "no SASL mechanism".to_string(),
            Offered::Named(names) => format!("of SASL only {}", names.join(" ")),
            Offered::Unknown => String::new(),
        };
        match (self.timestamp, self.sasl) {
            (true, false) => "no APOP, for its greeting has no valid timestamp".to_string(),
            (true, true) => format!("{sasl}, and no APOP, for its greeting has no valid timestamp"),
            (false, _) => sasl,
        }
    }
}

fn sasl_mechanism(mechanism: Mechanism) -> Option<sasl::Mechanism> {
    match mechanism {
        Mechanism::Apop | Mechanism::User => None,
        Mechanism::Plain => Some(sasl::Mechanism::Plain),
        Mechanism::Login => Some(sasl::Mechanism::Login),
        Mechanism::CramMd5 => Some(sasl::Mechanism::CramMd5),
        Mechanism::ScramShaOne => Some(sasl::Mechanism::ScramSha1),
        Mechanism::ScramShaTwoFiveSix => Some(sasl::Mechanism::ScramSha256),
        Mechanism::XoauthTwo => Some(sasl::Mechanism::Xoauth2),
        Mechanism::Oauthbearer => Some(sasl::Mechanism::OauthBearer),
        Mechanism::External => Some(sasl::Mechanism::External),
    }
}

/// Whether the server gets the password itself.
fn shows_the_password(mechanism: Mechanism) -> bool {
    matches!(mechanism, Mechanism::Plain | Mechanism::Login | Mechanism::User)
}

fn denied(error: Error) -> Denied {
    match error {
        Error::Refused(refusal) => Denied::Refused(refusal),
        error => Denied::Failed(error),
    }
}
