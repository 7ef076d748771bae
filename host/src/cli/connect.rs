//! From the command line to a session.

use std::net::SocketAddr;
use std::time::Duration;

use super::arguments::{Connection, SecurityArguments, SignIn, TlsMinimum, TlsMode};
use super::auth::{self, Auth, Offers};
use super::failure::Failure;
use super::output::Reporter;
use super::password::{PasswordSource, PasswordWarning, Place, SecretKind};
use super::trace;
use crate::sandbox::contract::Mechanism;
use crate::sandbox::{Component, Limits, Sandbox, SandboxOptions};
use crate::secret::Secret;
use crate::server_url::{Scheme, ServerUrl};
use crate::session::{Credentials, ScramIterations, Security, Server, Session, SessionOptions, Timeouts};
use crate::tls::{Tls, TlsIdentity, TlsOptions, TlsRoots, TlsVersion};

/// The most addresses of a host that are tried.
const MOST_ADDRESSES: usize = 16;

/// What the command line says about the connection, checked.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) url: ServerUrl,
    pub(super) security: Security,
}

/// Checks what can be checked without asking anybody.
pub(super) fn check(connection: &Connection) -> Result<Target, Failure> {
    let url: ServerUrl = connection.url.parse()?;
    let security = match (url.scheme(), connection.security.tls) {
        (Scheme::Pop3s, None | Some(TlsMode::Implicit)) | (Scheme::Pop3, Some(TlsMode::Implicit)) => {
            Security::ImplicitTls
        }
        (Scheme::Pop3, None | Some(TlsMode::Starttls)) => Security::StartTls,
        (Scheme::Pop3, Some(TlsMode::Off)) => Security::Cleartext,
        (Scheme::Pop3s, Some(_)) => {
            return Err(Failure::Usage("pop3s:// is TLS from the start; for another --tls write pop3://".to_owned()));
        }
    };
    if security == Security::Cleartext
        && let Some(option) = connection.security.first_that_needs_tls()
    {
        return Err(Failure::Usage(format!("{option} has no meaning with --tls off; leave one of them out")));
    }
    Ok(Target { url, security })
}

/// What a run's connections have in common.
pub(super) struct Means {
    sandbox: Sandbox,
    options: SessionOptions,
}

impl Means {
    /// Reads and makes the files that the command line names, and loads the component.
    pub(super) async fn new(connection: &Connection, target: &Target, reporter: &Reporter) -> Result<Self, Failure> {
        if let Some(warning) = connection.security.tls_key.as_deref().and_then(PasswordWarning::of_key) {
            reporter.warn(&warning);
        }
        let tls = match target.security {
            Security::Cleartext => None,
            _ => Some(tls_options(&connection.security)),
        };
        let (trace, target) = (connection.trace.clone(), target.clone());
        let component = connection.component.clone().map_or(Component::BuiltIn, Component::File);
        let mut limits = Limits::default();
        limits.busy += hashing(connection.scram_iterations);
        let options = SessionOptions {
            timeouts: Timeouts::all(connection.timeout),
            deadline: Some(connection.deadline),
            scram_iterations: connection.scram_iterations,
            ..SessionOptions::default()
        };
        // Each of these may wait, for a disk or for whoever holds the other end of a pipe.
        let set_up = move || -> Result<Means, Failure> {
            let tls = tls.map(|options| Tls::new(&options)).transpose()?;
            let trace = trace.map(|path| trace::to_file(&path, &target)).transpose()?;
            let sandbox = Sandbox::load(SandboxOptions { component, limits })?;
            Ok(Means { sandbox, options: SessionOptions { tls, trace, ..options } })
        };
        tokio::task::spawn_blocking(set_up)
            .await
            .map_err(|_| Failure::Internal("the thread that prepares the connection ended early"))?
    }

    /// Connects and reads the greeting.
    pub(super) async fn connect(
        &self,
        connection: &Connection,
        target: &Target,
        confidential: &[Credentials],
    ) -> Result<Session, Failure> {
        let addresses = look_up(&target.url, connection.timeout).await?;
        let server = Server { name: target.url.host().unbracketed(), addresses, security: target.security };
        let options = SessionOptions { confidential: confidential.to_vec(), ..self.options.clone() };
        let mut session = Session::connect(&self.sandbox, &server, &options).await?;
        if let Some(language) = &connection.lang {
            session.speak(language).await?;
        }
        Ok(session)
    }
}

/// How much longer than usual the component may be busy, for more iterations than usual.
fn hashing(permitted: ScramIterations) -> Duration {
    const EACH: Duration = Duration::from_micros(5);
    EACH.saturating_mul(permitted.most.saturating_sub(ScramIterations::default().most))
}

fn tls_options(arguments: &SecurityArguments) -> TlsOptions {
    let roots = match arguments.ca_file.as_slice() {
        [] => TlsRoots::System,
        files => TlsRoots::Files(files.to_vec()),
    };
    let identity = arguments.tls_cert.clone().zip(arguments.tls_key.clone());
    TlsOptions {
        roots,
        pins: arguments.tls_pin.clone(),
        identity: identity.map(|(certificate, key)| TlsIdentity { certificate, key }),
        minimum: match arguments.tls_min {
            TlsMinimum::Tls12 => TlsVersion::Tls12,
            TlsMinimum::Tls13 => TlsVersion::Tls13,
        },
        server_name: arguments.tls_name.clone(),
    }
}

