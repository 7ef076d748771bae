//! A session that would be idle while its messages are stored.

use std::sync::Arc;
use std::time::Duration;

use popfetch::delivery::Maildir;
use popfetch::fetch::{Deletion, Event, FetchOptions, fetch};
use popfetch_tests::server::ModelServer;

use crate::{server_with, signed_in};

/// As a disk that is slow: the server, which closes sessions that are idle for so long, hears of the client meanwhile.
#[tokio::test]
async fn a_server_hears_of_a_client_that_stores() {
    let mut script = server_with(&["one", "two", "three"]);
    script.idle_timeout = Some(Duration::from_millis(500));
    let model = ModelServer::start(script);
    let directory = tempfile::tempdir().unwrap();
    let options = FetchOptions {
        deletion: Deletion::AtOnce,
        keep_alive: Duration::from_millis(50),
        ..FetchOptions::to(Maildir::open(&directory.path().join("mail")).unwrap())
    };
    let slow = |event: Event<'_>| {
        if let Event::Stored { .. } = event {
            std::thread::sleep(Duration::from_millis(300));
        }
    };
    let outcome = fetch(signed_in(&model).await, options, Arc::new(slow)).await;
    outcome.result.unwrap();
    assert_eq!((outcome.summary.stored, outcome.summary.deleted), (3, 3));
    assert!(model.commands().iter().filter(|command| *command == "NOOP").count() >= 5, "{:?}", model.commands());
}
