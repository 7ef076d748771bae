//! A session that would be idle while its messages are stored.

use std::sync::Arc;
use std::time::Duration;

use popfetch::delivery::Maildir;
use popfetch::fetch::{Deletion, Event, FetchOptions, fetch, fetch_persistently};
use popfetch_tests::server::{At, Ending, Fault, ModelServer};
use tempfile::TempDir;

use crate::{server_with, signed_in};

/// As a disk that is slow: the server, which closes sessions that are idle for so long, hears of the client meanwhile.
#[tokio::test]
async fn a_server_hears_of_a_client_that_stores() {
    let mut script = server_with(&["one", "two", "three"]);
    script.idle_timeout = Some(Duration::from_millis(500));
    let model = ModelServer::start(script);
    let directory = tempfile::tempdir().unwrap();
    let outcome = fetch(signed_in(&model).await, deleting(&directory), Arc::new(slow)).await;
    outcome.result.unwrap();
    assert_eq!((outcome.summary.stored, outcome.summary.deleted), (3, 3));
    assert!(model.commands().iter().filter(|command| *command == "NOOP").count() >= 5, "{:?}", model.commands());
}

/// A server that has gone meanwhile is connected to again, and what was stored is not fetched again.
#[tokio::test]
async fn a_run_goes_on_when_the_server_has_gone_meanwhile() {
    let gone = Fault::End(Ending::Close);
    let model = ModelServer::start(server_with(&["one", "two"]).fault(At::verb("NOOP").connection(1), gone));
    let directory = tempfile::tempdir().unwrap();
    let session = signed_in(&model).await;
    let again = async |_| Ok::<_, String>(signed_in(&model).await);
    let outcome = fetch_persistently(session, again, deleting(&directory), Arc::new(slow)).await;
    outcome.result.unwrap();
    assert_eq!((outcome.summary.stored, outcome.summary.deleted), (2, 2));
    assert!(model.maildrop().is_empty());
    assert_eq!(model.commands().iter().filter(|command| command.starts_with("RETR")).count(), 2);
}

fn deleting(directory: &TempDir) -> FetchOptions {
    FetchOptions {
        deletion: Deletion::AtOnce,
        keep_alive: Duration::from_millis(50),
        ..FetchOptions::to(Maildir::open(&directory.path().join("mail")).unwrap())
    }
}

fn slow(event: Event<'_>) {
    if let Event::Stored { .. } = event {
        std::thread::sleep(Duration::from_millis(300));
    }
}
