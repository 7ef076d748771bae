//! What is left when a call is given up, or a session dropped.

use std::time::{Duration, Instant};

use popfetch::{Mechanism, Session, SessionOptions, Stopped};
use tokio::time::timeout;

use crate::{BUSY, PATIENCE, assert_goes_on, credentials, sandbox, server, session, stopped};

/// Long enough for a call to be in the midst of something.
const SHORTLY: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_call_can_be_given_up_in_the_midst_of_anything() {
    let sandbox = sandbox();
    for deed in ["spin", "ask-the-clock", "poll-what-is-ready", "park"] {
        let begin = Instant::now();
        let server = server(deed);
        let options = SessionOptions::default();
        timeout(SHORTLY, Session::connect(&sandbox, &server, &options)).await.unwrap_err();
        assert!(begin.elapsed() < PATIENCE, "{deed} was not left at once");
    }
    assert_goes_on(&sandbox).await;
}

#[tokio::test]
async fn a_session_whose_call_was_given_up_is_not_entered_again() {
    let sandbox = sandbox();
    for deed in ["spin", "park"] {
        let mut session = session(&sandbox, &format!("noop {deed}; stat 1")).await;
        timeout(SHORTLY, session.noop()).await.unwrap_err();
        assert!(!session.is_usable());
        let Stopped::Trapped(why) = stopped(session.stat().await.unwrap_err()) else { panic!("{deed}") };
        assert!(why.contains("cancelled"), "{why}");
    }
    assert_goes_on(&sandbox).await;
}

/// The component's own destructor would never end. It is not run: the store goes as a whole.
#[tokio::test]
async fn a_session_is_dropped_at_once() {
    let sandbox = sandbox();
    for deed in ["spin", "park", "trap"] {
        let begin = Instant::now();
        drop(session(&sandbox, &format!("drop-session {deed}")).await);
        assert!(begin.elapsed() < PATIENCE, "{deed}");
    }
    let mut midway = session(&sandbox, "pieces begin 1, content 5; drop-transfer spin; drop-session spin").await;
    let mut transfer = midway.retrieve(&[1]).await.unwrap();
    assert_eq!(transfer.next().await.unwrap().len(), 2);
    drop(transfer);
    assert!(!midway.is_usable());
    drop(midway);
    assert_goes_on(&sandbox).await;
}

/// A transfer at its end is dropped within the component, and there a destructor does run.
#[tokio::test]
async fn a_transfer_that_does_not_end_well_ends_its_session() {
    let sandbox = sandbox();
    let tale = |deed| format!("pieces begin 1, content 5, end 1 5; drop-transfer {deed}; stat 1");
    for deed in ["spin", "trap", "allocate"] {
        let mut session = session(&sandbox, &tale(deed)).await;
        let mut transfer = session.retrieve(&[1]).await.unwrap();
        assert_eq!(transfer.next().await.unwrap().len(), 3);
        let why = stopped(transfer.next().await.unwrap_err());
        match deed {
            "spin" => assert_eq!(why, Stopped::Busy(BUSY)),
            "trap" => assert!(matches!(why, Stopped::Trapped(_)), "{why}"),
            _ => assert!(matches!(why, Stopped::Memory(_)), "{why}"),
        }
        assert!(!session.is_usable());
        assert_eq!(stopped(session.stat().await.unwrap_err()), why);
    }
    // The same, given up by the caller.
    let mut parked = session(&sandbox, &tale("park")).await;
    let mut transfer = parked.retrieve(&[1]).await.unwrap();
    assert_eq!(transfer.next().await.unwrap().len(), 3);
    timeout(SHORTLY, transfer.next()).await.unwrap_err();
    assert!(!parked.is_usable());
    stopped(parked.stat().await.unwrap_err());
    assert_goes_on(&sandbox).await;
}

#[tokio::test]
async fn signing_in_can_be_given_up_too() {
    let sandbox = sandbox();
    let mut session = Session::connect(&sandbox, &server(""), &SessionOptions::default()).await.unwrap();
    let parking = credentials("sign-in park");
    timeout(SHORTLY, session.sign_in(&parking, &[Mechanism::User])).await.unwrap_err();
    assert!(!session.is_usable());
    drop(session);
    assert_goes_on(&sandbox).await;
}
