//! The POP3 session over WASI 0.2: drives [`pop3_protocol`] over `wasi:sockets` and, with the feature `tls`, `wasi:tls`, with
//! the deadlines of `wasi:clocks`.
//!
//! With the feature `component` this is the component of `wit/`: [`export`] gives the verbs of [`Session`] and
//! [`Transfer`] to the host, `runtime` stands in for the standard library, so that nothing is imported that the world
//! does not name. Without it, this is the library that `guest/command` is made of.
#![cfg_attr(feature = "component", no_std)]

extern crate alloc;

mod connection;
mod deadline;
mod failure;
mod inbox;
mod session;
mod tls;
mod trace;

#[cfg(feature = "component")]
mod export;
#[cfg(feature = "component")]
mod runtime;

pub use bindings::exports::popfetch::pop3::types;
pub use session::{Session, Transfer};
pub use trace::Trace;

/// What `wit/` says, in Rust.
#[allow(clippy::all, clippy::restriction, missing_docs, rust_2018_idioms, unreachable_pub, unsafe_code)]
mod bindings {
    macro_rules! generate {
        ($world:literal) => {
            wit_bindgen::generate!({
                path: "../wit",
                world: $world,
                features: ["tls"],
                // Then the exports are asked for where they are: in `export`, and not of a command made of this library.
                pub_export_macro: true,
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
        };
    }

    #[cfg(not(feature = "tls"))]
    generate!("cleartext-client-plugin");
    #[cfg(feature = "tls")]
    generate!("client-plugin");
}
