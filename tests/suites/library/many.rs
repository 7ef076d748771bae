//! Sessions from many tasks.

use std::sync::Arc;

use popfetch::{SessionOptions, Timeouts};
use popfetch_tests::maildrop::{Content, Maildrop};
use popfetch_tests::server::{ModelServer, Script};

use crate::{PATIENCE, retrieved, signed_in_with};

/// Any number of sessions may hold the maildrop at a time.
fn shared(maildrop: Maildrop) -> Script {
    Script { exclusive: None, ..Script::with(maildrop) }
}

/// On a machine with much else to do, hundreds of sessions are slow to begin.
fn patient() -> SessionOptions {
    SessionOptions { timeouts: Timeouts::all(3 * PATIENCE), ..SessionOptions::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_sessions_at_a_time() {
    const SESSIONS: usize = 320;
    let maildrop = Maildrop::new((1..=3).map(|number| {
        let content = Content::generated(number, 2_000 * number);
        popfetch_tests::maildrop::Message::with_content(format!("uid-{number}"), content)
    }));
    let expected: Vec<Vec<u8>> = maildrop.messages().iter().map(|message| message.content.to_vec()).collect();
    let model = Arc::new(ModelServer::start(shared(maildrop)));
    // Nobody says goodbye before all are there.
    let all_here = Arc::new(tokio::sync::Barrier::new(SESSIONS));
    let tasks: Vec<_> = (0..SESSIONS)
        .map(|_| {
            let (model, all_here) = (Arc::clone(&model), Arc::clone(&all_here));
            tokio::spawn(async move {
                let mut session = signed_in_with(&model, &patient()).await;
                session.capabilities().await.unwrap();
                all_here.wait().await;
                let messages = retrieved(&mut session, &[1, 2, 3]).await;
                session.quit().await.unwrap();
                messages.into_iter().map(|(_, content)| content).collect::<Vec<_>>()
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), expected);
    }
    assert_eq!(model.connections(), SESSIONS);
    model.wait_idle(PATIENCE).unwrap();
}

/// A session goes from task to task, and from thread to thread, between its calls and in the midst of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_can_be_handed_on() {
    let model = Arc::new(ModelServer::start(shared(Maildrop::repeated(50, Content::generated(1, 5_000)))));
    let mut session = signed_in_with(&model, &patient()).await;
    for number in 1..=50 {
        let handed_over = tokio::spawn(async move {
            assert_eq!(retrieved(&mut session, &[number]).await.len(), 1);
            session
        });
        session = handed_over.await.unwrap();
    }
    session.quit().await.unwrap();
}
