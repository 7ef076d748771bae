//! Messages on their way out of the sandbox.

use wasmtime::component::ResourceAny;

use super::{Piece, Session, SessionError, Stopped};

/// Gives the content of messages piece by piece. Left before its end, it leaves a session that can only be dropped.
#[derive(Debug)]
pub struct Transfer<'s> {
    session: &'s mut Session,
    handle: ResourceAny,
    complete: bool,
}

impl<'s> Transfer<'s> {
    pub(super) fn new(session: &'s mut Session, handle: ResourceAny) -> Self {
        // Until the transfer is at its end; replies that are on their way would be taken for those of other commands.
        session.ended = true;
        Transfer { session, handle, complete: false }
    }

    /// The next pieces, as many as have arrived but at least one. None: the transfer is at its end.
    ///
    /// Content comes in pieces of up to 64 KiB, so that a message of any size takes constant memory.
    ///
    /// # Errors
    ///
    /// Typically `closed`, `timeout`, `misbehaved`: the message that had begun is incomplete, and there is no more.
    pub async fn next(&mut self) -> Result<Vec<Piece>, SessionError> {
        if self.complete {
            return Ok(Vec::new());
        }
        self.session.check()?;
        // Should this future be dropped half way, this stays.
        self.session.broken = Some(Stopped::Trapped("an earlier call was cancelled".to_owned()));
        let (verbs, store) = self.session.sandboxed.transfer();
        let outcome = self.session.guard.run(verbs.call_next(&mut *store, self.handle)).await;
        let pieces = self.session.leave(outcome);
        self.complete = pieces.as_ref().map_or(true, Vec::is_empty);
        if self.complete && self.session.broken.is_none() {
            // The component frees what it held for the transfer. It cannot wait for anything there.
            let (_, store) = self.session.sandboxed.transfer();
            self.session.guard.run(self.handle.resource_drop_async(store)).await?;
            self.session.ended = pieces.is_err();
        }
        pieces
    }
}
