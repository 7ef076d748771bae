//! What the component would be if a server had taken it over: of the same world, and up to no good.
//!
//! It does as it is told, so that a test reads as what happens: the server's name is a [`deed`] to do in `connect`, and
//! the user's name is a [`tale`] of what to do and to say in the verbs after `sign-in`. There is no server.
//!
//! It is built for the sandbox alone; for any other machine this crate is empty.
#![cfg(target_arch = "wasm32")]
#![no_std]

extern crate alloc;

mod deed;
mod network;
#[path = "../../../guest/src/runtime.rs"]
mod runtime;
mod tale;
mod tls;
mod verbs;
mod words;

use bindings::exports::popfetch::pop3::types;

/// What `wit/` says, in Rust.
#[allow(clippy::all, clippy::restriction, missing_docs, rust_2018_idioms, unreachable_pub, unsafe_code)]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "client-plugin",
        features: ["tls"],
        // What is not named here: wasi:tls, which no crate has.
        generate_all,
        with: {
            "wasi:clocks/monotonic-clock@0.2.12": ::wasi::clocks::monotonic_clock,
            "wasi:io/error@0.2.12": ::wasi::io::error,
            "wasi:io/poll@0.2.12": ::wasi::io::poll,
            "wasi:io/streams@0.2.12": ::wasi::io::streams,
            "wasi:random/random@0.2.12": ::wasi::random::random,
            "wasi:sockets/instance-network@0.2.12": ::wasi::sockets::instance_network,
            "wasi:sockets/network@0.2.12": ::wasi::sockets::network,
            "wasi:sockets/tcp@0.2.12": ::wasi::sockets::tcp,
            "wasi:sockets/tcp-create-socket@0.2.12": ::wasi::sockets::tcp_create_socket,
        },
    });
}

/// Runs before any verb: the host calls it while it instantiates.
#[cfg(feature = "parks-at-start")]
#[expect(unsafe_code, reason = "the name is what makes it run")]
#[unsafe(export_name = "_initialize")]
extern "C" fn initialize() {
    deed::park();
}
