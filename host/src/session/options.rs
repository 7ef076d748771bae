//! Where to connect to, and how long and how much to bear.

use std::net::SocketAddr;
use std::time::Duration;

use wasmtime_wasi::p2::bindings::sockets::network::{IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress};

use super::{Credentials, Trace};
use crate::sandbox::contract::{self, ScramIterations, Security};
use crate::tls::Tls;

/// The server of a session. Its name is looked up outside the sandbox, which may connect to these addresses only.
#[derive(Clone, Debug)]
pub struct Server {
    /// The host name as the user wrote it, for TLS.
    pub name: String,
    /// Where it listens, tried in this order until one connects.
    pub addresses: Vec<SocketAddr>,
    /// How the connection is protected.
    pub security: Security,
}

/// How a session behaves.
#[derive(Clone, Debug, Default)]
pub struct SessionOptions {
    /// How long each wait may be.
    pub timeouts: Timeouts,
    /// How long the session as a whole may be. Nothing: no bound.
    ///
    /// It is the component that keeps the other times, and a server can stretch those by sending an octet now and then.
    /// This one is kept by the host, too, a moment later: with it every call comes to an end, whatever happens inside
    /// the sandbox.
    pub deadline: Option<Duration>,
    /// What the server may send.
    pub limits: ProtocolLimits,
    /// How often SCRAM may hash the password.
    pub scram_iterations: ScramIterations,
    /// How TLS is checked. Nothing: as [`TlsOptions::default`](crate::TlsOptions) has it.
    pub tls: Option<Tls>,
    /// Who takes each line of the session.
    pub trace: Option<Trace>,
    /// Whose secrets no error and no trace may show already before they sign in: a server may know them from an earlier
    /// session.
    pub confidential: Vec<Credentials>,
}

impl Default for ScramIterations {
    /// RFC 7677 §4 asks for 4,096; a million take about a second.
    fn default() -> Self {
        ScramIterations { least: 4096, most: 1_000_000 }
    }
}

/// How long each wait may be. A wait starts anew when octets have moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection to one address, and for the handshake of TLS.
    pub connect: Duration,
    /// For the next octets of the server.
    pub reply: Duration,
    /// For the network to take octets of a command.
    pub send: Duration,
    /// For the answer to `QUIT`. Servers remove messages before they answer.
    pub quit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts::all(Duration::from_secs(60))
    }
}

impl Timeouts {
    /// The same for each wait.
    pub fn all(timeout: Duration) -> Self {
        Timeouts { connect: timeout, reply: timeout, send: timeout, quit: timeout }
    }
}

/// What a server may send, and how far ahead of its replies it gets commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolLimits {
    /// Octets of one line of a reply or a listing.
    pub reply_line: u32,
    /// Rows of one listing.
    pub listing_entries: u32,
    /// Octets of all unique-ids of a listing.
    pub listing_octets: u32,
    /// Octets of a user name or a secret.
    pub credential: u32,
    /// Commands in flight where the server announces PIPELINING; 1 sends none ahead.
    pub in_flight: u32,
}

impl Default for ProtocolLimits {
    fn default() -> Self {
        ProtocolLimits {
            reply_line: 4096,
            listing_entries: 250_000,
            listing_octets: 18 << 20,
            credential: 16 << 10,
            in_flight: 512,
        }
    }
}

impl Server {
    pub(super) fn endpoint(&self) -> contract::Endpoint {
        contract::Endpoint {
            server_name: self.name.clone(),
            addresses: self.addresses.iter().copied().map(socket_address).collect(),
            security: self.security,
        }
    }
}

impl SessionOptions {
    pub(super) fn contract(&self) -> contract::Options {
        let Timeouts { connect, reply, send, quit } = self.timeouts;
        let ProtocolLimits { reply_line, listing_entries, listing_octets, credential, in_flight } = self.limits;
        contract::Options {
            timeouts: contract::Timeouts {
                connect: nanoseconds(connect),
                reply: nanoseconds(reply),
                send: nanoseconds(send),
                quit: nanoseconds(quit),
                session: self.deadline.map(nanoseconds),
            },
            scram_iterations: self.scram_iterations,
            limits: contract::Limits { reply_line, listing_entries, listing_octets, credential, in_flight },
        }
    }
}

/// 584 years are enough.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn socket_address(address: SocketAddr) -> IpSocketAddress {
    match address {
        SocketAddr::V4(v4) => {
            let [a, b, c, d] = v4.ip().octets();
            IpSocketAddress::Ipv4(Ipv4SocketAddress { port: v4.port(), address: (a, b, c, d) })
        }
        SocketAddr::V6(v6) => {
            let [a, b, c, d, e, f, g, h] = v6.ip().segments();
            IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port: v6.port(),
                flow_info: v6.flowinfo(),
                address: (a, b, c, d, e, f, g, h),
                scope_id: v6.scope_id(),
            })
        }
    }
}
