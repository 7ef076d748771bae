//! The crate as a larger program uses it, against the model server: typed calls, typed errors, many sessions at a time,
//! and sessions that are given up.

mod addresses;
mod content;
mod content_ends;
mod errors;
mod given_up;
mod keep_alive;
mod languages;
mod limits;
mod mailbox;
mod maildrops_that_change;
mod many;
mod pipelining;
mod refused_before_sending;
mod sequences;
mod signing_in;
mod timeouts;
mod tls;
mod trace;
mod verbs;

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use popfetch::{
    Credentials, Mechanism, Piece, Sandbox, SandboxOptions, Secret, Security, Server, Session, SessionError,
    SessionOptions, Transfer, contract,
};
use popfetch_tests::maildrop::Maildrop;
use popfetch_tests::server::{ModelServer, Script};

/// What is more than enough for anything to happen that happens at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// The component that the crate was built with, loaded once as in any program.
fn sandbox() -> Sandbox {
    static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| Sandbox::load(SandboxOptions::default()).unwrap());
    SANDBOX.clone()
}

fn at(address: SocketAddr) -> Server {
    Server { name: "pop.example.org".to_owned(), addresses: vec![address], security: Security::Cleartext }
}

/// Whom the model server lets in.
fn alice() -> Credentials {
    Credentials { user: "alice".to_owned(), secret: Secret::new("secret") }
}

/// A session in AUTHORIZATION.
async fn connected(model: &ModelServer) -> Session {
    connected_with(model, &SessionOptions::default()).await
}

async fn connected_with(model: &ModelServer, options: &SessionOptions) -> Session {
    Session::connect(&sandbox(), &at(model.address()), options).await.unwrap()
}

/// A session in TRANSACTION, which sends one command at a time.
async fn signed_in(model: &ModelServer) -> Session {
    signed_in_with(model, &SessionOptions::default()).await
}

async fn signed_in_with(model: &ModelServer, options: &SessionOptions) -> Session {
    let mut session = connected_with(model, options).await;
    session.sign_in(&alice(), &[Mechanism::User]).await.unwrap();
    session
}

/// What the component says about a failure.
#[track_caller]
fn pop3<T: std::fmt::Debug>(result: Result<T, SessionError>) -> contract::Error {
    match result {
        Err(SessionError::Pop3(error)) => error,
        other => panic!("no error of POP3, but {other:?}"),
    }
}

/// Messages as they came: number and content.
type Messages = Vec<(u32, Vec<u8>)>;

/// Takes a transfer to its end. After an error: the messages that were complete, and the error.
async fn taken(mut transfer: Transfer<'_>) -> (Messages, Result<(), SessionError>) {
    let (mut messages, mut current) = (Messages::new(), Vec::new());
    loop {
        let pieces = match transfer.next().await {
            Ok(pieces) if pieces.is_empty() => return (messages, Ok(())),
            Ok(pieces) => pieces,
            Err(error) => return (messages, Err(error)),
        };
        for piece in pieces {
            match piece {
                Piece::Begin(_) => current.clear(),
                Piece::Content(octets) => {
                    assert!((1..=64 << 10).contains(&octets.len()), "a piece of {} octets", octets.len());
                    current.extend(octets);
                }
                Piece::End(end) => {
                    assert_eq!(end.octets, current.len() as u64);
                    messages.push((end.number, std::mem::take(&mut current)));
                }
                Piece::Refused(refused) => panic!("refused: {refused:?}"),
            }
        }
    }
}

/// All of these messages.
async fn retrieved(session: &mut Session, messages: &[u32]) -> Messages {
    let (messages, end) = taken(session.retrieve(messages).await.unwrap()).await;
    end.unwrap();
    messages
}

/// A server with messages of these octets, and uid-1, uid-2, …
fn server_with(contents: &[&str]) -> Script {
    Script::with(Maildrop::of_octets(contents.iter().copied()))
}
