//! What a private Dovecot is to be like.

use std::net::SocketAddr;

use crate::authority::Identity;

/// The users of a server and what it offers them.
///
/// ```no_run
/// use popfetch_tests::{authority::Authority, dovecot::{Dovecot, ServerTls, Settings}};
///
/// let authority = Authority::new();
/// let tls = ServerTls::with(authority.server());
/// let dovecot = Dovecot::start_with(&Settings { tls: Some(tls), ..Settings::new(&[("alice", "secret")]) });
/// println!("{} has STLS, port {} TLS from the start", dovecot.address(), dovecot.tls_port());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Names, and passwords as a line of a passwd-file has them: `{SCHEME}` and what this scheme makes of the password.
    pub users: Vec<(String, String)>,
    /// Nothing for a server in clear text.
    pub tls: Option<ServerTls>,
    /// USER/PASS, PLAIN and LOGIN only under TLS, and at 127.0.0.1, where Dovecot trusts everybody
    /// (`disable_plaintext_auth`; see [`TO_STRANGERS`](super::TO_STRANGERS)).
    pub passwords_need_tls: bool,
    /// Where to ask about tokens (RFC 7662), for OAUTHBEARER and XOAUTH2.
    pub introspection: Option<SocketAddr>,
}

impl Settings {
    /// These users with their passwords, from which all mechanisms can be served; in clear text.
    pub fn new(users: &[(&str, &str)]) -> Self {
        let users = users.iter().map(|(user, password)| (String::from(*user), format!("{{PLAIN}}{password}")));
        Self { users: users.collect(), ..Self::default() }
    }
}

/// STLS, and TLS from the start.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// Who the server is.
    pub identity: Identity,
    /// Nobody signs in without TLS, but at 127.0.0.1 (`ssl = required`).
    pub required: bool,
    /// What it speaks.
    pub versions: TlsVersions,
    /// What it wants of its clients.
    pub clients: Option<ClientCertificates>,
}

impl ServerTls {
    /// This server, with all versions that are in use, for those who want it.
    pub fn with(identity: Identity) -> Self {
        Self { identity, required: false, versions: TlsVersions::Both, clients: None }
    }
}

/// Versions of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersions {
    /// 1.2 and 1.3.
    Both,
    /// 1.2 and nothing later.
    Only12,
    /// 1.3 and nothing earlier.
    Only13,
}

/// A server that asks its clients for certificates. The common name of one is the user, and EXTERNAL signs him in.
#[derive(Clone, Debug)]
pub struct ClientCertificates {
    /// Who signs them: certificates in PEM.
    pub authority: String,
    /// Nobody signs in without one (`auth_ssl_require_client_cert`).
    pub required: bool,
}
