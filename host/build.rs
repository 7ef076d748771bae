//! Builds the component from `guest/`, with TLS and without, compiles the one with it for the machine, and leaves all three
//! where `include_bytes!` finds them.

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
    let with_tls = component("popfetch_component", "--features=component,tls")?;
    let cleartext = component("popfetch_component_cleartext", "--features=component")?;
    let code = with_tls.with_extension("code");
    let compiled = compile(&with_tls).unwrap_or_else(|error| {
        // A target that this compiler does not know: the program will compile the component when it runs.
        println!("cargo::warning=the component is not compiled ahead of time: {error}");
        Vec::new()
    });
    fs::write(&code, compiled).map_err(|error| format!("cannot write {}: {error}", code.display()))?;
    println!("cargo::rustc-env=POPFETCH_COMPONENT={}", with_tls.display());
    println!("cargo::rustc-env=POPFETCH_CLEARTEXT_COMPONENT={}", cleartext.display());
    println!("cargo::rustc-env=POPFETCH_COMPONENT_CODE={}", code.display());
    Ok(())
}

/// Builds the component with these features under a name of its own, in a place of its own: what cargo builds there next must
/// not become a part of this program unseen.
fn component(name: &str, features: &str) -> Result<PathBuf, String> {
    let arguments = ["rustc", "--package=popfetch-component", "--lib", "--crate-type=cdylib", features];
    let built = guest::build(&arguments, "popfetch_component.wasm")?;
    let out = PathBuf::from(env::var("OUT_DIR").map_err(|_| "cargo did not set OUT_DIR")?);
    let component = out.join(name).with_extension("wasm");
    fs::copy(&built, &component).map_err(|error| format!("cannot copy {}: {error}", built.display()))?;
    Ok(component)
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
