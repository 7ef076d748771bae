//! A network with a round trip: a proxy that gives each octet on a fixed time later, however many there are.
//!
//! The handshake of TCP is not delayed, for anybody.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

/// What is read at once.
const PIECE: usize = 256 << 10;

/// A running proxy. It runs for as long as the process does.
#[derive(Debug)]
pub(crate) struct DelayProxy {
    port: u16,
}

impl DelayProxy {
    /// In front of this server; an octet takes `delay` each way.
    pub(crate) fn start(server: SocketAddr, delay: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // Where the server does not answer, the client finds its connection closed.
                let _ = connect(client, server, delay);
            }
        });
        Ok(Self { port })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

fn connect(client: TcpStream, server: SocketAddr, delay: Duration) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    for (from, to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
        to.set_nodelay(true)?;
        let (send, receive) = channel();
        thread::spawn(move || take(from, &send, delay));
        thread::spawn(move || give(to, &receive));
    }
    Ok(())
}

/// Reads whatever comes; the end of the channel is that of the stream.
fn take(mut from: TcpStream, pieces: &Sender<(Instant, Vec<u8>)>, delay: Duration) {
    let mut buffer = vec![0; PIECE];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if pieces.send((Instant::now() + delay, buffer[..read].to_vec())).is_err() {
            return;
        }
    }
}

/// Writes each piece when its time has come.
fn give(mut to: TcpStream, pieces: &Receiver<(Instant, Vec<u8>)>) {
    for (due, piece) in pieces {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&piece).is_err() {
            break;
        }
    }
    // Closed by the other side, or by this one: that is what it is told.
    let _ = to.shutdown(Shutdown::Write);
}
