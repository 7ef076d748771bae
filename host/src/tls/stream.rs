//! An established connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream as RustlsStream;
use wasmtime_wasi_tls::{TlsStream, TlsTransport};

use super::failure::TlsFailure;
use super::record::TlsRecord;

/// What is read and written in clear text here is protected below. A connection that ends without TLS's goodbye
/// (close_notify) is an error, not an end: somebody could have cut it.
pub(super) struct Established {
    stream: RustlsStream<Box<dyn TlsTransport>>,
    record: TlsRecord,
}

impl Established {
    pub(super) fn new(stream: RustlsStream<Box<dyn TlsTransport>>, record: TlsRecord) -> Self {
        Self { stream, record }
    }

    /// Takes the error down before it loses its type on its way through the component.
    fn record<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &polled {
            self.record.failed(TlsFailure::of_connection(error, self.record.identity_wanted()));
        }
        polled
    }
}

impl TlsStream for Established {}

impl AsyncRead for Established {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.record(polled)
    }
}

impl AsyncWrite for Established {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, octets);
        self.record(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, octets);
        self.record(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.record(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.record(polled)
    }
}
