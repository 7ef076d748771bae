//! The command is stopped at each of its system calls: killed there, told that the call has failed, or what it has done
//! until then is held against a disk of which the power fails. It runs with the feature `ptrace` only.
//!
//! With `POPFETCH_CRASH=full` each call has its turn, and else a sample of them.

#[path = "crash/faults.rs"]
mod faults;
#[path = "crash/letters.rs"]
mod letters;
#[path = "crash/odd_ids.rs"]
mod odd_ids;
#[path = "crash/points.rs"]
mod points;
#[path = "crash/power_loss.rs"]
mod power_loss;

use popfetch_tests::survival::Mailbox;

/// A mailbox of these letters, fetched with or without `--delete`.
fn mailbox(maildrop: popfetch_tests::maildrop::Maildrop, delete: bool) -> Mailbox {
    let script = popfetch_tests::command::script(maildrop);
    Mailbox::new(env!("CARGO_BIN_EXE_popfetch-under-test"), script, delete)
}
