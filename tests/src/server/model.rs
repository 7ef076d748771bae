//! The server as a test holds it.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicUsize},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::Runtime,
    sync::oneshot,
};

use super::{
    At, Direction, Fault, Rule, Script, Transcript,
    link::Link,
    log::Log,
    maildrop_lock::SharedMaildrop,
    sasl::Witness,
    session::{Security, Session, State},
};
use crate::maildrop::{Maildrop, Message};

/// A running POP3 server on a loopback address and a free port.
///
/// It has a thread and a runtime of its own, so that tests with and without a runtime use it in the same way, and may
/// block. It listens when [`start`](Self::start) returns, and is gone, with all its connections, when it is dropped.
#[derive(Debug)]
pub struct ModelServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ModelServer {
    /// Starts a server.
    ///
    /// # Panics
    /// When there is no port to listen on.
    pub fn start(script: Script) -> Self {
        Self::try_start(script).expect("a model server listens on a loopback address")
    }

    fn try_start(mut script: Script) -> io::Result<Self> {
        let maildrop = SharedMaildrop::new(std::mem::take(&mut script.maildrop));
        let (runtime, listener) = listening((script.listen, 0).into(), script.wire.receive_buffer)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script: Mutex::new(Arc::new(script)),
            maildrop: Arc::new(maildrop),
            log: Arc::new(Log::new()),
            tokens_seen: Arc::default(),
        });
        let mut server = Self { address, shared, stop: None, thread: None };
        server.serve_from(runtime, listener)?;
        Ok(server)
    }

    fn serve_from(&mut self, runtime: Runtime, listener: TcpListener) -> io::Result<()> {
        let (stop, stopped) = oneshot::channel::<()>();
        let accepting = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name("model-server".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    accepted = accept(listener, accepting) => accepted.expect("the model server accepts connections"),
                    // Dropped or sent: both mean the end.
                    _ = stopped => {}
                }
            });
            // Ends the tasks of the connections, and so closes these, before the thread is joined.
            drop(runtime);
        })?;
        (self.stop, self.thread) = (Some(stop), Some(thread));
        Ok(())
    }

    /// The server dies: what was not deleted by a QUIT is still in the maildrop, connections are closed, and nobody
    /// listens.
    ///
    /// # Panics
    /// When the server has panicked.
    pub fn die(&mut self) {
        if let Some(ended) = self.end() {
            ended.expect("the model server ran without a panic");
        }
        self.shared.log.close_all();
    }

    /// A server that has [died](Self::die) listens again, where it did before.
    ///
    /// # Panics
    /// When it lives, or its port was taken in the meantime.
    pub fn revive(&mut self) {
        const PATIENCE: Duration = Duration::from_secs(10);
        assert!(self.thread.is_none(), "the server lives");
        let receive_buffer = self.shared.script.lock().unwrap_or_else(PoisonError::into_inner).wire.receive_buffer;
        let until = Instant::now() + PATIENCE;
        loop {
            match listening(self.address, receive_buffer) {
                // A process that is being started by another thread has the old socket until it becomes its program.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < until => {
                    std::thread::yield_now();
                }
                listens => {
                    let revived = listens.and_then(|(runtime, listener)| self.serve_from(runtime, listener));
                    return revived.expect("a model server listens where it did before");
                }
            }
        }
    }

    /// Nothing where it has ended before.
    fn end(&mut self) -> Option<std::thread::Result<()>> {
        drop(self.stop.take());
        self.thread.take().map(JoinHandle::join)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What is in the maildrop now: at the start, plus what was appended, less what was deleted by a QUIT.
    pub fn maildrop(&self) -> Maildrop {
        self.shared.maildrop.maildrop().clone()
    }

    /// New mail. Only sessions that sign in later see it.
    pub fn append(&self, message: Message) {
        self.edit_maildrop(|maildrop| maildrop.messages_mut().push(message));
    }

    /// Changes the maildrop for sessions that sign in later: unique-ids, contents, order.
    pub fn edit_maildrop(&self, edit: impl FnOnce(&mut Maildrop)) {
        edit(&mut self.shared.maildrop.maildrop());
    }

    /// Changes the script for connections that come later. Its maildrop and its listening address have no meaning any
    /// more.
    pub fn change(&self, change: impl FnOnce(&mut Script)) {
        let mut script = self.shared.script.lock().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut script));
    }

    /// Adds a fault for connections that come later.
    pub fn fault(&self, at: At, fault: Fault) {
        self.change(|script| script.rules.push(Rule::new(at, fault)));
    }

    /// Connections that come later meet no fault of a rule.
    pub fn without_faults(&self) {
        self.change(|script| script.rules.clear());
    }

    /// All that was said so far.
    pub fn transcript(&self) -> Transcript {
        self.shared.log.transcript()
    }

    /// The lines which clients sent, over all connections.
    pub fn commands(&self) -> Vec<String> {
        self.shared.log.with(Transcript::commands)
    }

    /// The lines which the client of the n-th connection sent, from 1.
    pub fn commands_of(&self, connection: usize) -> Vec<String> {
        self.shared.log.with(|transcript| transcript.commands_of(connection))
    }

    /// What clients sent without TLS, over all connections, see [`Transcript::commands_in_clear`].
    pub fn commands_in_clear(&self) -> Vec<String> {
        self.shared.log.with(Transcript::commands_in_clear)
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.log.with(Transcript::connections)
    }

    /// Waits until the transcript satisfies `done`, which is asked again after each entry. It blocks the calling
    /// thread, not the server.
    ///
    /// # Errors
    /// The transcript, when it did not within `patience`.
    pub fn wait_until(&self, patience: Duration, done: impl FnMut(&Transcript) -> bool) -> Result<(), Transcript> {
        if self.shared.log.wait_until(patience, done) { Ok(()) } else { Err(self.transcript()) }
    }

    /// Waits until no connection is open, so that nothing will change in the maildrop any more.
    ///
    /// # Errors
    /// The transcript, when one was still open after `patience`.
    pub fn wait_idle(&self, patience: Duration) -> Result<(), Transcript> {
        self.wait_until(patience, |transcript| transcript.open_connections() == 0)
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        if let Some(ended) = self.end() {
            // A panic in a destructor while another panic unwinds would hide the first.
            if !std::thread::panicking() {
                ended.expect("the model server ran without a panic");
            }
        }
    }
}

