//! The one time that the host keeps itself.

use std::path::Path;
use std::time::{Duration, Instant};

use popfetch::{Mechanism, Session, SessionOptions, Stopped};
use tokio::time::timeout;

use crate::{PATIENCE, assert_goes_on, credentials, limits, sandbox, sandbox_of, server, stopped};

const DEADLINE: Duration = Duration::from_millis(200);

fn soon() -> SessionOptions {
    SessionOptions { deadline: Some(DEADLINE), ..SessionOptions::default() }
}

#[tokio::test]
async fn whoever_parks_is_stopped_at_the_deadline() {
    let sandbox = sandbox();
    let begin = Instant::now();
    let error = Session::connect(&sandbox, &server("park"), &soon()).await.unwrap_err();
    assert_eq!(stopped(error), Stopped::Deadline);
    assert!((DEADLINE..PATIENCE).contains(&begin.elapsed()));
    assert_goes_on(&sandbox).await;
}

#[tokio::test]
async fn the_deadline_is_that_of_the_session_as_a_whole() {
    let sandbox = sandbox();
    let begin = Instant::now();
    let mut session = Session::connect(&sandbox, &server(""), &soon()).await.unwrap();
    let parking = credentials("stat 1; noop park");
    session.sign_in(&parking, &[Mechanism::User]).await.unwrap();
    session.stat().await.unwrap();
    assert_eq!(stopped(session.noop().await.unwrap_err()), Stopped::Deadline);
    assert!((DEADLINE..PATIENCE).contains(&begin.elapsed()));
    // Nothing is to be had from it now, whichever way it is asked.
    assert!(!session.is_usable());
    assert_eq!(stopped(session.stat().await.unwrap_err()), Stopped::Deadline);
}

/// A component can run before anything was asked of it.
#[tokio::test]
async fn whoever_parks_while_it_is_instantiated_is_stopped_too() {
    let sandbox = sandbox_of(Path::new(env!("POPFETCH_PARKING_COMPONENT")), limits());
    let begin = Instant::now();
    let connecting = Session::connect(&sandbox, &server(""), &soon()).await;
    assert_eq!(stopped(connecting.unwrap_err()), Stopped::Deadline);
    assert!((DEADLINE..PATIENCE).contains(&begin.elapsed()));
}

/// As documented: it is the component that keeps the other times. The caller can always give the call up.
#[tokio::test]
async fn without_a_deadline_whoever_parks_stays_until_the_call_is_given_up() {
    let (sandbox, server, options) = (sandbox(), server("park"), SessionOptions::default());
    timeout(2 * DEADLINE, Session::connect(&sandbox, &server, &options)).await.unwrap_err();
    assert_goes_on(&sandbox).await;
}

#[tokio::test]
async fn a_deadline_that_no_clock_can_tell_is_none() {
    let sandbox = sandbox();
    let options = SessionOptions { deadline: Some(Duration::MAX), ..SessionOptions::default() };
    Session::connect(&sandbox, &server(""), &options).await.unwrap().quit().await.unwrap();
}
