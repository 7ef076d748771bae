//! The command `popfetch`.

mod arguments;
mod auth;
mod connect;
mod failure;
mod fetch;
mod info;
mod list;
mod output;
mod password;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use tokio::signal::unix::{SignalKind, signal};

use arguments::{Arguments, Command};
use failure::{Exit, Failure};
use output::Reporter;

/// Runs the command on the arguments of this process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Printing can fail where standard output is closed; there is nobody to tell.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(Exit::Usage as u8),
            };
        }
    };
    let output = match &arguments.command {
        Command::Fetch(fetch) => fetch.output,
        Command::List(list) => list.output,
        Command::Info(info) => info.output,
    };
    let reporter = std::sync::Arc::new(Reporter::new(output));
    // One account is one task; delivery has a thread of its own.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("popfetch: cannot start: {error}");
            return ExitCode::from(Exit::Software as u8);
        }
    };
    let done = runtime.block_on(async {
        // In place before the terminal is asked for a password, so that an interrupt there gives back its echo.
        let mut interrupt = signal(SignalKind::interrupt()).ok();
        let interrupted = async {
            match &mut interrupt {
                Some(interrupt) => interrupt.recv().await,
                None => std::future::pending().await,
            }
        };
        let run = async {
            match arguments.command {
                Command::Fetch(fetch) => fetch::run(fetch, &reporter).await,
                Command::List(list) => list::run(list, &reporter).await,
                Command::Info(info) => info::run(info, &reporter).await,
            }
        };
        tokio::select! {
            done = run => done.and_then(|()| reporter.check()),
            _ = interrupted => Err(Failure::Interrupted),
        }
    });
    // A thread may still wait for a password command or a name server; what it does no longer matters.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            reporter.failed(&failure);
            ExitCode::from(failure.exit() as u8)
        }
    }
}
