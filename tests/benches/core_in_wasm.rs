//! The workloads of `guest/protocol/benches` in a sandbox, with the settings of popfetch's compiler:
//! `cargo bench --package popfetch-tests --bench core_in_wasm`.

#[path = "../../host/build/config.rs"]
mod config;

use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::p2::bindings::Command;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

struct Host {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

#[tokio::main]
async fn main() -> wasmtime::Result<()> {
    let engine = Engine::new(&config::config())?;
    let component = Component::from_file(&engine, env!("POPFETCH_SPEED_COMPONENT"))?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    let host = Host { wasi: WasiCtx::builder().inherit_stdio().build(), table: ResourceTable::new() };
    let mut store = Store::new(&engine, host);
    // It looks at the epoch as the component does, but nothing ends it.
    store.set_epoch_deadline(u64::MAX);
    let command = Command::instantiate_async(&mut store, &component, &linker).await?;
    let succeeded = command.wasi_cli_run().call_run(&mut store).await?;
    succeeded.map_err(|()| wasmtime::Error::msg("the workloads could not be run"))
}
