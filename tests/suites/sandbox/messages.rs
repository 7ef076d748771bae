//! Pieces of messages that do not fit together. What is stored and deleted hangs on them.

use std::sync::{Arc, Mutex};

use popfetch::delivery::Maildir;
use popfetch::fetch::{Deletion, Event, FetchError, FetchOptions, Outcome, fetch};
use popfetch::{Piece, Sandbox, SessionError, Stopped};
use popfetch_tests::maildir::{self, Folder};

use crate::{assert_goes_on, sandbox, session, stopped};

/// What a run with `delete` has come to, how many files it has left, and which messages it took for stored.
async fn run(sandbox: &Sandbox, tale: &str) -> (Outcome, usize, Vec<u32>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mail");
    let options = FetchOptions { deletion: Deletion::AtOnce, ..FetchOptions::to(Maildir::open(&path).unwrap()) };
    let stored = Arc::new(Mutex::new(Vec::new()));
    let events = {
        let stored = Arc::clone(&stored);
        move |event: Event<'_>| {
            if let Event::Stored { number, .. } = event {
                stored.lock().unwrap().push(number);
            }
        }
    };
    // Each message has a unique-id, so that no TOP takes the pieces.
    let messages = tale.trim_start_matches("stat ").split(';').next().and_then(|number| number.parse().ok());
    let unique_ids: String = (1..=messages.unwrap_or(0)).map(|number: u32| format!(" {number}=uid-{number}")).collect();
    let tale = format!("{tale}; unique-ids{unique_ids}");
    let outcome = fetch(session(sandbox, &tale).await, options, Arc::new(events)).await;
    let maildir = maildir::Maildir::at(path);
    assert_eq!(maildir.entries(Folder::Tmp).len(), 0, "{tale}: a half-written message was left");
    let stored = stored.lock().unwrap().clone();
    (outcome, maildir.delivered().len(), stored)
}

/// The run must have come to nothing but these messages, with nothing deleted.
async fn assert_out_of_contract(sandbox: &Sandbox, tale: &str, stored: &[u32]) {
    let (outcome, files, numbers) = run(sandbox, tale).await;
    let Err(FetchError::Session(SessionError::Stopped(Stopped::OutOfContract(_)))) = outcome.result else {
        panic!("{tale}: {:?}", outcome.result);
    };
    assert_eq!((numbers.as_slice(), files), (stored, stored.len()), "{tale}");
    assert_eq!(outcome.summary.deleted, 0, "{tale}");
}

#[tokio::test]
async fn pieces_that_fit_are_stored_and_deleted() {
    let sandbox = sandbox();
    let tale = "stat 3; pieces begin 1, content 5 | content 7, end 1 12, refused 2 | begin 3, end 3 0";
    let (outcome, files, stored) = run(&sandbox, tale).await;
    outcome.result.unwrap();
    assert_eq!((stored, files), (vec![1, 3], 2));
    assert_eq!((outcome.summary.stored, outcome.summary.deleted, outcome.summary.refused), (2, 2, 1));
}

#[tokio::test]
async fn only_what_was_asked_for_is_taken() {
    let sandbox = sandbox();
    for pieces in [
        "begin 9, content 5, end 9 5",
        "begin 2, content 5, end 2 5",
        "begin 0, content 5, end 0 5",
        "begin 4294967295, end 4294967295 0",
        "refused 7",
        "refused 2",
        "end 1 5",
        "content 5",
        "content 5, begin 1, end 1 0",
    ] {
        assert_out_of_contract(&sandbox, &format!("stat 2; pieces {pieces}"), &[]).await;
    }
    for pieces in [
        // Once more, and beyond the last one.
        "begin 1, content 5, end 1 5 | begin 1, content 5, end 1 5",
        "begin 1, content 5, end 1 5 | end 1 5",
        "begin 1, content 5, end 1 5 | content 5",
        "begin 1, content 5, end 1 5 | begin 3, content 5, end 3 5",
    ] {
        assert_out_of_contract(&sandbox, &format!("stat 2; pieces {pieces}"), &[1]).await;
    }
    let beyond = "stat 2; pieces begin 1, end 1 0 | begin 2, end 2 0 | begin 3, end 3 0";
    assert_out_of_contract(&sandbox, beyond, &[1, 2]).await;
    assert_goes_on(&sandbox).await;
}

#[tokio::test]
async fn a_message_ends_where_it_says() {
    let sandbox = sandbox();
    for pieces in [
        "begin 1, content 5, end 1 6",
        "begin 1, content 5, end 1 4",
        "begin 1, content 5, end 2 5",
        "begin 1, content 5, begin 2, content 5, end 2 5",
        "begin 1, content 5, refused 2",
        "begin 1, content 5, begin 1, content 5, end 1 5",
        // Nothing more comes.
        "begin 1, content 5",
        "begin 1",
    ] {
        assert_out_of_contract(&sandbox, &format!("stat 2; pieces {pieces}"), &[]).await;
    }
    // The second message is missing.
    assert_out_of_contract(&sandbox, "stat 2; pieces begin 1, content 5, end 1 5", &[1]).await;
    assert_goes_on(&sandbox).await;
}

#[tokio::test]
async fn a_piece_has_the_size_of_one() {
    let sandbox = sandbox();
    for (octets, taken) in [(0, false), (1, true), (65_536, true), (65_537, false)] {
        let tale = format!("stat 1; pieces begin 1, content {octets}, end 1 {octets}");
        let (outcome, files, _) = run(&sandbox, &tale).await;
        assert_eq!((outcome.result.is_ok(), files), (taken, usize::from(taken)), "{octets}");
    }
}

#[tokio::test]
async fn a_component_that_fails_half_way_leaves_nothing_of_the_message() {
    let sandbox = sandbox();
    for deed in ["spin", "trap", "allocate", "fail closed"] {
        let tale = format!("stat 2; pieces begin 1, content 5, end 1 5, begin 2, content 5 | {deed}");
        let (outcome, files, stored) = run(&sandbox, &tale).await;
        let Err(FetchError::Session(error)) = outcome.result else { panic!("{deed}: {:?}", outcome.result) };
        assert!(error.ends_session(), "{deed}: {error}");
        assert_eq!((stored, files, outcome.summary.deleted), (vec![1], 1, 0), "{deed}");
    }
    assert_goes_on(&sandbox).await;
}

#[tokio::test]
async fn a_transfer_out_of_contract_gives_no_more() {
    let sandbox = sandbox();
    let mut session = session(&sandbox, "pieces begin 1, content 5 | end 9 5 | end 1 5; stat 1").await;
    let mut transfer = session.retrieve(&[1]).await.unwrap();
    assert!(matches!(transfer.next().await.unwrap()[..], [Piece::Begin(_), Piece::Content(_)]));
    let why = stopped(transfer.next().await.unwrap_err());
    assert_eq!(
        why.to_string(),
        "the component broke its contract: the end of message 9 with 5 octets, after 5 octets of message 1"
    );
    assert_eq!(transfer.next().await.unwrap().len(), 0);
    assert!(!session.is_usable());
    assert_eq!(stopped(session.stat().await.unwrap_err()), why);
}
