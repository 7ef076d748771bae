//! A component that was taken over, and the walls around it: it is stopped in time, for the right reason, and everything
//! else goes on.
//!
//! The component is the one of `tests/misbehaving`, which does as it is told: the server's name is a deed to do while
//! connecting, and the user's name is a tale of what to do and say after the sign-in.

mod bystanders;
mod deadlines;
mod endings;
mod loading;
mod messages;
mod network;
mod numbers;
mod resources;
mod tls;
mod words;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use popfetch::{
    Component, Credentials, Limits, Mechanism, Sandbox, SandboxOptions, Secret, Security, Server, Session,
    SessionError, SessionOptions, Stopped,
};

/// How long a component may run here. Some tests want to see that it ran for as long, and most want it to be short.
const BUSY: Duration = Duration::from_millis(300);

/// What is more than enough for anything to happen that happens at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// The component that does as it is told.
fn misbehaving() -> PathBuf {
    PathBuf::from(env!("POPFETCH_MISBEHAVING_COMPONENT"))
}

/// Close walls.
fn limits() -> Limits {
    Limits { memory: 8 << 20, octets_a_call: 1 << 20, busy: BUSY, ..Limits::default() }
}

fn sandbox_of(component: &Path, limits: Limits) -> Sandbox {
    Sandbox::load(SandboxOptions { component: Component::File(component.to_owned()), limits }).unwrap()
}

/// Close walls around the component that does as it is told: the same for all tests, whatever others do in it.
fn sandbox() -> Sandbox {
    static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| sandbox_of(&misbehaving(), limits()));
    SANDBOX.clone()
}

/// The server with this deed for a name. Nobody listens there, and nobody is asked.
fn server(deed: &str) -> Server {
    server_at(deed, ([127, 0, 0, 1], 9).into())
}

fn server_at(deed: &str, address: SocketAddr) -> Server {
    Server { name: deed.to_owned(), addresses: vec![address], security: Security::Cleartext }
}

/// A session in which this comes to pass.
async fn session(sandbox: &Sandbox, tale: &str) -> Session {
    let mut session = Session::connect(sandbox, &server(""), &SessionOptions::default()).await.unwrap();
    session.sign_in(&credentials(tale), &[Mechanism::User]).await.unwrap();
    session
}

fn credentials(user: &str) -> Credentials {
    Credentials { user: user.to_owned(), secret: Secret::new("secret") }
}

/// What came of this deed.
async fn connecting(sandbox: &Sandbox, deed: &str) -> SessionError {
    Session::connect(sandbox, &server(deed), &SessionOptions::default()).await.unwrap_err()
}

#[track_caller]
fn stopped(error: SessionError) -> Stopped {
    match error {
        SessionError::Stopped(stopped) => stopped,
        SessionError::Tls(_) | SessionError::TlsSetup(_) => panic!("there is no TLS: {error}"),
        SessionError::Pop3(error) => panic!("it was not stopped, but said {error:?}"),
    }
}

/// The same sandbox still serves those who behave.
async fn assert_goes_on(sandbox: &Sandbox) {
    let mut session = session(sandbox, "stat 3").await;
    assert_eq!(session.stat().await.unwrap().messages, 3);
    session.quit().await.unwrap();
}
