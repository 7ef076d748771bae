//! How long each wait may be.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use popfetch::contract::Error;
use popfetch::{
    Credentials, Limits, Mechanism, ProtocolLimits, Sandbox, SandboxOptions, Secret, Session, SessionOptions, Timeouts,
    Wait,
};
use popfetch_tests::maildrop::{Content, Maildrop};
use popfetch_tests::server::{Action, At, Ending, Fault, ModelServer, Replay, Script, Segments};

use crate::{PATIENCE, alice, at, connected_with, pop3, sandbox, server_with, signed_in_with, taken};

const SHORT: Duration = Duration::from_millis(200);

/// All waits are long but the one in question.
fn long() -> Timeouts {
    Timeouts::all(3 * PATIENCE)
}

fn waiting(timeouts: Timeouts) -> SessionOptions {
    SessionOptions { timeouts, ..SessionOptions::default() }
}

#[track_caller]
fn assert_timeout(error: Error, wait: Wait, since: Instant) {
    assert!(matches!(error, Error::Timeout(which) if which == wait), "{error:?}");
    let took = since.elapsed();
    assert!((SHORT..PATIENCE).contains(&took), "after {took:?}");
}

/// A listener that has no room for another connection, and those which take it up.
async fn full_listener() -> (SocketAddr, tokio::net::TcpListener, Vec<TcpStream>) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    // Nobody accepts them, and at some point the system lets no more queue.
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
        waiting.push(stream);
        assert!(waiting.len() < 100, "this system lets any number of connections queue");
    }
    (address, listener, waiting)
}

#[tokio::test]
async fn connecting() {
    let (address, _listener, _waiting) = full_listener().await;
    let options = waiting(Timeouts { connect: SHORT, ..long() });
    let since = Instant::now();
    assert_timeout(pop3(Session::connect(&sandbox(), &at(address), &options).await), Wait::Connect, since);
}

#[tokio::test]
async fn the_next_address_is_tried_after_a_timeout() {
    let (address, _listener, _waiting) = full_listener().await;
    let model = ModelServer::start(Script::default());
    let options = waiting(Timeouts { connect: SHORT, ..long() });
    let mut server = at(address);
    // Somebody still, until the server is dropped.
    let nobody = model.address();
    server.addresses.push(model.address());
    Session::connect(&sandbox(), &server, &options).await.unwrap().quit().await.unwrap();
    // Where all are like that, it is a matter of time; otherwise each is named.
    server.addresses = vec![address, address];
    let since = Instant::now();
    assert_timeout(pop3(Session::connect(&sandbox(), &server, &options).await), Wait::Connect, since);
    drop(model);
    server.addresses = vec![address, nobody];
    let error = pop3(Session::connect(&sandbox(), &server, &options).await);
    let Error::ConnectFailed(causes) = error else { panic!("{error:?}") };
    assert_eq!(causes, format!("{address}: timed out, {nobody}: connection refused"));
}

#[tokio::test]
async fn a_reply() {
    let options = waiting(Timeouts { reply: SHORT, ..long() });
    let model = ModelServer::start(Script::default().fault(At::greeting(), Fault::End(Ending::Silence)));
    let since = Instant::now();
    assert_timeout(pop3(Session::connect(&sandbox(), &at(model.address()), &options).await), Wait::Greeting, since);
    model.wait_idle(PATIENCE).unwrap();

    for verb in ["STAT", "UIDL", "RETR"] {
        let silence = Fault::CutReply { after: 5, ending: Ending::Silence };
        let model = ModelServer::start(server_with(&["one"]).fault(At::verb(verb), silence));
        let mut session = signed_in_with(&model, &options).await;
        let since = Instant::now();
        let error = match verb {
            "STAT" => pop3(session.stat().await),
            "UIDL" => pop3(session.unique_ids().await),
            _ => pop3(taken(session.retrieve(&[1]).await.unwrap()).await.1),
        };
        assert_timeout(error, Wait::Reply, since);
        assert!(!session.is_usable());
        drop(session);
        model.wait_idle(PATIENCE).unwrap();
    }
}

