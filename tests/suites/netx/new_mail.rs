//! NetX lets the application ask for new mail at any time, also after QUIT; POP3 shows it to a new session only.

use std::time::Duration;

use popfetch::{Mailbox, Mechanism, SessionError};
use popfetch_tests::maildrop::{Maildrop, Message};
use popfetch_tests::server::{At, Ending, Fault, ModelServer, Script};

use super::client::{SANDBOX, credentials, options, receive, server_at};

fn mailbox(server: &ModelServer) -> Mailbox {
    let credentials = credentials("alice", "secret");
    Mailbox::new(SANDBOX.clone(), server_at(server.address()), options(), credentials, vec![Mechanism::User])
}

fn message(subject: &str) -> Message {
    Message::new(subject, format!("Subject: {subject}\r\n\r\nbody of {subject}\r\n"))
}

async fn new_mail(mailbox: &mut Mailbox) -> Result<(u32, u64), SessionError> {
    mailbox.new_mail().await.map(|maildrop| (maildrop.messages, maildrop.octets))
}

#[tokio::test]
async fn new_mail_is_seen_at_any_time() {
    let server = ModelServer::start(Script::with(Maildrop::new([message("one")])));
    let mut mailbox = mailbox(&server);
    assert_eq!(new_mail(&mut mailbox).await.unwrap(), (1, message("one").octets()));

    // The session that is open does not show what comes; asking for new mail does.
    server.append(message("two"));
    assert_eq!(mailbox.session().await.unwrap().stat().await.unwrap().messages, 1);
    assert_eq!(new_mail(&mut mailbox).await.unwrap().0, 2);
    let received = receive(mailbox.session().await.unwrap(), 2).await.unwrap();
    assert_eq!(received.octets, message("two").content.to_vec());
    assert_eq!(server.connections(), 2, "the session was reopened once, and then used");
}

#[tokio::test]
async fn new_mail_is_seen_after_quit() {
    let server = ModelServer::start(Script::with(Maildrop::new([message("one")])));
    let mut mailbox = mailbox(&server);
    mailbox.session().await.unwrap().delete(&[1]).await.unwrap();
    mailbox.quit().await.unwrap();
    assert!(server.maildrop().is_empty());

    assert_eq!(new_mail(&mut mailbox).await.unwrap(), (0, 0));
    server.append(message("two"));
    mailbox.quit().await.unwrap();
    mailbox.quit().await.unwrap();
    assert_eq!(new_mail(&mut mailbox).await.unwrap().0, 1);
    assert_eq!(receive(mailbox.session().await.unwrap(), 1).await.unwrap().octets, message("two").content.to_vec());
}

#[tokio::test]
async fn what_is_marked_is_deleted_when_new_mail_is_asked_for() {
    let server = ModelServer::start(Script::with(Maildrop::new([message("one"), message("two")])));
    let mut mailbox = mailbox(&server);
    mailbox.session().await.unwrap().delete(&[1]).await.unwrap();
    assert_eq!(new_mail(&mut mailbox).await.unwrap().0, 1);
    assert_eq!(server.maildrop().uids(), ["two"]);
}

#[tokio::test]
async fn new_mail_is_seen_after_the_connection_was_lost() {
    let lost = Fault::End(Ending::Reset);
    let server =
        ModelServer::start(Script::with(Maildrop::new([message("one")])).fault(At::verb("RETR").connection(1), lost));
    let mut mailbox = mailbox(&server);
    mailbox.session().await.unwrap().delete(&[1]).await.unwrap();
    receive(mailbox.session().await.unwrap(), 1).await.expect_err("the connection is lost");

    // A session that has failed is not asked to quit, so that what was marked in it is still there.
    server.wait_idle(Duration::from_secs(10)).unwrap();
    server.append(message("two"));
    assert_eq!(new_mail(&mut mailbox).await.unwrap().0, 2);
}

/// Servers close sessions that are idle for long. Where nothing was marked, nothing hangs on the end of the old session.
#[tokio::test]
async fn new_mail_is_seen_after_the_server_has_closed_an_idle_session() {
    let closes = Fault::End(Ending::Close);
    let server =
        ModelServer::start(Script::with(Maildrop::new([message("one")])).fault(At::verb("QUIT").connection(1), closes));
    let mut mailbox = mailbox(&server);
    assert_eq!(new_mail(&mut mailbox).await.unwrap().0, 1);
    server.append(message("two"));
    assert_eq!(new_mail(&mut mailbox).await.unwrap().0, 2);

    // Where something was, it is open whether it is deleted now, and that is said.
    server.fault(At::verb("QUIT").connection(3), Fault::End(Ending::Close));
    mailbox.quit().await.unwrap();
    mailbox.session().await.unwrap().delete(&[1]).await.unwrap();
    new_mail(&mut mailbox).await.unwrap_err();
}
