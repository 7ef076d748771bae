//! Hands on the lines of a session to whoever looks for a fault.

use std::fmt;
use std::sync::Arc;

use wasmtime::component::ResourceAny;

use super::TraceLine;
use super::secrecy::Confidential;
use crate::sandbox::{Guard, SessionStore, Stopped};

/// Takes each line of a session, both ways, in order, at the end of the call that has sent or received it. What it calls must
/// not block for long.
///
/// Passwords, tokens, digests and challenges stand in the lines as words in brackets, and the content of a message as its
/// length. The words are the server's: escape them before they reach a terminal.
#[derive(Clone)]
pub struct Trace(Arc<dyn Fn(&TraceLine) + Send + Sync>);

impl Trace {
    /// Calls this for each line.
    pub fn new(take: impl Fn(&TraceLine) + Send + Sync + 'static) -> Self {
        Trace(Arc::new(take))
    }

    /// Adds what is no line.
    pub(super) fn note(&self, note: &str) {
        (self.0)(&TraceLine { from_server: false, text: format!("[{note}]") });
    }

    /// Takes the lines that the component has collected.
    pub(super) async fn take(
        &self,
        sandboxed: &mut SessionStore,
        guard: Guard,
        collection: ResourceAny,
        confidential: &Confidential,
    ) -> Result<(), Stopped> {
        let (verbs, store) = sandboxed.trace();
        for mut line in guard.run(verbs.call_lines(store, collection)).await? {
            // In the client's own lines there is none.
            if line.from_server {
                confidential.hide_in(&mut line.text);
            }
            (self.0)(&line);
        }
        Ok(())
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trace(…)")
    }
}
