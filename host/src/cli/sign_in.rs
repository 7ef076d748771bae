//! From a connection to a session in TRANSACTION.

use tokio::sync::Mutex;

use super::arguments::{Connection, SignIn};
use super::auth::{self, Auth, Offers};
use super::connect::Connector;
use super::failure::Failure;
use super::output::Reporter;
use super::password::{PasswordSource, Place, SecretKind};
use super::place;
use super::shared::Shared;
use super::target::Target;
use crate::fetch::Sending;
use crate::sandbox::contract::Mechanism;
use crate::secret::Secret;
use crate::session::{Credentials, Security, Session};

/// Opens sessions of one account, the password of which is asked for once.
pub(super) struct Account<'r> {
    connection: &'r Connection,
    reporter: &'r Reporter,
    target: Target,
    source: PasswordSource,
    credentials: Credentials,
    connector: Connector,
}

impl<'r> Account<'r> {
    /// Gets the password, and all that the command line names.
    pub(super) async fn prepare(
        connection: &'r Connection,
        target: Target,
        sign_in: &SignIn,
        shared: &Shared,
        reporter: &'r Reporter,
    ) -> Result<Self, Failure> {
        let user = user(sign_in, &target)?;
        let source = source(sign_in, &connection.auth, &user, &target.url.host().to_string())?;
        if source.kind == SecretKind::Token {
            if target.security == Security::Cleartext && auth::asks(&connection.auth) {
                return Err(Failure::TokenInClearText);
            }
            if let Some(name) = auth::takes_no_token(&connection.auth) {
                return Err(Failure::Usage(format!("a token is not for --auth {name}; give --password-file for that")));
            }
        }
        let secret = match connection.auth.as_slice() {
            // The certificate signs in.
            [Auth::Named(Mechanism::External)] => Secret::new(Vec::new()),
            _ => obtain(&source, &user, &target, reporter).await?,
        };
        let connector = Connector::new(connection, &target, shared, reporter).await?;
        Ok(Account { connection, reporter, target, source, credentials: Credentials { user, secret }, connector })
    }

    /// Connects and signs in; gives the session in TRANSACTION.
    pub(super) async fn open(&mut self, sending: Sending) -> Result<Session, Failure> {
        let (connection, target) = (self.connection, &self.target);
        let confidential = std::slice::from_ref(&self.credentials);
        let mut session = self.connector.connect(connection, target, confidential, sending).await?;
        self.reporter.connected(
            &name(&self.credentials.user, target),
            &session.greeting().await?,
            session.tls().as_ref(),
        );
        let mut permitted = self.permitted(&mut session).await?;
        let mut signed_in = session.sign_in(&self.credentials, &permitted).await;
        if let Err(error) = &signed_in
            && error.is_refused_token()
            && matches!(&self.source, PasswordSource { kind: SecretKind::Token, place: Place::Command(_) })
        {
            // It may have expired just now. The same one again would be refused again.
            let secret = obtain(&self.source, &self.credentials.user, target, self.reporter).await?;
            if secret.expose() != self.credentials.secret.expose() {
                let refused = self.credentials.clone();
                self.credentials.secret = secret;
                if !session.is_usable() {
                    let both = [refused, self.credentials.clone()];
                    session = self.connector.connect(connection, &self.target, &both, sending).await?;
                    permitted = self.permitted(&mut session).await?;
                }
                signed_in = session.sign_in(&self.credentials, &permitted).await;
            }
        }
        self.reporter.signed_in(auth::name(signed_in?));
        Ok(session)
    }

    /// Asks the server what it offers, and turns to UTF-8 where it can; gives the mechanisms to try.
    async fn permitted(&self, session: &mut Session) -> Result<Vec<Mechanism>, Failure> {
        let greeting = session.greeting().await?;
        let capabilities = session.turn_to_utf8().await?;
        let offers = Offers { greeting: &greeting, capabilities: capabilities.as_deref() };
        Ok(auth::permitted(&self.connection.auth, self.target.security, self.source.kind, &offers))
    }
}

/// The name of the account: `user@host:port`.
pub(super) fn account_name(sign_in: &SignIn, target: &Target) -> Result<String, Failure> {
    Ok(name(&user(sign_in, target)?, target))
}

fn name(user: &str, target: &Target) -> String {
    format!("{user}@{}:{}", target.url.host(), target.url.port())
}

/// The user of the account.
pub(super) fn user(sign_in: &SignIn, target: &Target) -> Result<String, Failure> {
    match (&sign_in.user, target.url.user()) {
        (Some(user), None) => Ok(target.url.clone().with_user(user)?.user().unwrap_or_default().to_owned()),
        (None, Some(user)) => Ok(user.to_owned()),
        (Some(_), Some(_)) => Err(Failure::Usage("the URL and --user both name a user; give one".to_owned())),
        (None, None) => Err(Failure::Usage("no user: write pop3://user@host, or give --user".to_owned())),
    }
}

/// What is named as a password is a token where only a token is of use.
fn source(sign_in: &SignIn, list: &[Auth], user: &str, host: &str) -> Result<PasswordSource, Failure> {
    let SignIn { password_file, password_command, token_file, token_command, .. } = sign_in;
    let kind = if auth::wants_token(list) { SecretKind::Token } else { SecretKind::Password };
    let (file, command, kind) = match (token_file, token_command) {
        (None, None) => (password_file, password_command, kind),
        (file, command) => (file, command, SecretKind::Token),
    };
    let place = match (file, command) {
        (Some(path), _) => Place::File(place::of_account(path, user, host)?),
        (None, Some(command)) => Place::Command(command.clone()),
        (None, None) => Place::Terminal,
    };
    Ok(PasswordSource { kind, place })
}

async fn obtain(source: &PasswordSource, user: &str, target: &Target, reporter: &Reporter) -> Result<Secret, Failure> {
    // A terminal asks for one password at a time.
    static ASKING: Mutex<()> = Mutex::const_new(());
    let _alone = match source.place {
        Place::Terminal => Some(ASKING.lock().await),
        _ => None,
    };
    let (source, user, host) = (source.clone(), user.to_owned(), target.url.host().to_string());
    let obtained = tokio::task::spawn_blocking(move || source.obtain(&user, &host))
        .await
        .map_err(|_| Failure::Internal("the thread that gets the password ended early"))??;
    if let Some(warning) = &obtained.warning {
        reporter.warn(warning);
    }
    Ok(obtained.password)
}
