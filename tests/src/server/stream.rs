//! The octets of a connection, in clear or under TLS.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use rustls::{ServerConfig, ServerConnection};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// A connection.
#[derive(Debug)]
pub(super) enum Stream {
    Clear(Transport),
    Tls(Box<TlsStream<Transport>>),
    /// The handshake has the transport, or it failed and left none.
    Handshake,
}

impl Stream {
    pub(super) fn new(tcp: TcpStream) -> Self {
        Self::Clear(Transport { tcp, left: None })
    }

    /// Puts TLS around a stream in clear.
    ///
    /// With `cut`, no more than so many octets of the server's part of the handshake are sent: it fails there.
    ///
    /// # Errors
    /// Why the handshake failed. The stream is in clear then, as before.
    pub(super) async fn secure(&mut self, config: Arc<ServerConfig>, cut: Option<u64>) -> io::Result<()> {
        let Self::Clear(mut transport) = std::mem::replace(self, Self::Handshake) else {
            return Err(io::Error::other("TLS is there already"));
        };
        transport.left = cut;
        match TlsAcceptor::from(config).accept(transport).into_fallible().await {
            Ok(stream) => {
                *self = Self::Tls(Box::new(stream));
                Ok(())
            }
            Err((error, mut transport)) => {
                transport.left = None;
                *self = Self::Clear(transport);
                Err(error)
            }
        }
    }

    /// The TCP connection; none while the handshake has it.
    pub(super) fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Clear(transport) => Some(&transport.tcp),
            Self::Tls(stream) => Some(&stream.get_ref().0.tcp),
            Self::Handshake => None,
        }
    }

    /// What TLS has agreed on; none in clear.
    pub(super) fn tls(&self) -> Option<&ServerConnection> {
        match self {
            Self::Tls(stream) => Some(stream.get_ref().1),
            _ => None,
        }
    }

    /// Closes the server's end of the TCP connection, and says nothing of it in TLS (no close_notify).
    pub(super) async fn truncate(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(transport) => transport.shutdown().await,
            Self::Tls(stream) => stream.get_mut().0.shutdown().await,
            Self::Handshake => Ok(()),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(transport) => Pin::new(transport).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Handshake => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(transport) => Pin::new(transport).poll_write(context, octets),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, octets),
            Self::Handshake => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(transport) => Pin::new(transport).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
            Self::Handshake => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(transport) => Pin::new(transport).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Handshake => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

/// A TCP connection of which the writing end can be cut.
#[derive(Debug)]
pub(super) struct Transport {
    tcp: TcpStream,
    /// So many octets may still be written; any number without.
    left: Option<u64>,
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.left == Some(0) {
            return Poll::Ready(Err(io::Error::other("cut here")));
        }
        let permitted = this.left.map_or(octets.len(), |left| usize::try_from(left).unwrap_or(usize::MAX));
        let octets = &octets[..octets.len().min(permitted)];
        let written = ready!(Pin::new(&mut this.tcp).poll_write(context, octets))?;
        if let Some(left) = &mut this.left {
            *left -= written as u64;
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(context)
    }
}
