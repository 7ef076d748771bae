//! The one server that can be reached, and the rest of the world.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use popfetch::{Sandbox, Session, SessionError, SessionOptions, Stopped, contract};
use popfetch_tests::server::{ModelServer, Script};

use crate::{PATIENCE, assert_goes_on, sandbox, server_at, stopped};

/// What came of a deed of a component that may connect to this address.
async fn attempt(sandbox: &Sandbox, permitted: SocketAddr, deed: &str) -> SessionError {
    Session::connect(sandbox, &server_at(deed, permitted), &SessionOptions::default()).await.unwrap_err()
}

/// What came of it in the component's own words.
async fn came_of(sandbox: &Sandbox, permitted: SocketAddr, deed: &str) -> String {
    match attempt(sandbox, permitted, deed).await {
        SessionError::Pop3(contract::Error::Network(word)) => word,
        error => panic!("{deed}: {error:?}"),
    }
}

#[tokio::test]
async fn the_server_can_be_reached() {
    let server = ModelServer::start(Script::default());
    let sandbox = sandbox();
    let deed = format!("connect {}", server.address());
    assert_eq!(came_of(&sandbox, server.address(), &deed).await, "done");
    // And with the component, its connection goes.
    server.wait_until(PATIENCE, |transcript| transcript.connections() == 1).unwrap();
    server.wait_idle(PATIENCE).unwrap();
}

#[tokio::test]
async fn no_other_address_can_be_reached() {
    let server = ModelServer::start(Script::default());
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    other.set_nonblocking(true).unwrap();
    let elsewhere = TcpListener::bind(("127.0.0.2", server.port()));
    let sandbox = sandbox();
    let port = server.port();
    for address in [
        other.local_addr().unwrap().to_string(),
        format!("127.0.0.2:{port}"),
        format!("[::1]:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("0.0.0.0:{port}"),
        format!("[::]:{port}"),
        "192.0.2.1:110".to_owned(),
    ] {
        let came = came_of(&sandbox, server.address(), &format!("connect {address}")).await;
        assert!(["access-denied", "invalid-argument"].contains(&came.as_str()), "{address}: {came}");
    }
    for listener in [Some(other), elsewhere.ok()].into_iter().flatten() {
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "somebody has connected");
    }
    assert_eq!(server.connections(), 0);
    assert_goes_on(&sandbox).await;
}

#[tokio::test]
async fn nobody_can_connect_to_the_component() {
    let sandbox = sandbox();
    let permitted = SocketAddr::from(([127, 0, 0, 1], 9));
    for deed in [
        "listen 0.0.0.0:0",
        "listen [::]:0",
        "listen 127.0.0.1:0",
        // Not even at the address that it may connect to.
        "listen 127.0.0.1:9",
        "bind 127.0.0.1:9",
        "bind 127.0.0.1:0",
        "bind 0.0.0.0:40000",
    ] {
        let came = came_of(&sandbox, permitted, deed).await;
        assert_eq!(came, "access-denied", "{deed}");
    }
    // In WASI 0.2, only a socket with an address can listen.
    assert_eq!(came_of(&sandbox, permitted, "listen").await, "invalid-state");
    assert_goes_on(&sandbox).await;
}

#[tokio::test]
async fn the_host_takes_no_more_than_it_has_offered_to() {
    let server = ModelServer::start(Script::default());
    let sandbox = sandbox();
    let deed = format!("write-unasked {}", server.address());
    let why = stopped(attempt(&sandbox, server.address(), &deed).await);
    assert!(matches!(why, Stopped::Trapped(_)), "{why}");
    server.wait_until(PATIENCE, |transcript| transcript.connections() == 1).unwrap();
    server.wait_idle(PATIENCE).unwrap();
    assert_eq!(server.commands(), Vec::<String>::new());
}
