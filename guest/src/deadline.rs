//! Until when to wait.

use wasi::clocks::monotonic_clock::{self, Duration, Instant};
use wasi::io::poll::{self, Pollable};

use crate::types::{Error, Wait};

/// A moment, and what was too slow if it passes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Instant,
    wait: Wait,
}

impl Deadline {
    /// `duration` from now.
    pub(crate) fn after(duration: Duration, wait: Wait) -> Self {
        Deadline { at: monotonic_clock::now().saturating_add(duration), wait }
    }

    /// The earlier of the two.
    pub(crate) fn or_earlier(self, other: Option<Self>) -> Self {
        other.filter(|other| other.at < self.at).unwrap_or(self)
    }

    /// Fails if the moment has passed.
    pub(crate) fn check(self) -> Result<(), Error> {
        if monotonic_clock::now() < self.at { Ok(()) } else { Err(Error::Timeout(self.wait)) }
    }

    /// Blocks until `ready` is.
    pub(crate) fn wait_for(self, ready: &Pollable) -> Result<(), Error> {
        let timer = monotonic_clock::subscribe_instant(self.at);
        if poll::poll(&[ready, &timer]).contains(&0) { Ok(()) } else { Err(Error::Timeout(self.wait)) }
    }
}
