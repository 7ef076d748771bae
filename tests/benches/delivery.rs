//! What safety costs a message: flushed and noted one by one, or in groups.
//!
//! ```text
//! cargo bench --package popfetch-tests --bench delivery
//! cargo bench --package popfetch-tests --bench delivery -- --small # a check that takes a moment
//! ```
//!
//! Messages of 4 KiB are delivered to a Maildir and noted in a journal as a run of `popfetch fetch` does it, in groups of several
//! sizes, on the file system of `CARGO_TARGET_TMPDIR`. Groups of one are what a delivery agent does that flushes each file and
//! its directory. Time fails nothing; a message that is not where it should be does.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use popfetch::Likeness;
use popfetch::delivery::{Incoming, Maildir};
use popfetch::journal::{Begun, Entry, Journal};

const OCTETS: usize = 4096;

/// The last one is that of a run.
const GROUPS: [usize; 4] = [1, 8, 64, 256];

fn main() -> ExitCode {
    let small = std::env::args().any(|argument| argument == "--small");
    let (messages, runs) = if small { (64, 1) } else { (1024, 5) };
    match table(messages, runs) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("delivery: {error}");
            ExitCode::FAILURE
        }
    }
}

fn table(messages: usize, runs: usize) -> Result<(), Box<dyn Error>> {
    println!("| {messages} × {OCTETS} octets, in groups of | s | ms a message | × the largest group |");
    println!("| ---: | ---: | ---: | ---: |");
    let mut taken = vec![Vec::new(); GROUPS.len()];
    // In turns, so that whatever else the disk does meets them all.
    for _ in 0..runs {
        for (taken, group) in taken.iter_mut().zip(GROUPS) {
            taken.push(deliver(messages, group)?);
        }
    }
    let medians: Vec<f64> = taken.into_iter().map(median).collect();
    let largest = *medians.last().ok_or("no groups")?;
    for (group, seconds) in GROUPS.into_iter().zip(medians) {
        let each = seconds * 1000.0 / messages as f64;
        println!("| {group} | {seconds:.3} | {each:.3} | {:.1} |", seconds / largest);
    }
    Ok(())
}

/// Delivers so many messages into a new Maildir.
fn deliver(messages: usize, group: usize) -> Result<Duration, Box<dyn Error>> {
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let maildir = Maildir::open(&place.path().join("Maildir"))?;
    let mut journal = Journal::open(&place.path().join("journal"))?;
    let content = "x".repeat(OCTETS);
    let numbers: Vec<usize> = (0..messages).collect();
    let begin = Instant::now();
    for numbers in numbers.chunks(group) {
        deliver_group(&maildir, &mut journal, numbers, content.as_bytes())?;
    }
    let taken = begin.elapsed();
    let there = count(&place.path().join("Maildir/new"))?;
    let mut noted = 0;
    journal.each_present("account", |_, _| noted += 1)?;
    if (there, noted) != (messages, messages) {
        return Err(format!("{there} of {messages} messages are in the Maildir").into());
    }
    Ok(taken)
}

fn deliver_group(
    maildir: &Maildir,
    journal: &mut Journal,
    numbers: &[usize],
    content: &[u8],
) -> Result<(), Box<dyn Error>> {
    let begun: Vec<Begun> = numbers
        .iter()
        .map(|number| Begun { id: format!("uid-{number}").into_bytes(), file: maildir.unique_name() })
        .collect();
    let row = journal.note("account", |notes| notes.begin(&begun))?;
    let written = begun.iter().map(|begun| {
        let mut file = maildir.begin_as(begun.file.clone())?;
        file.write(content).map(|()| file)
    });
    maildir.deliver(written.collect::<Result<Vec<Incoming>, _>>()?).map_err(|partial| partial.error)?;
    let entry = Entry::delivered(Likeness::of(content), None);
    journal.note("account", |notes| {
        begun.iter().try_for_each(|begun| notes.store(&begun.id, &entry))?;
        notes.settle(row, &[])
    })?;
    Ok(())
}

fn count(directory: &Path) -> std::io::Result<usize> {
    Ok(std::fs::read_dir(directory)?.count())
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64)
}
