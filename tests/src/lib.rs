//! What the suites of popfetch play against: a model POP3 server with faults that are switched on one by one, scripted
//! conversations, a private Dovecot, realistic mail, and the reading back of what was delivered.
//!
//! Nothing here depends on popfetch: a test of the command and a test of the library use the same servers.
//!
//! ```
//! use popfetch_tests::maildrop::{Maildrop, Message};
//! use popfetch_tests::server::{At, Ending, Fault, ModelServer, Script};
//!
//! let server = ModelServer::start(
//!     Script::with(Maildrop::new([Message::new("uid-1", "Subject: hello\r\n\r\nbody\r\n")]))
//!         // The first connection is cut in the middle of the message, the second one is honest.
//!         .fault(At::verb("RETR").connection(1), Fault::CutContent { after: 10, ending: Ending::Close }),
//! );
//! let address = server.address();
//! // … run a client against `address` …
//! assert_eq!(server.commands(), Vec::<String>::new());
//! assert_eq!(server.maildrop().len(), 1);
//! ```

pub mod authority;
pub mod command;
pub mod dovecot;
pub mod fingerprint;
pub mod in_memory;
pub mod maildir;
pub mod maildrop;
pub mod power_loss;
pub mod recording;
pub mod server;
pub mod survival;
#[cfg(feature = "ptrace")]
pub mod tracer;
