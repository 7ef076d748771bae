//! The walls: a component that speaks POP3 and can touch nothing but the server it was given.
//!
//! A [`Sandbox`] is loaded once for a process and shared by its tasks. Each session gets a store of its own with
//! [`Limits`], and may connect to the addresses of one server only. Only the interfaces of the world
//! `popfetch:pop3/client-plugin` are linked: a component that wants more does not load, and one that wants less, such as one
//! without TLS, does.

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::restriction,
    reason = "generated; the documentation is in wit/"
)]
mod bindings;
mod guard;
mod load;
mod store;
mod tcp;

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

pub(crate) use bindings::exports::popfetch::pop3::client::GuestSession;
pub(crate) use bindings::exports::popfetch::pop3::client::{GuestTrace, GuestTransfer};
pub(crate) use bindings::exports::popfetch::pop3::types as contract;
pub(crate) use bindings::wasi::tls::types as wasi_tls;
pub(crate) use guard::Guard;
pub(crate) use load::Loaded;
pub(crate) use store::{Reach, SessionStore, Walls};

/// The component that this crate was built with and runs, for hosts of one's own: the world `client-plugin` of `wit/`.
pub static COMPONENT: &[u8] = include_bytes!(env!("POPFETCH_COMPONENT"));

/// The same without TLS, for hosts that have no `wasi:tls`: the world `cleartext-client-plugin` of `wit/`.
pub static CLEARTEXT_COMPONENT: &[u8] = include_bytes!(env!("POPFETCH_CLEARTEXT_COMPONENT"));

/// What each session may use. The defaults are enough for a maildrop of 250,000 messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of linear memory.
    pub memory: usize,
    /// Elements of tables.
    pub table_elements: usize,
    /// Resources (sockets, streams, timers) held at a time.
    pub resources: usize,
    /// Octets that one call may hand over to the host.
    pub octets_a_call: usize,
    /// How long one call may run. Waiting for the network does not count.
    pub busy: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory: 64 << 20,
            table_elements: 4096,
            resources: 64,
            octets_a_call: 128 << 20,
            busy: Duration::from_secs(5),
        }
    }
}

/// Where the component comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Component {
    /// The one that this crate was built with, and compiled when the crate was.
    #[default]
    BuiltIn,
    /// A file: another build of the same world, or of the one without TLS. Compiling it takes about 0.1 seconds.
    File(PathBuf),
}

/// How to load a [`Sandbox`].
#[derive(Clone, Debug, Default)]
pub struct SandboxOptions {
    /// Where the component comes from.
    pub component: Component,
    /// What each session may use.
    pub limits: Limits,
}

/// A component that could not be loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("cannot read the component {path}: {cause}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file holds something else.
    #[error("{name} is not a component of the world popfetch:pop3/client-plugin: {cause}")]
    NotTheComponent {
        /// The file, or "the built-in component".
        name: String,
        /// What does not fit.
        cause: String,
    },
    /// The machine lacks what a sandbox needs.
    #[error("cannot set up the sandbox: {0}")]
    Engine(String),
}

/// The walls held: the component was stopped. The session is gone, and everything else goes on.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Stopped {
    /// It trapped: a defect of the component, perhaps provoked by the server.
    #[error("the component failed in its sandbox ({0})")]
    Trapped(String),
    /// It wanted more memory than [`Limits::memory`].
    #[error("the component wanted more than the {0} octets of memory that it may have")]
    Memory(usize),
    /// It ran for longer than [`Limits::busy`] without an answer.
    #[error("the component ran for {} seconds without an answer", .0.as_secs_f32())]
    Busy(Duration),
    /// It did not answer in the time that the session has as a whole.
    #[error("the session took longer than it may")]
    Deadline,
    /// It gave something that `wit/` does not allow: a message that was not asked for, or not the octets it counted.
    #[error("the component broke its contract: {0}")]
    OutOfContract(String),
}

/// A loaded component, and the walls around each of its sessions. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    loaded: std::sync::Arc<Loaded>,
}

impl Sandbox {
    /// Loads the component.
    ///
    /// # Errors
    ///
    /// There is no such component, or it is not one of the world.
    pub fn load(options: SandboxOptions) -> Result<Self, LoadError> {
        Ok(Sandbox { loaded: std::sync::Arc::new(Loaded::load(options)?) })
    }

    /// A new instance. A component can run code of its own here already, so that this has to end in time, too.
    pub(crate) async fn instantiate(&self, reach: Reach<'_>, until: Option<Instant>) -> Result<SessionStore, Stopped> {
        self.loaded.instantiate(reach, until).await
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}
