//! One run of `popfetch fetch`, and what it takes.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use popfetch_tests::in_memory::{Bulk, InMemoryServer};
use tempfile::TempDir;

use crate::Failure;

/// How often it is looked at how much memory it has taken; Linux keeps the peak.
const LOOK: Duration = Duration::from_millis(2);

/// What a run has taken.
pub(crate) struct Fetch {
    pub(crate) seconds: f64,
    pub(crate) user: f64,
    pub(crate) system: f64,
    pub(crate) peak_kib: f64,
}

impl Fetch {
    pub(crate) fn run(server: &InMemoryServer, tls: bool, place: &Path, maildir: &Path) -> Result<Self, Failure> {
        let mut command = command(place, maildir)?;
        if tls {
            command.arg(format!("pop3s://alice@localhost:{}", server.implicit_tls().port()));
            command.arg("--ca-file").arg(server.ca_file());
        } else {
            command.arg(format!("pop3://alice@{}", server.cleartext())).args(["--tls", "off"]);
        }
        let (user, system) = children();
        let begin = Instant::now();
        let mut child = command.spawn()?;
        let peak_kib = watched(&mut child)?;
        let seconds = begin.elapsed().as_secs_f64();
        let after = children();
        Ok(Fetch { seconds, user: after.0 - user, system: after.1 - system, peak_kib })
    }
}

/// `popfetch fetch` in this place, which still lacks a URL.
pub(crate) fn command(place: &Path, maildir: &Path) -> Result<Command, Failure> {
    let password = place.join("password");
    fs::write(&password, "secret\n")?;
    fs::set_permissions(&password, Permissions::from_mode(0o600))?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_popfetch-under-test"));
    command.args(["fetch", "-q", "--auth", "user", "--password-file"]).arg(password);
    command.arg("--maildir").arg(maildir).stdin(Stdio::null());
    Ok(command)
}

/// A directory in memory, where the machine has such.
pub(crate) fn place() -> Result<TempDir, Failure> {
    let memory = Path::new("/dev/shm");
    Ok(if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? })
}

/// Compares a message that was stored with what was sent, and gives its number.
pub(crate) fn compare(bulk: Bulk, path: &Path) -> Result<u32, Failure> {
    let wrong = || format!("{} is not as it was sent", path.display());
    let mut first = String::new();
    BufReader::new(File::open(path)?).read_line(&mut first)?;
    let number = first.trim_end().strip_prefix("Message-Number: ").ok_or_else(wrong)?.parse()?;
    let mut stored = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut piece = Vec::new();
    for sent in bulk.pieces(number) {
        piece.resize(sent.len(), 0);
        stored.read_exact(&mut piece)?;
        if piece != sent {
            return Err(wrong().into());
        }
    }
    if stored.read(&mut [0])? > 0 { Err(wrong().into()) } else { Ok(number) }
}

/// Waits for the end of the run, and gives the most KiB that it had in memory.
fn watched(child: &mut Child) -> Result<f64, Failure> {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0.0;
    loop {
        if let Ok(text) = fs::read_to_string(&status)
            && let Some(line) = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))
        {
            peak = line.trim().trim_end_matches(" kB").parse()?;
        }
        if let Some(ended) = child.try_wait()? {
            return if ended.success() { Ok(peak) } else { Err(format!("popfetch fetch: {ended}").into()) };
        }
        thread::sleep(LOOK);
    }
}

/// User and system time of all children that have ended, in seconds.
fn children() -> (f64, f64) {
    let stat = fs::read_to_string("/proc/self/stat").expect("/proc");
    // Behind the name, which ends with the last parenthesis: fields 16 and 17, in hundredths of a second.
    let behind_name = stat.rsplit_once(") ").expect("a name in parentheses").1;
    let ticks: Vec<f64> =
        behind_name.split(' ').skip(13).take(2).map(|ticks| ticks.parse().expect("a number")).collect();
    (ticks[0] / 100.0, ticks[1] / 100.0)
}
