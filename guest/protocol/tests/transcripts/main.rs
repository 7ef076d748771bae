//! The protocol in stories of what the client (`C:`) and the server (`S:`) say; see `play` for how they are written.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what plays a story fails the test by a panic, and the lint knows only functions that are tests themselves"
)]

#[path = "../events/mod.rs"]
mod events;
mod play;

mod arguments;
mod auth;
mod commands;
mod content;
mod language;
mod limits;
mod listings;
mod netx;
mod replies;
mod states;
mod stls;
mod trace;
