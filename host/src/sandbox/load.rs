//! From octets to something that can be instantiated.

#[path = "../../build/config.rs"]
mod config;

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use tokio::time::Instant;
use wasmtime::Engine;
use wasmtime::component::{Component as Compiled, HasData, Linker, ResourceTable};
use wasmtime_wasi::p2::bindings::{clocks, io, random, sockets};
use wasmtime_wasi::{
    WasiView, clocks::WasiClocks, clocks::WasiClocksView, random::WasiRandom, random::WasiRandomView,
    sockets::WasiSockets, sockets::WasiSocketsView,
};

use super::bindings::{ClientPluginPre, wasi};
use super::store::{Reach, SessionStore, Walls};
use super::tcp::WasiTcp;
use super::{COMPONENT, Component, Limits, LoadError, SandboxOptions, Stopped, wasi_tls};
use crate::tls::WasiTls;

/// [`COMPONENT`], compiled for this machine by the build script.
static BUILT_IN_CODE: &[u8] = include_bytes!(env!("POPFETCH_COMPONENT_CODE"));

/// The most octets of a component that are read. The built-in one is a thousandth of this.
const MOST_OCTETS: u64 = 128 << 20;

/// How often a running component looks whether it must stop, or must let others run.
const TICK: Duration = Duration::from_millis(20);

/// The component's stack, and that of a session with the host's functions on top. Untouched pages cost nothing.
const WASM_STACK: usize = 128 << 10;
const SESSION_STACK: usize = 512 << 10;

/// Everything that sessions share.
pub(crate) struct Loaded {
    engine: Engine,
    component: ClientPluginPre<Walls>,
    limits: Limits,
}

impl Loaded {
    pub(crate) fn load(options: SandboxOptions) -> Result<Self, LoadError> {
        let engine = engine().map_err(|cause| LoadError::Engine(one_line(&cause)))?;
        let (name, compiled) = match &options.component {
            Component::BuiltIn => ("the built-in component".to_owned(), built_in(&engine)),
            Component::File(path) => {
                let octets = read(path).map_err(|cause| LoadError::Read { path: path.clone(), cause })?;
                (path.display().to_string(), Compiled::from_binary(&engine, &octets))
            }
        };
        let not_it =
            |cause: wasmtime::Error| LoadError::NotTheComponent { name: name.clone(), cause: one_line(&cause) };
        let linker = linker(&engine).map_err(|cause| LoadError::Engine(one_line(&cause)))?;
        let pre = linker.instantiate_pre(&compiled.map_err(not_it)?).map_err(not_it)?;
        let component = ClientPluginPre::new(pre).map_err(not_it)?;
        start_ticking(&engine).map_err(|cause| LoadError::Engine(format!("no thread for its clock: {cause}")))?;
        Ok(Loaded { engine, component, limits: options.limits })
    }

    pub(crate) async fn instantiate(&self, reach: Reach<'_>, until: Option<Instant>) -> Result<SessionStore, Stopped> {
        SessionStore::instantiate(&self.engine, &self.component, reach, self.limits, until).await
    }
}

/// Reads a file that is no larger than a component can be.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    fs::File::open(path)?.take(MOST_OCTETS).read_to_end(&mut octets)?;
    Ok(octets)
}

fn engine() -> wasmtime::Result<Engine> {
    let mut config = config::config();
    config.max_wasm_stack(WASM_STACK);
    config.async_stack_size(SESSION_STACK);
    Engine::new(&config)
}

/// The code that the build script made of the built-in component; or, on a processor that cannot run that code, what
/// the compiler makes of it now.
fn built_in(engine: &Engine) -> wasmtime::Result<Compiled> {
    #[expect(unsafe_code, reason = "machine code is run as it is")]
    // SAFETY: the octets are those that wasmtime's own compiler has given, and part of this very program. Whether they
    // fit this engine and processor is checked.
    let compiled = unsafe { Compiled::deserialize(engine, BUILT_IN_CODE) };
    compiled.or_else(|_| Compiled::from_binary(engine, COMPONENT))
}

/// Links what the world imports, and nothing else.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<Walls>> {
    struct Streams;
    impl HasData for Streams {
        type Data<'a> = &'a mut ResourceTable;
    }

    let mut linker = Linker::new(engine);
    let l = &mut linker;
    clocks::monotonic_clock::add_to_linker::<Walls, WasiClocks>(l, Walls::clocks)?;
    io::error::add_to_linker::<Walls, Streams>(l, |walls| walls.ctx().table)?;
    io::poll::add_to_linker::<Walls, Streams>(l, |walls| walls.ctx().table)?;
    io::streams::add_to_linker::<Walls, Streams>(l, |walls| walls.ctx().table)?;
    random::random::add_to_linker::<Walls, WasiRandom>(l, Walls::random)?;
    sockets::instance_network::add_to_linker::<Walls, WasiSockets>(l, Walls::sockets)?;
    sockets::network::add_to_linker::<Walls, WasiSockets>(
        l,
        &sockets::network::LinkOptions::default(),
        Walls::sockets,
    )?;
    wasi::sockets::tcp::add_to_linker::<Walls, WasiTcp>(l, Walls::network)?;
    wasi::sockets::tcp_create_socket::add_to_linker::<Walls, WasiTcp>(l, Walls::network)?;
    let mut options = wasi_tls::LinkOptions::default();
    options.tls(true);
    wasi_tls::add_to_linker::<Walls, WasiTls>(l, &options, Walls::tls)?;
    Ok(linker)
}

/// Advances the engine's epoch for as long as the engine lives.
fn start_ticking(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    let tick = move || {
        loop {
            thread::sleep(TICK);
            let Some(engine) = engine.upgrade() else { return };
            engine.increment_epoch();
        }
    };
    thread::Builder::new().name("popfetch-epoch".to_owned()).spawn(tick).map(drop)
}

/// The outer causes say what was looked at, the inner ones what is wrong with it.
fn one_line(error: &wasmtime::Error) -> String {
    let causes = error.chain().map(ToString::to_string);
    let first_lines = causes.map(|cause| cause.lines().next().unwrap_or_default().to_owned());
    first_lines.collect::<Vec<_>>().join(": ")
}
