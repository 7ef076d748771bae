//! The signals that end a run.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::failure::Exit;

/// Listens for the signals by which people, terminals and service managers end a program, so that a run ends tidily: no
/// half message in `tmp`, and the terminal's echo back after a password prompt.
pub(super) struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
    hang_up: Option<Signal>,
    /// Without a handler, the first octet beyond what `ulimit -f` allows ends the process. With one, it is an error of
    /// the write, and is told like any other.
    _file_too_large: Option<Signal>,
}

impl Signals {
    /// From now on. Where a handler cannot be had, the signal ends the process as ever.
    pub(super) fn listen() -> Self {
        Signals {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
            hang_up: signal(SignalKind::hangup()).ok(),
            _file_too_large: signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).ok(),
        }
    }

    /// Waits for one of them, and gives the exit code of a program that it has ended.
    pub(super) async fn arrived(mut self) -> Exit {
        tokio::select! {
            () = arrival(&mut self.interrupt) => Exit::Interrupted,
            () = arrival(&mut self.terminate) => Exit::Terminated,
            () = arrival(&mut self.hang_up) => Exit::HungUp,
        }
    }
}

async fn arrival(signal: &mut Option<Signal>) {
    let arrived = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if arrived.is_none() {
        std::future::pending().await
    }
}
