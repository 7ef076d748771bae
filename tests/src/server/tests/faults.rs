//! Each fault does what its description says.

use std::{io, io::Read, time::Duration};

use super::{Client, server_with, signed_in};
use crate::{
    maildrop::{Maildrop, Message},
    server::{Action, Announced, At, Banner, Ending, Fault, ModelServer, Pipelining, Row, Script},
};

const ONE: [&str; 1] = ["A: 1\r\n\r\n.one\r\n"];

fn server(at: At, fault: Fault) -> ModelServer {
    ModelServer::start(server_with(&ONE).fault(at, fault))
}

#[test]
fn a_connection_ends() {
    let server = server(At::verb("STAT").connection(1), Fault::End(Ending::Close));
    server.fault(At::verb("STAT").connection(2), Fault::End(Ending::Reset));
    server.fault(At::verb("STAT").connection(3), Fault::End(Ending::Silence));
    let mut client = signed_in(&server);
    client.send("STAT\r\n");
    assert_eq!(client.rest(), b"");
    drop(client);
    // A rule which is added later holds for connections that come later.
    let mut client = signed_in(&server);
    client.send("STAT\r\n");
    assert_eq!(client.0.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    let mut client = signed_in(&server);
    client.send("STAT\r\n");
    assert!(client.hears_nothing());
    client.send("NOOP\r\n");
    assert!(client.hears_nothing());
    drop(client);
    server.wait_idle(Duration::from_secs(5)).unwrap();
    assert_eq!(server.commands_of(3), ["USER alice", "PASS secret", "STAT", "NOOP"]);
}

#[test]
fn a_server_dies_and_comes_back() {
    let mut server = ModelServer::start(server_with(&ONE));
    for _ in 0..2 {
        let mut client = signed_in(&server);
        client.send("DELE 1\r\n");
        client.expect("+OK message 1 deleted\r\n");
        server.die();
        assert_eq!(client.rest(), b"");
        assert_eq!(server.wait_idle(Duration::ZERO).map_err(|transcript| transcript.to_string()), Ok(()));
        assert!(std::net::TcpStream::connect(server.address()).is_err());
        assert_eq!(server.maildrop().len(), 1);
        server.revive();
    }
    let mut client = signed_in(&server);
    client.send("STAT\r\n");
    client.expect("+OK 1 14\r\n");
    assert_eq!(server.commands_of(3), ["USER alice", "PASS secret", "STAT"]);
}

#[test]
fn a_reply_is_cut() {
    let server = server(At::verb("RETR").connection(1), Fault::CutReply { after: 5, ending: Ending::Close });
    server.fault(At::verb("RETR").connection(2), Fault::CutContent { after: 9, ending: Ending::Reset });
    server.fault(At::verb("RETR").connection(3), Fault::CutReply { after: 999, ending: Ending::Close });
    server.fault(At::verb("STAT").connection(4), Fault::CutContent { after: 9, ending: Ending::Close });
    let mut client = signed_in(&server);
    client.send("RETR 1\r\n");
    assert_eq!(client.rest(), b"+OK 1");
    let mut client = signed_in(&server);
    client.send("RETR 1\r\n");
    client.expect("+OK 14 octets\r\nA: 1\r\n\r\n.");
    assert_eq!(client.0.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    let mut client = signed_in(&server);
    client.send("RETR 1\r\n");
    assert_eq!(client.rest(), b"+OK 14 octets\r\nA: 1\r\n\r\n..one\r\n.\r\n");
    let mut client = signed_in(&server);
    client.send("STAT\r\n");
    assert_eq!(client.rest(), b"+OK 1 14\r\n");
}

#[test]
fn a_reply_is_another() {
    let server = ModelServer::start(
        server_with(&ONE)
            .fault(At::greeting(), Fault::Append(b"+OK again\r\n".to_vec()))
            .fault(At::verb("NOOP").nth(1), Fault::Raw(b"\n".to_vec()))
            .fault(At::verb("NOOP").nth(2), Fault::Twice)
            .fault(At::verb("NOOP").nth(3), Fault::Banner(Banner::Imap))
            .fault(At::verb("LIST").argument(1), Fault::Status(b"+OK 10 8".to_vec()))
            .fault(At::verb("RETR"), Fault::Refuse(b"[SYS/TEMP] \x1b[2J".to_vec())),
    );
    let mut client = Client::connect(server.address());
    client.send("USER alice\r\nPASS secret\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nLIST 1\r\nRETR 1\r\n");
    client.expect("+OK model server ready\r\n+OK again\r\n+OK send your password\r\n+OK signed in\r\n");
    client
        .expect("\n+OK\r\n+OK\r\n* OK [CAPABILITY IMAP4rev1] ready\r\n+OK\r\n+OK 10 8\r\n-ERR [SYS/TEMP] \x1b[2J\r\n");
}

#[test]
fn messages_are_ended_wrongly() {
    let server = ModelServer::start(
        server_with(&ONE)
            .fault(At::verb("RETR").nth(1), Fault::Unstuffed)
            .fault(At::verb("RETR").nth(2), Fault::NoCrlfBeforeFinalDot)
            .fault(At::verb("RETR").nth(3), Fault::NoFinalDot),
    );
    let mut client = signed_in(&server);
    client.send("RETR 1\r\nRETR 1\r\nRETR 1\r\nNOOP\r\n");
    client.expect("+OK 14 octets\r\nA: 1\r\n\r\n.one\r\n.\r\n");
    client.expect("+OK 14 octets\r\nA: 1\r\n\r\n..one.\r\n");
    client.expect("+OK 14 octets\r\nA: 1\r\n\r\n..one\r\n+OK\r\n");
}

#[test]
fn listings_are_wrong() {
    let script = server_with(&["a", "b", "c"])
        .fault(At::verb("LIST"), Fault::Row(Row::Replace(1, b"1 -5".to_vec())))
        .fault(At::verb("LIST"), Fault::Row(Row::Duplicate(2)))
        .fault(At::verb("LIST"), Fault::Row(Row::Append(b"99999999999999999999 1".to_vec())))
        .fault(At::verb("LIST"), Fault::Row(Row::Drop(9)))
        .fault(At::verb("UIDL").nth(1), Fault::Row(Row::Drop(1)))
        .fault(At::verb("UIDL").nth(1), Fault::Row(Row::Reverse))
        .fault(At::verb("UIDL").nth(2), Fault::Row(Row::Clear));
    let server = ModelServer::start(Script { announced: Announced { factor: 2.0, offset: -7 }, ..script });
    let mut client = signed_in(&server);
    client.send("LIST\r\nUIDL\r\nUIDL\r\nSTAT\r\n");
    client.expect("+OK 3 messages (11 octets)\r\n1 -5\r\n2 -1\r\n2 -1\r\n3 -1\r\n99999999999999999999 1\r\n.\r\n");
    client.expect("+OK unique-id listing follows\r\n3 uid-3\r\n2 uid-2\r\n.\r\n");
    client.expect("+OK unique-id listing follows\r\n.\r\n+OK 3 11\r\n");
}

#[test]
fn unique_ids_are_octets() {
    let uids: [&[u8]; 4] = [b"", b"../x/\x1b\0", b"\xff", &[b'u'; 10_000]];
    let server = ModelServer::start(Script::with(Maildrop::new(uids.map(|uid| Message::new(uid, "x")))));
    let mut client = signed_in(&server);
    client.send("UIDL\r\n");
    client.expect("+OK unique-id listing follows\r\n1 \r\n2 ../x/\x1b\0\r\n");
    let mut row = [0; 5];
    client.0.read_exact(&mut row).unwrap();
    assert_eq!(&row, b"3 \xff\r\n");
    assert_eq!(client.line().len(), 10_002);
}

#[test]
fn what_never_ends() {
    let script = server_with(&ONE)
        .fault(At::greeting().connection(1), Fault::EndlessLine)
        .fault(At::greeting().connection(2), Fault::EndlessLines)
        .fault(At::verb("LIST"), Fault::EndlessBody)
        .fault(At::verb("RETR"), Fault::EndlessBody);
    let server = ModelServer::start(script);
    let read_much = |client: &mut Client| {
        let mut octets = vec![0; 1 << 20];
        client.0.read_exact(&mut octets).unwrap();
        octets
    };
    assert!(!read_much(&mut Client::connect(server.address())).contains(&b'\n'));
    assert!(read_much(&mut Client::connect(server.address())).contains(&b'\n'));
    let mut client = signed_in(&server);
    client.send("LIST\r\n");
    client.expect("+OK 1 messages (14 octets)\r\n1 14\r\n2 2\r\n3 3\r\n");
    read_much(&mut client);
    drop(client);
    let mut client = signed_in(&server);
    client.send("RETR 1\r\n");
    client.expect("+OK 14 octets\r\nA: 1\r\n\r\n..one\r\nThis text");
    read_much(&mut client);
}

#[test]
fn time_passes() {
    let server = server(At::verb("STAT"), Fault::Drip(Duration::from_millis(2)));
    server.fault(At::verb("NOOP"), Fault::Delay(Duration::from_millis(120)));
    let mut client = signed_in(&server);
    let start = std::time::Instant::now();
    assert_eq!(client.ask("STAT"), "+OK 1 14");
    assert!(start.elapsed() >= Duration::from_millis(18));
    let start = std::time::Instant::now();
    assert_eq!(client.ask("NOOP"), "+OK");
    assert!(start.elapsed() >= Duration::from_millis(120));
}

#[test]
fn a_delay_ends_with_the_client() {
    let server = server(At::verb("NOOP"), Fault::Delay(Duration::from_secs(3600)));
    let mut client = signed_in(&server);
    client.send("NOOP\r\n");
    server.wait_until(Duration::from_secs(5), |transcript| transcript.commands().len() == 3).unwrap();
    drop(client);
    server.wait_idle(Duration::from_secs(5)).unwrap();
}

#[test]
fn commands_are_not_carried_out() {
    let server = ModelServer::start(
        server_with(&["a", "b"])
            .fault(At::verb("DELE").argument(1), Fault::NoEffect)
            .fault(At::verb("QUIT").connection(1), Fault::Refuse(b"some messages not removed".to_vec()))
            .fault(At::verb("QUIT").connection(2), Fault::End(Ending::Silence)),
    );
    let mut client = signed_in(&server);
    assert_eq!(client.ask("DELE 1"), "+OK message 1 deleted");
    assert_eq!(client.ask("DELE 2"), "+OK message 2 deleted");
    assert_eq!(client.ask("QUIT"), "-ERR some messages not removed");
    assert_eq!(client.rest(), b"");
    assert_eq!(server.maildrop().len(), 2);
    let mut client = signed_in(&server);
    client.ask("DELE 1");
    client.ask("DELE 2");
    client.send("QUIT\r\n");
    assert!(client.hears_nothing());
    assert_eq!(server.maildrop().uids(), ["uid-1"], "carried out, though it was not answered");
}

#[test]
fn rules_count() {
    let server = server(At::verb("RETR").once(), Fault::Refuse(b"not now".to_vec()));
    let mut client = signed_in(&server);
    assert_eq!(client.ask("RETR 1"), "-ERR not now");
    assert_eq!(client.ask("RETR 1"), "+OK 14 octets");
    let mut client = {
        drop(client);
        signed_in(&server)
    };
    assert_eq!(client.ask("RETR 1"), "+OK 14 octets");
    server.without_faults();
}

#[test]
fn anything_can_be_played() {
    let play = vec![
        Action::Send(b"-ERR wait\r\n".to_vec()),
        Action::Pause(Duration::from_millis(1)),
        Action::Honest,
        Action::CutAfter(2, Ending::Close),
        Action::Honest,
    ];
    let server = server(At::any_command().nth(3), Fault::Play(play));
    let mut client = signed_in(&server);
    client.send("NOOP\r\n");
    assert_eq!(client.rest(), b"-ERR wait\r\n+OK\r\n+O");
}

#[test]
fn pipelined_commands_are_lost() {
    let pipelining = |pipelining| {
        let server = ModelServer::start(Script { pipelining, ..server_with(&ONE) });
        let mut client = signed_in(&server);
        client.send("STAT\r\nNOOP\r\nLIST 1\r\n");
        (server, client)
    };
    let (_server, mut client) = pipelining(Pipelining::Proper);
    client.expect("+OK 1 14\r\n+OK\r\n+OK 1 14\r\n");
    for lossy in [Pipelining::OnlyFirstAnswered, Pipelining::Discarded] {
        let (_server, mut client) = pipelining(lossy);
        client.expect("+OK 1 14\r\n");
        assert!(client.hears_nothing());
        assert_eq!(client.ask("NOOP"), "+OK");
    }
    let (_server, mut client) = pipelining(Pipelining::Reversed);
    client.expect("+OK 1 14\r\n+OK\r\n+OK 1 14\r\n");
    client.send("STAT\r\nNOOP\r\n");
    client.expect("+OK\r\n+OK 1 14\r\n");
    let (_server, mut client) = pipelining(Pipelining::Closes);
    assert_eq!(client.rest(), b"");
}
