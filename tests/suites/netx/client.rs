//! The library as an embedder uses it.

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use popfetch::contract::{Error, Refusal};
use popfetch::{
    Credentials, Mechanism, Piece, Sandbox, SandboxOptions, Secret, Security, Server, Session, SessionError,
    SessionOptions, Timeouts,
};

/// Loaded once for all tests, as a program does.
pub(crate) static SANDBOX: LazyLock<Sandbox> =
    LazyLock::new(|| Sandbox::load(SandboxOptions::default()).expect("the built-in component loads"));

pub(crate) fn server_at(address: SocketAddr) -> Server {
    Server { name: address.ip().to_string(), addresses: vec![address], security: Security::Cleartext }
}

pub(crate) fn credentials(user: &str, password: impl Into<Vec<u8>>) -> Credentials {
    Credentials { user: user.to_owned(), secret: Secret::new(password) }
}

/// Long enough for a busy machine, short enough to notice a client that waits for what never comes.
pub(crate) fn options() -> SessionOptions {
    SessionOptions { timeouts: Timeouts::all(Duration::from_secs(10)), ..SessionOptions::default() }
}

pub(crate) async fn connect(address: SocketAddr) -> Session {
    Session::connect(&SANDBOX, &server_at(address), &options()).await.expect("a greeting")
}

/// A session in TRANSACTION, by USER and PASS, of the model server's one user.
pub(crate) async fn signed_in(address: SocketAddr) -> Session {
    let mut session = connect(address).await;
    session.sign_in(&credentials("alice", "secret"), &[Mechanism::User]).await.expect("the password is right");
    session
}

/// A message as `mail_item_get` and a loop over `mail_item_message_get` give it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) announced: Option<u64>,
    pub(crate) octets: Vec<u8>,
}

/// Retrieves one message to its end, or gives the error, or that of the server.
pub(crate) async fn receive(session: &mut Session, message: u32) -> Result<Received, Error> {
    let mut received = Received { announced: None, octets: Vec::new() };
    let mut is_complete = false;
    let mut refusal = None;
    let mut transfer = session.retrieve(&[message]).await.map_err(pop3)?;
    loop {
        let pieces = transfer.next().await.map_err(pop3)?;
        if pieces.is_empty() {
            assert!(is_complete, "a transfer ended in the middle of a message");
            return refusal.map_or(Ok(received), |refusal| Err(Error::Refused(refusal)));
        }
        for piece in pieces {
            assert!(!is_complete, "something came after the end: {piece:?}");
            match piece {
                Piece::Begin(begin) => {
                    assert_eq!(begin.number, message);
                    received.announced = begin.announced;
                }
                Piece::Content(octets) => received.octets.extend(octets),
                Piece::End(end) => {
                    assert_eq!((end.number, end.octets), (message, received.octets.len() as u64));
                    is_complete = true;
                }
                Piece::Refused(refused) => {
                    refusal = Some(Refusal { command: format!("RETR {message}"), reply: refused.reply, status: None });
                    is_complete = true;
                }
            }
        }
    }
}

/// The error of the component; one of the sandbox has no place here.
pub(crate) fn pop3(error: SessionError) -> Error {
    match error {
        SessionError::Pop3(error) => error,
        other => panic!("not of the component: {other}"),
    }
}
