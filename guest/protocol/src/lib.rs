//! The client's side of POP3 as a state machine: RFC 1939, with `CAPA` (RFC 2449), `STLS` (RFC 2595), `AUTH` (RFC 5034),
//! `UTF8` and `LANG` (RFC 6856). It does no I/O and knows no time.
//!
//! A [`Session`] stands between a caller and a server:
//!
//! - [`Session::enqueue`] takes a [`Command`], checks that the state and its arguments allow it, and adds it to the
//!   output and to the queue of replies that are awaited. Several commands may be in flight.
//! - [`Session::take_output`] gives the octets to send.
//! - [`Session::receive`] takes octets as they arrive, split anywhere, and gives one [`Event`] after the other.
//! - [`Session::end_of_input`] says that the server has closed the connection.
//!
//! Call `receive` until it gives no event, then feed it more. What it has consumed is never looked at again. Message
//! content is unstuffed in place and never held back, listings are given row by row: the memory of a session is one
//! line and the queue of commands, whatever the server sends.
//!
//! What an exchange of `AUTH` says is not the session's business: [`sasl`] knows the mechanisms.
//!
//! ```
//! use pop3_protocol::{Command, Event, Limits, Session};
//!
//! let mut session = Session::new(Limits::default());
//! let mut greeting = *b"+OK ready\r\n";
//! assert!(matches!(session.receive(&mut greeting)?.event, Some(Event::Greeting(_))));
//!
//! session.enqueue(Command::User("mrose"))?;
//! assert_eq!(session.take_output(), b"USER mrose\r\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]

extern crate alloc;

mod apop;
mod body;
mod command;
mod error;
mod escape;
mod line;
mod printable;
mod repeat;
mod reply;
mod rows;
pub mod sasl;
mod session;
mod trace;

pub use apop::Timestamp;
pub use command::{Command, Sent};
pub use error::{CommandError, ProtocolError};
pub use escape::escape;
pub use reply::{Reply, ResponseCode};
pub use rows::Capability;
pub use session::{Event, Limits, Session, State, Step};
pub use trace::{Trace, TraceLine};
