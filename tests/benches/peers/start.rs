//! How long it takes from the start of a process to its connection, and to the first octet that it sends.

use std::{
    error::Error,
    fs::File,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::fs::{Advice, fadvise};
use tempfile::TempDir;

use crate::{
    measured::Commands,
    options::Options,
    programs::{Job, POPFETCH, Peer, Present, Program, RAW},
    report::median,
    stage::PASSWORD,
};

pub(crate) const KEY: &str = "start";

const RUNS: usize = 21;
const SMALL_RUNS: usize = 3;

/// Two points in the life of a process, counted from its start.
struct Started {
    connected: Duration,
    first_octet: Duration,
}

/// Starts each program, in turns. A program's own file is in memory; for popfetch and the raw reader also when it is not.
pub(crate) fn measure(present: &Present, options: &Options) -> Result<String, Box<dyn Error>> {
    let programs = present.programs.iter().filter(|program| program.can(1, false));
    let mut starts: Vec<(&Program, bool, Vec<Started>)> = programs
        .flat_map(|program| {
            let cold = [POPFETCH, RAW].contains(&program.name);
            [Some((program, false, Vec::new())), cold.then(|| (program, true, Vec::new()))]
        })
        .flatten()
        .collect();
    for _ in 0..if options.small { SMALL_RUNS } else { RUNS } {
        for (program, cold, started) in &mut starts {
            if *cold {
                forget(&program.path)?;
            } else {
                start(program, options)?;
            }
            started.push(start(program, options)?);
        }
    }
    let mut table = String::from(
        "| start of the process to | connection, ms | first octet, ms | first octet, least to most |\n|---|---|---|---|\n",
    );
    for (program, cold, started) in &starts {
        let name = if *cold { format!("{}, its file not in memory", program.name) } else { program.name.to_owned() };
        let connected = median(started.iter().map(|start| start.connected));
        let first = || started.iter().map(|start| start.first_octet);
        let [connected, first, least, most] = [connected, median(first()), first().min(), first().max()].map(millis);
        table += &format!("| {name} | {connected} | {first} | {least} to {most} |\n");
    }
    Ok(table)
}

/// One start. What comes behind the first octet is cut off, and what the program says of that is nobody's business.
fn start(program: &Program, options: &Options) -> Result<Started, Box<dyn Error>> {
    let home = TempDir::with_prefix_in("peers-", &options.memory)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let job = Job {
        peer: Peer { port: listener.local_addr()?.port(), ca_file: None },
        users: vec!["starter".to_owned()],
        count: 1,
        password: PASSWORD,
        home: home.path().to_owned(),
        durable: false,
        journal: None,
    };
    let (Commands::InTurn(lines) | Commands::Together(lines)) = program.prepare(&job)?;
    let line = lines.first().ok_or("nothing to run")?;
    let mut command = Command::new(&line[0]);
    command.args(&line[1..]).env_clear().env("HOME", home.path()).current_dir(home.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begin = Instant::now();
    let mut child = command.spawn()?;
    let address = listener.local_addr()?;
    let end = thread::spawn(move || {
        let ended = child.wait();
        // Who has not connected before his end is not waited for any longer.
        drop(TcpStream::connect(address));
        ended
    });
    let started = watch(&listener, begin);
    end.join().map_err(|_| "nobody waits for the program")??;
    started.map_err(|problem| format!("{} does not begin: {problem}", program.name).into())
}

fn watch(listener: &TcpListener, begin: Instant) -> Result<Started, Box<dyn Error>> {
    let (mut tcp, _): (TcpStream, _) = listener.accept()?;
    let connected = begin.elapsed();
    tcp.write_all(b"+OK ready\r\n")?;
    tcp.read_exact(&mut [0])?;
    Ok(Started { connected, first_octet: begin.elapsed() })
}

/// Takes the file of a program out of the system's memory.
fn forget(path: &Path) -> Result<(), Box<dyn Error>> {
    Ok(fadvise(File::open(path)?, 0, None, Advice::DontNeed)?)
}

fn millis(duration: Option<Duration>) -> String {
    duration.map_or("–".to_owned(), |duration| format!("{:.1}", duration.as_secs_f64() * 1e3))
}
