//! The honest server: RFC 1939 and RFC 2449.

use std::time::Duration;

use super::{Client, server_with, signed_in};
use crate::{
    maildrop::{Maildrop, Message},
    server::{ModelServer, Script},
};

const TWO: [&str; 2] = ["A: 1\r\n\r\none\r\n", "B: 2\r\n\r\n.\r\n..two\r\nend"];

#[test]
fn a_whole_session() {
    let server = ModelServer::start(server_with(&TWO));
    let mut client = signed_in(&server);
    client.send("STAT\r\n");
    client.expect("+OK 2 36\r\n");
    client.send("LIST\r\n");
    client.expect("+OK 2 messages (36 octets)\r\n1 13\r\n2 23\r\n.\r\n");
    client.send("LIST 2\r\n");
    client.expect("+OK 2 23\r\n");
    client.send("UIDL\r\n");
    client.expect("+OK unique-id listing follows\r\n1 uid-1\r\n2 uid-2\r\n.\r\n");
    client.send("UIDL 1\r\n");
    client.expect("+OK 1 uid-1\r\n");
    client.send("RETR 2\r\n");
    client.expect("+OK 23 octets\r\nB: 2\r\n\r\n..\r\n...two\r\nend\r\n.\r\n");
    client.send("TOP 2 1\r\n");
    client.expect("+OK top of message follows\r\nB: 2\r\n\r\n..\r\n.\r\n");
    client.send("DELE 1\r\n");
    client.expect("+OK message 1 deleted\r\n");
    client.send("NOOP\r\n");
    client.expect("+OK\r\n");
    client.send("LIST\r\n");
    client.expect("+OK 1 messages (23 octets)\r\n2 23\r\n.\r\n");
    assert_eq!(server.maildrop().len(), 2, "nothing is deleted before QUIT");
    client.send("QUIT\r\n");
    client.expect("+OK model server signing off\r\n");
    assert_eq!(client.rest(), b"");
    assert_eq!(server.maildrop().uids(), ["uid-2"]);
    assert_eq!(server.commands().last().map(String::as_str), Some("QUIT"));
    drop(client);
    server.wait_idle(Duration::from_secs(5)).unwrap();
}

#[test]
fn what_there_is_not_is_refused() {
    let server = ModelServer::start(server_with(&TWO));
    let mut client = signed_in(&server);
    assert_eq!(client.ask("dele 1"), "+OK message 1 deleted");
    for line in [
        "LIST 0", "LIST 3", "LIST 1", "LIST -1", "LIST +2", "LIST x", "RETR 1", "RETR", "DELE 1", "UIDL 9", "TOP 2",
        "XYZ", "",
    ] {
        assert!(client.ask(line).starts_with("-ERR"), "{line}");
    }
}

#[test]
fn rset_and_a_lost_connection_keep_the_messages() {
    let server = ModelServer::start(server_with(&TWO));
    let mut client = signed_in(&server);
    client.ask("DELE 1");
    assert_eq!(client.ask("RSET"), "+OK maildrop has 2 messages (36 octets)");
    assert_eq!(client.ask("STAT"), "+OK 2 36");
    client.ask("DELE 2");
    drop(client);
    // The lock waits for the end of the first session.
    assert_eq!(signed_in(&server).ask("STAT"), "+OK 2 36");
    assert_eq!(server.connections(), 2);
}

#[test]
fn states_are_kept_apart() {
    let server = ModelServer::start(server_with(&TWO));
    let mut client = Client::connect(server.address());
    client.line();
    for line in ["STAT", "RETR 1", "DELE 1", "PASS secret", "APOP alice 00"] {
        assert!(client.ask(line).starts_with("-ERR"), "{line}");
    }
    client.ask("USER alice");
    assert_eq!(client.ask("PASS wrong"), "-ERR [AUTH] wrong name or password");
    client.ask("USER alice");
    assert_eq!(client.ask("PASS secret"), "+OK signed in");
    assert!(client.ask("USER alice").starts_with("-ERR"));
    assert_eq!(server.commands_of(1)[0], "STAT");
}

