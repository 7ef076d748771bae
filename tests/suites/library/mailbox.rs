//! A mailbox that is asked again and again.

use std::sync::Arc;

use popfetch::contract::Error;
use popfetch::{Credentials, Mailbox, Mechanism, Secret, SessionOptions};
use popfetch_tests::maildrop::Message;
use popfetch_tests::server::{At, Ending, Fault, ModelServer, Script};

use crate::{PATIENCE, alice, at, pop3, retrieved, sandbox, server_with};

fn mailbox(model: &ModelServer, credentials: Credentials) -> Mailbox {
    Mailbox::new(sandbox(), at(model.address()), SessionOptions::default(), credentials, vec![Mechanism::User])
}

#[tokio::test]
async fn new_mail_is_seen_although_a_session_was_open() {
    let model = ModelServer::start(server_with(&["one"]));
    let mut mailbox = mailbox(&model, alice());
    assert_eq!(mailbox.new_mail().await.unwrap().messages, 1);
    model.append(Message::new("uid-2", "two"));
    // The session that is open does not see it (RFC 1939 §3); asked for new mail, there is another.
    assert_eq!(mailbox.session().await.unwrap().stat().await.unwrap().messages, 1);
    assert_eq!(mailbox.new_mail().await.unwrap().messages, 2);
    let messages = retrieved(mailbox.session().await.unwrap(), &[2]).await;
    assert_eq!(messages, [(2, b"two\r\n".to_vec())]);
    assert_eq!(model.connections(), 2);
    mailbox.quit().await.unwrap();
    model.wait_idle(PATIENCE).unwrap();
    let quits = model.commands().iter().filter(|command| *command == "QUIT").count();
    assert_eq!(quits, 2);
}

/// Once before the sign-in, and once more only for what some say only then.
#[tokio::test]
async fn the_server_is_asked_what_it_can_do() {
    let script = || server_with(&["one"]);
    for (script, before, after) in [
        (script(), &["CAPA"][..], &[][..]),
        (script().without_pipelining(), &["CAPA"], &["CAPA"]),
        (Script { utf8: true, ..script() }, &["CAPA", "UTF8"], &[]),
        (script().without_capa(), &["CAPA"], &[]),
    ] {
        let model = ModelServer::start(script);
        let mut mailbox = mailbox(&model, alice());
        mailbox.new_mail().await.unwrap();
        mailbox.quit().await.unwrap();
        let sign_in = &["USER alice", "PASS secret"];
        assert_eq!(model.commands(), [before, sign_in, after, &["STAT", "QUIT"]].concat());
    }
}

#[tokio::test]
async fn it_can_be_asked_after_quit() {
    let model = ModelServer::start(server_with(&["one", "two"]));
    let mut mailbox = mailbox(&model, alice());
    mailbox.session().await.unwrap().delete(&[1]).await.unwrap();
    mailbox.quit().await.unwrap();
    // Once more is once too often, and no harm.
    mailbox.quit().await.unwrap();
    assert_eq!(mailbox.new_mail().await.unwrap().messages, 1);
    assert_eq!(model.maildrop().uids(), ["uid-2"]);
}

#[tokio::test]
async fn it_can_be_asked_after_a_failure() {
    let model = ModelServer::start(
        server_with(&["one"])
            .fault(At::verb("STAT").connection(1), Fault::End(Ending::Close))
            .fault(At::verb("STAT").connection(2), Fault::Raw(b"hello\r\n".to_vec()))
            .fault(At::greeting().connection(3), Fault::End(Ending::Close)),
    );
    let mut mailbox = mailbox(&model, alice());
    assert!(matches!(pop3(mailbox.new_mail().await), Error::Closed(_)));
    assert!(matches!(pop3(mailbox.new_mail().await), Error::Misbehaved(_)));
    assert!(matches!(pop3(mailbox.new_mail().await), Error::Closed(_)));
    assert_eq!(mailbox.new_mail().await.unwrap().messages, 1);
    assert_eq!(model.connections(), 4);
}

#[tokio::test]
async fn a_session_that_was_left_in_the_midst_is_not_used_again() {
    let model = ModelServer::start(server_with(&["one", "two"]));
    let mut mailbox = mailbox(&model, alice());
    let session = mailbox.session().await.unwrap();
    session.delete(&[1]).await.unwrap();
    drop(session.retrieve(&[2]).await.unwrap());
    // Without QUIT, so that the mark is gone, too.
    assert_eq!(mailbox.session().await.unwrap().stat().await.unwrap().messages, 2);
    assert_eq!(model.connections(), 2);
    mailbox.quit().await.unwrap();
    assert_eq!(model.maildrop().len(), 2);
}

#[tokio::test]
async fn a_wrong_password_leaves_no_session() {
    let model = ModelServer::start(Script::default());
    let mut mailbox = mailbox(&model, Credentials { secret: Secret::new("guess"), ..alice() });
    for attempt in 1..=2 {
        assert!(matches!(pop3(mailbox.new_mail().await), Error::SignInRefused(_)));
        assert_eq!(model.connections(), attempt);
    }
    model.wait_idle(PATIENCE).unwrap();
}

/// As in a program with a task for each mailbox.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_lives_in_a_task() {
    let model = Arc::new(ModelServer::start(server_with(&["one"])));
    let mut mailbox = mailbox(&model, alice());
    let asked = tokio::spawn(async move {
        let messages = mailbox.new_mail().await.unwrap().messages;
        mailbox.quit().await.unwrap();
        messages
    });
    assert_eq!(asked.await.unwrap(), 1);
}
