//! Attempts to reach what is out of bounds. Each gives `network` with what came of it.

use alloc::format;
use alloc::string::String;
use core::net::{IpAddr, SocketAddr};

use wasi::sockets::instance_network::instance_network;
use wasi::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress};
use wasi::sockets::tcp::{InputStream, OutputStream, TcpSocket};
use wasi::sockets::tcp_create_socket::create_tcp_socket;

use crate::types::Error;

/// A socket of IPv4, or a trap.
pub(crate) fn socket() -> TcpSocket {
    match create_tcp_socket(IpAddressFamily::Ipv4) {
        Ok(socket) => socket,
        Err(_) => core::arch::wasm32::unreachable(),
    }
}

/// Connects to this address.
pub(crate) fn connect(address: &str) -> Result<(), Error> {
    came_of(connected(address).map(drop))
}

/// Gives a socket this local address.
pub(crate) fn bind(address: &str) -> Result<(), Error> {
    came_of(bound(address).map(drop))
}

/// Waits for connections at this address, or at any where none is given.
pub(crate) fn listen(address: &str) -> Result<(), Error> {
    let listening = || {
        let socket = if address.is_empty() { create_tcp_socket(IpAddressFamily::Ipv4)? } else { bound(address)? };
        socket.start_listen()?;
        let ready = socket.subscribe();
        loop {
            match socket.finish_listen() {
                Err(ErrorCode::WouldBlock) => ready.block(),
                done => return done,
            }
        }
    };
    came_of(listening())
}

/// Writes without having asked how much the stream takes, which `wasi:io` forbids.
pub(crate) fn write_unasked(address: &str) -> Result<(), Error> {
    let (output, _input, _socket) = connected(address).map_err(failed)?;
    let written = output.write(&alloc::vec![0; 1 << 20]);
    Err(Error::Network(format!("{written:?}")))
}

/// The streams before the socket: they must go first.
pub(crate) fn connected(address: &str) -> Result<(OutputStream, InputStream, TcpSocket), ErrorCode> {
    let address = parse(address)?;
    let socket = create_tcp_socket(family(address))?;
    socket.start_connect(&instance_network(), address)?;
    let ready = socket.subscribe();
    loop {
        match socket.finish_connect() {
            Err(ErrorCode::WouldBlock) => ready.block(),
            done => {
                drop(ready);
                return done.map(|(input, output)| (output, input, socket));
            }
        }
    }
}

fn bound(address: &str) -> Result<TcpSocket, ErrorCode> {
    let address = parse(address)?;
    let socket = create_tcp_socket(family(address))?;
    socket.start_bind(&instance_network(), address)?;
    socket.finish_bind()?;
    Ok(socket)
}

fn came_of(done: Result<(), ErrorCode>) -> Result<(), Error> {
    match done {
        Ok(()) => Err(Error::Network(String::from("done"))),
        Err(code) => Err(failed(code)),
    }
}

pub(crate) fn failed(code: ErrorCode) -> Error {
    Error::Network(String::from(code.name()))
}

fn family(address: IpSocketAddress) -> IpAddressFamily {
    match address {
        IpSocketAddress::Ipv4(_) => IpAddressFamily::Ipv4,
        IpSocketAddress::Ipv6(_) => IpAddressFamily::Ipv6,
    }
}

fn parse(address: &str) -> Result<IpSocketAddress, ErrorCode> {
    let address: SocketAddr = address.parse().map_err(|_| ErrorCode::InvalidArgument)?;
    let port = address.port();
    Ok(match address.ip() {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: (a, b, c, d) })
        }
        IpAddr::V6(v6) => {
            let [a, b, c, d, e, f, g, h] = v6.segments();
            let address = (a, b, c, d, e, f, g, h);
            IpSocketAddress::Ipv6(Ipv6SocketAddress { port, flow_info: 0, address, scope_id: 0 })
        }
    })
}
