//! One TCP connection, with TLS over it or without, with deadlines.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use wasi::clocks::monotonic_clock::Duration;
use wasi::io::poll::Pollable;
use wasi::io::streams::{InputStream, OutputStream, StreamError};
use wasi::sockets::instance_network::instance_network;
use wasi::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress, Network};
use wasi::sockets::tcp::{ShutdownType, TcpSocket};
use wasi::sockets::tcp_create_socket::create_tcp_socket;

use crate::deadline::Deadline;
use crate::tls::{self, Tls};
use crate::types::{Error, Wait};

/// How long the network may take for the last words of TLS, which nobody needs to hear.
const FAREWELL: Duration = 1_000_000_000;

/// Connected, both ways open. The fields are dropped in this order: WASI wants children gone before their parents.
pub(crate) struct Connection {
    readable: Pollable,
    writable: Pollable,
    input: InputStream,
    output: OutputStream,
    tls: Option<Tls>,
    socket: TcpSocket,
}

impl Connection {
    /// Tries the addresses in order, each for at most `timeout`, all together until `bound`.
    pub(crate) fn open(
        addresses: &[IpSocketAddress],
        timeout: Duration,
        bound: Option<Deadline>,
    ) -> Result<Self, Error> {
        let network = instance_network();
        let mut failures = String::new();
        let mut all_timed_out = true;
        for address in addresses {
            let deadline = Deadline::after(timeout, Wait::Connect).or_earlier(bound);
            let cause = match Self::connect(&network, *address, deadline) {
                Ok(connection) => return Ok(connection),
                Err(Attempt::Refused(code)) => {
                    all_timed_out = false;
                    describe(code)
                }
                Err(Attempt::TooSlow(timeout @ Error::Timeout(Wait::Session))) => return Err(timeout),
                Err(Attempt::TooSlow(_)) => "timed out",
            };
            let separator = if failures.is_empty() { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(failures, "{separator}{}: {cause}", Shown(*address));
        }
        match addresses {
            [] => Err(Error::InvalidArgument("the endpoint has no address".into())),
            // A matter of time, and not of the address.
            _ if all_timed_out => Err(Error::Timeout(Wait::Connect)),
            _ => Err(Error::ConnectFailed(failures)),
        }
    }

    /// Puts TLS over the connection, which must be quiet: what has arrived and was not read is taken for TLS. The certificate
    /// is checked against the name, by the host.
    pub(crate) fn start_tls(self, server_name: &str, deadline: Deadline) -> Result<Self, Error> {
        let Connection { readable, writable, input, output, tls: _, socket } = self;
        // The host takes streams only if nobody can still wait for them.
        drop((readable, writable));
        match tls::handshake(server_name, input, output, deadline) {
            Ok((tls, input, output)) => Ok(Self::over(input, output, Some(tls), socket)),
            Err(error) => {
                let _ = socket.shutdown(ShutdownType::Both);
                Err(error)
            }
        }
    }

    /// Reads at least one octet and at most about `most`. No octets: the server has closed the connection.
    pub(crate) fn read(&mut self, most: u64, deadline: Deadline) -> Result<Vec<u8>, Error> {
        loop {
            match self.input.read(most) {
                Ok(octets) if octets.is_empty() => deadline.wait_for(&self.readable)?,
                Ok(octets) => return Ok(octets),
                Err(StreamError::Closed) => return Ok(Vec::new()),
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(Error::Network(format!("reading: {}", error.to_debug_string())));
                }
            }
        }
    }

    /// Hands all octets to the network.
    pub(crate) fn write(&mut self, mut octets: &[u8], deadline: Deadline) -> Result<(), Error> {
        while !octets.is_empty() {
            let room = usize::try_from(self.output.check_write().map_err(write_error)?).unwrap_or(usize::MAX);
            if room == 0 {
                deadline.wait_for(&self.writable)?;
                continue;
            }
            let (now, later) = octets.split_at(room.min(octets.len()));
            self.output.write(now).map_err(write_error)?;
            octets = later;
        }
        self.output.flush().map_err(write_error)
    }

    /// Says goodbye, on TLS's level too, to a server that has nothing more to say. That it is gone already is no matter.
    pub(crate) fn close(self, bound: Option<Deadline>) {
        if let Some(tls) = &self.tls {
            tls.close_output();
            let deadline = Deadline::after(FAREWELL, Wait::Send).or_earlier(bound);
            while let Ok(0) = self.output.check_write()
                && deadline.wait_for(&self.writable).is_ok()
            {}
        }
        self.cut();
    }

    /// Closes the connection. On TLS's level nothing is said, so that nobody can take this for the end of a conversation.
    pub(crate) fn cut(self) {
        let _ = self.socket.shutdown(ShutdownType::Both);
        if let Ok(0) = self.output.check_write() {
            // Not closed, but still writing: the server has stopped reading. A host lets go of a stream only when all is
            // written, which could be never; so these two stay until the host has done with the component as a whole.
            core::mem::forget((self.output, self.tls, self.socket));
        }
    }

    fn connect(network: &Network, address: IpSocketAddress, deadline: Deadline) -> Result<Self, Attempt> {
        let family = match address {
            IpSocketAddress::Ipv4(_) => IpAddressFamily::Ipv4,
            IpSocketAddress::Ipv6(_) => IpAddressFamily::Ipv6,
        };
        let socket = create_tcp_socket(family)?;
        socket.start_connect(network, address)?;
        let connected = socket.subscribe();
        let (input, output) = loop {
            match socket.finish_connect() {
                Err(ErrorCode::WouldBlock) => deadline.wait_for(&connected).map_err(Attempt::TooSlow)?,
                done => break done?,
            }
        };
        Ok(Self::over(input, output, None, socket))
    }

    fn over(input: InputStream, output: OutputStream, tls: Option<Tls>, socket: TcpSocket) -> Self {
        Connection { readable: input.subscribe(), writable: output.subscribe(), input, output, tls, socket }
    }
}

/// Why one address was not connected to.
enum Attempt {
    Refused(ErrorCode),
    TooSlow(Error),
}

impl From<ErrorCode> for Attempt {
    fn from(code: ErrorCode) -> Self {
        Attempt::Refused(code)
    }
}

fn write_error(error: StreamError) -> Error {
    match error {
        StreamError::Closed => Error::Network("writing: the connection is closed".into()),
        StreamError::LastOperationFailed(error) => Error::Network(format!("writing: {}", error.to_debug_string())),
    }
}

fn describe(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::AccessDenied => "not allowed",
        ErrorCode::ConnectionRefused => "connection refused",
        ErrorCode::ConnectionReset | ErrorCode::ConnectionAborted => "connection reset",
        ErrorCode::RemoteUnreachable => "host or network unreachable",
        ErrorCode::Timeout => "timed out",
        ErrorCode::NewSocketLimit | ErrorCode::OutOfMemory => "out of sockets",
        ErrorCode::NotSupported => "address family not supported",
        ErrorCode::AddressNotBindable => "no local address",
        _ => "cannot connect",
    }
}

/// An address as people write it.
struct Shown(IpSocketAddress);

impl core::fmt::Display for Shown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        use core::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
        match self.0 {
            IpSocketAddress::Ipv4(v4) => {
                let (a, b, c, d) = v4.address;
                SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), v4.port).fmt(f)
            }
            IpSocketAddress::Ipv6(v6) => {
                let (a, b, c, d, e, g, h, i) = v6.address;
                let address = Ipv6Addr::new(a, b, c, d, e, g, h, i);
                SocketAddrV6::new(address, v6.port, v6.flow_info, v6.scope_id).fmt(f)
            }
        }
    }
}
