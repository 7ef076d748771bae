//! The two directions of a connection.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::net::TcpStream;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError};

/// The most octets of one read, and of one write.
const READ: usize = 64 << 10;
const WRITE: usize = 64 << 10;

/// A connection that its two streams share. Nobody holds it while waiting.
pub(super) struct Line {
    stream: TcpStream,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What the network did not take at once. It goes when somebody waits, for whichever direction.
    unsent: Bytes,
    receiving_is_over: bool,
    sending_is_over: bool,
}

impl Line {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, state: Mutex::default() }
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) fn shut_down(&self, how: Shutdown) {
        let mut state = self.state();
        state.receiving_is_over |= how != Shutdown::Write;
        state.sending_is_over |= how != Shutdown::Read;
        // Where the connection is gone already, that is as good.
        let _ = rustix::net::shutdown(
            &self.stream,
            match how {
                Shutdown::Read => rustix::net::Shutdown::Read,
                Shutdown::Write if state.unsent.is_empty() => rustix::net::Shutdown::Write,
                // It is closed when the rest is sent, or dropped.
                Shutdown::Write => return,
                Shutdown::Both => rustix::net::Shutdown::Both,
            },
        );
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No line that holds it can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, most: usize) -> Result<Bytes, StreamError> {
        let mut state = self.state();
        if state.receiving_is_over {
            return Err(StreamError::Closed);
        }
        if most == 0 {
            return Ok(Bytes::new());
        }
        let mut octets = BytesMut::with_capacity(most.min(READ));
        match self.stream.try_read_buf(&mut octets) {
            Ok(0) => {
                state.receiving_is_over = true;
                Err(StreamError::Closed)
            }
            Ok(_) => Ok(octets.freeze()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Bytes::new()),
            Err(error) => {
                state.receiving_is_over = true;
                Err(failed(error))
            }
        }
    }

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.state().receiving_is_over {
            return Poll::Ready(());
        }
        // An error of it is told where something is written.
        let _ = self.poll_sent(cx);
        // So is one of waiting where something is read.
        self.stream.poll_read_ready(cx).map(drop)
    }

    fn write(&self, octets: Bytes) -> Result<(), StreamError> {
        let mut state = self.state();
        if state.sending_is_over {
            return Err(StreamError::Closed);
        }
        if octets.len() > WRITE || !state.unsent.is_empty() {
            return Err(StreamError::trap("written without permission"));
        }
        state.unsent = octets;
        self.send(&mut state)
    }

    /// Sends what the network takes now.
    fn send(&self, state: &mut State) -> Result<(), StreamError> {
        while !state.unsent.is_empty() {
            match self.stream.try_write(&state.unsent) {
                Ok(sent) => state.unsent.advance(sent),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => {
                    state.sending_is_over = true;
                    state.unsent = Bytes::new();
                    return Err(match error.kind() {
                        ErrorKind::BrokenPipe => StreamError::Closed,
                        _ => failed(error),
                    });
                }
            }
        }
        // Not the memory, either.
        state.unsent = Bytes::new();
        Ok(())
    }

    fn check_write(&self) -> Result<usize, StreamError> {
        let mut state = self.state();
        self.send(&mut state)?;
        match (&*state.unsent, state.sending_is_over) {
            ([], true) => Err(StreamError::Closed),
            ([], false) => Ok(WRITE),
            _ => Ok(0),
        }
    }

    /// Waits until all is sent, or will never be.
    fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut state = self.state();
            if state.unsent.is_empty() || self.send(&mut state).is_err() || state.unsent.is_empty() {
                return Poll::Ready(());
            }
            drop(state);
            // What is wrong shows in the next attempt.
            let _ = ready!(self.stream.poll_write_ready(cx));
        }
    }
}

/// What the server sends.
pub(super) struct Input(pub(super) Arc<Line>);

/// What it is sent.
pub(super) struct Output(pub(super) Arc<Line>);

#[async_trait]
impl Pollable for Input {
    async fn ready(&mut self) {
        poll_fn(|cx| self.0.poll_readable(cx)).await;
    }
}

impl InputStream for Input {
    fn read(&mut self, size: usize) -> Result<Bytes, StreamError> {
        self.0.read(size)
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {
        poll_fn(|cx| self.0.poll_sent(cx)).await;
    }
}

impl OutputStream for Output {
    fn write(&mut self, octets: Bytes) -> Result<(), StreamError> {
        self.0.write(octets)
    }

    fn flush(&mut self) -> Result<(), StreamError> {
        self.0.check_write().map(drop)
    }

    fn check_write(&mut self) -> Result<usize, StreamError> {
        self.0.check_write()
    }
}

fn failed(error: io::Error) -> StreamError {
    StreamError::LastOperationFailed(error.into())
}
