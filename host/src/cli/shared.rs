//! What the accounts of a run share: the loaded component, and how TLS is checked.

use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OnceCell};
use tokio::task::{JoinError, JoinHandle};

use super::arguments::{Connection, SecurityArguments, TlsMinimum};
use super::failure::Failure;
use super::output::Reporter;
use super::password::PasswordWarning;
use crate::sandbox::{Component, Limits, Sandbox, SandboxOptions};
use crate::session::ScramIterations;
use crate::tls::{Tls, TlsIdentity, TlsOptions, TlsRoots, TlsVersion};

/// What the accounts of a run share.
pub(super) struct Shared {
    sandbox: OnceCell<Sandbox>,
    /// It loads from the beginning, while Maildir, journal and password are looked after.
    loading: Mutex<Option<JoinHandle<Result<Sandbox, Failure>>>>,
    tls: OnceCell<Tls>,
    pub(super) began: Instant,
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

    pub(super) async fn sandbox(&self, connection: &Connection) -> Result<Sandbox, Failure> {
        let loaded = async || {
            let begun = self.loading.lock().await.take();
            // Where it has failed for one account, the next one asks again, for the words.
            ended(begun.unwrap_or_else(|| load(connection)).await)
        };
        self.sandbox.get_or_try_init(loaded).await.cloned()
    }

    pub(super) async fn tls(&self, connection: &Connection, reporter: &Reporter) -> Result<Tls, Failure> {
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
