//! What compiled code depends on: the build script compiles with this, and the host runs with it.

use wasmtime::Config;

/// The settings of the compiler.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    // Calls are a little cheaper without the async functions of later components.
    config.concurrency_support(false);
    // A component that never returns can be stopped.
    config.epoch_interruption(true);
    config.wasm_relaxed_simd(false);
    config
}
