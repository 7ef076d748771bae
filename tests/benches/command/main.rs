//! The command: how soon its first octet is on the wire, and what many messages, and one that is very long, cost it in time
//! and memory.
//!
//! ```text
//! cargo bench --package popfetch-tests --bench command
//! cargo bench --package popfetch-tests --bench command -- --small # a check that takes some seconds
//! ```
//!
//! Beside each transfer stands what a reader of a few lines takes for the same, natively, which stores nothing: over TLS it is
//! rustls with reads of 64 KiB. What arrives wrong fails the run; time and memory do not.

mod reader;
mod run;
mod start;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use popfetch_tests::in_memory::{Bulk, InMemoryServer, serve_if_asked};

use run::Fetch;
use start::Journal;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    serve_if_asked();
    let small = std::env::args().any(|argument| argument == "--small");
    let measured = start_up(if small { 3 } else { 31 }).and_then(|()| {
        let (runs, bulks) = match small {
            true => (1, [Bulk { messages: 200, octets: 4096 }, Bulk { messages: 2, octets: 3 << 20 }].to_vec()),
            false => {
                let bulk = |messages, octets| Bulk { messages, octets };
                (5, vec![bulk(10_000, 4096), bulk(20, 25 << 20), bulk(1, 1 << 30)])
            }
        };
        transfers(runs, &bulks)
    });
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("command: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// From the start of the process to the connect, and to its first octet.
fn start_up(runs: usize) -> Result<(), Failure> {
    println!("| start of `popfetch fetch` | to the connect, ms | to the first octet, ms | the very first, ms |");
    println!("| --- | ---: | ---: | ---: |");
    for (name, tls, journal) in [
        ("in clear text", false, Journal::None),
        ("in clear text, with a new journal", false, Journal::New),
        ("in clear text, with its journal", false, Journal::Kept),
        ("TLS, with the system's roots", true, Journal::None),
    ] {
        let started = start::measure(runs, tls, journal)?;
        println!("| {name} | {:.2} | {:.2} | {:.2} |", started.connect, started.octet, started.first);
    }
    println!();
    Ok(())
}

/// Fetches these maildrops in clear text and over TLS.
fn transfers(runs: usize, bulks: &[Bulk]) -> Result<(), Failure> {
    println!("| fetch | s | user CPU, s | system CPU, s | peak, MiB | reader, s | ratio |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for &bulk in bulks {
        let server = InMemoryServer::start(bulk);
        for tls in [false, true] {
            let (mut fetched, mut read) = (Vec::new(), Vec::new());
            for _ in 0..runs {
                fetched.push(fetch(&server, bulk, tls)?);
                read.push(reader::read(&server, bulk, tls)?.as_secs_f64());
            }
            let of = |value: &dyn Fn(&Fetch) -> f64| median(fetched.iter().map(value).collect());
            let (seconds, reader) = (of(&|run| run.seconds), median(read));
            println!(
                "| {} × {} octets, {} | {seconds:.3} | {:.2} | {:.2} | {:.1} | {reader:.3} | {:.2} |",
                bulk.messages,
                bulk.octets,
                if tls { "TLS" } else { "clear text" },
                of(&|run| run.user),
                of(&|run| run.system),
                of(&|run| run.peak_kib / 1024.0),
                seconds / reader,
            );
        }
    }
    Ok(())
}

/// One fetch, whose messages are compared with what was sent.
fn fetch(server: &InMemoryServer, bulk: Bulk, tls: bool) -> Result<Fetch, Failure> {
    let place = run::place()?;
    let maildir = place.path().join("Maildir");
    let fetched = Fetch::run(server, tls, place.path(), &maildir)?;
    compare(bulk, &maildir.join("new"))?;
    Ok(fetched)
}

fn compare(bulk: Bulk, new: &Path) -> Result<(), Failure> {
    let mut missing: Vec<bool> = vec![true; bulk.messages as usize];
    for entry in fs::read_dir(new)? {
        let path = entry?.path();
        let number = run::compare(bulk, &path)?;
        let missing = missing.get_mut(number as usize - 1).ok_or("a message that nobody sent")?;
        if !std::mem::take(missing) {
            return Err(format!("message {number} is there twice").into());
        }
    }
    match missing.iter().filter(|missing| **missing).count() {
        0 => Ok(()),
        count => Err(format!("{count} messages are missing").into()),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
