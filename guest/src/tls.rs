//! TLS over a connection, by the host's `wasi:tls`.

#[cfg(feature = "tls")]
pub(crate) use supported::{Tls, handshake};
#[cfg(not(feature = "tls"))]
pub(crate) use unsupported::{Tls, handshake};

/// Whether this build has TLS.
pub(crate) const SUPPORTED: bool = cfg!(feature = "tls");

#[cfg(feature = "tls")]
mod supported {
    use wasi::io::streams::{InputStream, OutputStream};

    use crate::bindings::wasi::tls::types::{ClientConnection, ClientHandshake};
    use crate::deadline::Deadline;
    use crate::types::Error;

    /// What belongs to an open TLS connection besides its streams, which are dropped before it.
    pub(crate) struct Tls(ClientConnection);

    impl Tls {
        /// Says goodbye on TLS's level (RFC 8446 §6.1): there is nothing more to send.
        pub(crate) fn close_output(&self) {
            self.0.close_output();
        }
    }

    /// Puts TLS over these streams, of which nobody else may hold a pollable: gives those to use instead.
    pub(crate) fn handshake(
        server_name: &str,
        input: InputStream,
        output: OutputStream,
        deadline: Deadline,
    ) -> Result<(Tls, InputStream, OutputStream), Error> {
        let future = ClientHandshake::finish(ClientHandshake::new(server_name, input, output));
        let ready = future.subscribe();
        let streams = loop {
            match future.get() {
                Some(streams) => break streams,
                None => deadline.wait_for(&ready)?,
            }
        };
        match streams {
            Ok(Ok((connection, input, output))) => Ok((Tls(connection), input, output)),
            Ok(Err(error)) => Err(Error::TlsFailed(error.to_debug_string())),
            Err(()) => Err(Error::TlsFailed("the host gave its answer twice".into())),
        }
    }
}

#[cfg(not(feature = "tls"))]
mod unsupported {
    use wasi::io::streams::{InputStream, OutputStream};

    use crate::deadline::Deadline;
    use crate::types::Error;

    /// There is none.
    pub(crate) enum Tls {}

    impl Tls {
        pub(crate) fn close_output(&self) {
            match *self {}
        }
    }

    pub(crate) fn handshake(
        _: &str,
        _: InputStream,
        _: OutputStream,
        _: Deadline,
    ) -> Result<(Tls, InputStream, OutputStream), Error> {
        Err(super::not_supported())
    }
}

/// What a build without TLS says to whoever wants it.
pub(crate) fn not_supported() -> crate::types::Error {
    crate::types::Error::NotSupported("this component has no TLS".into())
}
