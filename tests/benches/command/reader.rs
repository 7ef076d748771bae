//! The least that a client can do: asks for everything at once, and reads until the last octet has come.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use popfetch_tests::in_memory::{Bulk, InMemoryServer};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::Failure;

/// What is read at once.
const READ: usize = 64 << 10;

/// How many messages are asked for ahead.
const AHEAD: u32 = 128;

/// What is read from the network at once, for who asks for less.
struct Gulps {
    stream: TcpStream,
    buffer: Vec<u8>,
    begin: usize,
    end: usize,
}

impl Read for Gulps {
    fn read(&mut self, octets: &mut [u8]) -> std::io::Result<usize> {
        if self.begin == self.end {
            self.end = self.stream.read(&mut self.buffer)?;
            self.begin = 0;
        }
        let taken = octets.len().min(self.end - self.begin);
        octets[..taken].copy_from_slice(&self.buffer[self.begin..self.begin + taken]);
        self.begin += taken;
        Ok(taken)
    }
}

impl Write for Gulps {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.stream.write(octets)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

/// How long it takes to read all messages.
pub(crate) fn read(server: &InMemoryServer, bulk: Bulk, tls: bool) -> Result<Duration, Failure> {
    let begin = Instant::now();
    let address = if tls { server.implicit_tls() } else { server.cleartext() };
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    if tls {
        let gulps = Gulps { stream, buffer: vec![0; READ], begin: 0, end: 0 };
        let connection = ClientConnection::new(Arc::new(trusting(server)?), ServerName::try_from("localhost")?)?;
        take(StreamOwned::new(connection, gulps), bulk)?;
    } else {
        take(stream, bulk)?;
    }
    Ok(begin.elapsed())
}

fn trusting(server: &InMemoryServer) -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(server.ca_file())?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    Ok(config.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth())
}

fn take(mut stream: impl Read + Write, bulk: Bulk) -> Result<(), Failure> {
    let mut buffer = vec![0; READ];
    // The greeting, and the answers to each of these.
    line(&mut stream)?;
    for command in ["USER alice\r\n", "PASS secret\r\n"] {
        stream.write_all(command.as_bytes())?;
        line(&mut stream)?;
    }
    let mut asked = 0;
    // A message ends with its dot on a line of its own, which in these nothing else looks like.
    let mut ended = 0;
    let mut tail = Vec::new();
    while ended < bulk.messages {
        let ahead = (ended + AHEAD).min(bulk.messages);
        let commands: String = (asked + 1..=ahead).map(|number| format!("RETR {number}\r\n")).collect();
        asked = ahead;
        stream.write_all(commands.as_bytes())?;
        stream.flush()?;
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Err("the server closed the connection".into());
        }
        ended += ends(&tail, &buffer[..read]);
        tail.extend_from_slice(&buffer[read.saturating_sub(END.len() - 1)..read]);
        tail.drain(..tail.len().saturating_sub(END.len() - 1));
    }
    Ok(())
}

const END: &[u8] = b"\r\n.\r\n";

/// How many ends are in the octets, those that began in the tail before them included.
fn ends(tail: &[u8], octets: &[u8]) -> u32 {
    let seam: Vec<u8> = tail.iter().chain(octets.iter().take(END.len() - 1)).copied().collect();
    let count = |octets: &[u8]| memchr::memmem::find_iter(octets, END).count();
    u32::try_from(count(&seam) + count(octets)).unwrap_or(u32::MAX)
}

/// One line, octet by octet.
fn line(stream: &mut impl Read) -> Result<(), Failure> {
    let mut octet = [0];
    while octet != *b"\n" {
        stream.read_exact(&mut octet)?;
    }
    Ok(())
}
