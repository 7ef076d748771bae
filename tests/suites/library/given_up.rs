//! Sessions, transfers and calls that are left before their end: the connection is closed without QUIT, and nothing is
//! deleted.

use std::time::Duration;

use popfetch::contract::Error;
use popfetch::{Session, SessionError, SessionOptions, Stopped};
use popfetch_tests::maildrop::{Content, Maildrop};
use popfetch_tests::server::{At, Ending, Fault, ModelServer, Script};
use tokio::time::timeout;

use crate::{PATIENCE, at, pop3, sandbox, server_with, signed_in};

/// Long enough for a call to be waiting for the server.
const SHORTLY: Duration = Duration::from_millis(100);

fn silent_at(verb: &str) -> Script {
    server_with(&["one", "two"]).fault(At::verb(verb), Fault::End(Ending::Silence))
}

/// The connection goes with the session, and the server has heard of no QUIT.
#[track_caller]
fn assert_gone_without_quit(model: &ModelServer, session: Session) {
    drop(session);
    model.wait_idle(PATIENCE).unwrap();
    assert!(!model.commands().contains(&"QUIT".to_owned()));
    assert_eq!(model.maildrop().len(), 2);
}

#[tokio::test]
async fn a_session_that_is_dropped() {
    let model = ModelServer::start(server_with(&["one", "two"]));
    let mut session = signed_in(&model).await;
    session.delete(&[1, 2]).await.unwrap();
    assert_gone_without_quit(&model, session);
}

#[tokio::test]
async fn a_call_that_is_given_up() {
    for verb in ["STAT", "LIST", "NOOP", "DELE"] {
        let model = ModelServer::start(silent_at(verb));
        let mut session = signed_in(&model).await;
        match verb {
            "STAT" => drop(timeout(SHORTLY, session.stat()).await.unwrap_err()),
            "LIST" => drop(timeout(SHORTLY, session.scan_listings()).await.unwrap_err()),
            "NOOP" => drop(timeout(SHORTLY, session.noop()).await.unwrap_err()),
            _ => drop(timeout(SHORTLY, session.delete(&[1, 2])).await.unwrap_err()),
        }
        assert!(!session.is_usable());
        // Its answer may still come, and would be taken for that of the next command.
        for error in [session.stat().await.unwrap_err(), session.greeting().await.unwrap_err()] {
            assert!(error.ends_session());
            let SessionError::Stopped(Stopped::Trapped(why)) = error else { panic!("{error:?}") };
            assert!(why.contains("cancelled"), "{why}");
        }
        assert_gone_without_quit(&model, session);
    }
}

#[tokio::test]
async fn a_connect_that_is_given_up() {
    let model = ModelServer::start(Script::default().fault(At::greeting(), Fault::End(Ending::Silence)));
    let (sandbox, server, options) = (sandbox(), at(model.address()), SessionOptions::default());
    timeout(SHORTLY, Session::connect(&sandbox, &server, &options)).await.unwrap_err();
    model.wait_until(PATIENCE, |transcript| transcript.connections() == 1).unwrap();
    model.wait_idle(PATIENCE).unwrap();
}

#[tokio::test]
async fn a_quit_that_is_given_up() {
    let model = ModelServer::start(silent_at("QUIT"));
    let session = signed_in(&model).await;
    timeout(SHORTLY, session.quit()).await.unwrap_err();
    model.wait_idle(PATIENCE).unwrap();
}

#[tokio::test]
async fn a_transfer_that_is_left() {
    let maildrop = Maildrop::repeated(2, Content::generated(1, 1_000_000));
    for pieces in [0, 1, 5] {
        let model = ModelServer::start(Script::with(maildrop.clone()));
        let mut session = signed_in(&model).await;
        let mut transfer = session.retrieve(&[1, 2]).await.unwrap();
        for _ in 0..pieces {
            assert!(!transfer.next().await.unwrap().is_empty());
        }
        drop(transfer);
        assert!(!session.is_usable());
        assert!(matches!(pop3(session.stat().await), Error::InvalidState(_)));
        assert!(matches!(pop3(session.retrieve(&[1]).await), Error::InvalidState(_)));
        assert!(matches!(pop3(session.delete(&[1]).await), Error::InvalidState(_)));
        assert_gone_without_quit(&model, session);
    }
}

#[tokio::test]
async fn a_transfer_that_is_left_sends_no_quit_when_asked_to() {
    let model = ModelServer::start(server_with(&["one", "two"]));
    let mut session = signed_in(&model).await;
    session.delete(&[1]).await.unwrap();
    drop(session.retrieve(&[2]).await.unwrap());
    assert!(matches!(pop3(session.quit().await), Error::InvalidState(_)));
    model.wait_idle(PATIENCE).unwrap();
    assert!(!model.commands().contains(&"QUIT".to_owned()));
    assert_eq!(model.maildrop().len(), 2);
}

#[tokio::test]
async fn a_piece_that_is_given_up() {
    let cut = Fault::CutContent { after: 3, ending: Ending::Silence };
    let model = ModelServer::start(server_with(&["one", "two"]).fault(At::verb("RETR"), cut));
    let mut session = signed_in(&model).await;
    let mut transfer = session.retrieve(&[1, 2]).await.unwrap();
    let given_up = async {
        // All that has come, and then nothing.
        while !transfer.next().await.unwrap().is_empty() {}
    };
    timeout(SHORTLY, given_up).await.unwrap_err();
    let error = transfer.next().await.unwrap_err();
    assert!(matches!(error, SessionError::Stopped(Stopped::Trapped(_))), "{error:?}");
    assert!(!session.is_usable());
    assert_gone_without_quit(&model, session);
}

#[tokio::test]
async fn a_task_that_is_aborted() {
    let model = ModelServer::start(silent_at("STAT"));
    let mut session = signed_in(&model).await;
    let task = tokio::spawn(async move { session.stat().await });
    tokio::task::yield_now().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    model.wait_idle(PATIENCE).unwrap();
}
