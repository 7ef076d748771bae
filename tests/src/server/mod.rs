//! A model POP3 server, correct after RFC 1939, RFC 2449, RFC 2595 and RFC 5034 until a [`Script`] says otherwise.
//!
//! The way of one command: `link` reads a line from its `stream`, `session` knows the state and asks `sign_in`,
//! `capabilities` or `transaction` for the honest `reply`, the `fault`s that match rewrite it, and `link` plays the
//! actions that are left onto the wire.

mod capabilities;
mod fault;
mod link;
mod log;
mod maildrop_lock;
mod model;
mod replay;
mod reply;
mod rule;
mod sasl;
mod script;
mod session;
mod sign_in;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod transaction;
mod wire;

pub use fault::{Action, Banner, Ending, Fault, Row};
pub use log::{Direction, Entry, Transcript};
pub use model::ModelServer;
pub use replay::{Mismatch, Replay, ReplayServer};
pub use rule::{At, Rule};
pub use sasl::{InitialResponse, Mechanism, Sasl, Scram, ScramFault};
pub use script::{Announced, Pipelining, Script};
pub use tls::{ClientCertificate, ServerTls, TlsMode, TlsVersions};
pub use wire::{LineEnd, Segments, Stuffing, Wire};
