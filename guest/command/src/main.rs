//! Fetches a maildrop into a Maildir, all inside a sandbox: a command component (`wasi:cli/run`) for `wasmtime run`.
//!
//! The session is that of the plugin component. What the component may reach is what the host that runs it gives: a
//! network, and one directory for the Maildir and the password file.

mod arguments;
mod fetch;
mod maildir;

use std::process::ExitCode;

use arguments::Arguments;

fn main() -> ExitCode {
    let done = match Arguments::from_command_line() {
        Ok(Some(arguments)) => fetch::fetch(&arguments),
        Ok(None) => {
            println!("{}", arguments::HELP);
            return ExitCode::SUCCESS;
        }
        Err(problem) => Err(problem.to_string()),
    };
    match done {
        Ok(fetched) => {
            println!("{} messages stored, {} deleted", fetched.stored, fetched.deleted);
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("popfetch-command: {problem}");
            ExitCode::FAILURE
        }
    }
}