#[tokio::test]
async fn a_wait_starts_anew_when_octets_have_moved() {
    // The reply takes a second, with never more than a tenth of that between two octets.
    let drip = Fault::Drip(Duration::from_millis(100));
    let model = ModelServer::start(server_with(&["one"]).fault(At::verb("STAT"), drip));
    let mut session = signed_in_with(&model, &waiting(Timeouts { reply: 3 * SHORT, ..long() })).await;
    let since = Instant::now();
    session.stat().await.unwrap();
    assert!(since.elapsed() > 3 * SHORT, "the reply was too quick to show it");
}

#[tokio::test]
async fn quit() {
    let model = ModelServer::start(Script::default().fault(At::verb("QUIT"), Fault::End(Ending::Silence)));
    let session = signed_in_with(&model, &waiting(Timeouts { quit: SHORT, ..long() })).await;
    let since = Instant::now();
    assert_timeout(pop3(session.quit().await), Wait::Quit, since);
    model.wait_idle(PATIENCE).unwrap();
}

/// The server takes a name, and then reads no more.
#[tokio::test]
async fn sending() {
    const OCTETS: usize = 8 << 20;
    let replay = Replay::new().send("+OK\r\n").expect("USER alice\r\n").send("+OK\r\n").pause(3 * PATIENCE).start();
    // A password that no system buffers on the way, and walls with room for some copies of it.
    let limits = Limits { memory: 8 * OCTETS, ..Limits::default() };
    let sandbox = Sandbox::load(SandboxOptions { limits, ..SandboxOptions::default() }).unwrap();
    let options = SessionOptions {
        timeouts: Timeouts { send: SHORT, ..long() },
        limits: ProtocolLimits { credential: u32::MAX, ..ProtocolLimits::default() },
        ..SessionOptions::default()
    };
    let mut session = Session::connect(&sandbox, &at(replay.address()), &options).await.unwrap();
    let credentials = Credentials { secret: Secret::new(vec![b'x'; OCTETS]), ..alice() };
    let since = Instant::now();
    assert_timeout(pop3(session.sign_in(&credentials, &[Mechanism::User]).await), Wait::Send, since);
}

/// A server that keeps each wait short, and so the session long.
#[tokio::test]
async fn the_session_as_a_whole() {
    let slowly = Action::Pace(Segments::Each(100), Duration::from_millis(10));
    let script = Script::with(Maildrop::repeated(1, Content::generated(1, 1_000_000)));
    let model = ModelServer::start(script.fault(At::verb("RETR"), Fault::Play(vec![slowly, Action::Honest])));
    let options = SessionOptions { deadline: Some(3 * SHORT), ..waiting(long()) };
    let since = Instant::now();
    let mut session = signed_in_with(&model, &options).await;
    let (messages, end) = taken(session.retrieve(&[1]).await.unwrap()).await;
    // The component says so itself, and need not be stopped.
    assert_timeout(pop3(end), Wait::Session, since);
    assert_eq!(messages, []);
    drop(session);
    model.wait_idle(PATIENCE).unwrap();
}

#[tokio::test]
async fn the_session_counts_from_the_connect() {
    let model = ModelServer::start(Script::default().fault(At::verb("NOOP"), Fault::Drip(Duration::from_millis(60))));
    let options = SessionOptions { deadline: Some(3 * SHORT), ..waiting(long()) };
    let mut session = connected_with(&model, &options).await;
    session.sign_in(&alice(), &[Mechanism::User]).await.unwrap();
    let since = Instant::now();
    // Each of these takes a fraction of the deadline.
    let error = loop {
        if let Err(error) = session.noop().await {
            break pop3(Err::<(), _>(error));
        }
        assert!(since.elapsed() < PATIENCE);
    };
    assert!(matches!(error, Error::Timeout(Wait::Session)), "{error:?}");
}
