//! Each call of the NetX client, and ours: the rows of the table in the README.

use std::time::Duration;

use popfetch::contract::Error;
use popfetch::{Mechanism, Piece, Session, SessionOptions, Timeouts, Wait};
use popfetch_tests::maildrop::{Content, Maildrop, Message};
use popfetch_tests::server::{At, Ending, Fault, ModelServer, Script};

use super::client::{SANDBOX, connect, credentials, options, pop3, receive, server_at, signed_in};

const PATIENCE: Duration = Duration::from_secs(10);

fn two_messages() -> Maildrop {
    Maildrop::of_octets(["Subject: one\r\n\r\nfirst\r\n", "Subject: two\r\n\r\nsecond\r\n"])
}

/// `nx_pop3_client_create` with the APOP flag: APOP, and USER/PASS when the server refuses it.
#[tokio::test]
async fn create_with_apop_and_then_user_and_pass() {
    let both = [Mechanism::Apop, Mechanism::User];
    let script = Script::with(two_messages()).with_apop("<1896.697170952@dbc.mtview.ca.us>");
    let server = ModelServer::start(script);
    let mut session = connect(server.address()).await;
    assert_eq!(session.sign_in(&credentials("alice", "secret"), &both).await.unwrap(), Mechanism::Apop);
    assert!(!server.commands().iter().any(|command| command.contains("secret")));
    session.quit().await.unwrap();

    server.fault(At::verb("APOP"), Fault::Refuse(b"not here".to_vec()));
    let mut session = connect(server.address()).await;
    assert_eq!(session.sign_in(&credentials("alice", "secret"), &both).await.unwrap(), Mechanism::User);
    let verbs: Vec<String> = server.commands_of(2).iter().map(|command| command[..4].to_owned()).collect();
    assert_eq!(verbs, ["APOP", "USER", "PASS"]);
}

/// `nxd_pop3_client_create`: an IPv4 or an IPv6 address.
#[tokio::test]
async fn create_at_an_ipv4_or_ipv6_address() {
    for script in [Script::default(), Script::default().on_ipv6()] {
        let server = ModelServer::start(script);
        signed_in(server.address()).await.quit().await.unwrap();
        assert_eq!(server.connections(), 1);
    }
}

/// `nx_pop3_client_mail_items_get`: STAT, at any time.
#[tokio::test]
async fn mail_items_get_is_stat() {
    let server = ModelServer::start(Script::with(two_messages()));
    let mut session = signed_in(server.address()).await;
    let total: u64 = two_messages().messages().iter().map(Message::octets).sum();
    let maildrop = session.stat().await.unwrap();
    assert_eq!((maildrop.messages, maildrop.octets), (2, total));
    session.delete(&[1]).await.unwrap();
    assert_eq!(session.stat().await.unwrap().messages, 1);
    assert_eq!(server.commands(), ["USER alice", "PASS secret", "STAT", "DELE 1", "STAT"]);
}

/// `nx_pop3_client_mail_item_size_get`: LIST with a number.
#[tokio::test]
async fn mail_item_size_get_is_list() {
    let server = ModelServer::start(Script::with(two_messages()));
    let mut session = signed_in(server.address()).await;
    for (number, message) in (1..).zip(two_messages().messages()) {
        let listing = session.scan_listing(number).await.unwrap();
        assert_eq!((listing.number, listing.octets), (number, message.octets()));
    }
    let Error::Refused(refusal) = pop3(session.scan_listing(3).await.unwrap_err()) else { panic!("no message 3") };
    assert_eq!((refusal.command.as_str(), refusal.reply.text.as_str()), ("LIST 3", "no such message"));
}

/// `nx_pop3_client_mail_item_get` and `…_message_get`: RETR, and the message in pieces, whatever its size.
#[tokio::test]
async fn mail_item_get_and_message_get_are_a_transfer() {
    let content = Content::generated(1, 1_000_000);
    let server = ModelServer::start(Script::with(Maildrop::new([Message::with_content("uid", content.clone())])));
    let mut session = signed_in(server.address()).await;
    let mut transfer = session.retrieve(&[1]).await.unwrap();
    let first = transfer.next().await.unwrap();
    assert!(matches!(&first[0], Piece::Begin(begin) if begin.number == 1 && begin.announced == Some(1_000_000)));
    let (mut octets, mut pieces) = (Vec::new(), first);
    let end = loop {
        for piece in &pieces {
            if let Piece::Content(content) = piece {
                assert!((1..=64 << 10).contains(&content.len()));
                octets.extend_from_slice(content);
            }
        }
        if let Some(Piece::End(end)) = pieces.last() {
            break end.octets;
        }
        pieces = transfer.next().await.unwrap();
    };
    assert_eq!(end, 1_000_000);
    assert!(transfer.next().await.unwrap().is_empty(), "nothing comes after the end");
    assert!(octets == content.to_vec());
}

