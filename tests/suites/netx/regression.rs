//! NetX's own four regression tests, through the library and through the command.

use popfetch::contract::Error;
use popfetch::{Mechanism, Session};
use popfetch_tests::command::{PASSWORD, Popfetch, script};
use popfetch_tests::maildrop::Maildrop;
use popfetch_tests::server::{At, Fault, ModelServer, Replay, Script};

use super::client::{Received, SANDBOX, connect, credentials, options, pop3, receive, server_at, signed_in};

/// What the server says that the message has.
const ANNOUNCED: u64 = 187_402;

/// What it has: 246 octets.
fn message() -> String {
    let header = "From: netx@example.com\r\nTo: reader@example.com\r\nSubject: announced as more\r\n\r\n";
    let body = "y".repeat(246 - header.len() - "\r\n".len());
    format!("{header}{body}\r\n")
}

/// The reply to RETR in three segments: the first has the status line and the header, the last the end.
fn in_three(message: &str) -> [String; 3] {
    let (header, body) = message.split_at(message.find("\r\n\r\n").unwrap() + 4);
    let (first, second) = body.split_at(body.len() / 2);
    [format!("+OK {ANNOUNCED} octets\r\n{header}"), first.to_owned(), format!("{second}.\r\n")]
}

/// The same, where the last segment is the last line end of the message and the dot line, and nothing else.
fn in_three_with_the_end_alone(message: &str) -> [String; 3] {
    let [first, second, third] = in_three(message);
    let rest = third.strip_suffix("\r\n.\r\n").unwrap();
    [first, format!("{second}{rest}"), "\r\n.\r\n".to_owned()]
}

/// A session by USER and PASS that has come to its STAT, which tells of so many messages.
fn opening(password: &str, before_user: &str, messages: usize) -> Replay {
    Replay::transcript(&format!(
        "S: +OK ready
         {before_user}
         C: USER alice
         S: +OK
         C: PASS {password}
         S: +OK
         C: STAT
         S: +OK {messages} {}",
        messages as u64 * ANNOUNCED
    ))
}

/// The flow of NetX's tests: create, STAT, RETR until the final piece, DELE, QUIT, delete.
async fn through_the_library(replies: &[[String; 3]]) {
    let mut replay = opening("secret", "", replies.len());
    for (number, reply) in (1..).zip(replies) {
        // The size is not the announced one: that the server goes on shows that this was the end.
        replay = replay
            .expect(format!("RETR {number}\r\n"))
            .send_segments(reply)
            .expect(format!("LIST {number}\r\n"))
            .send(format!("+OK {number} 246\r\n"));
        replay = replay.expect(format!("DELE {number}\r\n")).send("+OK\r\n");
    }
    let server = replay.expect("QUIT\r\n").send("+OK bye\r\n").start();

    let mut session = connect(server.address()).await;
    session.sign_in(&credentials("alice", "secret"), &[Mechanism::User]).await.unwrap();
    assert_eq!(session.stat().await.unwrap().messages as usize, replies.len());
    for number in (1..).take(replies.len()) {
        let received = receive(&mut session, number).await.unwrap();
        assert_eq!(received, Received { announced: Some(ANNOUNCED), octets: message().into_bytes() });
        session.delete(&[number]).await.unwrap();
    }
    session.quit().await.unwrap();
    assert_eq!(server.finish(), Ok(()));
}

fn through_the_command(replies: &[[String; 3]]) {
    let mut replay = opening(PASSWORD, "C: CAPA\nS: -ERR unknown command", replies.len());
    // The command knows messages by their unique-ids.
    let unique_ids: String = (1..=replies.len()).map(|number| format!("{number} uid-{number}\r\n")).collect();
    replay = replay.expect("UIDL\r\n").send(format!("+OK\r\n{unique_ids}.\r\n"));
    for (number, reply) in (1..).zip(replies) {
        replay = replay.expect(format!("RETR {number}\r\n")).send_segments(reply);
    }
    let last = replies.len();
    replay = replay.expect(format!("LIST {last}\r\n")).send(format!("+OK {last} 246\r\n"));
    for number in (1..).take(replies.len()) {
        replay = replay.expect(format!("DELE {number}\r\n")).send("+OK\r\n");
    }
    let server = replay.expect("QUIT\r\n").send("+OK bye\r\n").start();

    let popfetch = Popfetch::new(env!("CARGO_BIN_EXE_popfetch-under-test"));
    popfetch.fetch(&server).args(["--auth", "user", "--delete"]).run().assert_success();
    assert_eq!(server.finish(), Ok(()));
    let expected = Maildrop::of_octets(replies.iter().map(|_| message()));
    popfetch.maildir().assert_holds(expected.fingerprints());
    assert_eq!(popfetch.maildir().unfinished(), []);
}

