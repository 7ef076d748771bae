//! The interface `wasi:tls/types`: its resources are one TLS connection, and its two streams.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{
    self, DynInputStream, DynOutputStream, DynPollable, InputStream, IoError, OutputStream, Pollable, StreamError,
};

use super::channel::Channel;
use super::provider::{Handshake, Provider};
use crate::sandbox::wasi_tls;

/// What the component's calls work on.
pub(crate) struct TlsView<'a> {
    pub(crate) provider: &'a Provider,
    pub(crate) table: &'a mut ResourceTable,
}

/// The kind of data that the interface is linked with.
pub(crate) struct WasiTls;

impl HasData for WasiTls {
    type Data<'a> = TlsView<'a>;
}

/// The resource `client-handshake`: what is to become TLS.
#[expect(unreachable_pub, reason = "what is generated from wit/ exports it once more")]
pub struct ClientHandshake {
    server_name: String,
    input: DynInputStream,
    output: DynOutputStream,
}

/// The resource `future-client-streams`.
#[expect(unreachable_pub, reason = "what is generated from wit/ exports it once more")]
pub struct FutureClientStreams(State);

/// A handshake, and its outcome until somebody has asked for it.
enum State {
    Handshaking(Handshake),
    Done(Result<Shared, IoError>),
    Taken,
}

/// The resource `client-connection`.
#[expect(unreachable_pub, reason = "what is generated from wit/ exports it once more")]
pub struct ClientConnection(Shared);

/// A connection that its two streams share. Nobody holds it while waiting.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Channel>>);

impl Shared {
    pub(super) fn new(channel: Channel) -> Self {
        Self(Arc::new(Mutex::new(channel)))
    }

    pub(super) fn channel(&self) -> MutexGuard<'_, Channel> {
        // After a panic half-way through a record the connection gives errors, but nothing wrong.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl wasi_tls::Host for TlsView<'_> {}

impl wasi_tls::HostClientHandshake for TlsView<'_> {
    fn new(
        &mut self,
        server_name: String,
        input: Resource<DynInputStream>,
        output: Resource<DynOutputStream>,
    ) -> wasmtime::Result<Resource<ClientHandshake>> {
        let (input, output) = (self.table.delete(input)?, self.table.delete(output)?);
        Ok(self.table.push(ClientHandshake { server_name, input, output })?)
    }

    fn finish(&mut self, this: Resource<ClientHandshake>) -> wasmtime::Result<Resource<FutureClientStreams>> {
        let ClientHandshake { server_name, input, output } = self.table.delete(this)?;
        let future = match self.provider.handshake(&server_name, input, output) {
            Ok(handshake) => State::Handshaking(handshake),
            Err(error) => State::Done(Err(error)),
        };
        Ok(self.table.push(FutureClientStreams(future))?)
    }

    fn drop(&mut self, this: Resource<ClientHandshake>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

/// The answer of `future-client-streams.get`.
type Streams = (Resource<ClientConnection>, Resource<DynInputStream>, Resource<DynOutputStream>);

impl wasi_tls::HostFutureClientStreams for TlsView<'_> {
    fn subscribe(&mut self, this: Resource<FutureClientStreams>) -> wasmtime::Result<Resource<DynPollable>> {
        p2::subscribe(self.table, this)
    }

    fn get(
        &mut self,
        this: Resource<FutureClientStreams>,
    ) -> wasmtime::Result<Option<Result<Result<Streams, Resource<IoError>>, ()>>> {
        let state = &mut self.table.get_mut(&this)?.0;
        let shared = match std::mem::replace(state, State::Taken) {
            State::Done(Ok(shared)) => shared,
            State::Done(Err(error)) => return Ok(Some(Ok(Err(self.table.push(error)?)))),
            State::Taken => return Ok(Some(Err(()))),
            handshaking @ State::Handshaking(_) => {
                *state = handshaking;
                return Ok(None);
            }
        };
        let connection = self.table.push(ClientConnection(shared.clone()))?;
        let input: DynInputStream = Box::new(Input(shared.clone()));
        let input = self.table.push_child(input, &connection)?;
        let output: DynOutputStream = Box::new(Output(shared));
        let output = self.table.push_child(output, &connection)?;
        Ok(Some(Ok(Ok((connection, input, output)))))
    }

    fn drop(&mut self, this: Resource<FutureClientStreams>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl wasi_tls::HostClientConnection for TlsView<'_> {
    fn close_output(&mut self, this: Resource<ClientConnection>) -> wasmtime::Result<()> {
        self.table.get(&this)?.0.channel().close_output();
        Ok(())
    }

    fn drop(&mut self, this: Resource<ClientConnection>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

#[async_trait]
impl Pollable for FutureClientStreams {
    async fn ready(&mut self) {
        if let State::Handshaking(handshake) = &mut self.0 {
            self.0 = State::Done(handshake.done().await);
        }
    }
}

/// What the server sends, in clear text.
struct Input(Shared);

/// What it is sent.
struct Output(Shared);

#[async_trait]
impl Pollable for Input {
    async fn ready(&mut self) {
        poll_fn(|cx| self.0.channel().poll_readable(cx)).await;
    }
}

impl InputStream for Input {
    fn read(&mut self, size: usize) -> Result<Bytes, StreamError> {
        self.0.channel().read(size)
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {
        poll_fn(|cx| self.0.channel().poll_writable(cx)).await;
    }
}

impl OutputStream for Output {
    fn write(&mut self, octets: Bytes) -> Result<(), StreamError> {
        self.0.channel().write(&octets)
    }

    fn flush(&mut self) -> Result<(), StreamError> {
        self.0.channel().flush()
    }

    fn check_write(&mut self) -> Result<usize, StreamError> {
        self.0.channel().check_write()
    }
}
