//! Numbers that lists are made of.

use std::sync::Arc;

use popfetch::delivery::Maildir;
use popfetch::fetch::{Deletion, FetchError, FetchOptions, Outcome, fetch};
use popfetch::journal::Journal;
use popfetch::{Mechanism, Sandbox, Session, SessionError, SessionOptions, Stopped};

use crate::{assert_goes_on, credentials, sandbox, server, session, stopped};

/// What a run with `delete` and a journal has come to.
async fn run(sandbox: &Sandbox, tale: &str) -> Outcome {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(&directory.path().join("journal")).unwrap();
    let options = FetchOptions {
        journal: Some((journal, "alice@example.org:110".to_owned())),
        deletion: Deletion::AtOnce,
        ..FetchOptions::to(Maildir::open(&directory.path().join("mail")).unwrap())
    };
    fetch(session(sandbox, tale).await, options, Arc::new(|_| ())).await
}

#[tokio::test]
async fn a_maildrop_has_no_more_messages_than_it_may() {
    let sandbox = sandbox();
    for (messages, fits) in [(250_000, true), (250_001, false), (u32::MAX, false)] {
        let mut session = session(&sandbox, &format!("stat {messages}")).await;
        let stat = session.stat().await;
        assert_eq!(stat.is_ok(), fits, "{messages}");
        assert_eq!(session.is_usable(), fits);
        if let Err(error) = stat {
            assert!(matches!(stopped(error), Stopped::OutOfContract(_)));
        }
    }
    assert_goes_on(&sandbox).await;
}

/// It signs in with USER, whatever is permitted.
#[tokio::test]
async fn a_mechanism_is_one_of_those_that_are_permitted() {
    let sandbox = sandbox();
    let mut session = Session::connect(&sandbox, &server(""), &SessionOptions::default()).await.unwrap();
    let why = stopped(session.sign_in(&credentials("stat 1"), &[Mechanism::Apop]).await.unwrap_err());
    assert!(matches!(why, Stopped::OutOfContract(_)), "{why}");
    assert_eq!(stopped(session.stat().await.unwrap_err()), why);
    assert_goes_on(&sandbox).await;
}

#[tokio::test]
async fn what_is_deleted_is_what_was_to_be() {
    let sandbox = sandbox();
    for told in ["3", "1 2 3", "2 1", "1", "1 1", "none"] {
        let mut session = session(&sandbox, &format!("delete {told}")).await;
        let why = stopped(session.delete(&[1, 2]).await.unwrap_err());
        assert!(matches!(why, Stopped::OutOfContract(_)), "{told}: {why}");
        // Without QUIT, which is what counts.
        assert_eq!(stopped(session.quit().await.unwrap_err()), why);
    }
    assert_eq!(session(&sandbox, "delete 1 2").await.delete(&[1, 2]).await.unwrap().len(), 2);
}

#[tokio::test]
async fn unique_ids_are_those_of_messages() {
    let sandbox = sandbox();
    for (rows, wrong) in [("0=a 1=b", 0), ("1=a 3=b", 3), ("0=a 1=b 2=c", 0), ("4294967295=a", u32::MAX)] {
        let outcome = run(&sandbox, &format!("stat 2; unique-ids {rows}")).await;
        match outcome.result {
            Err(FetchError::NoSuchMessage { number, messages: 2 }) => assert_eq!(number, wrong, "{rows}"),
            other => panic!("{rows}: {other:?}"),
        }
    }
}

/// They come a part at a time, each of them small.
#[tokio::test]
async fn unique_ids_without_end_are_stopped() {
    let rows: String = (1..=1000).map(|number| format!(" {number}=a")).collect();
    let outcome = run(&sandbox(), &format!("stat 1000; unique-ids{rows}; next-unique-ids again")).await;
    let error = outcome.result.unwrap_err().to_string();
    assert!(error.contains("unique-ids beyond all bounds"), "{error}");
}

/// Two rows for one message do not make two of it.
#[tokio::test]
async fn a_message_with_two_unique_ids_is_fetched_once() {
    let sandbox = sandbox();
    let outcome = run(&sandbox, "stat 1; unique-ids 1=a 1=b; pieces begin 1, content 5, end 1 5").await;
    outcome.result.unwrap();
    assert_eq!((outcome.summary.stored, outcome.summary.deleted), (1, 1));
}

#[tokio::test]
async fn a_failure_after_delete_leaves_open_what_is_deleted() {
    let sandbox = sandbox();
    let tale = "stat 1; unique-ids 1=a; pieces begin 1, content 5, end 1 5; quit spin";
    let outcome = run(&sandbox, tale).await;
    let Err(FetchError::Unconfirmed { messages: 1, cause: SessionError::Stopped(Stopped::Busy(_)) }) = outcome.result
    else {
        panic!("{:?}", outcome.result);
    };
    assert_eq!((outcome.summary.stored, outcome.summary.deleted), (1, 0));
}
