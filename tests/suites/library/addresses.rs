//! Where the server listens.

use std::net::{SocketAddr, TcpListener};

use popfetch::contract::Error;
use popfetch::{Session, SessionOptions};
use popfetch_tests::server::{At, Fault, ModelServer, Script};

use crate::{at, pop3, sandbox};

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

async fn connect(addresses: Vec<SocketAddr>) -> Result<Session, popfetch::SessionError> {
    let server = popfetch::Server { addresses, ..at(([127, 0, 0, 1], 9).into()) };
    Session::connect(&sandbox(), &server, &SessionOptions::default()).await
}

#[tokio::test]
async fn they_are_tried_in_order_until_one_connects() {
    let (first, second) = (ModelServer::start(Script::default()), ModelServer::start(Script::default()));
    let addresses = vec![nobody(), nobody(), first.address(), second.address()];
    connect(addresses).await.unwrap().quit().await.unwrap();
    assert_eq!((first.connections(), second.connections()), (1, 0));
}

/// A server that is there and does not want us is an answer.
#[tokio::test]
async fn the_next_one_is_not_tried_after_a_bad_greeting() {
    let refusing = Script::default().fault(At::greeting(), Fault::Raw(b"-ERR not today\r\n".to_vec()));
    let (first, second) = (ModelServer::start(refusing), ModelServer::start(Script::default()));
    let error = pop3(connect(vec![first.address(), second.address()]).await);
    assert!(matches!(error, Error::Refused(_)), "{error:?}");
    assert_eq!(second.connections(), 0);
}

#[tokio::test]
async fn where_none_connects_each_is_named() {
    let (first, second) = (nobody(), nobody());
    let error = connect(vec![first, second]).await.unwrap_err();
    assert!(error.ends_session());
    let Error::ConnectFailed(causes) = pop3(Err::<(), _>(error)) else { panic!() };
    assert_eq!(causes, format!("{first}: connection refused, {second}: connection refused"));
}

#[tokio::test]
async fn there_must_be_one() {
    assert!(matches!(pop3(connect(Vec::new()).await), Error::InvalidArgument(_)));
}

#[tokio::test]
async fn they_may_be_of_ipv6() {
    let model = ModelServer::start(Script::default().on_ipv6());
    connect(vec![nobody(), model.address()]).await.unwrap().quit().await.unwrap();
    let nobody = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], nobody().port()));
    let error = pop3(connect(vec![nobody]).await);
    let Error::ConnectFailed(causes) = error else { panic!("{error:?}") };
    assert_eq!(causes, format!("{nobody}: connection refused"));
}
