//! From the command line to a session.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OnceCell};
use tokio::task::{JoinError, JoinHandle};

use super::arguments::{Connection, SecurityArguments, TlsMinimum};
use super::failure::Failure;
use super::output::Reporter;
use super::password::PasswordWarning;
use super::target::Target;
use super::trace;
use crate::fetch::Sending;
use crate::sandbox::{Component, Limits, Sandbox, SandboxOptions};
use crate::server_url::ServerUrl;
use crate::session::{Credentials, ScramIterations, Security, Server, Session, SessionOptions, Timeouts};
use crate::tls::{Tls, TlsIdentity, TlsOptions, TlsRoots, TlsVersion};

/// The most addresses of a host that are tried.
const MOST_ADDRESSES: usize = 16;

/// What the accounts of a run share.
pub(super) struct Shared {
    sandbox: OnceCell<Sandbox>,
    /// It loads from the beginning, while Maildir, journal and password are looked after.
    loading: Mutex<Option<JoinHandle<Result<Sandbox, Failure>>>>,
    tls: OnceCell<Tls>,
    began: Instant,
}

impl Shared {
    /// Begins to load the component, in a thread of the runtime that this is called in.
    pub(super) fn begin(connection: &Connection) -> Self {
        Shared {
            sandbox: OnceCell::new(),
            loading: Mutex::new(Some(load(connection))),
            tls: OnceCell::new(),
            began: Instant::now(),
        }
    }

    async fn sandbox(&self, connection: &Connection) -> Result<Sandbox, Failure> {
        let loaded = async || {
            let begun = self.loading.lock().await.take();
            // Where it has failed for one account, the next one asks again, for the words.
            ended(begun.unwrap_or_else(|| load(connection)).await)
        };
        self.sandbox.get_or_try_init(loaded).await.cloned()
    }

    async fn tls(&self, connection: &Connection, reporter: &Reporter) -> Result<Tls, Failure> {
        let set_up = async || {
            if let Some(warning) = connection.security.tls_key.as_deref().and_then(PasswordWarning::of_key) {
                reporter.warn(&warning);
            }
            let options = tls_options(&connection.security);
            aside(move || Ok(Tls::new(&options)?)).await
        };
        self.tls.get_or_try_init(set_up).await.cloned()
    }
}

fn load(connection: &Connection) -> JoinHandle<Result<Sandbox, Failure>> {
    let component = connection.component.clone().map_or(Component::BuiltIn, Component::File);
    let mut limits = Limits::default();
    limits.busy += hashing(connection.scram_iterations);
    tokio::task::spawn_blocking(move || Ok(Sandbox::load(SandboxOptions { component, limits })?))
}

/// What may wait, for a disk or for whoever holds the other end of a pipe, in a thread of its own.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    ended(tokio::task::spawn_blocking(work).await)
}

fn ended<T>(done: Result<Result<T, Failure>, JoinError>) -> Result<T, Failure> {
    done.map_err(|_| Failure::Internal("the thread that prepares the connection ended early"))?
}

/// What an account's connections have in common.
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
