//! Handshakes: with whom, and how often, is not for the component to choose.

use wasi::sockets::tcp::TcpSocket;

use crate::bindings::wasi::tls::types::{ClientConnection, ClientHandshake};
use crate::network;
use crate::types::Error;

/// Connects to this address and makes a handshake there, with the name behind it or else with the server's own, which is the
/// whole of what it was told. The connection is kept for ever.
pub(crate) fn handshake(told: &str, address_and_name: &str) -> Result<(), Error> {
    let (address, name) = address_and_name.split_once(' ').unwrap_or((address_and_name, told));
    let (output, input, socket) = network::connected(address).map_err(network::failed)?;
    let future = ClientHandshake::finish(ClientHandshake::new(name, input, output));
    let ready = future.subscribe();
    let streams = loop {
        match future.get() {
            Some(streams) => break streams,
            None => ready.block(),
        }
    };
    match streams {
        Ok(Ok((connection, input, output))) => {
            core::mem::forget((input, output));
            keep(connection, socket);
            Ok(())
        }
        Ok(Err(error)) => Err(Error::TlsFailed(error.to_debug_string())),
        Err(()) => core::arch::wasm32::unreachable(),
    }
}

fn keep(connection: ClientConnection, socket: TcpSocket) {
    core::mem::forget((connection, socket));
}
