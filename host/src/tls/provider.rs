//! One session's handshake.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_tls::{Error, TlsProvider, TlsStream, TlsTransport};

use super::failure::TlsFailure;
use super::stream::Established;
use super::{Tls, TlsRecord};

/// Makes one handshake, with the server of the session. What the component asks for is only compared with it.
pub(super) struct Provider {
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

type Connecting = Pin<Box<dyn Future<Output = Result<Box<dyn TlsStream>, Error>> + Send>>;

impl TlsProvider for Provider {
    fn connect(&self, asked: String, transport: Box<dyn TlsTransport>) -> Connecting {
        let record = self.record.clone();
        let begun = self.begin(&asked).map(|name| {
            let connector = TlsConnector::from(Arc::new(self.tls.config(&record)));
            connector.connect(name, transport)
        });
        Box::pin(async move {
            let done = match begun {
                Ok(connecting) => connecting.await.map_err(|error| of_handshake(&error, &record)),
                Err(failure) => Err(failure),
            };
            let done = done.and_then(|stream| match record.was_established(stream.get_ref().1) {
                true => Ok(Box::new(Established::new(stream, record.clone())) as Box<dyn TlsStream>),
                false => Err(TlsFailure::Other("the handshake ended without a certificate".into())),
            });
            done.map_err(|failure| {
                record.failed(failure);
                // The component may show this to nobody: the record has the words.
                Error::msg("the TLS handshake failed")
            })
        })
    }
}

fn of_handshake(error: &io::Error, record: &TlsRecord) -> TlsFailure {
    TlsFailure::of_handshake(error, record.identity_wanted())
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
