//! The command `popfetch`.

mod arguments;
mod auth;
mod connect;
mod failure;
mod fetch;
mod info;
mod journal;
mod list;
mod output;
mod password;
mod place;
mod shared;
mod sign_in;
mod signals;
mod state;
mod target;
mod trace;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::error::{ContextValue, ErrorKind};

use arguments::{Arguments, Command};
use failure::{Exit, Failure};
use output::Reporter;
use signals::Signals;

use crate::escape::escape;

/// How long threads may take to end after the run.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// Runs the command on these arguments, of which the first is its name. Gives the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return answer_without_running(&error),
    };
    let output = match &arguments.command {
        Command::Fetch(fetch) => fetch.output,
        Command::List(list) => list.output,
        Command::Info(info) => info.output,
        Command::Journal(journal) => journal.output,
    };
    let reporter = std::sync::Arc::new(Reporter::new(output));
    allow_open_files();
    // One account is one task; delivery has a thread of its own.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::complain(&format!("cannot start: {error}"));
            return ExitCode::from(Exit::Software as u8);
        }
    };
    let done = runtime.block_on(async {
        // In place before the terminal is asked for a password.
        let signals = Signals::listen();
        let run = async {
            match arguments.command {
                Command::Fetch(fetch) => fetch::run(fetch, &reporter).await,
                Command::List(list) => list::run(list, &reporter).await,
                Command::Info(info) => info::run(info, &reporter).await,
                Command::Journal(journal) => journal::run(journal, &reporter),
            }
        };
        tokio::select! {
            done = run => done.and_then(|()| reporter.check()),
            exit = signals.arrived() => Err(Failure::Interrupted(exit)),
        }
    });
    // The storing thread ends its group and removes what is incomplete. One that waits for a password command or a
    // name server is not waited for.
    runtime.shutdown_timeout(SHUTDOWN);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // What has failed at each of several accounts was said.
            if !matches!(failure, Failure::Accounts { .. }) {
                reporter.failed(&failure);
            }
            ExitCode::from(failure.exit() as u8)
        }
    }
}

/// Each message of a group that is being stored is an open file. The usual limit of 1024 is one for old programs.
fn allow_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Where that is not permitted, groups are smaller.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Help and version on standard output, or what is wrong with the command line, in one line.
fn answer_without_running(error: &clap::Error) -> ExitCode {
    // Where printing fails, there is nobody to tell.
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
        }
        _ => output::complain(&format!("{}; try --help", one_line(error))),
    }
    ExitCode::from(Exit::Usage as u8)
}

/// The problem, without how the command is used, which --help says better, and without URLs: they may hold a password.
fn one_line(error: &clap::Error) -> String {
    let mut text = error.to_string();
    for (_, value) in error.context() {
        if let ContextValue::String(value) = value
            && value.contains(['@', ':'])
        {
            text = text.replace(value.as_str(), "(a URL)");
        }
    }
    let problem = ["\n\nUsage:", "\n\nFor more", "\n\n  tip:"]
        .into_iter()
        .fold(text.as_str(), |problem, behind| problem.split(behind).next().unwrap_or_default())
        .trim_start_matches("error: ");
    let words: Vec<&str> = problem.split_whitespace().collect();
    escape(words.join(" ").as_bytes()).to_string()
}
