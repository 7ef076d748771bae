//! The interfaces `wasi:sockets/tcp` and `tcp-create-socket`, as much of them as a client of one server needs: a socket can
//! connect to an address of the server, and neither listen nor be bound.

mod stream;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::net::TcpStream;
use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, IpAddressFamily, IpSocketAddress};
use wasmtime_wasi::p2::{self, DynInputStream, DynOutputStream, DynPollable, Pollable};

use super::bindings::wasi::sockets::{tcp, tcp_create_socket};
use stream::{Input, Line, Output};
use tcp::ShutdownType;

/// What of the network there is.
pub(super) struct NetworkView<'a> {
    pub(super) table: &'a mut ResourceTable,
    pub(super) network: &'a Network,
}

/// The addresses that may be connected to, and until when.
pub(super) struct Network {
    pub(super) permitted: Box<[SocketAddr]>,
    /// From then on there is no further connection.
    pub(super) is_closed: Box<dyn Fn() -> bool + Send + Sync>,
}

/// The kind of data that the interfaces are linked with.
pub(super) struct WasiTcp;

impl HasData for WasiTcp {
    type Data<'a> = NetworkView<'a>;
}

/// The resource `tcp-socket`.
#[expect(unreachable_pub, reason = "what is generated from wit/ exports it once more")]
pub struct TcpSocket {
    family: IpAddressFamily,
    state: State,
}

enum State {
    New(tokio::net::TcpSocket),
    Connecting(Connecting),
    Connected(io::Result<TcpStream>),
    Open(Arc<Line>),
    Failed,
}

type Connecting = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

impl TcpSocket {
    /// Begins to connect. Commands are to go out at once, and not to wait for the network to confirm those before.
    fn connect(&mut self, address: SocketAddr) -> Result<(), ErrorCode> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::New(socket) => {
                self.state = State::Connecting(Box::pin(async move {
                    let stream = socket.connect(address).await?;
                    stream.set_nodelay(true)?;
                    Ok(stream)
                }));
                Ok(())
            }
            other => {
                let under_way = matches!(other, State::Connecting(_) | State::Connected(_));
                self.state = other;
                Err(if under_way { ErrorCode::ConcurrencyConflict } else { ErrorCode::InvalidState })
            }
        }
    }

    fn poll_connected(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let State::Connecting(connecting) = &mut self.state {
            match connecting.as_mut().poll(cx) {
                Poll::Ready(outcome) => self.state = State::Connected(outcome),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }

    fn connected(&mut self) -> Result<Arc<Line>, ErrorCode> {
        if self.poll_connected(&mut Context::from_waker(Waker::noop())).is_pending() {
            return Err(ErrorCode::WouldBlock);
        }
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Connected(outcome) => {
                let line = Arc::new(Line::new(outcome.map_err(ErrorCode::from)?));
                self.state = State::Open(Arc::clone(&line));
                Ok(line)
            }
            other => {
                self.state = other;
                Err(ErrorCode::NotInProgress)
            }
        }
    }

    fn line(&self) -> Result<&Line, ErrorCode> {
        match &self.state {
            State::Open(line) => Ok(line),
            _ => Err(ErrorCode::InvalidState),
        }
    }
}

#[async_trait]
impl Pollable for TcpSocket {
    async fn ready(&mut self) {
        poll_fn(|cx| self.poll_connected(cx)).await;
    }
}

/// What a call gives: an error of the socket, or a trap.
type Answer<T> = wasmtime::Result<Result<T, ErrorCode>>;

/// What a client of one server has no need of.
const NOT_HERE: ErrorCode = ErrorCode::NotSupported;

impl tcp_create_socket::Host for NetworkView<'_> {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> Answer<Resource<TcpSocket>> {
        let socket = match family {
            IpAddressFamily::Ipv4 => tokio::net::TcpSocket::new_v4(),
            IpAddressFamily::Ipv6 => tokio::net::TcpSocket::new_v6(),
        };
        match socket {
            Ok(socket) => Ok(Ok(self.table.push(TcpSocket { family, state: State::New(socket) })?)),
            Err(error) => Ok(Err(error.into())),
        }
    }
}

impl tcp::Host for NetworkView<'_> {}

