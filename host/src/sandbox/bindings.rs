//! What `wit/` says, in Rust. The documentation is in `wit/`.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "client-plugin",
    exports: { default: async },
    with: {
        "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
        "wasi:io": wasmtime_wasi::p2::bindings::io,
        "wasi:random": wasmtime_wasi::p2::bindings::random,
        "wasi:sockets": wasmtime_wasi::p2::bindings::sockets,
        "wasi:tls": wasmtime_wasi_tls::p2::bindings,
    },
    require_store_data_send: true,
});
