//! Builds the command component from `guest/command` for its suite.

#[path = "../host/build/guest.rs"]
mod guest;

use std::process::ExitCode;

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=../host/build/guest.rs");
    match guest::build(&["build", "--package=popfetch-command"], "popfetch-command.wasm") {
        Ok(path) => {
            println!("cargo::rustc-env=POPFETCH_COMMAND_COMPONENT={}", path.display());
            ExitCode::SUCCESS
        }
        Err(problem) => {
            println!("cargo::error={problem}");
            ExitCode::FAILURE
        }
    }
}