/// The name of the account: `user@host:port`.
pub(super) fn account(sign_in: &SignIn, target: &Target) -> Result<String, Failure> {
    Ok(format!("{}@{}:{}", user(sign_in, target)?, target.url.host(), target.url.port()))
}

/// Connects and signs in; gives the session in TRANSACTION and the name of the account.
pub(super) async fn connect_and_sign_in(
    connection: &Connection,
    sign_in: &SignIn,
    reporter: &Reporter,
) -> Result<(Session, String), Failure> {
    let target = check(connection)?;
    let account = account(sign_in, &target)?;
    let source = source(sign_in, &connection.auth);
    if source.kind == SecretKind::Token {
        if target.security == Security::Cleartext && auth::asks(&connection.auth) {
            return Err(Failure::TokenInClearText);
        }
        if let Some(name) = auth::takes_no_token(&connection.auth) {
            return Err(Failure::Usage(format!("a token is not for --auth {name}; give --password-file for that")));
        }
    }
    let user = user(sign_in, &target)?;
    let secret = match connection.auth.as_slice() {
        // The certificate signs in.
        [Auth::Named(Mechanism::External)] => Secret::new(Vec::new()),
        _ => obtain(&source, &user, &target, reporter).await?,
    };
    let mut credentials = Credentials { user, secret };
    let means = Means::new(connection, &target, reporter).await?;
    let mut session = means.connect(connection, &target, std::slice::from_ref(&credentials)).await?;
    reporter.connected(&account, &session.greeting().await?, session.tls().as_ref());
    let mut permitted = prepare(&mut session, connection, &target, &source).await?;
    let mut signed_in = session.sign_in(&credentials, &permitted).await;
    if let Err(error) = &signed_in
        && error.is_refused_token()
        && matches!(&source, PasswordSource { kind: SecretKind::Token, place: Place::Command(_) })
    {
        // It may have expired just now. The same one again would be refused again.
        let secret = obtain(&source, &credentials.user, &target, reporter).await?;
        if secret.expose() != credentials.secret.expose() {
            let refused = credentials.clone();
            credentials.secret = secret;
            if !session.is_usable() {
                let both = [refused, credentials.clone()];
                session = means.connect(connection, &target, &both).await?;
                permitted = prepare(&mut session, connection, &target, &source).await?;
            }
            signed_in = session.sign_in(&credentials, &permitted).await;
        }
    }
    reporter.signed_in(auth::name(signed_in?));
    Ok((session, account))
}

/// Asks the server what it offers, and turns to UTF-8 where it can; gives the mechanisms to try.
async fn prepare(
    session: &mut Session,
    connection: &Connection,
    target: &Target,
    source: &PasswordSource,
) -> Result<Vec<Mechanism>, Failure> {
    let greeting = session.greeting().await?;
    let capabilities = session.turn_to_utf8().await?;
    let offers = Offers { greeting: &greeting, capabilities: capabilities.as_deref() };
    Ok(auth::permitted(&connection.auth, target.security, source.kind, &offers))
}

fn user(sign_in: &SignIn, target: &Target) -> Result<String, Failure> {
    match (&sign_in.user, target.url.user()) {
        (Some(user), None) => Ok(target.url.clone().with_user(user)?.user().unwrap_or_default().to_owned()),
        (None, Some(user)) => Ok(user.to_owned()),
        (Some(_), Some(_)) => Err(Failure::Usage("the URL and --user both name a user; give one".to_owned())),
        (None, None) => Err(Failure::Usage("no user: write pop3://user@host, or give --user".to_owned())),
    }
}

/// What is named as a password is a token where only a token is of use.
fn source(sign_in: &SignIn, list: &[Auth]) -> PasswordSource {
    let SignIn { password_file, password_command, token_file, token_command, .. } = sign_in;
    let kind = if auth::wants_token(list) { SecretKind::Token } else { SecretKind::Password };
    let (file, command, kind) = match (token_file, token_command) {
        (None, None) => (password_file, password_command, kind),
        (file, command) => (file, command, SecretKind::Token),
    };
    let place = match (file, command) {
        (Some(path), _) => Place::File(path.clone()),
        (None, Some(command)) => Place::Command(command.clone()),
        (None, None) => Place::Terminal,
    };
    PasswordSource { kind, place }
}

async fn obtain(source: &PasswordSource, user: &str, target: &Target, reporter: &Reporter) -> Result<Secret, Failure> {
    let (source, user, host) = (source.clone(), user.to_owned(), target.url.host().to_string());
    let obtained = tokio::task::spawn_blocking(move || source.obtain(&user, &host))
        .await
        .map_err(|_| Failure::Internal("the thread that gets the password ended early"))??;
    if let Some(warning) = &obtained.warning {
        reporter.warn(warning);
    }
    Ok(obtained.password)
}

/// The name is looked up here: the sandbox cannot.
async fn look_up(url: &ServerUrl, timeout: Duration) -> Result<Vec<SocketAddr>, Failure> {
    let host = url.host().unbracketed();
    let unknown = |cause: String| Failure::UnknownHost { host: host.clone(), cause };
    let looked_up = tokio::time::timeout(timeout, tokio::net::lookup_host((host.as_str(), url.port())))
        .await
        .map_err(|_| Failure::LookupTimeout { host: host.clone(), timeout })?
        .map_err(|error| unknown(error.to_string()))?;
    let addresses: Vec<SocketAddr> = looked_up.take(MOST_ADDRESSES).collect();
    if addresses.is_empty() { Err(unknown("it has no address".to_owned())) } else { Ok(addresses) }
}
