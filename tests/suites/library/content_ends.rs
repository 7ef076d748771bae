//! Where a message ends, and when that is certain: what is cut short must never count as complete.

use std::time::Duration;

use popfetch::contract::Error;
use popfetch::{SessionOptions, Timeouts};
use popfetch_tests::maildrop::Maildrop;
use popfetch_tests::server::{Announced, At, Ending, Fault, LineEnd, ModelServer, Script, Stuffing, Wire};

use crate::{pop3, retrieved, server_with, signed_in, signed_in_with, taken};

const DOTTED: &str = "A: 1\r\n\r\nbefore\r\n.\r\nbehind\r\n";

fn retrievals_and_noops(model: &ModelServer) -> Vec<String> {
    model.commands().into_iter().filter(|command| command.starts_with("RETR") || command == "NOOP").collect()
}

#[tokio::test]
async fn a_size_that_is_right_is_certainty_enough() {
    let model = ModelServer::start(server_with(&["one", "two", "three"]));
    let mut session = signed_in(&model).await;
    retrieved(&mut session, &[1, 2, 3]).await;
    assert_eq!(retrievals_and_noops(&model), ["RETR 1", "RETR 2", "RETR 3"]);
}

#[tokio::test]
async fn with_a_size_that_is_wrong_the_next_reply_shows_it() {
    for announced in [
        Announced { factor: 1.0, offset: 1 },
        Announced { factor: 0.5, offset: 0 },
        Announced { factor: 1000.0, offset: 0 },
        Announced { factor: 0.0, offset: 0 },
    ] {
        let model = ModelServer::start(Script { announced, ..server_with(&["one", "two", "three"]) });
        let mut session = signed_in(&model).await;
        assert_eq!(retrieved(&mut session, &[1, 2, 3]).await.len(), 3);
        // A question for the last one only: behind the others comes the next message.
        assert_eq!(retrievals_and_noops(&model), ["RETR 1", "RETR 2", "RETR 3", "NOOP"]);
        // It is as usable as before.
        assert_eq!(retrieved(&mut session, &[2]).await, [(2, b"two\r\n".to_vec())]);
        session.quit().await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_refuses_noop_has_answered_all_the_same() {
    let announced = Announced { factor: 2.0, offset: 0 };
    let script = server_with(&["one"]).fault(At::verb("NOOP"), Fault::Refuse(b"what?".to_vec()));
    let model = ModelServer::start(Script { announced, ..script });
    let mut session = signed_in(&model).await;
    assert_eq!(retrieved(&mut session, &[1]).await.len(), 1);
    session.quit().await.unwrap();
}

/// A server that forgets to stuff dots: what looks like the end is the middle.
#[tokio::test]
async fn an_unstuffed_dot_is_not_the_end() {
    for pipelined in [false, true] {
        for messages in [&[2][..], &[1, 2], &[2, 1], &[1, 2, 1]] {
            let script = server_with(&["honest", DOTTED]).fault(At::verb("RETR").argument(2), Fault::Unstuffed);
            let model = ModelServer::start(script);
            let mut session = signed_in(&model).await;
            if pipelined {
                session.capabilities().await.unwrap();
            }
            let (complete, end) = taken(session.retrieve(messages).await.unwrap()).await;
            let error = pop3(end);
            assert!(matches!(error, Error::Misbehaved(_)), "{messages:?}: {error:?}");
            assert!(complete.iter().all(|(number, _)| *number == 1), "message 2 is not complete: {messages:?}");
            assert!(!session.is_usable());
        }
    }
}

#[tokio::test]
async fn a_message_that_is_cut_is_not_complete() {
    let whole = DOTTED.len() as u64 + 1 + 3;
    for after in 0..whole {
        let cut = Fault::CutContent { after, ending: Ending::Close };
        let model = ModelServer::start(server_with(&[DOTTED]).fault(At::verb("RETR"), cut));
        let mut session = signed_in(&model).await;
        let (complete, end) = taken(session.retrieve(&[1]).await.unwrap()).await;
        let error = pop3(end);
        assert!(matches!(&error, Error::Closed(Some(command)) if command == "RETR 1"), "{after}: {error:?}");
        assert_eq!(complete, [], "{after}");
    }
}

/// The connection ends right behind a message whose size was not the announced one.
#[tokio::test]
async fn an_end_that_nothing_follows_is_not_certain() {
    let script = server_with(&["one"]).fault(At::verb("NOOP"), Fault::End(Ending::Close));
    let model = ModelServer::start(Script { announced: Announced { factor: 1.0, offset: 3 }, ..script });
    let mut session = signed_in(&model).await;
    let (complete, end) = taken(session.retrieve(&[1]).await.unwrap()).await;
    assert!(matches!(pop3(end), Error::Closed(_)));
    assert_eq!(complete, []);
}

#[tokio::test]
async fn a_missing_end_is_not_made_up() {
    let script = server_with(&["one", "two"]).fault(At::verb("RETR").argument(1), Fault::NoFinalDot);
    let model = ModelServer::start(script);
    let timeouts = Timeouts { reply: Duration::from_millis(300), ..Timeouts::default() };
    let mut session = signed_in_with(&model, &SessionOptions { timeouts, ..SessionOptions::default() }).await;
    session.capabilities().await.unwrap();
    let (complete, end) = taken(session.retrieve(&[1, 2]).await.unwrap()).await;
    // The second reply was taken for text of the first message, and then there is one too few.
    assert!(matches!(pop3(end), Error::Timeout(_)));
    assert_eq!(complete, []);
}

/// A server that sends LF alone: its messages have LF as well, and end with LF `.` LF.
#[tokio::test]
async fn a_server_that_sends_only_lf() {
    let wire = Wire { line_end: LineEnd::Lf, stuffing: Stuffing::AfterAnyLf, ..Wire::default() };
    let contents = ["A: 1\r\n\r\n.one\r\n.\r\n..\r\ntwo\r\n", "", "\r\n"];
    let maildrop = Maildrop::of_octets(contents);
    let model = ModelServer::start(Script { wire, ..Script::with(maildrop) });
    let mut session = signed_in(&model).await;
    session.capabilities().await.unwrap();
    let expected: Vec<(u32, Vec<u8>)> =
        (1..).zip(contents).map(|(number, content)| (number, content.replace("\r\n", "\n").into_bytes())).collect();
    assert_eq!(retrieved(&mut session, &[1, 2, 3]).await, expected);
    assert_eq!(session.scan_listings().await.unwrap().len(), 3);
    session.delete(&[1, 2, 3]).await.unwrap();
    session.quit().await.unwrap();
    assert!(model.maildrop().is_empty());
}
