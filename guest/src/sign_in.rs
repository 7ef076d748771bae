//! Signing in, along the caller's list of mechanisms.

use pop3_protocol::Command;
use zeroize::Zeroizing;

use crate::Session;
use crate::types::{Credentials, Error, Mechanism, Refusal, ResponseCode};

impl Session {
    /// See `session.sign-in` in `wit/client.wit`. The secret is wiped.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn sign_in(&mut self, credentials: Credentials, permitted: &[Mechanism]) -> Result<Mechanism, Error> {
        let secret = Zeroizing::new(credentials.secret);
        let user = credentials.user;
        let mut refused = None;
        let mut not_offered = None;
        for mechanism in permitted {
            let attempt = match mechanism {
                Mechanism::Apop if self.has_timestamp() => self.command(Command::Apop { user: &user, secret: &secret }),
                Mechanism::Apop => {
                    not_offered = Some("no APOP, for its greeting has no valid timestamp");
                    continue;
                }
                Mechanism::User => self.user_and_pass(&user, &secret),
                // This component does not have it; another of the list may do.
                _ => continue,
            };
            match attempt {
                Ok(()) => return Ok(*mechanism),
                Err(Error::Refused(refusal)) if is_final(&refusal) => return Err(Error::SignInRefused(refusal)),
                Err(Error::Refused(refusal)) => refused = Some(refusal),
                Err(error) => return Err(error),
            }
        }
        match (refused, not_offered) {
            (Some(refusal), _) => Err(Error::SignInRefused(refusal)),
            (None, Some(missing)) => Err(Error::NoMechanism(missing.into())),
            (None, None) if permitted.is_empty() => Err(Error::InvalidArgument("no mechanism is permitted".into())),
            (None, None) => Err(Error::NotSupported("this component has none of the permitted mechanisms".into())),
        }
    }

    fn user_and_pass(&mut self, user: &str, secret: &[u8]) -> Result<(), Error> {
        self.check_credentials(user, secret)?;
        self.command(Command::User(user))?;
        self.command(Command::Pass(secret))
    }
}

/// Whether the reason is the server's own: another mechanism would meet it too, and must not be tried.
fn is_final(refusal: &Refusal) -> bool {
    use ResponseCode::{InUse, LoginDelay, SysPerm, SysTemp};
    matches!(refusal.reply.code, Some(InUse | LoginDelay | SysTemp | SysPerm))
}
