//! From the start of the process to its first octet on the wire.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Child;
use std::time::Instant;

use crate::{Failure, median, run};

/// Whether there is a journal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Journal {
    None,
    /// A file that each run makes anew.
    New,
    /// One file for all runs.
    Kept,
}

/// Milliseconds from the start of the process, medians but for the first run of all.
pub(crate) struct Started {
    pub(crate) connect: f64,
    pub(crate) octet: f64,
    pub(crate) first: f64,
}

pub(crate) fn measure(runs: usize, tls: bool, journal: Journal) -> Result<Started, Failure> {
    let place = run::place()?;
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    let (mut connects, mut octets) = (Vec::new(), Vec::new());
    for number in 0..runs {
        let mut command = run::command(place.path(), &place.path().join("Maildir"))?;
        match tls {
            true => command.arg(format!("pop3s://alice@127.0.0.1:{port}")),
            false => command.arg(format!("pop3://alice@127.0.0.1:{port}")).args(["--tls", "off"]),
        };
        match journal {
            Journal::None => {}
            Journal::New => _ = command.arg("--state").arg(place.path().join(format!("state-{number}"))),
            Journal::Kept => _ = command.arg("--state").arg(place.path().join("state")),
        }
        // Nobody reads why the run has ended: the connection is closed on it.
        command.stderr(std::process::Stdio::null());
        let begin = Instant::now();
        let mut child: Child = command.spawn()?;
        let (mut stream, _) = listener.accept()?;
        connects.push(begin.elapsed().as_secs_f64() * 1000.0);
        if !tls {
            stream.write_all(b"+OK ready\r\n")?;
        }
        stream.read_exact(&mut [0])?;
        octets.push(begin.elapsed().as_secs_f64() * 1000.0);
        drop(stream);
        child.wait()?;
    }
    let first = octets[0];
    Ok(Started { connect: median(connects), octet: median(octets), first })
}
