//! Builds the component from `guest/`, compiles it for the machine, and leaves both where `include_bytes!` finds them.

#[path = "build/config.rs"]
mod config;
#[path = "build/guest.rs"]
mod guest;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build");
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            println!("cargo::error={problem}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let arguments = ["rustc", "--package=popfetch-component", "--lib", "--crate-type=cdylib", "--features=component"];
    let component = guest::build(&arguments, "popfetch_component.wasm")?;
    let code = compile(&component).map_err(|error| format!("the component could not be compiled: {error}"))?;
    println!("cargo::rustc-env=POPFETCH_COMPONENT={}", component.display());
    println!("cargo::rustc-env=POPFETCH_COMPONENT_CODE={}", code.display());
    Ok(())
}

/// Machine code, so that no run of the program has to wait for a compiler.
fn compile(component: &Path) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let mut config = config::config();
    let target = env::var("TARGET")?;
    // This machine's processor is known; of another one, only its kind is.
    if target != env::var("HOST")? {
        config.target(&target)?;
    }
    let code = wasmtime::Engine::new(&config)?.precompile_component(&std::fs::read(component)?)?;
    let path = PathBuf::from(env::var("OUT_DIR")?).join("popfetch_component.code");
    std::fs::write(&path, code)?;
    Ok(path)
}
