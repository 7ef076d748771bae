//! Messages on their way out of the sandbox.

use wasmtime::component::ResourceAny;

use super::order::Order;
use super::{Piece, Session, SessionError, Stopped};

/// Gives the content of messages piece by piece. Left before its end, it leaves a session that can only be dropped.
#[derive(Debug)]
pub struct Transfer<'s> {
    session: &'s mut Session,
    handle: ResourceAny,
    order: Order,
    complete: bool,
}

impl<'s> Transfer<'s> {
    pub(super) fn new(session: &'s mut Session, handle: ResourceAny, messages: &[u32]) -> Self {
        // Until the transfer is at its end; replies that are on their way would be taken for those of other commands.
        session.ended = true;
        Transfer { session, handle, order: Order::of(messages), complete: false }
    }

    /// The next pieces, as many as have arrived but at least one. None: the transfer is at its end.
    ///
    /// Content comes in pieces of up to 64 KiB, so that a message of any size takes constant memory. The messages come
    /// in the order in which they were asked for, whatever the component does: see [`Stopped::OutOfContract`].
    ///
    /// # Errors
    ///
    /// Typically `closed`, `timeout`, `misbehaved`: the message that had begun is incomplete, and there is no more.
    pub async fn next(&mut self) -> Result<Vec<Piece>, SessionError> {
        if self.complete {
            return Ok(Vec::new());
        }
        let handle = self.handle;
        let pieces = self.session.call_transfer(async |verbs, store| verbs.call_next(store, handle).await).await;
        let pieces = pieces.and_then(|mut pieces| match self.order.check(&pieces) {
            Ok(()) => {
                self.session.confidential.keep_out_of_pieces(&mut pieces);
                Ok(pieces)
            }
            Err(problem) => Err(self.session.stop(Stopped::OutOfContract(problem))),
        });
        self.complete = pieces.as_ref().map_or(true, Vec::is_empty);
        if self.complete && self.session.broken.is_none() {
            // The component frees what it held for the transfer; a sound one cannot wait for anything there.
            let dropped =
                self.session.call_transfer(async |_, store| Ok(Ok(handle.resource_drop_async(store).await?)));
            let dropped = dropped.await;
            self.session.ended = pieces.is_err() || dropped.is_err();
            return pieces.and_then(|pieces| dropped.map(|()| pieces));
        }
        pieces
    }
}
