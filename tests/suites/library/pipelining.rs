//! Commands ahead of their replies: only where the server said that it takes them, and never more than permitted.

use std::time::{Duration, Instant};

use popfetch::contract::Error;
use popfetch::{ProtocolLimits, SessionOptions, Timeouts};
use popfetch_tests::maildrop::{Content, Maildrop};
use popfetch_tests::server::{Direction, ModelServer, Pipelining, Script, Wire};

use crate::{pop3, retrieved, signed_in, signed_in_with, taken};

fn ahead(in_flight: u32) -> SessionOptions {
    let limits = ProtocolLimits { in_flight, ..ProtocolLimits::default() };
    SessionOptions { limits, ..SessionOptions::default() }
}

fn maildrop(messages: usize) -> Maildrop {
    Maildrop::repeated(messages, Content::from(b"A: 1\r\n\r\nshort\r\n".to_vec()))
}

fn all(messages: u32) -> Vec<u32> {
    (1..=messages).collect()
}

/// A server that says it takes commands ahead, and then throws them away: so it shows which there were.
fn liar() -> Script {
    Script { pipelining: Pipelining::Discarded, ..Script::with(maildrop(20)) }
}

/// The lines which came together with the first `RETR` and were thrown away.
fn sent_ahead(model: &ModelServer) -> Vec<String> {
    let entries = model.transcript().entries.into_iter().skip_while(|entry| entry.text != "CAPA");
    let is_other = |text: &str| text.starts_with("RETR") && text != "RETR 1";
    let until_the_next = entries.take_while(|entry| entry.direction != Direction::Client || !is_other(&entry.text));
    let discarded = until_the_next.filter(|entry| entry.direction == Direction::Discarded);
    discarded.flat_map(|entry| entry.text.split_terminator(r"\r\n").map(String::from).collect::<Vec<_>>()).collect()
}

#[tokio::test]
async fn as_many_as_permitted() {
    for in_flight in [2, 7, 20, 128] {
        let model = ModelServer::start(liar());
        let timeouts = Timeouts { reply: Duration::from_millis(300), ..Timeouts::default() };
        let mut session = signed_in_with(&model, &SessionOptions { timeouts, ..ahead(in_flight) }).await;
        session.capabilities().await.unwrap();
        let (_, end) = taken(session.retrieve(&all(20)).await.unwrap()).await;
        // The answers to those that were thrown away never come.
        assert!(matches!(pop3(end), Error::Timeout(_)));
        let expected: Vec<String> = (2..=in_flight.min(20)).map(|number| format!("RETR {number}")).collect();
        // When the first one was answered, one more could go out; whether it came in time is a matter of chance.
        let sent = sent_ahead(&model);
        assert!(sent.starts_with(&expected) && sent.len() <= expected.len() + 1, "{in_flight}: {sent:?}");
    }
}

#[tokio::test]
async fn one_at_a_time() {
    // Told so by the caller.
    let model = ModelServer::start(liar());
    let mut session = signed_in_with(&model, &ahead(1)).await;
    session.capabilities().await.unwrap();
    assert_eq!(retrieved(&mut session, &all(20)).await.len(), 20);
    assert_eq!(session.delete(&all(20)).await.unwrap().len(), 20);
    session.quit().await.unwrap();

    // Nothing is said of 0.
    let model = ModelServer::start(liar());
    let mut session = signed_in_with(&model, &ahead(0)).await;
    session.capabilities().await.unwrap();
    assert_eq!(retrieved(&mut session, &all(20)).await.len(), 20);

    // Not announced.
    let model = ModelServer::start(Script::with(maildrop(20)).without_pipelining());
    let mut session = signed_in(&model).await;
    session.capabilities().await.unwrap();
    assert_eq!(retrieved(&mut session, &all(20)).await.len(), 20);
    assert_eq!(session.delete(&all(20)).await.unwrap().len(), 20);

    // Not asked, or no longer announced after the sign-in.
    let model = ModelServer::start(liar());
    assert_eq!(retrieved(&mut signed_in(&model).await, &all(20)).await.len(), 20);
    let model = ModelServer::start(Script { capabilities_signed_in: Some(vec!["TOP".to_owned()]), ..liar() });
    let mut session = crate::connected(&model).await;
    session.capabilities().await.unwrap();
    session.sign_in(&crate::alice(), &[popfetch::Mechanism::User]).await.unwrap();
    session.capabilities().await.unwrap();
    assert_eq!(retrieved(&mut session, &all(20)).await.len(), 20);
}

/// The server is never idle: it has the next command before it has sent the last reply.
#[tokio::test]
async fn a_distant_server_is_waited_for_once() {
    const ROUND_TRIP: Duration = Duration::from_millis(25);
    let wire = Wire { latency: ROUND_TRIP, ..Wire::default() };
    let model = ModelServer::start(Script { wire, ..Script::with(maildrop(150)) });
    let mut session = signed_in(&model).await;
    session.capabilities().await.unwrap();
    let begin = Instant::now();
    assert_eq!(retrieved(&mut session, &all(150)).await.len(), 150);
    assert_eq!(session.delete(&all(150)).await.unwrap().len(), 150);
    let took = begin.elapsed();
    assert!(took < 100 * ROUND_TRIP, "300 commands took {} round trips", took.as_millis() / ROUND_TRIP.as_millis());
    session.quit().await.unwrap();
    assert!(model.maildrop().is_empty());
}

/// Neither side may wait for the other to read: here each can buffer much less than there is to say, and the caller would
/// have it say everything at once.
#[tokio::test]
async fn ten_thousand_commands_with_little_room() {
    let wire = Wire { receive_buffer: Some(1024), coalesce: false, ..Wire::default() };
    let model = ModelServer::start(Script { extra_text: "x".repeat(200), wire, ..Script::with(maildrop(10_000)) });
    let mut session = signed_in_with(&model, &ahead(u32::MAX)).await;
    session.capabilities().await.unwrap();
    assert_eq!(session.delete(&all(10_000)).await.unwrap().len(), 10_000);
    session.quit().await.unwrap();
    assert!(model.maildrop().is_empty());
}
