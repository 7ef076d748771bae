//! The server that the command line names.

use super::arguments::{Connection, TlsMode};
use super::failure::Failure;
use crate::server_url::{Scheme, ServerUrl};
use crate::session::Security;

/// What the command line says about the connection, checked.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) url: ServerUrl,
    pub(super) security: Security,
}

/// The server of a command that is for one.
pub(super) fn only_target(connection: &Connection) -> Result<Target, Failure> {
    match connection.urls.as_slice() {
        [url] => check(url, connection),
        _ => Err(Failure::Usage("this command takes one URL; only fetch takes several".to_owned())),
    }
}

/// Checks what can be checked without asking anybody.
pub(super) fn check(url: &str, connection: &Connection) -> Result<Target, Failure> {
    let url: ServerUrl = url.parse()?;
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
