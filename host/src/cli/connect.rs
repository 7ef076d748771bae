//! From the command line to a session.

use std::net::SocketAddr;

use super::arguments::{Connection, SignIn, Tls};
use super::auth;
use super::failure::Failure;
use super::output::Reporter;
use super::password::PasswordSource;
use crate::sandbox::contract::Mechanism;
use crate::sandbox::{Component, Sandbox, SandboxOptions};
use crate::server_url::{Scheme, ServerUrl};
use crate::session::{Credentials, Security, Server, Session, SessionOptions, Timeouts};

/// The most addresses of a host that are tried.
const MOST_ADDRESSES: usize = 16;

/// What the command line says about the connection, checked.
pub(super) struct Target {
    pub(super) url: ServerUrl,
    pub(super) security: Security,
    pub(super) permitted: Vec<Mechanism>,
}

/// Checks what can be checked without asking anybody.
pub(super) fn check(connection: &Connection) -> Result<Target, Failure> {
    let url: ServerUrl = connection.url.parse()?;
    let security = match (url.scheme(), connection.tls) {
        (Scheme::Pop3s, None | Some(Tls::Implicit)) | (Scheme::Pop3, Some(Tls::Implicit)) => Security::ImplicitTls,
        (Scheme::Pop3, None | Some(Tls::Starttls)) => Security::StartTls,
        (Scheme::Pop3, Some(Tls::Off)) => Security::Cleartext,
        (Scheme::Pop3s, Some(_)) => {
            return Err(Failure::Usage("pop3s:// is TLS from the start; for another --tls write pop3://".to_owned()));
        }
    };
    match (security, url.scheme()) {
        (Security::Cleartext, _) => {}
        (_, Scheme::Pop3) => return Err(Failure::NoTls),
        (_, Scheme::Pop3s) => return Err(Failure::NoImplicitTls),
    }
    let permitted = auth::permitted(&connection.auth, security).map_err(Failure::NotBuilt)?;
    Ok(Target { url, security, permitted })
}

/// Connects and reads the greeting.
pub(super) async fn connect(connection: &Connection, target: &Target) -> Result<Session, Failure> {
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
        ..SessionOptions::default()
    };
    Ok(Session::connect(&sandbox, &server, &options).await?)
}

/// Connects and signs in; gives the session in TRANSACTION and the name of the account.
pub(super) async fn connect_and_sign_in(
    connection: &Connection,
    sign_in: &SignIn,
    reporter: &Reporter,
) -> Result<(Session, String), Failure> {
    let target = check(connection)?;
    let credentials = credentials(sign_in, &target, reporter).await?;
    let account = format!("{}@{}:{}", credentials.user, target.url.host(), target.url.port());
    let mut session = connect(connection, &target).await?;
    reporter.connected(&account, &session.greeting().await?);
    let mechanism = session.sign_in(&credentials, &target.permitted).await?;
    reporter.signed_in(auth::name(mechanism));
    Ok((session, account))
}

async fn credentials(sign_in: &SignIn, target: &Target, reporter: &Reporter) -> Result<Credentials, Failure> {
    let user = match (&sign_in.user, target.url.user()) {
        (Some(user), None) => target.url.clone().with_user(user)?.user().unwrap_or_default().to_owned(),
        (None, Some(user)) => user.to_owned(),
        (Some(_), Some(_)) => return Err(Failure::Usage("the URL and --user both name a user; give one".to_owned())),
        (None, None) => return Err(Failure::Usage("no user: write pop3://user@host, or give --user".to_owned())),
    };
    let source = match (&sign_in.password_file, &sign_in.password_command) {
        (Some(path), _) => PasswordSource::File(path.clone()),
        (None, Some(command)) => PasswordSource::Command(command.clone()),
        (None, None) => PasswordSource::Terminal,
    };
    let host = target.url.host().to_string();
    let asked_for = user.clone();
    let obtained = tokio::task::spawn_blocking(move || source.obtain(&asked_for, &host))
        .await
        .map_err(|_| Failure::Internal("the thread that gets the password ended early"))??;
    if let Some(warning) = &obtained.warning {
        reporter.warn(warning);
    }
    Ok(Credentials { user, secret: obtained.password })
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
