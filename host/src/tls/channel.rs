//! TLS over the streams of a connection.
//!
//! Everything here happens in the call of whoever reads, writes or waits, without tasks of its own: an idle connection keeps
//! no buffer, and octets are deciphered where they are wanted.

use std::io::{self, BufRead as _, ErrorKind, Write};
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use rustls::client::ClientConnection;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, Pollable, StreamError};

use super::failure::TlsFailure;
use super::record::TlsRecord;

/// The most octets that are read at once, while much is wanted and while a line or the handshake is. The host allots as
/// much for each read.
const READ_BULK: usize = 64 << 10;
const READ_LITTLE: usize = 8 << 10;

/// The most octets of one write. In records they are a little more, which the stream below takes at once.
const WRITE: usize = 32 << 10;

/// How often a wait looks at what has arrived before it lets others run: a server that never pauses may send what brings
/// nobody further.
const TURNS: usize = 64;

/// One connection, from the first octet of the handshake.
pub(super) struct Channel {
    connection: ClientConnection,
    input: DynInputStream,
    output: DynOutputStream,
    /// Has arrived, and is still to be deciphered.
    arrived: Bytes,
    /// Said goodbye, or is about to.
    closing: bool,
    /// To be told at the next read, since the octets before it were good.
    failed: Option<StreamError>,
    record: TlsRecord,
}

/// What came of looking for more.
#[derive(PartialEq, Eq)]
enum Arrival {
    Octets,
    Nothing,
    End,
}

impl Channel {
    pub(super) fn new(
        connection: ClientConnection,
        input: DynInputStream,
        output: DynOutputStream,
        record: TlsRecord,
    ) -> Self {
        let arrived = Bytes::new();
        Self { connection, input, output, arrived, closing: false, failed: None, record }
    }

    pub(super) fn connection(&self) -> &ClientConnection {
        &self.connection
    }

    /// Makes the handshake.
    pub(super) fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        for _ in 0..TURNS {
            let all_sent = self.send()?;
            if all_sent && !self.connection.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if !all_sent {
                ready!(poll_ready(&mut *self.output, cx));
                continue;
            }
            match self.receive(READ_LITTLE)? {
                Arrival::Octets => {}
                Arrival::Nothing => ready!(poll_ready(&mut *self.input, cx)),
                Arrival::End => return Poll::Ready(Err(failed(ErrorKind::UnexpectedEof.into()))),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Octets in clear text, at most `most`; none where none have arrived. A connection that ends without TLS's goodbye
    /// (close_notify) is an error, not an end: somebody could have cut it.
    pub(super) fn read(&mut self, most: usize) -> Result<Bytes, StreamError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if most == 0 {
            return Ok(Bytes::new());
        }
        let mut octets = BytesMut::new();
        let mut may_read = true;
        loop {
            match self.take_deciphered(&mut octets, most) {
                Ok(true) => {}
                // The end, or there is enough.
                Ok(false) if octets.is_empty() => return Err(StreamError::Closed),
                Ok(false) => return Ok(octets.freeze()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if self.arrived.is_empty() && !may_read {
                        return Ok(octets.freeze());
                    }
                    may_read &= !self.arrived.is_empty();
                    let received = self.receive(if most > READ_LITTLE { READ_BULK } else { READ_LITTLE });
                    match received {
                        Ok(Arrival::Nothing) => return Ok(octets.freeze()),
                        Ok(Arrival::Octets | Arrival::End) => {}
                        Err(error) => return self.later(error, octets),
                    }
                }
                Err(error) => {
                    let error = self.recorded(error);
                    return self.later(error, octets);
                }
            }
        }
    }

    /// Waits until there is something to read, be it the end.
    pub(super) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..TURNS {
            let nothing = |error: &io::Error| error.kind() == ErrorKind::WouldBlock;
            if self.failed.is_some() || !self.connection.reader().fill_buf().as_ref().is_err_and(nothing) {
                return Poll::Ready(());
            }
            // What the server is owed, such as an answer to new keys.
            match self.send() {
                Ok(true) => {}
                Ok(false) => {
                    let _ = poll_ready(&mut *self.output, cx);
                }
                Err(error) => self.failed = Some(error),
            }
            match self.receive(READ_BULK) {
                Ok(Arrival::Octets | Arrival::End) => {}
                Ok(Arrival::Nothing) => ready!(poll_ready(&mut *self.input, cx)),
                Err(error) => self.failed = Some(error),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// How many octets may be written now.
    pub(super) fn check_write(&mut self) -> Result<usize, StreamError> {
        let all_sent = self.send()?;
        if !all_sent || self.output.check_write()? == 0 {
            return Ok(0);
        }
        if self.closing { Err(StreamError::Closed) } else { Ok(WRITE) }
    }

    /// Takes octets in clear text, no more than were permitted.
    pub(super) fn write(&mut self, octets: &[u8]) -> Result<(), StreamError> {
        if octets.len() > WRITE || self.connection.wants_write() {
            return Err(StreamError::trap("written without permission"));
        }
        if self.closing {
            return Err(StreamError::Closed);
        }
        self.connection.writer().write_all(octets).map_err(|error| self.recorded(error))?;
        self.send().map(drop)
    }

    /// Nothing is kept back but what the stream below does not take now.
    pub(super) fn flush(&mut self) -> Result<(), StreamError> {
        self.send().map(drop)
    }

    /// Waits until something may be written, or the connection is of no use.
    pub(super) fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.check_write() {
                Ok(0) => ready!(poll_ready(&mut *self.output, cx)),
                // An error comes again to whoever looks.
                Ok(_) | Err(_) => return Poll::Ready(()),
            }
        }
    }

    /// Says goodbye: there is nothing more to send.
    pub(super) fn close_output(&mut self) {
        if !self.closing {
            self.closing = true;
            self.connection.send_close_notify();
            // What cannot go out now goes with the next look at the stream.
            let _ = self.send();
        }
    }

    /// Adds what is deciphered to the octets, up to `most`. Nothing is to follow where this is false.
    fn take_deciphered(&mut self, octets: &mut BytesMut, most: usize) -> io::Result<bool> {
        let mut reader = self.connection.reader();
        let chunk = reader.fill_buf()?;
        let taken = chunk.len().min(most.saturating_sub(octets.len()));
        octets.extend_from_slice(chunk.get(..taken).unwrap_or_default());
        reader.consume(taken);
        Ok(taken > 0)
    }

    /// Deciphers a portion of what has arrived.
    fn receive(&mut self, most: usize) -> Result<Arrival, StreamError> {
        if self.arrived.is_empty() {
            match self.input.read(most) {
                Ok(octets) if octets.is_empty() => return Ok(Arrival::Nothing),
                Ok(octets) => self.arrived = octets,
                // rustls takes no octets for the end.
                Err(StreamError::Closed) => {}
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(self.recorded(io::Error::other(error.to_string())));
                }
                Err(trap) => return Err(trap),
            }
        }
        let taken = self.connection.read_tls(&mut &*self.arrived).map_err(|error| self.recorded(error))?;
        match taken {
            // Behind TLS's goodbye nothing counts.
            0 => self.arrived.clear(),
            taken => self.arrived.advance(taken),
        }
        if self.arrived.is_empty() {
            // Not the memory, either.
            self.arrived = Bytes::new();
        }
        if let Err(error) = self.connection.process_new_packets() {
            let error = self.recorded(io::Error::new(ErrorKind::InvalidData, error));
            // The server is told why, if it listens.
            let _ = self.send();
            return Err(error);
        }
        Ok(if taken == 0 { Arrival::End } else { Arrival::Octets })
    }

