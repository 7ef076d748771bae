//! Large maildrops and large messages cost little.

use std::{
    io::{BufRead, BufReader, Read},
    time::Instant,
};

use sha2::{Digest, Sha256};

use super::signed_in;
use crate::{
    maildrop::{Content, Maildrop, Message},
    server::{ModelServer, Script},
};

#[test]
fn a_large_message_is_never_in_memory() {
    const OCTETS: u64 = 40 << 20;
    let message = Message::with_content("large", Content::generated(1, OCTETS));
    let server = ModelServer::start(Script::with(Maildrop::new([message.clone()])));
    let mut client = signed_in(&server);
    client.send("RETR 1\r\n");
    client.line();
    let mut reader = BufReader::new(&client.0);
    let (mut octets, mut hasher, mut line) = (0, Sha256::new(), Vec::new());
    loop {
        line.clear();
        reader.read_until(b'\n', &mut line).unwrap();
        if line == b".\r\n" {
            break;
        }
        let line = line.strip_prefix(b".").unwrap_or(&line);
        octets += line.len() as u64;
        hasher.update(line);
    }
    assert_eq!(octets, OCTETS);
    let digest: [u8; 32] = hasher.finalize().into();
    assert_eq!(digest, message.fingerprint().sha256);
}

#[test]
fn many_messages() {
    const COUNT: usize = 20_000;
    let start = Instant::now();
    let server = ModelServer::start(Script::with(Maildrop::repeated(COUNT, Content::from(vec![b'x'; 10]))));
    let mut client = signed_in(&server);
    client.send("UIDL\r\n");
    let mut lines = BufReader::new(client.0.try_clone().unwrap());
    let mut line = String::new();
    let rows = std::iter::from_fn(|| {
        line.clear();
        lines.read_line(&mut line).unwrap();
        (line != ".\r\n").then_some(())
    });
    assert_eq!(rows.count(), COUNT + 1);
    let deletions: String = (1..=COUNT).map(|number| format!("DELE {number}\r\n")).collect();
    let expected: u64 = (1..=COUNT).map(|number| format!("+OK message {number} deleted\r\n").len() as u64).sum();
    std::thread::scope(|scope| {
        scope.spawn(|| lines.by_ref().take(expected).read_to_end(&mut Vec::new()).unwrap());
        client.send(&deletions);
    });
    assert_eq!(client.ask("QUIT"), "+OK model server signing off");
    assert!(server.maildrop().is_empty());
    assert!(start.elapsed().as_secs() < 20, "took {:?}", start.elapsed());
}
