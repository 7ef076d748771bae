//! The lines of a session, for whoever takes them.

use std::sync::{Arc, Mutex};

use popfetch::{Credentials, Mechanism, Secret, Session, SessionOptions, Trace};
use popfetch_tests::server::{At, Ending, Fault, ModelServer, Script};

use crate::{alice, at, connected_with, retrieved, sandbox, server_with};

/// What a trace has taken: `C: …` and `S: …`.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn options(&self) -> SessionOptions {
        let lines = self.clone();
        let trace = Trace::new(move |line| {
            let who = if line.from_server { 'S' } else { 'C' };
            lines.0.lock().unwrap().push(format!("{who}: {}", line.text));
        });
        SessionOptions { trace: Some(trace), ..SessionOptions::default() }
    }

    /// Those since the last call.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[tokio::test]
async fn each_line_is_handed_on_with_the_verb_that_it_belongs_to() {
    let model = ModelServer::start(server_with(&["A: 1\r\n\r\n.one\r\n"]).without_pipelining());
    let lines = Lines::default();
    let mut session = connected_with(&model, &lines.options()).await;
    assert_eq!(lines.take(), ["S: +OK model server ready"]);
    session.sign_in(&alice(), &[Mechanism::User]).await.unwrap();
    let sign_in = ["C: USER alice", "S: +OK send your password", "C: PASS [password]", "S: +OK signed in"];
    assert_eq!(lines.take(), sign_in);
    session.stat().await.unwrap();
    assert_eq!(lines.take(), ["C: STAT", "S: +OK 1 14"]);
    session.unique_ids().await.unwrap();
    assert_eq!(lines.take()[2..], ["S: 1 uid-1", "S: ."]);
    retrieved(&mut session, &[1]).await;
    let transfer = lines.take();
    assert_eq!(
        (transfer[0].as_str(), &transfer[2..]),
        ("C: RETR 1", &["S: [14 octets of content]", "S: ."].map(String::from)[..])
    );
    // A verb that may not be said is not said.
    session.speak("").await.unwrap_err();
    assert_eq!(lines.take(), ["C: [the language is empty]"]);
    session.quit().await.unwrap();
    assert_eq!(lines.take().len(), 2);
}

#[tokio::test]
async fn what_led_to_a_failure_is_there() {
    let lines = Lines::default();
    let cut = Fault::CutReply { after: 10, ending: Ending::Close };
    let model = ModelServer::start(Script::default().fault(At::verb("CAPA"), cut));
    let mut session = connected_with(&model, &lines.options()).await;
    lines.take();
    session.capabilities().await.unwrap_err();
    assert_eq!(lines.take(), ["C: CAPA", "C: [the server closed the connection instead of answering CAPA]"]);

    let model = ModelServer::start(Script::default().fault(At::greeting(), Fault::Refuse(b"go away".to_vec())));
    Session::connect(&sandbox(), &at(model.address()), &lines.options()).await.unwrap_err();
    assert_eq!(lines.take(), ["S: -ERR go away", r#"C: [the server refused the connection: "-ERR go away"]"#]);
}

#[tokio::test]
async fn a_secret_that_the_server_repeats_is_hidden() {
    let lines = Lines::default();
    let refused = Fault::Refuse("sesame, open? No sesame".into());
    let model = ModelServer::start(Script::default().fault(At::verb("PASS"), refused));
    let mut session = connected_with(&model, &lines.options()).await;
    let credentials = Credentials { user: "alice".to_owned(), secret: Secret::new("sesame") };
    session.sign_in(&credentials, &[Mechanism::User]).await.unwrap_err();
    let lines = lines.take();
    let note = r#"C: [the server refused the sign-in with PASS: "-ERR [password], open? No [password]"]"#;
    assert_eq!(lines[lines.len() - 2..], ["S: -ERR [password], open? No [password]", note]);
    assert!(lines.iter().all(|line| !line.contains("sesame")), "{lines:?}");
}

/// A megabyte of lines of one call is what is kept; that there were more is said.
#[tokio::test]
async fn lines_without_end_are_not_kept_without_end() {
    let lines = Lines::default();
    let rows = "x".repeat(1000).into_bytes();
    let mut script = Script::default();
    for _ in 0..50 {
        script = script.fault(At::verb("CAPA"), Fault::Row(popfetch_tests::server::Row::Append(rows.clone())));
    }
    let model = ModelServer::start(script);
    let mut session = connected_with(&model, &lines.options()).await;
    session.capabilities().await.unwrap();
    assert!(lines.take().len() > 50);

    // More than a listing of capabilities may have.
    let model = ModelServer::start(Script::default().fault(At::verb("LIST"), Fault::EndlessBody));
    let mut session = connected_with(&model, &lines.options()).await;
    session.sign_in(&alice(), &[Mechanism::User]).await.unwrap();
    lines.take();
    let error = session.scan_listings().await.unwrap_err();
    let mut lines = lines.take();
    assert_eq!(lines.pop(), Some(format!("C: [{error}]")));
    assert!(lines.iter().map(String::len).sum::<usize>() < 2 << 20, "{} lines", lines.len());
    assert!(lines.last().unwrap().ends_with("lines left out]"), "{:?}", lines.last());
}
