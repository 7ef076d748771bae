//! The ways from the command to a Dovecot.

use popfetch_tests::{
    command::{Invocation, Popfetch},
    dovecot::{Dovecot, TO_STRANGERS},
};

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    /// Clear text, by way of 127.0.0.1, where Dovecot takes everybody for a friend.
    Cleartext,
    /// Clear text, to Dovecot from somewhere else.
    CleartextFromAfar,
    /// TLS after STLS.
    StartTls,
    /// TLS from the start.
    ImplicitTls,
}

impl Channel {
    pub(crate) const TLS: [Channel; 2] = [Channel::StartTls, Channel::ImplicitTls];

    pub(crate) fn is_tls(self) -> bool {
        Self::TLS.contains(&self)
    }

    /// What a person types for such a connection, but for the CAs that he trusts.
    pub(crate) fn run(self, popfetch: &Popfetch, verb: &str, dovecot: &Dovecot) -> Invocation<'static> {
        let run = popfetch.run(verb);
        let (clear, tls) = (dovecot.port(), dovecot.tls_port());
        match self {
            Self::Cleartext => run.arg(format!("pop3://127.0.0.1:{clear}")).args(["--tls", "off"]),
            Self::CleartextFromAfar => run.arg(format!("pop3://{TO_STRANGERS}:{clear}")).args(["--tls", "off"]),
            Self::StartTls => run.arg(format!("pop3://localhost:{clear}")),
            Self::ImplicitTls => run.arg(format!("pop3s://localhost:{tls}")),
        }
    }
}