/// `nx_pop3_client_mail_item_delete` and `nx_pop3_client_quit`: DELE marks, QUIT deletes.
#[tokio::test]
async fn mail_item_delete_is_dele_and_quit_makes_it_so() {
    let server = ModelServer::start(Script::with(two_messages()));
    let mut session = signed_in(server.address()).await;
    assert!(session.delete(&[1]).await.unwrap()[0].refused.is_none());
    assert_eq!(server.maildrop().len(), 2, "only marked");
    session.quit().await.unwrap();
    assert_eq!(server.maildrop().uids(), ["uid-2"]);
}

/// `nx_pop3_client_delete`: everything is released, without QUIT.
#[tokio::test]
async fn delete_of_the_client_is_a_drop() {
    let server = ModelServer::start(Script::with(two_messages()));
    let mut session = signed_in(server.address()).await;
    session.delete(&[1, 2]).await.unwrap();
    drop(session);
    server.wait_idle(PATIENCE).expect("the connection is closed");
    assert_eq!(server.commands().last().unwrap(), "DELE 2");
    assert_eq!(server.maildrop().len(), 2, "without QUIT, nothing is deleted");
}

/// `NOOP` and `RSET`, which NetX's guide names.
#[tokio::test]
async fn noop_and_rset() {
    let server = ModelServer::start(Script::with(two_messages()));
    let mut session = signed_in(server.address()).await;
    session.noop().await.unwrap();
    session.delete(&[1, 2]).await.unwrap();
    session.reset().await.unwrap();
    assert_eq!(session.stat().await.unwrap().messages, 2);
    session.quit().await.unwrap();
    assert_eq!(server.maildrop().len(), 2);
    assert_eq!(server.commands()[2..], ["NOOP", "DELE 1", "DELE 2", "RSET", "STAT", "QUIT"]);
}

/// The three states of RFC 1939: what a state does not have is not sent.
#[tokio::test]
async fn a_call_in_the_wrong_state_sends_nothing() {
    let server = ModelServer::start(Script::with(two_messages()));
    let mut session = connect(server.address()).await;
    for answer in [
        session.stat().await.map(drop),
        session.scan_listing(1).await.map(drop),
        session.retrieve(&[1]).await.map(drop),
        session.delete(&[1]).await.map(drop),
        session.noop().await,
        session.reset().await,
    ] {
        assert!(matches!(pop3(answer.unwrap_err()), Error::InvalidState(_)));
    }
    let alice = credentials("alice", "secret");
    session.sign_in(&alice, &[Mechanism::User]).await.unwrap();
    let again = session.sign_in(&alice, &[Mechanism::User]).await;
    assert!(matches!(pop3(again.unwrap_err()), Error::InvalidState(_)));
    assert_eq!(server.commands(), ["USER alice", "PASS secret"]);
}

/// A session that is in the middle of a message does nothing else, nor after a message was left there.
#[tokio::test]
async fn a_transfer_that_was_left_ends_the_session() {
    let server = ModelServer::start(Script::with(two_messages()));
    let mut session = signed_in(server.address()).await;
    session.retrieve(&[1, 2]).await.unwrap().next().await.unwrap();
    assert!(!session.is_usable());
    for answer in [session.noop().await, session.stat().await.map(drop), session.delete(&[1]).await.map(drop)] {
        assert!(matches!(pop3(answer.unwrap_err()), Error::InvalidState(_)));
    }
    assert!(!server.commands().iter().any(|command| command.starts_with("DELE")), "{:?}", server.commands());
}

/// What NetX has as timeouts: for connecting, for a reply, for sending, for the end.
#[tokio::test]
async fn a_silent_server_is_left_in_time() {
    // It holds for the answers that do come, too, on a machine that has much else to do.
    let second = Duration::from_secs(1);
    let short = Timeouts { reply: second, quit: second, ..options().timeouts };
    let options = SessionOptions { timeouts: short, ..options() };
    for (verb, wait) in [("STAT", Wait::Reply), ("RETR", Wait::Reply), ("QUIT", Wait::Quit)] {
        let silence = Fault::End(Ending::Silence);
        let server = ModelServer::start(Script::with(two_messages()).fault(At::verb(verb), silence));
        let mut session = Session::connect(&SANDBOX, &server_at(server.address()), &options).await.unwrap();
        session.sign_in(&credentials("alice", "secret"), &[Mechanism::User]).await.unwrap();
        let error = match verb {
            "STAT" => pop3(session.stat().await.unwrap_err()),
            "RETR" => receive(&mut session, 1).await.unwrap_err(),
            _ => pop3(session.quit().await.unwrap_err()),
        };
        let Error::Timeout(waited) = error else { panic!("{verb}: {error:?}") };
        assert_eq!(waited, wait, "{verb}");
    }
}
