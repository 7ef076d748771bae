//! From the command line to a session.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::arguments::Connection;
use super::failure::Failure;
use super::output::Reporter;
use super::shared::{Shared, aside};
use super::target::Target;
use super::trace;
use crate::fetch::Sending;
use crate::sandbox::Sandbox;
use crate::server_url::ServerUrl;
use crate::session::{Credentials, Security, Server, Session, SessionOptions, Timeouts};

/// The most addresses of a host that are tried.
const MOST_ADDRESSES: usize = 16;

/// Connects an account, as often as it needs a session.
pub(super) struct Connector {
    sandbox: Sandbox,
    options: SessionOptions,
    began: Instant,
}

impl Connector {
    /// Reads and makes the files that the command line names, and waits for the component.
    pub(super) async fn new(
        connection: &Connection,
        target: &Target,
        shared: &Shared,
        reporter: &Reporter,
    ) -> Result<Self, Failure> {
        let tls = match target.security {
            Security::Cleartext => None,
            _ => Some(shared.tls(connection, reporter).await?),
        };
        let trace = match connection.trace.clone().zip(Some(target.clone())) {
            Some((path, target)) => Some(aside(move || trace::to_file(&path, &target)).await?),
            None => None,
        };
        let options = SessionOptions {
            timeouts: Timeouts::all(connection.timeout),
            scram_iterations: connection.scram_iterations,
            tls,
            trace,
            ..SessionOptions::default()
        };
        Ok(Connector { sandbox: shared.sandbox(connection).await?, options, began: shared.began })
    }

    /// Connects and reads the greeting.
    pub(super) async fn connect(
        &self,
        connection: &Connection,
        target: &Target,
        confidential: &[Credentials],
        sending: Sending,
    ) -> Result<Session, Failure> {
        let addresses = look_up(&target.url, connection.timeout).await?;
        let server = Server { name: target.url.host().unbracketed(), addresses, security: target.security };
        let mut options = SessionOptions { confidential: confidential.to_vec(), ..self.options.clone() };
        // The run as a whole has one deadline, however many sessions it takes.
        options.deadline = Some(connection.deadline.saturating_sub(self.began.elapsed()));
        if sending == Sending::OneByOne {
            options.limits.in_flight = 1;
        }
        let mut session = Session::connect(&self.sandbox, &server, &options).await?;
        if let Some(language) = &connection.lang {
            session.speak(language).await?;
        }
        Ok(session)
    }
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
