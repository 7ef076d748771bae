//! From the command line to a session.

use std::net::SocketAddr;

use super::arguments::{Connection, SecurityArguments, SignIn, TlsMinimum, TlsMode};
use super::auth::{self, Auth, Offers};
use super::failure::Failure;
use super::output::Reporter;
use super::password::{PasswordSource, PasswordWarning, Place, SecretKind};
use super::trace;
use crate::sandbox::contract::Mechanism;
use crate::sandbox::{Component, Sandbox, SandboxOptions};
use crate::secret::Secret;
use crate::server_url::{Scheme, ServerUrl};
use crate::session::{Capability, Credentials, Security, Server, Session, SessionError, SessionOptions, Timeouts};
use crate::tls::{Tls, TlsIdentity, TlsOptions, TlsRoots, TlsVersion};

/// The most addresses of a host that are tried.
const MOST_ADDRESSES: usize = 16;

/// What the command line says about the connection, checked.
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
    Ok(Target { url, security })
}

/// Connects and reads the greeting.
pub(super) async fn connect(connection: &Connection, target: &Target, reporter: &Reporter) -> Result<Session, Failure> {
    let tls = match target.security {
        Security::Cleartext => None,
        _ => Some(Tls::new(&tls_options(&connection.security))?),
    };
    if let Some(warning) = connection.security.tls_key.as_deref().and_then(PasswordWarning::of_key) {
        reporter.warn(&warning);
    }
    let trace = connection.trace.as_deref().map(|path| trace::to_file(path, target)).transpose()?;
    // The look-up waits for the network, the sandbox for the disk.
    let component = connection.component.clone().map_or(Component::BuiltIn, Component::File);
    let loading =
        tokio::task::spawn_blocking(move || Sandbox::load(SandboxOptions { component, ..SandboxOptions::default() }));
    let addresses = look_up(&target.url, connection.timeout).await?;
    let sandbox = loading.await.map_err(|_| Failure::Internal("the thread that loads the component ended early"))??;
    let server = Server { name: target.url.host().unbracketed(), addresses, security: target.security };
    let options = SessionOptions {
        timeouts: Timeouts::all(connection.timeout),
        deadline: Some(connection.deadline),
        scram_iterations: connection.scram_iterations,
        tls,
        trace,
        ..SessionOptions::default()
    };
    let mut session = Session::connect(&sandbox, &server, &options).await?;
    if let Some(language) = &connection.lang {
        session.speak(language).await?;
    }
    Ok(session)
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

/// Connects and signs in; gives the session in TRANSACTION and the name of the account.
pub(super) async fn connect_and_sign_in(
    connection: &Connection,
    sign_in: &SignIn,
    reporter: &Reporter,
) -> Result<(Session, String), Failure> {
    let target = check(connection)?;
    let source = source(sign_in);
    if target.security == Security::Cleartext && source.kind == SecretKind::Token && auth::asks(&connection.auth) {
        return Err(Failure::TokenInClearText);
    }
    let user = user(sign_in, &target)?;
    let secret = match connection.auth.as_slice() {
        // The certificate signs in.
        [Auth::Named(Mechanism::External)] => Secret::new(Vec::new()),
        _ => obtain(&source, &user, &target, reporter).await?,
    };
    let mut credentials = Credentials { user, secret };
    let account = format!("{}@{}:{}", credentials.user, target.url.host(), target.url.port());
    let mut session = connect(connection, &target, reporter).await?;
    reporter.connected(&account, &session.greeting().await?, session.tls().as_ref());
    let mut permitted = prepare(&mut session, connection, &target, &source, &credentials).await?;
    let mut signed_in = session.sign_in(&credentials, &permitted).await;
    if let Err(error) = &signed_in
        && error.is_refused_token()
        && matches!(&source, PasswordSource { kind: SecretKind::Token, place: Place::Command(_) })
    {
        // It may have expired just now. The same one again would be refused again.
        let secret = obtain(&source, &credentials.user, &target, reporter).await?;
        if secret.expose() != credentials.secret.expose() {
            credentials.secret = secret;
            if !session.is_usable() {
                session = connect(connection, &target, reporter).await?;
                permitted = prepare(&mut session, connection, &target, &source, &credentials).await?;
            }
            signed_in = session.sign_in(&credentials, &permitted).await;
        }
    }
    reporter.signed_in(auth::name(signed_in?));
    Ok((session, account))
}

/// Asks the server what it offers, where that matters, and turns to UTF-8 where it can; gives the mechanisms to try.
async fn prepare(
    session: &mut Session,
    connection: &Connection,
    target: &Target,
    source: &PasswordSource,
    credentials: &Credentials,
) -> Result<Vec<Mechanism>, Failure> {
    let is_ascii = credentials.user.is_ascii() && credentials.secret.expose().is_ascii();
    let greeting = session.greeting().await?;
    let capabilities = match auth::asks(&connection.auth) || !is_ascii {
        true => capabilities(session).await?,
        false => None,
    };
    if capabilities.as_deref().is_some_and(|rows| rows.iter().any(|row| row.name == "UTF8")) {
        match session.utf8().await {
            Err(error) if !error.is_lack() => return Err(error.into()),
            // Most servers take UTF-8 all the same.
            _ => {}
        }
    }
    let offers = Offers { greeting: &greeting, capabilities: capabilities.as_deref() };
    Ok(auth::permitted(&connection.auth, target.security, source.kind, &offers))
}

/// What the server can do; nothing where it has no CAPA.
pub(super) async fn capabilities(session: &mut Session) -> Result<Option<Vec<Capability>>, SessionError> {
    match session.capabilities().await {
        Ok(capabilities) => Ok(Some(capabilities)),
        Err(refusal) if refusal.is_lack() => Ok(None),
        Err(error) => Err(error),
    }
}

fn user(sign_in: &SignIn, target: &Target) -> Result<String, Failure> {
    match (&sign_in.user, target.url.user()) {
        (Some(user), None) => Ok(target.url.clone().with_user(user)?.user().unwrap_or_default().to_owned()),
        (None, Some(user)) => Ok(user.to_owned()),
        (Some(_), Some(_)) => Err(Failure::Usage("the URL and --user both name a user; give one".to_owned())),
        (None, None) => Err(Failure::Usage("no user: write pop3://user@host, or give --user".to_owned())),
    }
}

fn source(sign_in: &SignIn) -> PasswordSource {
    let SignIn { password_file, password_command, token_file, token_command, .. } = sign_in;
    let (file, command, kind) = match (token_file, token_command) {
        (None, None) => (password_file, password_command, SecretKind::Password),
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
async fn look_up(url: &ServerUrl, timeout: std::time::Duration) -> Result<Vec<SocketAddr>, Failure> {
    let host = url.host().unbracketed();
    let unknown = |cause: String| Failure::UnknownHost { host: host.clone(), cause };
    let looked_up = tokio::time::timeout(timeout, tokio::net::lookup_host((host.as_str(), url.port())))
        .await
        .map_err(|_| Failure::LookupTimeout { host: host.clone(), timeout })?
        .map_err(|error| unknown(error.to_string()))?;
    let addresses: Vec<SocketAddr> = looked_up.take(MOST_ADDRESSES).collect();
    if addresses.is_empty() { Err(unknown("it has no address".to_owned())) } else { Ok(addresses) }
}