#[test]
fn apop_as_in_rfc_1939() {
    let script =
        Script { user: "mrose".to_owned(), password: "tanstaaf".to_owned(), user_pass: false, ..Script::default() };
    let server = ModelServer::start(script.with_apop("<1896.697170952@dbc.mtview.ca.us>"));
    let mut client = Client::connect(server.address());
    client.expect("+OK model server ready <1896.697170952@dbc.mtview.ca.us>\r\n");
    assert!(client.ask("USER mrose").starts_with("-ERR"));
    assert!(client.ask("APOP mrose c4c9334bac560ecc979e58001b3e22fa").starts_with("-ERR [AUTH]"));
    assert_eq!(client.ask("APOP mrose c4c9334bac560ecc979e58001b3e22fb"), "+OK signed in");
}

#[test]
fn capa_is_what_the_script_says() {
    let mut script = Script::default().without_pipelining().without_uidl().with_capability("LOGIN-DELAY 60");
    script.capabilities_signed_in = None;
    let server = ModelServer::start(script);
    let mut client = Client::connect(server.address());
    client.line();
    client.send("CAPA\r\n");
    client.expect(
        "+OK capability list follows\r\nTOP\r\nUSER\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nLOGIN-DELAY 60\r\n.\r\n",
    );
    client.ask("USER alice");
    client.ask("PASS secret");
    assert_eq!(client.ask("CAPA"), "-ERR unknown command");
    assert!(client.ask("UIDL").starts_with("-ERR"));
}

#[test]
fn one_session_at_a_time() {
    let server = ModelServer::start(Script { exclusive: Some(Duration::ZERO), ..Script::default() });
    let first = signed_in(&server);
    let mut second = Client::connect(server.address());
    second.line();
    second.ask("USER alice");
    assert!(second.ask("PASS secret").starts_with("-ERR [IN-USE]"));
    drop(first);
    server.wait_until(Duration::from_secs(5), |transcript| transcript.open_connections() == 1).unwrap();
    second.ask("USER alice");
    assert_eq!(second.ask("PASS secret"), "+OK signed in");
}

#[test]
fn new_mail_is_for_new_sessions() {
    let server = ModelServer::start(Script { exclusive: None, ..server_with(&TWO) });
    let mut first = signed_in(&server);
    server.append(Message::new("new", "C: 3\r\n"));
    first.ask("DELE 1");
    assert_eq!(first.ask("STAT"), "+OK 1 23");
    let mut second = signed_in(&server);
    assert_eq!(second.ask("STAT"), "+OK 3 42");
    first.ask("QUIT");
    assert_eq!(server.maildrop().uids(), ["uid-2", "new"]);
}

#[test]
fn messages_that_are_equal_are_deleted_one_by_one() {
    let twins = Maildrop::new([Message::new("same", "x"), Message::new("same", "x"), Message::new("same", "y")]);
    let server = ModelServer::start(Script::with(twins));
    let mut client = signed_in(&server);
    client.ask("DELE 2");
    client.ask("QUIT");
    assert_eq!(server.maildrop(), Maildrop::new([Message::new("same", "x"), Message::new("same", "y")]));
}

#[test]
fn ipv6() {
    let server = ModelServer::start(Script::default().on_ipv6());
    assert!(server.address().is_ipv6());
    assert_eq!(signed_in(&server).ask("STAT"), "+OK 0 0");
}

#[tokio::test]
async fn it_serves_a_test_that_is_asynchronous_and_blocks() {
    let server = ModelServer::start(Script::default());
    assert_eq!(signed_in(&server).ask("STAT"), "+OK 0 0");
}

#[test]
fn habits_of_real_servers() {
    let script = Script {
        visible: Some(1),
        retr_deletes: true,
        extra_text: "bytes".to_owned(),
        extra_row_text: "x".to_owned(),
        idle_timeout: Some(Duration::from_millis(500)),
        ..server_with(&TWO)
    };
    let server = ModelServer::start(script);
    let mut client = Client::connect(server.address());
    client.send("USER alice\r\nPASS secret\r\nSTAT\r\nLIST\r\nRETR 1\r\nSTAT\r\n");
    client
        .expect("+OK model server ready\r\n+OK send your password bytes\r\n+OK signed in bytes\r\n+OK 1 13 bytes\r\n");
    client.expect("+OK 1 messages (13 octets) bytes\r\n1 13 x\r\n.\r\n");
    client.expect("+OK 13 octets bytes\r\nA: 1\r\n\r\none\r\n.\r\n+OK 0 0 bytes\r\n");
    assert_eq!(client.rest(), b"", "closed after a time without a command");
    assert_eq!(server.maildrop().len(), 2);
}
