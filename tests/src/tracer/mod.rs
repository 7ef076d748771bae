//! Runs the command under `ptrace`, and stops it before and after each system call that changes or shows anything: so it
//! can be killed there, or be told that the call has failed, and what it does can be recorded in its order.
//!
//! `strace -e inject` can do this to a program of one thread only: it counts the calls of each thread apart, so that the
//! n-th `write` of a run is nothing that it can be given. Here all threads are counted together.
//!
//! For Linux on x86-64.

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
compile_error!("the feature `ptrace` is for Linux on x86-64");

mod calls;
mod memory;
mod process;
mod ptrace;

use std::path::Path;

use crate::command::{Invocation, Run};
use crate::recording::Event;
use process::Process;

/// What becomes of the call at whose beginning or end the process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// It is carried out, or was.
    Go,
    /// SIGKILL. A call at its beginning is not carried out any more. What other threads have begun is.
    Kill,
    /// The call is not carried out, and gives this error. Nothing else than [`Go`](Self::Go) at the end of a call.
    Fail(i32),
    /// Only half of what is to be written or sent is taken, which any call may do. As [`Go`](Self::Go) for others.
    Halve,
}

/// Runs it to its end, and asks `watch` at each end of each call that has to do with a file below `root` or with a
/// connection.
///
/// # Panics
/// When this process may not trace others; and as [`Running::finish`](crate::command::Running::finish) does.
pub fn trace(invocation: Invocation<'_>, root: &Path, watch: impl FnMut(&Event) -> Order) -> Run {
    // It stops before it becomes the command, so that there is time to seize it.
    let stopping = invocation.under("sh", &["-c", r#"kill -STOP $$; exec "$@""#, "sh"]);
    stopping.watched(|id| Process::seize(id, root).watch(watch))
}

#[cfg(test)]
mod tests;
