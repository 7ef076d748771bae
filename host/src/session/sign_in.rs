//! Signing in.

use stringprep::saslprep;
use zeroize::Zeroize;

use super::{Security, Session, SessionError};
use crate::sandbox::Stopped;
use crate::sandbox::contract::{self, Mechanism, PreparedCredentials};
use crate::secret::Secret;

/// Who signs in.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The name of the mailbox.
    pub user: String,
    /// The password; for OAuth mechanisms, the token.
    pub secret: Secret,
}

/// Credentials as the contract has them, wiped also where a call is cancelled.
pub(super) struct HandedIn(pub(super) contract::Credentials);

impl Session {
    /// Tries the permitted mechanisms in this order, and gives the one that the server accepted.
    ///
    /// For SCRAM and PLAIN, user and password are prepared by SASLprep (RFC 4013) where they can be.
    ///
    /// # Errors
    ///
    /// Typically `sign-in-refused` or `no-mechanism`.
    pub async fn sign_in(
        &mut self,
        credentials: &Credentials,
        permitted: &[Mechanism],
    ) -> Result<Mechanism, SessionError> {
        // The component is not trusted with what it could give away.
        if self.security != Security::Cleartext && !self.tls.is_established() {
            return Err(self.stop(Stopped::OutOfContract("there is no TLS, which was demanded".to_owned())));
        }
        // From now on the server knows them, or what comes close, and could repeat them.
        let handed_in = HandedIn::of(credentials);
        self.confidential.add(&handed_in.0);
        let signed_in = self
            .call(async |verbs, store, session| verbs.call_sign_in(store, session, &handed_in.0, permitted).await)
            .await;
        if let Ok(mechanism) = &signed_in
            && !permitted.contains(mechanism)
        {
            return Err(self.stop(Stopped::OutOfContract("signed in as was not permitted".to_owned())));
        }
        signed_in
    }
}

impl HandedIn {
    pub(super) fn of(credentials: &Credentials) -> Self {
        HandedIn(contract::Credentials {
            user: credentials.user.clone(),
            secret: credentials.secret.expose().to_vec(),
            prepared: prepared(credentials),
        })
    }
}

/// What SASLprep changes; nothing where it changes nothing, or forbids what is there: servers that do not care for it have
/// accepted that when it was chosen.
fn prepared(credentials: &Credentials) -> Option<PreparedCredentials> {
    let secret = std::str::from_utf8(credentials.secret.expose()).ok()?;
    let (user, secret) = (saslprep(&credentials.user).ok()?, saslprep(secret).ok()?);
    let changes = user != credentials.user || secret.as_bytes() != credentials.secret.expose();
    changes.then(|| PreparedCredentials { user: user.into_owned(), secret: secret.into_owned().into_bytes() })
}

impl Drop for HandedIn {
    fn drop(&mut self) {
        self.0.secret.zeroize();
        if let Some(prepared) = &mut self.0.prepared {
            prepared.secret.zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Credentials, Secret, prepared};

    fn prepare(user: &str, secret: &str) -> Option<(String, String)> {
        let credentials = Credentials { user: user.to_owned(), secret: Secret::new(secret) };
        prepared(&credentials).map(|prepared| (prepared.user, String::from_utf8(prepared.secret).unwrap()))
    }

    #[test]
    fn what_saslprep_changes_is_handed_in_twice() {
        assert_eq!(prepare("alice", "pencil"), None);
        // The examples of RFC 4013 §3.
        assert_eq!(prepare("user", "I\u{ad}X"), Some(("user".to_owned(), "IX".to_owned())));
        assert_eq!(prepare("\u{2168}", "\u{aa}"), Some(("IX".to_owned(), "a".to_owned())));
        assert_eq!(prepare("user", "\u{7}"), None, "forbidden, and so handed in as it is");
    }

    #[test]
    fn what_is_no_text_is_handed_in_as_it_is() {
        let credentials = Credentials { user: "user".to_owned(), secret: Secret::new(b"\xff".to_vec()) };
        assert!(prepared(&credentials).is_none());
    }
}
