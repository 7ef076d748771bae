//! Builds a guest for wasm32-wasip2, adding that target when it is missing. A part of the build scripts of the host and
//! of the suites.

use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";

/// SIMD for the search in message bodies: every host of components has it.
const FEATURES: &str = "-Ctarget-feature=+simd128";

/// What a component is made of, below the top of the repository.
const SOURCES: [&str; 9] = [
    "Cargo.lock",
    "Cargo.toml",
    "guest/Cargo.toml",
    "guest/command/Cargo.toml",
    "guest/command/src",
    "guest/protocol/Cargo.toml",
    "guest/protocol/src",
    "guest/src",
    "wit",
];

/// Runs cargo with these arguments on the guest, and gives the path of the component `file`. An error is one line.
pub(crate) fn build(arguments: &[&str], file: &str) -> Result<PathBuf, String> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("..");
    // Next to what cargo builds for the host, so that all guests share what they have in common.
    let out = PathBuf::from(variable("OUT_DIR")?);
    let outer = out.ancestors().nth(3).ok_or("cargo has moved its build directory")?;
    let target_dir = outer.join("guest");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    add_target(outer)?;
    cargo(&root, &target_dir, arguments)?;
    let path = target_dir.join(TARGET).join("component").join(file);
    if path.is_file() { Ok(path) } else { Err(format!("the guest was built, but {} is not there", path.display())) }
}

/// Asks rustup for the target when the standard library of it is not installed.
fn add_target(outer: &Path) -> Result<(), String> {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let has_target = || {
        let libdir = Command::new(&rustc).args(["--print=target-libdir", "--target", TARGET]).output();
        libdir.is_ok_and(|output| {
            let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            output.status.success() && Path::new(&path).is_dir()
        })
    };
    // Several build scripts may want it at once, and half of a target looks like a target.
    let alone = File::create(outer.join(".target-lock")).and_then(|file| file.lock().map(|()| file));
    let _alone = alone.map_err(|error| format!("cannot lock {}: {error}", outer.display()))?;
    if has_target() {
        return Ok(());
    }
    // The toolchain that builds this may not be the default one.
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", TARGET]);
    if let Ok(toolchain) = env::var("RUSTUP_TOOLCHAIN") {
        rustup.args(["--toolchain", &toolchain]);
    }
    let added = rustup.output();
    if has_target() {
        return Ok(());
    }
    let cause = match added {
        Ok(output) => {
            String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("rustup added nothing").to_owned()
        }
        Err(error) => format!("rustup could not be run: {error}"),
    };
    Err(format!(
        "the component needs the Rust target {TARGET}, and it could not be added ({cause}): run `rustup target add {TARGET}`"
    ))
}

fn cargo(root: &Path, target_dir: &Path, arguments: &[&str]) -> Result<(), String> {
    let mut cargo = Command::new(variable("CARGO")?);
    cargo
        .current_dir(root)
        .args(arguments)
        .args(["--locked", "--target", TARGET, "--profile=component", "--target-dir"])
        .arg(target_dir);
    // What the outer build sets is meant for the host's machine, not for the sandbox.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let outer = name.starts_with("CARGO_PROFILE_")
            || name.starts_with("CARGO_CFG_")
            || name.starts_with("CARGO_FEATURE_")
            || name.starts_with("CARGO_TARGET_")
            || name.starts_with("CARGO_BUILD_")
            || name.starts_with("CLIPPY_")
            || matches!(
                &*name,
                "RUSTFLAGS"
                    | "RUSTC_WRAPPER"
                    | "RUSTC_WORKSPACE_WRAPPER"
                    | "CARGO_MAKEFLAGS"
                    | "MAKEFLAGS"
                    | "TARGET"
                    | "HOST"
                    | "OPT_LEVEL"
                    | "PROFILE"
                    | "DEBUG"
            );
        if outer {
            cargo.env_remove(name);
        }
    }
    // A panic names its place in the source; where the source lay when it was built is nobody's business.
    let home = env::var("CARGO_HOME").or_else(|_| env::var("HOME").map(|home| format!("{home}/.cargo")));
    let remap = home.map(|home| format!("\u{1f}--remap-path-prefix={home}=/cargo")).unwrap_or_default();
    cargo.env("CARGO_ENCODED_RUSTFLAGS", format!("{FEATURES}{remap}"));
    let output = cargo.output().map_err(|error| format!("cargo could not be run for the guest: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    for line in log.lines() {
        eprintln!("{line}");
    }
    let cause = log.lines().find(|line| line.starts_with("error")).unwrap_or("see above");
    Err(format!("the component could not be built from guest/: {cause}"))
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("cargo did not set {name}"))
}
