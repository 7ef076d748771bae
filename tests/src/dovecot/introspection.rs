//! Who says which tokens are good: an endpoint for token introspection (RFC 7662), as an identity provider has one.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// How long a server may take for its request.
const PATIENCE: Duration = Duration::from_secs(10);

/// An HTTP server on loopback that knows which tokens are active, and whose they are. It ends when it is dropped.
#[derive(Debug)]
pub struct Introspection {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    serving: Option<JoinHandle<()>>,
}

impl Introspection {
    /// These tokens are active for these users. A token is of letters, digits, `-`, `.`, `_` and `~`, which stand for
    /// themselves in a form.
    ///
    /// # Panics
    /// When there is no free port on loopback.
    pub fn start(active: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on loopback");
        let address = listener.local_addr().expect("a listener has an address");
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        let active: Vec<(String, String)> = active.iter().map(|(token, user)| (form(token), json(user))).collect();
        let serving = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if until.load(Ordering::SeqCst) {
                    return;
                }
                // A request that fails is one without an answer to Dovecot, which says so in its log.
                let _ = answer(stream, &active);
            }
        });
        Self { address, is_over, serving: Some(serving) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Introspection {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // One more connection, so that it looks.
        let woken = TcpStream::connect(self.address);
        if let (Ok(_), Some(serving)) = (woken, self.serving.take()) {
            let _ = serving.join();
        }
    }
}

/// One request on one connection.
fn answer(stream: TcpStream, active: &[(String, String)]) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = BufReader::new(stream.take(64 * 1024));
    let mut length = 0;
    loop {
        let mut line = String::new();
        request.read_line(&mut line)?;
        match line.trim_end().to_ascii_lowercase().split_once(": ") {
            Some(("content-length", octets)) => length = octets.parse().unwrap_or_default(),
            Some(_) => {}
            None if line.trim_end().is_empty() => break,
            None => {}
        }
    }
    let mut body = String::new();
    request.by_ref().take(length).read_to_string(&mut body)?;
    let user = active.iter().find(|(form, _)| body.split('&').any(|field| field == form)).map(|(_, user)| user);
    let json = match user {
        Some(user) => format!(r#"{{"active":true,"username":{user},"token_type":"Bearer"}}"#),
        None => r#"{"active":false}"#.to_owned(),
    };
    let mut stream = request.into_inner().into_inner();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{json}",
        json.len()
    )
}

fn form(token: &str) -> String {
    assert!(token.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c)), "{token} is no such token");
    format!("token={token}")
}

fn json(user: &str) -> String {
    assert!(!user.contains(['"', '\\']), "{user} would be hard to write");
    format!("\"{user}\"")
}
