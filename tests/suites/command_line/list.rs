//! `popfetch list`

use popfetch_tests::command::script;
use popfetch_tests::maildrop::{Maildrop, Message};
use popfetch_tests::server::ModelServer;
use serde_json::json;

use super::{commands, events, popfetch, three_messages};

#[test]
fn a_line_for_each_message() {
    let server = ModelServer::start(script(three_messages()));
    let run = popfetch().list(&server).args(["--auth", "user"]).run();
    run.assert_success();
    let octets: Vec<u64> = three_messages().messages().iter().map(Message::octets).collect();
    assert_eq!(
        run.lines(),
        [
            format!("alice@{}: 3 messages, {} octets", server.address(), octets.iter().sum::<u64>()),
            format!("     1 {:>11}  uid-1", octets[0]),
            format!("     2 {:>11}  uid-2", octets[1]),
            format!("     3 {:>11}  uid-3", octets[2]),
        ]
    );
    assert_eq!(server.maildrop().len(), 3);
    for verb in ["RETR", "TOP", "DELE"] {
        assert_eq!(commands(&server, verb), [""; 0]);
    }
    assert_eq!(server.commands().last().unwrap(), "QUIT");
}

#[test]
fn an_event_for_each_message() {
    let server = ModelServer::start(script(three_messages()));
    let run = popfetch().list(&server).args(["--auth", "user", "--output", "json"]).run();
    run.assert_success();
    let events = events(&run.stdout);
    assert_eq!(events[0]["event"], "connected");
    assert_eq!(events[1], json!({ "event": "signed-in", "mechanism": "user" }));
    let octets = three_messages().messages()[1].octets();
    assert_eq!(events[3], json!({ "event": "message", "number": 2, "octets": octets, "unique_id": "uid-2" }));
    let (octets, account) = (72, format!("alice@{}", server.address()));
    assert_eq!(events[5], json!({ "event": "done", "account": account, "messages": 3, "octets": octets }));
    assert_eq!(events.len(), 6);
}

#[test]
fn an_empty_maildrop() {
    let server = ModelServer::start(script(Maildrop::default()));
    let run = popfetch().list(&server).args(["--auth", "user", "--headers"]).run();
    run.assert_success();
    assert_eq!(run.stdout, format!("alice@{}: 0 messages, 0 octets\n", server.address()));
}

#[test]
fn a_server_without_unique_ids() {
    let server = ModelServer::start(script(three_messages()).without_uidl());
    let run = popfetch().list(&server).args(["--auth", "user"]).run();
    run.assert_success();
    assert!(run.lines()[1].ends_with("  -"), "{run:#?}");
    let run = popfetch().list(&server).args(["--auth", "user", "--output", "json"]).run();
    assert_eq!(events(&run.stdout)[2]["unique_id"], json!(null));
}

/// What a server may give for a unique-id, and a terminal must not see.
#[test]
fn unique_ids_are_escaped() {
    let hostile = b"\x1b[31mred\x07\xff".to_vec();
    let server = ModelServer::start(script(Maildrop::new([Message::new(hostile, "a: b\r\n\r\n")])));
    let run = popfetch().list(&server).args(["--auth", "user"]).run();
    run.assert_success();
    assert!(run.lines()[1].ends_with(r"  \x1b[31mred\x07\xff"), "{run:#?}");
    let run = popfetch().list(&server).args(["--auth", "user", "--output", "json"]).run();
    assert_eq!(events(&run.stdout)[2]["unique_id"], r"\x1b[31mred\x07\xff");
}
