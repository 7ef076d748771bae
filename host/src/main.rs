//! The command `popfetch`; see [`popfetch::cli`].

fn main() -> std::process::ExitCode {
    popfetch::cli::run(std::env::args_os())
}
