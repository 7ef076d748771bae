//! Its conversation: all that is asked is answered, and nothing is checked.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::Bulk;
use super::maildrop::{block, end_of, header, stuffed};
use crate::authority::Identity;

/// How much is gathered before it is sent.
const GATHERED: usize = 256 << 10;

/// A client that sends a longer line than this has lost its way.
const LONGEST_LINE: usize = 4096;

/// Listens on two ports of loopback, in clear text and with TLS, and serves whoever comes.
pub(super) async fn start(bulk: Bulk, identity: &Identity) -> (SocketAddr, SocketAddr) {
    let maildrop = Arc::new(Ready::made(bulk));
    let acceptor = TlsAcceptor::from(Arc::new(tls(identity)));
    let (cleartext, cleartext_at) = listen().await;
    let (implicit_tls, implicit_tls_at) = listen().await;
    let shared = Arc::clone(&maildrop);
    tokio::spawn(async move {
        while let Some(stream) = accepted(&cleartext).await {
            let maildrop = Arc::clone(&shared);
            tokio::spawn(async move { converse(stream, &maildrop).await });
        }
    });
    tokio::spawn(async move {
        while let Some(stream) = accepted(&implicit_tls).await {
            let (maildrop, acceptor) = (Arc::clone(&maildrop), acceptor.clone());
            tokio::spawn(async move { converse(acceptor.accept(stream).await?, &maildrop).await });
        }
    });
    (cleartext_at, implicit_tls_at)
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port of loopback");
    let address = listener.local_addr().expect("it has an address");
    (listener, address)
}

async fn accepted(listener: &TcpListener) -> Option<TcpStream> {
    let (stream, _) = listener.accept().await.ok()?;
    stream.set_nodelay(true).ok()?;
    Some(stream)
}

fn tls(identity: &Identity) -> ServerConfig {
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has these versions")
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate()], identity.key())
        .expect("the certificate has this key")
}

/// Replies as they go over the wire.
struct Ready {
    bulk: Bulk,
    /// What bodies are made of, as it is and as it is sent.
    block: Vec<u8>,
    stuffed_block: Vec<u8>,
    listings: Vec<u8>,
    unique_ids: Vec<u8>,
}

impl Ready {
    fn made(bulk: Bulk) -> Self {
        let block = block();
        let numbers = 1..=bulk.messages;
        let rows = |row: &dyn Fn(u32) -> String| {
            let rows: String = numbers.clone().map(|number| row(number) + "\r\n").collect();
            format!("+OK\r\n{rows}.\r\n").into_bytes()
        };
        Ready {
            bulk,
            stuffed_block: stuffed(&block, true),
            block,
            listings: rows(&|number| format!("{number} {}", bulk.octets)),
            unique_ids: rows(&|number| format!("{number} bulk-{number}")),
        }
    }
}

/// One session, to its end.
async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, maildrop: &Ready) -> io::Result<()> {
    stream.write_all(b"+OK ready\r\n").await?;
    stream.flush().await?;
    let mut received = Vec::new();
    let mut replies = Vec::new();
    loop {
        if stream.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
        let mut done = 0;
        while let Some(length) = received[done..].iter().position(|&octet| octet == b'\n') {
            let line = String::from_utf8_lossy(&received[done..done + length]).trim_end().to_ascii_uppercase();
            done += length + 1;
            let mut words = line.split(' ');
            let (verb, number) = (words.next().unwrap_or_default(), words.next().and_then(|word| word.parse().ok()));
            if verb == "RETR" {
                retrieve(&mut stream, maildrop, number.unwrap_or(1), &mut replies).await?;
            } else {
                answer(maildrop, verb, number, &mut replies);
            }
            if replies.len() >= GATHERED {
                stream.write_all(&replies).await?;
                replies.clear();
            }
            if verb == "QUIT" {
                stream.write_all(&replies).await?;
                return stream.shutdown().await;
            }
        }
        received.drain(..done);
        if received.len() > LONGEST_LINE {
            return Ok(());
        }
        // An idle session keeps nothing.
        if received.is_empty() {
            received = Vec::new();
        }
        stream.write_all(&replies).await?;
        stream.flush().await?;
        replies = Vec::new();
    }
}

fn answer(maildrop: &Ready, verb: &str, number: Option<u32>, replies: &mut Vec<u8>) {
    let Bulk { messages, octets } = maildrop.bulk;
    match (verb, number) {
        ("CAPA", _) => {
            replies.extend_from_slice(b"+OK\r\nCAPA\r\nPIPELINING\r\nUIDL\r\nUSER\r\n.\r\n");
        }
        ("STAT", _) => {
            let total = u64::from(messages) * octets as u64;
            replies.extend_from_slice(format!("+OK {messages} {total}\r\n").as_bytes());
        }
        ("LIST", Some(number)) => replies.extend_from_slice(format!("+OK {number} {octets}\r\n").as_bytes()),
        ("LIST", None) => replies.extend_from_slice(&maildrop.listings),
        ("UIDL", Some(number)) => replies.extend_from_slice(format!("+OK {number} bulk-{number}\r\n").as_bytes()),
        ("UIDL", None) => replies.extend_from_slice(&maildrop.unique_ids),
        ("USER" | "PASS" | "NOOP" | "DELE" | "RSET" | "QUIT", _) => replies.extend_from_slice(b"+OK\r\n"),
        _ => replies.extend_from_slice(b"-ERR no such command\r\n"),
    }
}

/// A message; one that is larger than memory has room for is sent block by block.
async fn retrieve(
    stream: &mut (impl AsyncWrite + Unpin),
    maildrop: &Ready,
    number: u32,
    replies: &mut Vec<u8>,
) -> io::Result<()> {
    replies.extend_from_slice(format!("+OK {} octets\r\n", maildrop.bulk.octets).as_bytes());
    let header = header(number);
    replies.extend_from_slice(&header);
    let body = maildrop.bulk.octets.saturating_sub(header.len());
    for _ in 0..body / maildrop.block.len() {
        replies.extend_from_slice(&maildrop.stuffed_block);
        if replies.len() >= GATHERED {
            stream.write_all(replies).await?;
            replies.clear();
        }
    }
    let rest = end_of(&maildrop.block, body % maildrop.block.len());
    replies.extend_from_slice(&stuffed(rest, true));
    replies.extend_from_slice(b".\r\n");
    Ok(())
}
