//! Scripted conversations.

use std::time::Duration;

use super::Client;
use crate::server::{Mismatch, Replay};

const SESSION: &str = "
    S: +OK ready
    C: STAT
    S: +OK 1 5
    S:
    C: QUIT
    S: +OK bye
";

#[test]
fn the_client_keeps_to_the_script() {
    for size in [1, 3, 1000] {
        let server = Replay::transcript(SESSION).in_segments_of(size).start();
        let mut client = Client::connect(server.address());
        client.expect("+OK ready\r\n");
        client.send("STAT\r\nQU");
        client.expect("+OK 1 5\r\n\r\n");
        client.send("IT\r\n");
        client.expect("+OK bye\r\n");
        assert_eq!(client.rest(), b"");
        drop(client);
        assert_eq!(server.finish(), Ok(()));
    }
}

#[test]
fn the_client_says_something_else() {
    let server = Replay::transcript(SESSION).start();
    let mut client = Client::connect(server.address());
    client.send("STATUS\r\n");
    assert_eq!(client.rest(), b"+OK ready\r\n");
    assert_eq!(
        server.finish().unwrap_err().to_string(),
        "step 2: expected \"STAT\\r\\n\", but there came \"STATUS\\r\\n\""
    );
}

#[test]
fn the_client_says_too_much_or_too_little() {
    let replay = || Replay::new().send("+OK\r\n").expect("QUIT\r\n").patience(Duration::from_millis(200));
    let came = |octets: &str| {
        let server = replay().start();
        let mut client = Client::connect(server.address());
        client.send(octets);
        client.rest();
        drop(client);
        server.finish().unwrap_err()
    };
    assert_eq!(came("QU"), Mismatch { step: 2, expected: "QUIT\\r\\n".into(), came: "QU and then nothing".into() });
    assert_eq!(came("QUIT\r\nX"), Mismatch { step: 3, expected: String::new(), came: "X".into() });
    assert_eq!(replay().start().finish().unwrap_err().came, "no connection");
    drop(Replay::new().start());
}