    /// Hands records to the stream below, as many as it takes. Whether that is all.
    fn send(&mut self) -> Result<bool, StreamError> {
        while self.connection.wants_write() {
            let room = match self.output.check_write() {
                Ok(0) => return Ok(false),
                Ok(room) => room,
                Err(error) => return Err(self.unsent(error)),
            };
            let mut records = Portion { octets: Vec::new(), room };
            while self.connection.wants_write() && records.has_room() {
                self.connection.write_tls(&mut records).map_err(|error| self.recorded(error))?;
            }
            self.output.write(records.octets.into()).map_err(|error| self.unsent(error))?;
        }
        Ok(true)
    }

    /// The stream below takes no more.
    fn unsent(&self, error: StreamError) -> StreamError {
        match error {
            StreamError::Closed => self.recorded(ErrorKind::WriteZero.into()),
            StreamError::LastOperationFailed(error) => self.recorded(io::Error::other(error.to_string())),
            trap @ StreamError::Trap(_) => trap,
        }
    }

    /// Gives the octets that came before an error, and keeps the error for the next read.
    fn later(&mut self, error: StreamError, octets: BytesMut) -> Result<Bytes, StreamError> {
        if octets.is_empty() {
            return Err(error);
        }
        self.failed = Some(error);
        Ok(octets.freeze())
    }

    /// Takes the error down before it loses its type on its way through the component. What ends a handshake is for whoever
    /// makes it to name.
    fn recorded(&self, error: io::Error) -> StreamError {
        if self.record.is_established() {
            self.record.failed(TlsFailure::of_connection(&error, self.record.identity_wanted()));
        }
        failed(error)
    }
}

fn failed(error: io::Error) -> StreamError {
    StreamError::LastOperationFailed(error.into())
}

/// Looks once, and has the task woken up otherwise.
fn poll_ready(stream: &mut (impl Pollable + ?Sized), cx: &mut Context<'_>) -> Poll<()> {
    pin!(stream.ready()).poll(cx)
}

/// Records, as many octets of them as there is room for.
struct Portion {
    octets: Vec<u8>,
    room: usize,
}

impl Portion {
    fn has_room(&self) -> bool {
        self.octets.len() < self.room
    }
}

impl Write for Portion {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let taken = octets.len().min(self.room.saturating_sub(self.octets.len()));
        self.octets.extend_from_slice(octets.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
