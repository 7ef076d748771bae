//! The wire options change how octets travel, not which.

use std::{
    io::Read,
    time::{Duration, Instant},
};

use super::{Client, server_with, signed_in};
use crate::server::{Ending, LineEnd, ModelServer, Script, Segments, Stuffing, Wire};

const BODY: [&str; 1] = ["A: 1\r\n\r\n.\r\nline\n.\nend\r\n"];
const REPLY: &str = "+OK 23 octets\r\nA: 1\r\n\r\n..\r\nline\n.\nend\r\n.\r\n";

fn server(wire: Wire) -> ModelServer {
    ModelServer::start(Script { wire, ..server_with(&BODY) })
}

#[test]
fn segments_do_not_change_the_octets() {
    for segments in [
        Segments::Each(1),
        Segments::Each(7),
        Segments::At(vec![3, 4, 90, 91, 120]),
        Segments::Cycle(vec![1, 3, 2]),
        Segments::Random { seed: 9, largest: 5 },
    ] {
        let server = server(Wire { segments, ..Wire::default() });
        let mut client = signed_in(&server);
        client.send("RETR 1\r\nNOOP\r\n");
        client.expect(REPLY);
        client.expect("+OK\r\n");
    }
}

#[test]
fn offsets_are_those_of_the_connection() {
    // The greeting, and the replies to USER and PASS, have 63 octets.
    let wire = Wire { segments: Segments::At(vec![63 + 4]), pause: Duration::from_millis(200), ..Wire::default() };
    let server = server(wire);
    let mut client = signed_in(&server);
    client.send("RETR 1\r\n");
    let mut octets = [0; 100];
    assert_eq!(client.0.read(&mut octets).unwrap(), 4);
    client.expect(&REPLY[4..]);
}

#[test]
fn a_connection_is_cut_at_any_octet() {
    let whole = format!("+OK model server ready\r\n+OK send your password\r\n+OK signed in\r\n{REPLY}+OK\r\n");
    let server = server(Wire::default());
    for after in 0..=whole.len() as u64 {
        server.change(|script| script.wire.cut_after = Some((after, Ending::Close)));
        let mut client = Client::connect(server.address());
        client.send("USER alice\r\nPASS secret\r\nRETR 1\r\nNOOP\r\n");
        assert_eq!(client.rest(), &whole.as_bytes()[..after as usize]);
    }
}

#[test]
fn lines_may_end_with_lf() {
    let server = server(Wire { line_end: LineEnd::Lf, stuffing: Stuffing::AfterAnyLf, ..Wire::default() });
    let mut client = Client::connect(server.address());
    client.send("USER alice\r\nPASS secret\r\nRETR 1\r\n");
    client.expect("+OK model server ready\n+OK send your password\n+OK signed in\n");
    client.expect("+OK 23 octets\nA: 1\n\n..\nline\n..\nend\n.\n");
}

#[test]
fn latency_is_paid_once_for_what_arrives_together() {
    let server = server(Wire { latency: Duration::from_millis(40), coalesce: false, ..Wire::default() });
    let mut client = signed_in(&server);
    let start = Instant::now();
    client.send(&"NOOP\r\n".repeat(50));
    client.expect(&"+OK\r\n".repeat(50));
    assert!((40..1500).contains(&start.elapsed().as_millis()));
}
