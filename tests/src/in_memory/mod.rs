//! A server for measurements, in a process of its own: every reply was made beforehand, so that what is measured is the
//! client.
//!
//! The program that measures starts itself once more: its `main` begins with [`serve_if_asked`].

mod maildrop;
mod server;

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::authority::Authority;

pub use maildrop::Bulk;

/// What makes a program the server.
const SERVE: &str = "serve-in-memory";

/// A server that listens on loopback, in clear text and with implicit TLS. Everybody may sign in, and all see the same
/// maildrop. Its process ends when this is dropped.
#[derive(Debug)]
pub struct InMemoryServer {
    process: Child,
    cleartext: SocketAddr,
    implicit_tls: SocketAddr,
    ca_file: PathBuf,
}

impl InMemoryServer {
    /// Starts this program once more, as a server of this maildrop.
    ///
    /// # Panics
    ///
    /// The program cannot be started, or does not begin with [`serve_if_asked`].
    pub fn start(bulk: Bulk) -> Self {
        let mut process = Command::new(env::current_exe().expect("this program has a path"))
            .args([SERVE, &bulk.messages.to_string(), &bulk.octets.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started once more");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output is a pipe");
        BufReader::new(output).read_line(&mut line).expect("it says where it listens");
        let [cleartext, implicit_tls, ca_file] = *line.trim_end().splitn(3, ' ').collect::<Vec<_>>() else {
            panic!("not where it listens, but {line:?}");
        };
        InMemoryServer {
            process,
            cleartext: cleartext.parse().expect("an address"),
            implicit_tls: implicit_tls.parse().expect("an address"),
            ca_file: ca_file.into(),
        }
    }

    /// Where it listens without TLS.
    pub fn cleartext(&self) -> SocketAddr {
        self.cleartext
    }

    /// Where it listens with TLS from the first octet.
    pub fn implicit_tls(&self) -> SocketAddr {
        self.implicit_tls
    }

    /// The certificate of the authority that has signed the server's, which is for `localhost`.
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }
}

impl Drop for InMemoryServer {
    fn drop(&mut self) {
        // The end of its input.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Makes this process the server, if that is what it was started for, until its input ends.
///
/// # Panics
///
/// It cannot listen.
pub fn serve_if_asked() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [first, messages, octets] = arguments.as_slice() else { return };
    if first != SERVE {
        return;
    }
    let bulk = Bulk { messages: messages.parse().expect("a number"), octets: octets.parse().expect("a number") };
    let authority = Authority::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (cleartext, implicit_tls) = runtime.block_on(server::start(bulk, &authority.server()));
    println!("{cleartext} {implicit_tls} {}", authority.ca_file().display());
    io::stdout().flush().expect("somebody reads where it listens");
    runtime.block_on(async {
        let input = tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new()));
        let _ = input.await;
    });
    // What lives until now is removed: the directory of the authority.
    drop(authority);
    std::process::exit(0);
}
