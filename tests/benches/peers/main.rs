//! popfetch beside its peers: the same maildrops, fetched by popfetch, mpop, curl, fetchmail, Python's poplib and a raw
//! reader in turns, and a table of what it took.
//!
//! ```text
//! cargo bench --package popfetch-tests --features dovecot --bench peers
//! cargo bench --package popfetch-tests --features dovecot --bench peers -- --small
//! ```
//!
//! `--help` names the options; `tests/benches/PEERS.md` says what is measured and where the time goes. A wrong result
//! makes it fail, a slow one never does.

mod delay;
mod growth;
mod journal;
mod machine;
mod measured;
mod memory_server;
mod messages;
mod options;
mod programs;
mod raw;
mod report;
mod rounds;
mod stage;
mod start;
mod works;

use std::{env, error::Error, ffi::OsString, process::ExitCode};

use options::Options;

/// The name under which this program is all that it needs beside it, each in a process of its own.
const ROLES: [(&str, Role); 3] =
    [(raw::ROLE, raw::main), (measured::ROLE, measured::main), (programs::deliver::ROLE, programs::deliver::main)];

type Role = fn(&[OsString]) -> Outcome;
type Outcome = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let role = arguments.first().and_then(|first| ROLES.iter().find(|(name, _)| first == *name));
    let outcome = match role {
        Some((_, role)) => role(&arguments[1..]),
        None => Options::parse(arguments).and_then(|options| options.map_or(Ok(()), bench)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\npeers: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures everything that was asked for, and prints the tables.
fn bench(options: Options) -> Outcome {
    tempfile::env::override_temp_dir(&options.memory)
        .map_err(|_| "there is a directory for temporary files already")?;
    let present = programs::present(&options);
    println!("{}", machine::described(&options, &present));
    let works = works::chosen(&options);
    if !works.is_empty() {
        let stage = stage::Stage::set(&works)?;
        let results = works.iter().map(|work| rounds::measure(work, &stage, &present, &options));
        let results = results.collect::<Result<Vec<_>, _>>()?;
        println!("{}", report::overview(&results, &present));
        println!("{}", report::details(&results));
    }
    if options.chooses(growth::KEY) {
        println!("{}", growth::measure(&present, &options)?);
    }
    if options.chooses(start::KEY) {
        println!("{}", start::measure(&present, &options)?);
    }
    Ok(())
}
