//! One session's handshake.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::ClientConnection;
use rustls::pki_types::ServerName;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, IoError, StreamError};

use super::channel::Channel;
use super::failure::TlsFailure;
use super::wasi::Shared;
use super::{Tls, TlsRecord};

/// Makes one handshake, with the server of the session. What the component asks for is only compared with it.
pub(crate) struct Provider {
    tls: Tls,
    /// The server's name, as the component was told it.
    told: String,
    record: TlsRecord,
    used: AtomicBool,
}

impl Provider {
    pub(super) fn new(tls: Tls, told: &str, record: TlsRecord) -> Self {
        Self { tls, told: told.to_owned(), record, used: AtomicBool::new(false) }
    }

    /// The name to check, for the first handshake with the right server.
    fn begin(&self, asked: &str) -> Result<ServerName<'static>, TlsFailure> {
        if self.used.swap(true, Ordering::Relaxed) {
            return Err(TlsFailure::ComponentMisbehaved("has asked for a second TLS handshake"));
        }
        if asked != self.told {
            return Err(TlsFailure::ComponentMisbehaved("has asked for TLS with another server than its own"));
        }
        match &self.tls.0.server_name {
            Some(name) => Ok(name.clone()),
            None => server_name(&self.told).ok_or_else(|| TlsFailure::BadName(self.told.clone())),
        }
    }
}

impl Provider {
    /// Begins the handshake of the session over these streams.
    pub(super) fn handshake(
        &self,
        asked: &str,
        input: DynInputStream,
        output: DynOutputStream,
    ) -> Result<Handshake, IoError> {
        let begun = self.begin(asked).and_then(|name| {
            let config = Arc::new(self.tls.config(&self.record));
            ClientConnection::new(config, name)
                .map_err(|error| TlsFailure::of_handshake(&io::Error::new(ErrorKind::InvalidData, error), None))
        });
        match begun {
            Ok(connection) => {
                let record = self.record.clone();
                Ok(Handshake { shared: Shared::new(Channel::new(connection, input, output, record.clone())), record })
            }
            Err(failure) => Err(failed(&self.record, failure)),
        }
    }
}

/// A handshake under way.
pub(crate) struct Handshake {
    shared: Shared,
    record: TlsRecord,
}

impl Handshake {
    /// Makes it. Left half way, it goes on the next time.
    pub(super) async fn done(&self) -> Result<Shared, IoError> {
        let made = poll_fn(|cx| self.shared.channel().poll_handshake(cx)).await;
        let established = made.map_err(|error| of_handshake(&error, &self.record)).and_then(|()| {
            match self.record.was_established(self.shared.channel().connection()) {
                true => Ok(self.shared.clone()),
                false => Err(TlsFailure::Other("the handshake ended without a certificate".into())),
            }
        });
        established.map_err(|failure| failed(&self.record, failure))
    }
}

/// What the component hears of a failure. It may show this to nobody: the record has the words.
fn failed(record: &TlsRecord, failure: TlsFailure) -> IoError {
    record.failed(failure);
    IoError::msg("the TLS handshake failed")
}

fn of_handshake(error: &StreamError, record: &TlsRecord) -> TlsFailure {
    let wanted = record.identity_wanted();
    match error {
        StreamError::LastOperationFailed(error) | StreamError::Trap(error) => match error.downcast_ref() {
            Some(error) => TlsFailure::of_handshake(error, wanted),
            None => TlsFailure::Io(error.to_string()),
        },
        StreamError::Closed => TlsFailure::of_handshake(&ErrorKind::UnexpectedEof.into(), wanted),
    }
}

/// A DNS name, without the dot of the root that may end it, or an IP address. `None` for what cannot be in a certificate.
pub(super) fn server_name(text: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(text.to_owned()).ok()
}

#[cfg(test)]
mod tests {
    use super::server_name;

    #[test]
    fn a_name_is_a_dns_name_or_an_address() {
        let shown = |text| server_name(text).map(|name| name.to_str().into_owned());
        for text in ["pop.example.org", "localhost", "192.0.2.7", "2001:db8::1"] {
            assert_eq!(shown(text).as_deref(), Some(text));
        }
        assert_eq!(shown("pop.example.org.").as_deref(), Some("pop.example.org"));
        for text in [
            "",
            ".",
            "pop.example.org..",
            "pop..org",
            "*.example.org",
            "pop.example.org\0.evil",
            "bücher.example",
            "[::1]",
            "a b",
        ] {
            assert_eq!(shown(text), None, "{text:?}");
        }
    }
}
