//! The component's side of a connection, as octets that are read and written.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use wasmtime_wasi::p2::pipe::{AsyncReadStream, AsyncWriteStream};
use wasmtime_wasi::p2::{IoError, StreamError};

use crate::tls::Provider;
use crate::tls::wasi::Shared;

/// What is written at once to the transport.
const BUDGET: usize = 1 << 16;

/// A connection after its handshake.
pub(super) struct Client(Shared);

/// Asks for TLS with this server over the transport.
pub(super) async fn connect(provider: &Provider, asked: &str, transport: DuplexStream) -> Result<Client, IoError> {
    let (input, output) = tokio::io::split(transport);
    let (input, output) = (AsyncReadStream::new(input), AsyncWriteStream::new(BUDGET, output));
    provider.handshake(asked, Box::new(input), Box::new(output))?.done().await.map(Client)
}

impl AsyncRead for Client {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut channel = self.0.channel();
        loop {
            match channel.read(buffer.remaining()) {
                Ok(octets) if octets.is_empty() => ready!(channel.poll_readable(cx)),
                Ok(octets) => {
                    buffer.put_slice(&octets);
                    return Poll::Ready(Ok(()));
                }
                Err(StreamError::Closed) => return Poll::Ready(Ok(())),
                Err(error) => return Poll::Ready(Err(of(error))),
            }
        }
    }
}

impl AsyncWrite for Client {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let mut channel = self.0.channel();
        loop {
            match channel.check_write().map_err(of)? {
                0 => ready!(channel.poll_writable(cx)),
                permitted => {
                    let octets = octets.get(..permitted).unwrap_or(octets);
                    return Poll::Ready(channel.write(octets).map(|()| octets.len()).map_err(of));
                }
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.channel().flush().map_err(of))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut channel = self.0.channel();
        channel.close_output();
        loop {
            match channel.check_write() {
                Ok(_) => ready!(channel.poll_writable(cx)),
                Err(StreamError::Closed) => return Poll::Ready(Ok(())),
                Err(error) => return Poll::Ready(Err(of(error))),
            }
        }
    }
}

fn of(error: StreamError) -> io::Error {
    match error {
        StreamError::LastOperationFailed(error) => match error.downcast::<io::Error>() {
            Ok(error) => error,
            Err(other) => io::Error::other(other.to_string()),
        },
        other => io::Error::other(other.to_string()),
    }
}
