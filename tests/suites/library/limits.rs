//! What a server may make the component hold.

use popfetch::contract::{Error, Excess};
use popfetch::{ProtocolLimits, Session, SessionOptions};
use popfetch_tests::maildrop::{Maildrop, Message};
use popfetch_tests::server::{At, Fault, ModelServer, Script};

use crate::{PATIENCE, at, pop3, sandbox, server_with, signed_in_with};

fn bounded(limits: ProtocolLimits) -> SessionOptions {
    SessionOptions { limits, ..SessionOptions::default() }
}

#[track_caller]
fn assert_exceeded(error: Error, limit: &str, bound: u32, command: &str) {
    let Error::LimitExceeded(excess) = error else { panic!("{error:?}") };
    let Excess { limit: which, bound: of, command: answering } = excess;
    assert_eq!((which.as_str(), of, answering.as_deref()), (limit, bound, Some(command)));
}

#[tokio::test]
async fn a_line_of_a_reply() {
    let options = bounded(ProtocolLimits { reply_line: 512, ..ProtocolLimits::default() });
    for fault in [Fault::EndlessLine, Fault::Raw(format!("+OK {}\r\n", "x".repeat(600)).into_bytes())] {
        let model = ModelServer::start(Script::default().fault(At::greeting(), fault.clone()));
        let error = pop3(Session::connect(&sandbox(), &at(model.address()), &options).await);
        assert_exceeded(error, "reply-line", 512, "the connection");
        model.wait_idle(PATIENCE).unwrap();
        let model = ModelServer::start(server_with(&["one"]).fault(At::verb("STAT"), fault));
        assert_exceeded(pop3(signed_in_with(&model, &options).await.stat().await), "reply-line", 512, "STAT");
    }
    let just = format!("+OK {}\r\n", "x".repeat(512 - 6));
    let model = ModelServer::start(Script::default().fault(At::greeting(), Fault::Raw(just.into_bytes())));
    Session::connect(&sandbox(), &at(model.address()), &options).await.unwrap();
}

#[tokio::test]
async fn rows_of_a_listing() {
    let options = bounded(ProtocolLimits { listing_entries: 3, ..ProtocolLimits::default() });
    let three = ["one", "two", "three"];
    let model = ModelServer::start(server_with(&three));
    let mut session = signed_in_with(&model, &options).await;
    assert_eq!(session.scan_listings().await.unwrap().len(), 3);
    assert_eq!(session.unique_ids().await.unwrap().len(), 3);
    assert_eq!(session.stat().await.unwrap().messages, 3);
    session.quit().await.unwrap();

    for verb in ["LIST", "UIDL", "STAT"] {
        let model = ModelServer::start(server_with(&["one", "two", "three", "four"]));
        let mut session = signed_in_with(&model, &options).await;
        let error = match verb {
            "LIST" => pop3(session.scan_listings().await),
            "UIDL" => pop3(session.unique_ids().await),
            _ => pop3(session.stat().await),
        };
        assert_exceeded(error, "listing-entries", 3, verb);
        assert!(!session.is_usable());
    }
}

#[tokio::test]
async fn a_listing_without_end() {
    let options = bounded(ProtocolLimits { listing_entries: 10_000, ..ProtocolLimits::default() });
    for verb in ["LIST", "UIDL", "CAPA"] {
        let model = ModelServer::start(server_with(&["one"]).fault(At::verb(verb), Fault::EndlessBody));
        let mut session = signed_in_with(&model, &options).await;
        let error = match verb {
            "LIST" => pop3(session.scan_listings().await),
            "UIDL" => pop3(session.unique_ids().await),
            _ => pop3(session.capabilities().await),
        };
        assert!(matches!(error, Error::LimitExceeded(_)), "{verb}: {error:?}");
        drop(session);
        model.wait_idle(PATIENCE).unwrap();
    }
}

#[tokio::test]
async fn octets_of_a_listing() {
    let options = bounded(ProtocolLimits { listing_octets: 1000, ..ProtocolLimits::default() });
    let with_unique_ids = |octets: usize| {
        let messages = (0..10).map(|_| Message::new(vec![b'u'; octets], "x"));
        ModelServer::start(Script::with(Maildrop::new(messages)))
    };
    let model = with_unique_ids(100);
    assert_eq!(signed_in_with(&model, &options).await.unique_ids().await.unwrap().len(), 10);
    let model = with_unique_ids(101);
    let error = pop3(signed_in_with(&model, &options).await.unique_ids().await);
    assert_exceeded(error, "listing-octets", 1000, "UIDL");
    let model = ModelServer::start(Script::default().with_capability(&format!("X-LONG {}", "x".repeat(990))));
    let error = pop3(signed_in_with(&model, &options).await.capabilities().await);
    assert_exceeded(error, "listing-octets", 1000, "CAPA");
}

/// Messages are streamed, so there is no limit to them: this one has more octets than the sandbox may have memory.
#[tokio::test]
async fn a_message_may_be_larger_than_the_sandbox() {
    const OCTETS: u64 = 72 << 20;
    let content = popfetch_tests::maildrop::Content::generated(7, OCTETS);
    let model = ModelServer::start(Script::with(Maildrop::repeated(1, content)));
    let mut session = signed_in_with(&model, &SessionOptions::default()).await;
    let mut transfer = session.retrieve(&[1]).await.unwrap();
    let mut octets = 0;
    loop {
        let pieces = transfer.next().await.unwrap();
        if pieces.is_empty() {
            break;
        }
        for piece in pieces {
            if let popfetch::Piece::Content(content) = piece {
                octets += content.len() as u64;
            }
        }
    }
    assert_eq!(octets, OCTETS);
}
