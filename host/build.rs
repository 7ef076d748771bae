//! Builds the component from `guest/`, compiles it for the machine, and leaves both where `include_bytes!` finds them.

#[path = "build/config.rs"]
mod config;
#[path = "build/guest.rs"]
mod guest;

use std::env;
use std::fs;
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
    let built = guest::build(&arguments, "popfetch_component.wasm")?;
    // A place of its own: what cargo builds there next must not become a part of this program unseen.
    let out = PathBuf::from(env::var("OUT_DIR").map_err(|_| "cargo did not set OUT_DIR")?);
    let component = out.join("popfetch_component.wasm");
    let code = out.join("popfetch_component.code");
    fs::copy(&built, &component).map_err(|error| format!("cannot copy {}: {error}", built.display()))?;
    let compiled = compile(&component).unwrap_or_else(|error| {
        // A target that this compiler does not know: the program will compile the component when it runs.
        println!("cargo::warning=the component is not compiled ahead of time: {error}");
        Vec::new()
    });
    fs::write(&code, compiled).map_err(|error| format!("cannot write {}: {error}", code.display()))?;
    println!("cargo::rustc-env=POPFETCH_COMPONENT={}", component.display());
    println!("cargo::rustc-env=POPFETCH_COMPONENT_CODE={}", code.display());
    Ok(())
}

/// Machine code, so that no run of the program has to wait for a compiler.
fn compile(component: &Path) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut config = config::config();
    let target = env::var("TARGET")?;
    // This machine's processor is known; of another one, only its kind is.
    if target != env::var("HOST")? {
        config.target(&target)?;
    }
    Ok(wasmtime::Engine::new(&config)?.precompile_component(&fs::read(component)?)?)
}
