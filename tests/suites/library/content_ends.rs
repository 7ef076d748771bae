//! Where a message ends, and when that is certain: what is cut short must never count as complete.

use std::sync::Arc;
use std::time::Duration;

use popfetch::contract::Error;
use popfetch::delivery::Maildir;
use popfetch::fetch::{Deletion, FetchOptions, fetch};
use popfetch::journal::Journal;
use popfetch::{SessionOptions, Timeouts};
use popfetch_tests::maildir;
use popfetch_tests::maildrop::Maildrop;
use popfetch_tests::server::{Announced, At, Ending, Fault, LineEnd, ModelServer, Script, Stuffing, Wire};

use crate::{pop3, retrieved, server_with, signed_in, signed_in_with, taken};

const DOTTED: &str = "A: 1\r\n\r\nbefore\r\n.\r\nbehind\r\n";

/// What was sent after the sign-in.
fn asked(model: &ModelServer) -> Vec<String> {
    model.commands().into_iter().skip(2).collect()
}

#[tokio::test]
async fn a_size_that_is_right_is_certainty_enough() {
    let model = ModelServer::start(server_with(&["one", "two", "three"]));
    let mut session = signed_in(&model).await;
    retrieved(&mut session, &[2]).await;
    assert_eq!(asked(&model), ["RETR 2"]);
    // Of several, the size of the last one shows that each was what it was asked for as.
    retrieved(&mut session, &[1, 3]).await;
    assert_eq!(asked(&model)[1..], ["RETR 1", "RETR 3", "LIST 3"]);
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
        // A question behind the last one only: behind the others comes the next message.
        assert_eq!(asked(&model), ["RETR 1", "RETR 2", "RETR 3", "LIST 3"]);
        // It is as usable as before.
        assert_eq!(retrieved(&mut session, &[2]).await, [(2, b"two\r\n".to_vec())]);
        assert_eq!(asked(&model)[4..], ["RETR 2", "LIST 2"]);
        session.quit().await.unwrap();
    }
}

/// The answer behind several messages names one of them: the right one, or else replies are out of step.
#[tokio::test]
async fn a_server_that_is_out_of_step_is_found_out() {
    let script = server_with(&["one", "two"]).fault(At::verb("LIST"), Fault::Status(b"+OK 7 5".to_vec()));
    let model = ModelServer::start(script);
    let mut session = signed_in(&model).await;
    let (_, end) = taken(session.retrieve(&[1, 2]).await.unwrap()).await;
    assert!(matches!(pop3(end), Error::Misbehaved(_)));
    assert!(!session.is_usable());
}

/// Some servers take a message away with RETR, and then have no size of it.
#[tokio::test]
async fn a_server_without_a_size_is_not_out_of_step() {
    for refused in [At::verb("LIST").argument(2), At::verb("LIST")] {
        let script = server_with(&["one", "two"]).fault(refused, Fault::Refuse(b"no such message".to_vec()));
        let model = ModelServer::start(script);
        let mut session = signed_in(&model).await;
        assert_eq!(retrieved(&mut session, &[1, 2]).await.len(), 2);
        session.quit().await.unwrap();
    }
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
    let script = server_with(&["one"]).fault(At::verb("LIST"), Fault::End(Ending::Close));
    let model = ModelServer::start(Script { announced: Announced { factor: 1.0, offset: 3 }, ..script });
    let mut session = signed_in(&model).await;
    let (complete, end) = taken(session.retrieve(&[1]).await.unwrap()).await;
    assert!(matches!(pop3(end), Error::Closed(_)));
    assert_eq!(complete, []);
}

/// The second message is taken for text of the first one, and then there is an answer too few. That shows at the end of
/// the transfer, before which no message counts as the one that it was asked for as.
#[tokio::test]
async fn a_missing_end_is_found_out() {
    let timeouts = Timeouts { reply: Duration::from_millis(300), ..Timeouts::default() };
    let options = SessionOptions { timeouts, ..SessionOptions::default() };
    for missing in 1..=3 {
        let fault = Fault::NoFinalDot;
        let model =
            ModelServer::start(server_with(&["one", "two", "three"]).fault(At::verb("RETR").argument(missing), fault));
        let mut session = signed_in_with(&model, &options).await;
        session.capabilities().await.unwrap();
        let (complete, end) = taken(session.retrieve(&[1, 2, 3]).await.unwrap()).await;
        assert!(matches!(pop3(end), Error::Timeout(_) | Error::Misbehaved(_)), "{missing}");
        assert!(complete.len() < 3 && !session.is_usable(), "{missing}: {complete:?}");
    }
}

/// What a run makes of it: mail is stored rather than lost, and neither deleted nor remembered.
#[tokio::test]
async fn a_run_with_a_missing_end_deletes_nothing_and_the_next_one_fetches_what_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let timeouts = Timeouts { reply: Duration::from_millis(300), ..Timeouts::default() };
    let options = SessionOptions { timeouts, ..SessionOptions::default() };
    let contents = ["one", "two", "three"];
    let missing = At::verb("RETR").argument(1).connection(1);
    let model = ModelServer::start(server_with(&contents).fault(missing, Fault::NoFinalDot));
    let run = async || {
        let journal = Journal::open(&directory.path().join("journal")).unwrap();
        let maildir = Maildir::open(&directory.path().join("mail")).unwrap();
        let journal = Some((journal, "alice@pop.example.org:110".to_owned()));
        let options_of_run = FetchOptions { journal, deletion: Deletion::AtOnce, ..FetchOptions::to(maildir) };
        fetch(signed_in_with(&model, &options).await, options_of_run, Arc::new(|_| ())).await
    };
    let outcome = run().await;
    assert!(outcome.result.is_err());
    assert_eq!((outcome.summary.deleted, model.maildrop().len()), (0, 3));
    let outcome = run().await;
    outcome.result.unwrap();
    // What came behind the end of the first one was stored, and is recognised.
    assert_eq!((outcome.summary.stored, outcome.summary.known, outcome.summary.deleted), (2, 1, 3));
    let delivered = maildir::Maildir::at(directory.path().join("mail")).delivered();
    for content in contents {
        let whole = |entry: &maildir::Entry| entry.octets() == format!("{content}\r\n").into_bytes();
        assert!(delivered.iter().any(whole), "{content} has not arrived");
    }
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
