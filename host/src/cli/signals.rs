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
    /// From now on. Where a handler cannot be had, the signal ends the process as ever; one that is ignored, as `nohup` and
    /// shells have it for what runs in the background, stays so.
    pub(super) fn listen() -> Self {
        let ignored = ignored();
        let unless_ignored = |kind: SignalKind| {
            let is_ignored = (ignored >> (kind.as_raw_value() - 1)) & 1 == 1;
            if is_ignored { None } else { signal(kind).ok() }
        };
        Signals {
            interrupt: unless_ignored(SignalKind::interrupt()),
            terminate: unless_ignored(SignalKind::terminate()),
            hang_up: unless_ignored(SignalKind::hangup()),
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

/// Which signals are ignored, a bit for each from 1 on; none where the system does not tell.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
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
