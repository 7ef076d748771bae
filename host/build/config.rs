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
    // The component's data is three pages, and a session writes to them all. Copied, they need no mapping of their own in each
    // session: Linux grants a process 65,530, which ten thousand sessions would use up.
    config.memory_init_cow(false);
    config
}
