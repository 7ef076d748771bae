//! A scripted conversation: sends these octets, expects those, and tells where a client said something else.

use std::{fmt, io, net::SocketAddr, thread::JoinHandle, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::timeout,
};

/// One conversation, in steps. The server closes the connection after the last one, and the client must have said
/// nothing more.
#[derive(Clone, Debug)]
pub struct Replay {
    steps: Vec<Step>,
    patience: Duration,
}

#[derive(Clone, Debug)]
enum Step {
    Send(Vec<Vec<u8>>),
    Expect(Vec<u8>),
    Pause(Duration),
}

impl Default for Replay {
    fn default() -> Self {
        Self { steps: Vec::new(), patience: Duration::from_secs(10) }
    }
}

impl Replay {
    /// A conversation without a step.
    pub fn new() -> Self {
        Self::default()
    }

    /// A conversation as RFC 1939 prints it: a line `S: …` is sent, a line `C: …` is expected, both with CRLF; `S:`
    /// alone is an empty line. Space before `S:` and `C:` and empty lines in between have no meaning. Neighbouring `S:`
    /// lines are one segment.
    ///
    /// # Panics
    /// When a line begins with something else.
    pub fn transcript(text: &str) -> Self {
        let mut replay = Self::new();
        for line in text.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
            let octets = |line: &str| format!("{}\r\n", line.strip_prefix(' ').unwrap_or(line)).into_bytes();
            match line.split_at_checked(2) {
                Some(("C:", line)) => replay.steps.push(Step::Expect(octets(line))),
                Some(("S:", line)) => match replay.steps.last_mut() {
                    Some(Step::Send(segments)) => segments[0].extend(octets(line)),
                    _ => replay.steps.push(Step::Send(vec![octets(line)])),
                },
                _ => panic!("a line of a transcript begins with `S:` or `C:`, this one does not: {line}"),
            }
        }
        replay
    }

    /// The server sends these octets at once.
    pub fn send(self, octets: impl AsRef<[u8]>) -> Self {
        self.send_segments([octets])
    }

    /// The server sends each of these in a segment of its own, with a short time between them.
    pub fn send_segments<T: AsRef<[u8]>>(mut self, segments: impl IntoIterator<Item = T>) -> Self {
        self.steps.push(Step::Send(segments.into_iter().map(|segment| segment.as_ref().to_vec()).collect()));
        self
    }

    /// The client must send exactly these octets, in whatever segments.
    pub fn expect(mut self, octets: impl AsRef<[u8]>) -> Self {
        self.steps.push(Step::Expect(octets.as_ref().to_vec()));
        self
    }

    /// The server waits.
    pub fn pause(mut self, time: Duration) -> Self {
        self.steps.push(Step::Pause(time));
        self
    }

    /// How long the server waits for the client to connect, to send what is expected, and to close. 10 s unless told.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Cuts all that the server sends into segments of so many octets.
    ///
    /// # Panics
    /// When `octets` is 0.
    pub fn in_segments_of(mut self, octets: usize) -> Self {
        for step in &mut self.steps {
            if let Step::Send(segments) = step {
                *segments = segments.concat().chunks(octets).map(<[u8]>::to_vec).collect();
            }
        }
        self
    }

    /// Listens on a free port of 127.0.0.1 and plays the conversation with the first client that connects.
    ///
    /// # Panics
    /// When there is no port to listen on.
    pub fn start(self) -> ReplayServer {
        self.try_start().expect("a replay listens on a loopback address")
    }

    fn try_start(self) -> io::Result<ReplayServer> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // Bound without the runtime, so that a test which runs in one may start it, too.
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = {
            let _entered = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("replay".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    result = self.play(listener) => result,
                    _ = stopped => Ok(()),
                }
            })
        })?;
        Ok(ReplayServer { address, stop: Some(stop), thread: Some(thread) })
    }

    async fn play(self, listener: TcpListener) -> Result<(), Mismatch> {
        let at = |step: usize, expected: &[u8], came: &str| Mismatch {
            step,
            expected: expected.escape_ascii().to_string(),
            came: came.to_owned(),
        };
        let (mut stream, _) = match timeout(self.patience, listener.accept()).await {
            Ok(Ok(accepted)) => accepted,
            Ok(Err(error)) => return Err(at(0, b"", &format!("no connection: {error}"))),
            Err(_) => return Err(at(0, b"", "no connection")),
        };
        let mut input = Vec::new();
        for (step, number) in self.steps.iter().zip(1..) {
            match step {
                Step::Pause(time) => tokio::time::sleep(*time).await,
                // A client that has gone is found at the next thing which is expected of it.
                Step::Send(segments) => drop(send(&mut stream, segments).await),
                Step::Expect(expected) => {
                    let read = read_until(&mut stream, &mut input, |input| {
                        input.len() >= expected.len() || !expected.starts_with(input)
                    });
                    let end = match timeout(self.patience, read).await {
                        Ok(()) => " and then the end",
                        Err(_) => " and then nothing",
                    };
                    if !input.starts_with(expected) {
                        let end = if expected.starts_with(&input) { end } else { "" };
                        return Err(at(number, expected, &format!("{}{end}", input.escape_ascii())));
                    }
                    input.drain(..expected.len());
                }
            }
        }
        let last = self.steps.len() + 1;
        // The client may have closed before; what counts is whether it said more.
        let _ = stream.shutdown().await;
        let ended = timeout(self.patience, read_until(&mut stream, &mut input, |input| !input.is_empty())).await;
        match (input.is_empty(), ended) {
            (false, _) => Err(at(last, b"", &input.escape_ascii().to_string())),
            (true, Err(_)) => Err(at(last, b"", "nothing, but the client keeps the connection open")),
            (true, Ok(())) => Ok(()),
        }
    }
}

async fn send(stream: &mut TcpStream, segments: &[Vec<u8>]) -> io::Result<()> {
    const BETWEEN: Duration = Duration::from_millis(2);
    stream.set_nodelay(true)?;
    for (segment, index) in segments.iter().zip(0..) {
        if index > 0 {
            tokio::time::sleep(BETWEEN).await;
        }
        stream.write_all(segment).await?;
    }
    Ok(())
}

/// Reads until `enough`, the end of the stream or an error.
async fn read_until(stream: &mut TcpStream, input: &mut Vec<u8>, enough: impl Fn(&[u8]) -> bool) {
    while !enough(input) {
        match stream.read_buf(input).await {
            Ok(1..) => {}
            _ => break,
        }
    }
}

/// A running [`Replay`].
#[derive(Debug)]
pub struct ReplayServer {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), Mismatch>>>,
}

impl ReplayServer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Waits for the end of the conversation. Call it when the client is done: it blocks the calling thread.
    ///
    /// # Errors
    /// Where the client first said something else than expected.
    ///
    /// # Panics
    /// When the server panicked.
    pub fn finish(mut self) -> Result<(), Mismatch> {
        self.thread.take().map_or(Ok(()), |thread| thread.join().expect("the replay ran without a panic"))
    }
}

impl Drop for ReplayServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Who drops it without `finish` does not ask for the result.
            let _ = thread.join();
        }
    }
}

/// Where a client left the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The step, from 1; 0 for the connection, and one more than there are steps for the end of it.
    pub step: usize,
    /// What was expected, escaped; nothing for the end of the connection.
    pub expected: String,
    /// What came, escaped, or in words.
    pub came: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}: expected \"{}\", but there came \"{}\"", self.step, self.expected, self.came)
    }
}

impl std::error::Error for Mismatch {}