impl tcp::HostTcpSocket for NetworkView<'_> {
    fn start_connect(
        &mut self,
        this: Resource<TcpSocket>,
        network: Resource<network::Network>,
        address: IpSocketAddress,
    ) -> Answer<()> {
        self.table.get(&network)?;
        let address = SocketAddr::from(address);
        let socket = self.table.get_mut(&this)?;
        if address.is_ipv4() != matches!(socket.family, IpAddressFamily::Ipv4) {
            return Ok(Err(ErrorCode::InvalidArgument));
        }
        if !self.network.permitted.contains(&address) || (self.network.is_closed)() {
            return Ok(Err(ErrorCode::AccessDenied));
        }
        Ok(socket.connect(address))
    }

    fn finish_connect(
        &mut self,
        this: Resource<TcpSocket>,
    ) -> Answer<(Resource<DynInputStream>, Resource<DynOutputStream>)> {
        let line = match self.table.get_mut(&this)?.connected() {
            Ok(line) => line,
            Err(code) => return Ok(Err(code)),
        };
        let input: DynInputStream = Box::new(Input(Arc::clone(&line)));
        let output: DynOutputStream = Box::new(Output(line));
        Ok(Ok((self.table.push_child(input, &this)?, self.table.push_child(output, &this)?)))
    }

    fn subscribe(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<Resource<DynPollable>> {
        p2::subscribe(self.table, this)
    }

    fn shutdown(&mut self, this: Resource<TcpSocket>, how: ShutdownType) -> Answer<()> {
        Ok(self.table.get(&this)?.line().map(|line| {
            line.shut_down(match how {
                ShutdownType::Receive => Shutdown::Read,
                ShutdownType::Send => Shutdown::Write,
                ShutdownType::Both => Shutdown::Both,
            });
        }))
    }

    fn drop(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }

    fn local_address(&mut self, this: Resource<TcpSocket>) -> Answer<IpSocketAddress> {
        let address = self.table.get(&this)?.line().and_then(|line| Ok(line.stream().local_addr()?));
        Ok(address.map(IpSocketAddress::from))
    }

    fn remote_address(&mut self, this: Resource<TcpSocket>) -> Answer<IpSocketAddress> {
        let address = self.table.get(&this)?.line().and_then(|line| Ok(line.stream().peer_addr()?));
        Ok(address.map(IpSocketAddress::from))
    }

    fn address_family(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<IpAddressFamily> {
        Ok(self.table.get(&this)?.family)
    }

    fn start_bind(&mut self, _: Resource<TcpSocket>, _: Resource<network::Network>, _: IpSocketAddress) -> Answer<()> {
        Ok(Err(ErrorCode::AccessDenied))
    }

    fn finish_bind(&mut self, _: Resource<TcpSocket>) -> Answer<()> {
        Ok(Err(ErrorCode::NotInProgress))
    }

    fn start_listen(&mut self, _: Resource<TcpSocket>) -> Answer<()> {
        // It is not bound.
        Ok(Err(ErrorCode::InvalidState))
    }

    fn finish_listen(&mut self, _: Resource<TcpSocket>) -> Answer<()> {
        Ok(Err(ErrorCode::NotInProgress))
    }

    fn accept(
        &mut self,
        _: Resource<TcpSocket>,
    ) -> Answer<(Resource<TcpSocket>, Resource<DynInputStream>, Resource<DynOutputStream>)> {
        Ok(Err(ErrorCode::InvalidState))
    }

    fn is_listening(&mut self, _: Resource<TcpSocket>) -> wasmtime::Result<bool> {
        Ok(false)
    }

    fn set_listen_backlog_size(&mut self, _: Resource<TcpSocket>, _: u64) -> Answer<()> {
        Ok(Err(NOT_HERE))
    }

    fn keep_alive_enabled(&mut self, _: Resource<TcpSocket>) -> Answer<bool> {
        Ok(Err(NOT_HERE))
    }

    fn set_keep_alive_enabled(&mut self, _: Resource<TcpSocket>, _: bool) -> Answer<()> {
        Ok(Err(NOT_HERE))
    }

    fn keep_alive_idle_time(&mut self, _: Resource<TcpSocket>) -> Answer<u64> {
        Ok(Err(NOT_HERE))
    }

    fn set_keep_alive_idle_time(&mut self, _: Resource<TcpSocket>, _: u64) -> Answer<()> {
        Ok(Err(NOT_HERE))
    }

    fn keep_alive_interval(&mut self, _: Resource<TcpSocket>) -> Answer<u64> {
        Ok(Err(NOT_HERE))
    }

    fn set_keep_alive_interval(&mut self, _: Resource<TcpSocket>, _: u64) -> Answer<()> {
        Ok(Err(NOT_HERE))
    }

    fn keep_alive_count(&mut self, _: Resource<TcpSocket>) -> Answer<u32> {
        Ok(Err(NOT_HERE))
    }

    fn set_keep_alive_count(&mut self, _: Resource<TcpSocket>, _: u32) -> Answer<()> {
        Ok(Err(NOT_HERE))
    }

    fn hop_limit(&mut self, _: Resource<TcpSocket>) -> Answer<u8> {
        Ok(Err(NOT_HERE))
    }

    fn set_hop_limit(&mut self, _: Resource<TcpSocket>, _: u8) -> Answer<()> {
        Ok(Err(NOT_HERE))
    }

    fn receive_buffer_size(&mut self, _: Resource<TcpSocket>) -> Answer<u64> {
        Ok(Err(NOT_HERE))
    }

    fn set_receive_buffer_size(&mut self, _: Resource<TcpSocket>, _: u64) -> Answer<()> {
        Ok(Err(NOT_HERE))
    }

    fn send_buffer_size(&mut self, _: Resource<TcpSocket>) -> Answer<u64> {
        Ok(Err(NOT_HERE))
    }

    fn set_send_buffer_size(&mut self, _: Resource<TcpSocket>, _: u64) -> Answer<()> {
        Ok(Err(NOT_HERE))
    }
}
