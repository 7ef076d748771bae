//! One session's share of the sandbox.

use std::net::SocketAddr;

use tokio::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime::{Engine, ResourceLimiter, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::bindings::{ClientPlugin, ClientPluginPre};
use super::tcp::{Network, NetworkView};
use super::{Guard, GuestSession, GuestTrace, GuestTransfer, Limits, Stopped};
use crate::tls::{Provider, TlsView};

/// An instance of the component, with its memory and its sockets. Dropping it closes the connection.
pub(crate) struct SessionStore {
    pub(crate) store: Store<Walls>,
    instance: ClientPlugin,
    pub(crate) limits: Limits,
}

/// What of the world a session may reach.
pub(crate) struct Reach<'a> {
    /// The addresses of its server.
    pub(crate) addresses: &'a [SocketAddr],
    /// The TLS that it gets if it asks for some.
    pub(crate) tls: Provider,
    /// Whether that has come about. From then on there is no further connection, on which something could go out in clear
    /// text.
    pub(crate) is_protected: Box<dyn Fn() -> bool + Send + Sync>,
}

/// What the host's functions know of a session.
pub(crate) struct Walls {
    wasi: WasiCtx,
    network: Network,
    tls: Provider,
    table: ResourceTable,
    growth: Growth,
}

/// How far memories and tables may grow.
struct Growth {
    memory: usize,
    table_elements: usize,
}

/// The component wanted more memory than it may have.
#[derive(Debug, thiserror::Error)]
#[error("memory limit")]
pub(crate) struct MemoryLimit;

impl SessionStore {
    pub(crate) async fn instantiate(
        engine: &Engine,
        component: &ClientPluginPre<Walls>,
        reach: Reach<'_>,
        limits: Limits,
        until: Option<Instant>,
    ) -> Result<Self, Stopped> {
        let mut store = Store::new(engine, Walls::around(reach, limits));
        store.limiter(|walls| &mut walls.growth);
        store.set_hostcall_fuel(limits.octets_a_call);
        // Its own resources and those that it lends in a call are handles, too.
        store.set_max_component_handles(limits.resources.saturating_mul(4));
        // Runs for one tick, then lets others run.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let guard = Guard { busy: limits.busy, memory: limits.memory, until };
        let instance = guard.run(component.instantiate_async(&mut store)).await?;
        Ok(SessionStore { store, instance, limits })
    }

    /// The verbs of a session, and the store to call them on.
    pub(crate) fn session(&mut self) -> (GuestSession<'_>, &mut Store<Walls>) {
        (self.instance.popfetch_pop3_client().session(), &mut self.store)
    }

    /// The verbs of a trace, and the store to call them on.
    pub(crate) fn trace(&mut self) -> (GuestTrace<'_>, &mut Store<Walls>) {
        (self.instance.popfetch_pop3_client().trace(), &mut self.store)
    }

    /// The verbs of a transfer, and the store to call them on.
    pub(crate) fn transfer(&mut self) -> (GuestTransfer<'_>, &mut Store<Walls>) {
        (self.instance.popfetch_pop3_client().transfer(), &mut self.store)
    }
}

impl Walls {
    fn around(reach: Reach<'_>, limits: Limits) -> Self {
        // Nothing of the stock sockets: those of this host are all there are.
        let wasi = WasiCtx::builder().allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false).build();
        let network = Network { permitted: reach.addresses.into(), is_closed: reach.is_protected };
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.resources);
        let growth = Growth { memory: limits.memory, table_elements: limits.table_elements };
        Walls { wasi, network, tls: reach.tls, table, growth }
    }
}

impl WasiView for Walls {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl Walls {
    /// What the calls of `wasi:tls` work on.
    pub(crate) fn tls(&mut self) -> TlsView<'_> {
        TlsView { provider: &self.tls, table: &mut self.table }
    }

    /// What the calls of `wasi:sockets` work on.
    pub(super) fn network(&mut self) -> NetworkView<'_> {
        NetworkView { network: &self.network, table: &mut self.table }
    }
}

impl ResourceLimiter for Growth {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        // The component could not go on without the memory, so that it is better stopped here, with the cause known.
        if desired > self.memory { Err(MemoryLimit.into()) } else { Ok(true) }
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= self.table_elements)
    }

    fn instances(&self) -> usize {
        16
    }

    fn tables(&self) -> usize {
        16
    }

    fn memories(&self) -> usize {
        // Each of them could grow to the bound.
        1
    }
}
