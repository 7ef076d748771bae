//! Sessions that have nothing to do with it.

use std::sync::Arc;
use std::time::Duration;

use popfetch::delivery::Maildir;
use popfetch::fetch::{Deletion, FetchOptions, fetch};
use popfetch::{Limits, Mechanism, Sandbox, SandboxOptions, Security, Server, Session, SessionOptions};
use popfetch_tests::maildir;
use popfetch_tests::maildrop::{Content, Maildrop};
use popfetch_tests::server::{ModelServer, Script};

use crate::{connecting, credentials, limits, misbehaving, sandbox_of};

/// Longer than any of this takes: nobody is stopped before the others are done.
const LONG: Duration = Duration::from_secs(60);

/// Fetches what a model server has, and looks whether everything has arrived.
async fn honest_run(sandbox: &Sandbox) {
    let maildrop = Maildrop::repeated(20, Content::generated(1, 20_000));
    let model = ModelServer::start(Script::with(maildrop.clone()));
    let server =
        Server { name: "localhost".to_owned(), addresses: vec![model.address()], security: Security::Cleartext };
    let mut session = Session::connect(sandbox, &server, &SessionOptions::default()).await.unwrap();
    session.sign_in(&credentials("alice"), &[Mechanism::User]).await.unwrap();
    session.capabilities().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mail");
    let options = FetchOptions { deletion: Deletion::AtOnce, ..FetchOptions::to(Maildir::open(&path).unwrap()) };
    let outcome = fetch(session, options, Arc::new(|_| ())).await;
    outcome.result.unwrap();
    assert_eq!((outcome.summary.stored, outcome.summary.deleted), (20, 20));
    maildir::Maildir::at(path).assert_holds(maildrop.fingerprints());
    assert!(model.maildrop().is_empty());
}

/// Two sandboxes, one of a component that never gives an answer.
fn sandboxes() -> (Sandbox, Sandbox) {
    let walls = Limits { busy: LONG, ..limits() };
    (sandbox_of(&misbehaving(), walls), Sandbox::load(SandboxOptions::default()).unwrap())
}

#[tokio::test]
async fn on_one_thread_an_honest_session_goes_on_beside_one_that_spins() {
    let (misbehaving, honest) = sandboxes();
    for deed in ["spin", "ask-the-clock", "poll-what-is-ready"] {
        tokio::select! {
            error = connecting(&misbehaving, deed) => panic!("{deed} has ended first: {error}"),
            () = honest_run(&honest) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_that_spin_than_there_are_threads_do_not_stop_the_others() {
    let (misbehaving, honest) = sandboxes();
    let spinning: Vec<_> = (0..4)
        .map(|_| {
            let misbehaving = misbehaving.clone();
            tokio::spawn(async move { connecting(&misbehaving, "spin").await })
        })
        .collect();
    honest_run(&honest).await;
    for task in spinning {
        assert!(!task.is_finished());
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }
}

#[tokio::test]
async fn an_honest_session_of_the_same_sandbox_goes_on_too() {
    let (sandbox, _) = sandboxes();
    tokio::select! {
        error = connecting(&sandbox, "spin") => panic!("it has ended first: {error}"),
        () = crate::assert_goes_on(&sandbox) => {}
    }
}
