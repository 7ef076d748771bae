//! What `wit/` says, in Rust. The documentation is in `wit/`.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "cleartext-client-plugin",
    exports: { default: async },
    with: { "wasi": wasmtime_wasi::p2::bindings },
    require_store_data_send: true,
});