#[tokio::test]
async fn a_message_of_246_octets_that_is_announced_with_187402() {
    assert_eq!(message().len(), 246);
    through_the_library(&[in_three(&message())]).await;
    through_the_command(&[in_three(&message())]);
}

#[tokio::test]
async fn two_such_messages_in_one_session() {
    let replies = [in_three(&message()), in_three(&message())];
    through_the_library(&replies).await;
    through_the_command(&replies);
}

#[tokio::test]
async fn the_last_segment_is_the_last_line_end_and_the_dot_line() {
    let replies = [in_three(&message()), in_three_with_the_end_alone(&message())];
    through_the_library(&replies).await;
    through_the_command(&replies);
}

/// A server that answers one command with LF alone, and all others well.
fn says_only_lf(verb: &str, script: Script) -> ModelServer {
    ModelServer::start(script.fault(At::verb(verb), Fault::Raw(b"\n".to_vec())))
}

#[tokio::test]
async fn a_reply_of_one_octet_0x0a_to_each_command_is_an_error_and_no_more() {
    let verbs = ["USER", "PASS", "APOP", "CAPA", "STAT", "LIST", "UIDL", "RETR", "TOP", "DELE", "NOOP", "RSET", "QUIT"];
    for verb in verbs {
        let server = says_only_lf(verb, Script::with(Maildrop::of_octets([message()])).with_apop("<1@example.com>"));
        let address = server.address();
        let answer: Result<(), _> = match verb {
            "USER" | "PASS" | "APOP" => {
                let mechanism = if verb == "APOP" { Mechanism::Apop } else { Mechanism::User };
                let mut session = connect(address).await;
                session.sign_in(&credentials("alice", "secret"), &[mechanism]).await.map(drop)
            }
            "CAPA" => signed_in(address).await.capabilities().await.map(drop),
            "STAT" => signed_in(address).await.stat().await.map(drop),
            "LIST" => signed_in(address).await.scan_listings().await.map(drop),
            "UIDL" => signed_in(address).await.unique_id(1).await.map(drop),
            "RETR" => signed_in(address).await.retrieve(&[1]).await.unwrap().next().await.map(drop),
            "TOP" => signed_in(address).await.top(&[1], 0).await.unwrap().next().await.map(drop),
            "DELE" => signed_in(address).await.delete(&[1]).await.map(drop),
            "NOOP" => signed_in(address).await.noop().await,
            "RSET" => signed_in(address).await.reset().await,
            _ => signed_in(address).await.quit().await,
        };
        let error = pop3(answer.expect_err(verb));
        let Error::Misbehaved(misbehaviour) = error else { panic!("{verb}: {error:?}") };
        let command = misbehaviour.command.unwrap_or_default();
        assert!(command.starts_with(verb), "{verb} was answered, not {command}");
        assert_eq!(server.maildrop().len(), 1, "{verb}");
    }
}

#[tokio::test]
async fn a_greeting_of_one_octet_0x0a_is_an_error_and_no_more() {
    let server = ModelServer::start(Script::default().fault(At::greeting(), Fault::Raw(b"\n".to_vec())));
    let connected = Session::connect(&SANDBOX, &server_at(server.address()), &options()).await;
    assert!(matches!(pop3(connected.unwrap_err()), Error::Misbehaved(_)));
}

#[test]
fn the_command_ends_with_76_when_a_reply_is_one_octet_0x0a() {
    let popfetch = Popfetch::new(env!("CARGO_BIN_EXE_popfetch-under-test"));
    for verb in ["USER", "PASS", "CAPA", "STAT", "UIDL", "RETR", "DELE"] {
        let server = says_only_lf(verb, script(Maildrop::of_octets([message()])));
        let fetch = popfetch.fetch(&server).args(["--auth", "user", "--delete", "--reconnect", "0", "--state"]);
        let fetch = fetch.arg(popfetch.path(verb));
        fetch.run().assert_failure(76, &["the server does not speak POP3 as it must", verb]);
        assert_eq!(server.maildrop().len(), 1, "{verb}");
        assert_eq!(popfetch.maildir().unfinished(), []);
    }
}
