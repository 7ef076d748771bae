//! POP3 in a sandbox.
//!
//! The POP3 session (RFC 1939) runs as a WebAssembly component that can reach the one server it was given and nothing
//! else; this crate is its host. The protocol is parsed only in the sandbox.
//!
//! - [`Sandbox`]: the component, loaded once for a process.
//! - [`Session`]: one connection, with an async call for each verb of POP3. Any number at a time.
//! - [`Mailbox`]: a mailbox that can be asked for new mail at any time.
//! - [`fetch`](fetch::fetch): a whole run: retrieve, deliver into a [`Maildir`](delivery::Maildir), delete.
//!
//! ```no_run
//! use popfetch::{Credentials, Piece, Sandbox, SandboxOptions, Secret, Security, Server, Session, SessionOptions};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::load(SandboxOptions::default())?;
//! let addresses = tokio::net::lookup_host("pop.example.org:110").await?.collect();
//! let server = Server { name: "pop.example.org".into(), addresses, security: Security::Cleartext };
//!
//! let mut session = Session::connect(&sandbox, &server, &SessionOptions::default()).await?;
//! let credentials = Credentials { user: "mrose".into(), secret: Secret::new("tanstaaf") };
//! session.sign_in(&credentials, &[popfetch::Mechanism::Apop]).await?;
//!
//! let maildrop = session.stat().await?;
//! let messages: Vec<u32> = (1..=maildrop.messages).collect();
//! let mut transfer = session.retrieve(&messages).await?;
//! loop {
//!     let pieces = transfer.next().await?;
//!     if pieces.is_empty() {
//!         break;
//!     }
//!     for piece in pieces {
//!         match piece {
//!             Piece::Begin(begin) => println!("message {}", begin.number),
//!             Piece::Content(octets) => println!("{} octets", octets.len()),
//!             Piece::End(_) => println!("complete"),
//!             Piece::Refused(refused) => println!("refused: {}", refused.reply.text),
//!         }
//!     }
//! }
//! session.quit().await?;
//! # Ok(())
//! # }
//! ```

pub mod cli;
pub mod delivery;
mod escape;
pub mod fetch;
mod fingerprint;
pub mod journal;
mod likeness;
mod mailbox;
mod sandbox;
mod secret;
mod server_url;
mod session;
mod tls;

/// What an error of a session is made of, as `wit/types.wit` has it.
pub mod contract {
    pub use crate::sandbox::contract::{Error, Excess, Misbehaviour, Refusal, Reply, ResponseCode, Wait};
}

pub use escape::{Escaped, escape, escape_cut};
pub use fingerprint::Fingerprint;
pub use likeness::{ContentHash, Likeness};
pub use mailbox::Mailbox;
pub use sandbox::contract::{Mechanism, Piece};
pub use sandbox::{CLEARTEXT_COMPONENT, COMPONENT, Component, Limits, LoadError, Sandbox, SandboxOptions, Stopped};
pub use secret::Secret;
pub use server_url::{Host, Scheme, ServerUrl, UrlError};
pub use session::{
    Capability, Credentials, Deletion, Greeting, Language, Maildrop, MessageBegin, MessageEnd, MessageRefused,
    ProtocolLimits, Reply, ResponseCode, ScanListing, ScramIterations, Security, Server, Session, SessionError,
    SessionOptions, Survey, Timeouts, Trace, TraceLine, Transfer, UniqueIdListing, UniqueIds, Wait,
};
pub use tls::{
    Pin, PinError, Tls, TlsDetails, TlsFailure, TlsFault, TlsIdentity, TlsOptions, TlsRoots, TlsSetupError, TlsVersion,
    TrustedBy, Untrusted,
};

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