#[derive(Debug)]
struct Shared {
    script: Mutex<Arc<Script>>,
    maildrop: Arc<SharedMaildrop>,
    log: Arc<Log>,
    /// Sign-ins with OAuth so far.
    tokens_seen: Arc<AtomicUsize>,
}

/// A socket that listens, and what runs it.
fn listening(address: SocketAddr, receive_buffer: Option<u32>) -> io::Result<(Runtime, TcpListener)> {
    const BACKLOG: u32 = 128;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _entered = runtime.enter();
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // For a server that comes back, while the system still remembers its connections. A port that the system
        // chooses must be nobody else's.
        socket.set_reuseaddr(address.port() != 0)?;
        if let Some(octets) = receive_buffer {
            // Accepted connections inherit it.
            socket.set_recv_buffer_size(octets)?;
        }
        socket.bind(address)?;
        // Connections that are accepted inherit this as well.
        socket.set_reuseaddr(true)?;
        socket.listen(BACKLOG)?
    };
    Ok((runtime, listener))
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) -> io::Result<()> {
    for connection in shared.log.with(Transcript::connections) + 1.. {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        shared.log.write(connection, Direction::Opened, b"");
        tokio::spawn(serve(stream, connection, Arc::clone(&shared)));
    }
    Ok(())
}

async fn serve(stream: TcpStream, connection: usize, shared: Arc<Shared>) {
    let script = Arc::clone(&shared.script.lock().unwrap_or_else(PoisonError::into_inner));
    let tls = script.tls.as_ref().map(|tls| tls.config().expect("a certificate and its key fit"));
    let link = Link::new(stream, tls, connection, Arc::clone(&shared.log), script.wire.clone());
    let session = Session {
        script,
        maildrop: Arc::clone(&shared.maildrop),
        log: Arc::clone(&shared.log),
        connection,
        state: State::Authorization { user: None },
        security: Security::Clear,
        witness: Witness { certified: false, tokens_seen: Arc::clone(&shared.tokens_seen) },
        exchange: None,
        utf8: false,
        counts: HashMap::new(),
    };
    session.run(link).await;
}
