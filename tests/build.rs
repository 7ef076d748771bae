//! Builds the components that the suites need: the command of `guest/command`, one that tries the walls, and one that
//! measures.

#[path = "../host/build/guest.rs"]
mod guest;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=../host/build/guest.rs");
    println!("cargo::rerun-if-changed=misbehaving/Cargo.toml");
    println!("cargo::rerun-if-changed=misbehaving/src");
    println!("cargo::rerun-if-changed=../guest/protocol/benches");
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            println!("cargo::error={problem}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    tell("POPFETCH_COMMAND_COMPONENT", &command("command", "")?);
    tell("POPFETCH_COMMAND_COMPONENT_WITH_TLS", &command("command-with-tls", "tls")?);
    tell("POPFETCH_MISBEHAVING_COMPONENT", &misbehaving("misbehaving", "")?);
    tell("POPFETCH_PARKING_COMPONENT", &misbehaving("parking", "parks-at-start")?);
    tell("POPFETCH_SPEED_COMPONENT", &speed()?);
    Ok(())
}

/// Builds the component of `guest/command` with these features under a name of its own.
fn command(name: &str, features: &str) -> Result<PathBuf, String> {
    let features = format!("--features={features}");
    keep(&guest::build(&["build", "--package=popfetch-command", &features], "popfetch-command.wasm")?, name)
}

/// Builds the component of `tests/misbehaving` with these features under a name of its own.
fn misbehaving(name: &str, features: &str) -> Result<PathBuf, String> {
    let features = format!("--features={features}");
    let arguments = ["rustc", "--package=popfetch-misbehaving", "--lib", "--crate-type=cdylib", &features];
    keep(&guest::build(&arguments, "popfetch_misbehaving.wasm")?, name)
}

/// Builds the workloads of the protocol core.
fn speed() -> Result<PathBuf, String> {
    let arguments = ["build", "--package=pop3-protocol-benches", "--bin=pop3-protocol-speed"];
    keep(&guest::build(&arguments, "pop3-protocol-speed.wasm")?, "speed")
}

/// Copies a component to where the next build does not replace it.
fn keep(built: &Path, name: &str) -> Result<PathBuf, String> {
    let directory = env::var("OUT_DIR").map_err(|_| "cargo did not set OUT_DIR".to_owned())?;
    let path = Path::new(&directory).join(name).with_extension("wasm");
    fs::copy(built, &path).map_err(|error| format!("cannot copy {}: {error}", built.display()))?;
    Ok(path)
}

fn tell(name: &str, path: &Path) {
    println!("cargo::rustc-env={name}={}", path.display());
}
