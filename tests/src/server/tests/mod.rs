//! The model server against a raw socket.

mod faults;
mod protocol;
mod replays;
mod sasl;
mod security;
mod volume;
mod wiring;

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use super::{ModelServer, Script};
use crate::maildrop::Maildrop;

/// A client that understands nothing: what it sends and expects are octets.
struct Client<S = TcpStream>(S);

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    /// True when nothing comes for a short time and the connection stays open.
    fn hears_nothing(&mut self) -> bool {
        self.0.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let heard = self.0.read(&mut [0]);
        self.0.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        heard.is_err_and(|error| matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut))
    }
}

impl<S: Read + Write> Client<S> {
    fn send(&mut self, octets: &str) {
        self.0.write_all(octets.as_bytes()).unwrap();
    }

    fn expect(&mut self, expected: &str) {
        let mut octets = vec![0; expected.len()];
        self.0.read_exact(&mut octets).unwrap();
        assert_eq!(octets.escape_ascii().to_string(), expected.as_bytes().escape_ascii().to_string());
    }

    /// Sends a line, and reads a single-line reply.
    fn ask(&mut self, line: &str) -> String {
        self.send(&format!("{line}\r\n"));
        self.line()
    }

    fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut octet = [0];
            self.0.read_exact(&mut octet).unwrap();
            line.push(octet[0]);
        }
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }

    /// Everything up to the end of the connection.
    fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).unwrap();
        rest
    }
}

/// Connects, reads the greeting, signs in.
fn signed_in(server: &ModelServer) -> Client {
    let mut client = Client::connect(server.address());
    client.expect("+OK model server ready\r\n");
    client.send("USER alice\r\n");
    client.expect("+OK send your password\r\n");
    client.send("PASS secret\r\n");
    client.expect("+OK signed in\r\n");
    client
}

/// A server with these messages, and uid-1, uid-2, …
fn server_with(contents: &[&str]) -> Script {
    Script::with(Maildrop::of_octets(contents.iter().copied()))
}
