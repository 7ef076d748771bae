//! A host of somebody else: the component and `wit/`, with wasmtime and nothing of this crate.
//!
//! ```text
//! cargo run --example stranger -- COMPONENT.wasm 127.0.0.1:1110 alice PASSWORD-FILE
//! ```
//!
//! Prints the messages of the maildrop. The README says how to build the component.

#![allow(missing_docs, reason = "what is generated is documented in wit/")]

use std::net::SocketAddr;

use wasmtime::component::{Component, HasData, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::p2::bindings::{clocks, io, random, sockets};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView};
use wasmtime_wasi::sockets::{SocketAddrUse, WasiSockets, WasiSocketsView};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use exports::popfetch::pop3::types::{
    Credentials, Endpoint, Error, Limits, Mechanism, Options, Piece, ScramIterations, Security, Timeouts,
};
use sockets::network::{IpSocketAddress, Ipv4SocketAddress};

wasmtime::component::bindgen!({
    path: "../wit",
    world: "cleartext-client-plugin",
    exports: { default: async },
    with: { "wasi": wasmtime_wasi::p2::bindings },
    require_store_data_send: true,
});

/// What the component can see of the host: the clock, chance, and one server.
struct Host {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [component, address, user, password_file] = arguments.as_slice() else {
        return Err("usage: stranger COMPONENT.wasm ADDRESS:PORT USER PASSWORD-FILE".into());
    };
    let component = std::fs::read(component)?;
    let password = std::fs::read(password_file)?.trim_ascii_end().to_vec();
    for message in fetch_all(&component, address.parse()?, user, password).await? {
        println!("{}", String::from_utf8_lossy(&message));
    }
    Ok(())
}

/// All messages of a maildrop, of an IPv4 server that can do APOP.
pub async fn fetch_all(
    component: &[u8],
    address: SocketAddr,
    user: &str,
    password: Vec<u8>,
) -> Result<Vec<Vec<u8>>, Failure> {
    let mut config = Config::new();
    config.concurrency_support(false);
    let engine = Engine::new(&config)?;
    let component = Component::from_binary(&engine, component)?;
    let mut store = Store::new(&engine, host(address));
    let plugin = CleartextClientPlugin::instantiate_async(&mut store, &component, &linker(&engine)?).await?;
    let client = plugin.popfetch_pop3_client();

    let connected = client.session().call_connect(&mut store, &endpoint(address)?, options(), None).await?;
    let session = connected.map_err(failure)?;
    let credentials = Credentials { user: user.to_owned(), secret: password, prepared: None };
    client.session().call_sign_in(&mut store, session, &credentials, &[Mechanism::Apop]).await?.map_err(failure)?;
    let maildrop = client.session().call_stat(&mut store, session).await?.map_err(failure)?;
    let numbers: Vec<u32> = (1..=maildrop.messages).collect();
    let transfer = client.session().call_retrieve(&mut store, session, &numbers).await?.map_err(failure)?;

    let mut messages = Vec::new();
    let mut message = Vec::new();
    loop {
        let pieces = client.transfer().call_next(&mut store, transfer).await?.map_err(failure)?;
        if pieces.is_empty() {
            break;
        }
        for piece in pieces {
            match piece {
                Piece::Begin(_) => message.clear(),
                Piece::Content(octets) => message.extend(octets),
                Piece::End(_) => messages.push(std::mem::take(&mut message)),
                Piece::Refused(refused) => return Err(format!("refused: {}", refused.reply.text).into()),
            }
        }
    }
    transfer.resource_drop_async(&mut store).await?;
    client.session().call_quit(&mut store, session).await?.map_err(failure)?;
    Ok(messages)
}

/// A component that may connect to this address, and to nothing else.
fn host(server: SocketAddr) -> Host {
    let wasi = WasiCtx::builder()
        .allow_tcp(true)
        .socket_addr_check(move |address, purpose| {
            let allowed = match purpose {
                SocketAddrUse::TcpConnect => address == server,
                // Each connect binds first, to the unspecified address.
                SocketAddrUse::TcpBind => address.ip().is_unspecified() && address.port() == 0,
                _ => false,
            };
            Box::pin(async move { allowed })
        })
        .build();
    Host { wasi, table: ResourceTable::new() }
}

/// The nine interfaces that the world imports.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    clocks::monotonic_clock::add_to_linker::<Host, WasiClocks>(l, Host::clocks)?;
    io::error::add_to_linker::<Host, Table>(l, |host| &mut host.table)?;
    io::poll::add_to_linker::<Host, Table>(l, |host| &mut host.table)?;
    io::streams::add_to_linker::<Host, Table>(l, |host| &mut host.table)?;
    random::random::add_to_linker::<Host, WasiRandom>(l, Host::random)?;
    sockets::instance_network::add_to_linker::<Host, WasiSockets>(l, Host::sockets)?;
    sockets::network::add_to_linker::<Host, WasiSockets>(l, &sockets::network::LinkOptions::default(), Host::sockets)?;
    sockets::tcp::add_to_linker::<Host, WasiSockets>(l, Host::sockets)?;
    sockets::tcp_create_socket::add_to_linker::<Host, WasiSockets>(l, Host::sockets)?;
    Ok(linker)
}

fn endpoint(address: SocketAddr) -> Result<Endpoint, Failure> {
    let SocketAddr::V4(v4) = address else { return Err("an IPv4 address, please".into()) };
    let address = IpSocketAddress::Ipv4(Ipv4SocketAddress { port: v4.port(), address: v4.ip().octets().into() });
    Ok(Endpoint { server_name: v4.ip().to_string(), addresses: vec![address], security: Security::Cleartext })
}

fn options() -> Options {
    let wait = 30_000_000_000;
    Options {
        timeouts: Timeouts { connect: wait, reply: wait, send: wait, quit: wait, session: None },
        limits: Limits {
            reply_line: 4096,
            listing_entries: 10_000,
            listing_octets: 1 << 20,
            credential: 1024,
            in_flight: 1,
        },
        scram_iterations: ScramIterations { least: 4096, most: 100_000 },
    }
}

fn failure(error: Error) -> Failure {
    format!("{error:?}").into()
}
