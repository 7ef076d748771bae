//! What `wit/` says, in Rust. The documentation is in `wit/`.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "client-plugin",
    imports: { default: trappable },
    exports: { default: async },
    with: {
        "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
        "wasi:io": wasmtime_wasi::p2::bindings::io,
        "wasi:random": wasmtime_wasi::p2::bindings::random,
        "wasi:sockets/instance-network": wasmtime_wasi::p2::bindings::sockets::instance_network,
        "wasi:sockets/network": wasmtime_wasi::p2::bindings::sockets::network,
        "wasi:sockets/tcp.tcp-socket": crate::sandbox::tcp::TcpSocket,
        "wasi:tls/types.client-connection": crate::tls::wasi::ClientConnection,
        "wasi:tls/types.client-handshake": crate::tls::wasi::ClientHandshake,
        "wasi:tls/types.future-client-streams": crate::tls::wasi::FutureClientStreams,
    },
    require_store_data_send: true,
});
