//! Watches one call into the component.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::Stopped;
use super::store::MemoryLimit;

/// What a call may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard {
    /// Time on the processor.
    pub(crate) busy: Duration,
    /// Octets of memory, to name the limit where it was reached.
    pub(crate) memory: usize,
    /// When the session as a whole is too long.
    pub(crate) until: Option<Instant>,
}

impl Guard {
    /// Runs a call to its end, unless it takes too long. After an error the store must not be used again.
    pub(crate) async fn run<T>(self, call: impl Future<Output = wasmtime::Result<T>>) -> Result<T, Stopped> {
        // A call that never waits would be over before the timer is looked at.
        if self.until.is_some_and(|until| Instant::now() >= until) {
            return Err(Stopped::Deadline);
        }
        let call = self.within_busy(call);
        let outcome = match self.until {
            Some(until) => tokio::time::timeout_at(until, call).await.map_err(|_| Stopped::Deadline)?,
            None => call.await,
        };
        outcome?.map_err(|error| self.trapped(&error))
    }

    /// A component that runs gives way at each tick of the epoch, so what one poll takes is what it has used.
    async fn within_busy<T>(self, call: impl Future<Output = T>) -> Result<T, Stopped> {
        let mut call = pin!(call);
        let mut used = Duration::ZERO;
        poll_fn(|context| {
            let begin = std::time::Instant::now();
            let polled = call.as_mut().poll(context);
            used += begin.elapsed();
            match polled {
                Poll::Ready(done) => Poll::Ready(Ok(done)),
                Poll::Pending if used > self.busy => Poll::Ready(Err(Stopped::Busy(self.busy))),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    fn trapped(self, error: &wasmtime::Error) -> Stopped {
        if error.is::<MemoryLimit>() {
            return Stopped::Memory(self.memory);
        }
        let cause = error.root_cause().to_string();
        Stopped::Trapped(cause.lines().next().unwrap_or_default().to_owned())
    }
}
