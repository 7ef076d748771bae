//! The command `popfetch`; see [`popfetch::cli`].

fn main() -> std::process::ExitCode {
    popfetch::cli::main()
}
