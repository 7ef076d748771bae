//! Runs programs and says what they took. This is done in a process of its own, which is small: the most
//! memory that a process had is at least what its parent had when it was started.

use std::{
    error::Error,
    ffi::{OsStr, OsString},
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use wait4::Wait4;

pub(crate) const ROLE: &str = "measured";

/// Separates the command lines of several programs.
const NEXT: &str = "--and--";
const TOGETHER: &str = "together";
const IN_TURN: &str = "in-turn";

/// How long a run may take. Some program may never end; the benchmark has to.
const PATIENCE: Duration = Duration::from_secs(600);

/// Command lines, and how they are run.
#[derive(Clone, Debug)]
pub(crate) enum Commands {
    /// Each when the one before it has ended.
    InTurn(Vec<CommandLine>),
    /// All at once.
    Together(Vec<CommandLine>),
}

/// A program and its arguments.
pub(crate) type CommandLine = Vec<OsString>;

/// What a run took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taken {
    pub(crate) wall: Duration,
    /// Processor time in the program itself.
    pub(crate) user: Duration,
    /// Processor time in the system for it.
    pub(crate) system: Duration,
    /// The most memory that was resident, in octets; of several at once, the sum.
    pub(crate) memory: u64,
}

/// Runs these with `home` as their home and working directory.
///
/// # Errors
/// When a program cannot be started, fails, or does not end. Its own words are in it.
pub(crate) fn run(commands: &Commands, home: &Path) -> Result<Taken, Box<dyn Error>> {
    let (how, lines) = match commands {
        Commands::InTurn(lines) => (IN_TURN, lines),
        Commands::Together(lines) => (TOGETHER, lines),
    };
    let mut command = Command::new(std::env::current_exe()?);
    command.args([ROLE, how]).args(lines.join(&OsString::from(NEXT))).current_dir(home);
    // Nothing of the tester's own settings, but the programs that he has.
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("HOME", home).env("FETCHMAILHOME", home).env("LC_ALL", "C");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);

    let child = command.spawn()?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let (end, ended) = mpsc::channel();
    thread::spawn(move || end.send(child.wait_with_output()));
    let Ok(output) = ended.recv_timeout(PATIENCE) else {
        if let Some(group) = group {
            kill_process_group(group, Signal::KILL)?;
        }
        return Err(format!("does not end within {} s", PATIENCE.as_secs()).into());
    };
    let output = output?;
    let told = String::from_utf8_lossy(&output.stdout);
    match Taken::read(&told).filter(|_| output.status.success()) {
        Some(taken) => Ok(taken),
        None => Err(String::from_utf8_lossy(&output.stderr).trim_end().into()),
    }
}

/// The other side: runs what the arguments say, and tells on standard output what it took.
pub(crate) fn main(arguments: &[OsString]) -> Result<(), Box<dyn Error>> {
    let (how, rest) = arguments.split_first().ok_or("nothing to run")?;
    let lines: Vec<&[OsString]> = rest.split(|argument| argument == NEXT).collect();
    let begin = Instant::now();
    let mut taken = Taken::default();
    if how == TOGETHER {
        let children = lines.iter().map(|line| start(line)).collect::<io::Result<Vec<_>>>()?;
        for (child, line) in children.into_iter().zip(lines) {
            let memory = taken.memory;
            taken.memory = memory + finish(child, line, &mut taken)?;
        }
    } else {
        for line in lines {
            taken.memory = taken.memory.max(finish(start(line)?, line, &mut taken)?);
        }
    }
    taken.wall = begin.elapsed();
    println!("{} {} {} {}", taken.wall.as_nanos(), taken.user.as_nanos(), taken.system.as_nanos(), taken.memory);
    Ok(())
}

fn start(line: &[OsString]) -> io::Result<Child> {
    let (program, arguments) = line.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    Command::new(program).args(arguments).stdout(Stdio::null()).spawn()
}

/// Waits for the end, adds what it took of the processor, with all that it has started itself, and gives the memory.
fn finish(mut child: Child, line: &[OsString], taken: &mut Taken) -> Result<u64, Box<dyn Error>> {
    let used = child.wait4()?;
    taken.user += used.rusage.utime;
    taken.system += used.rusage.stime;
    if used.status.success() {
        Ok(used.rusage.maxrss)
    } else {
        Err(format!("{}: {}", used.status, line.join(OsStr::new(" ")).display()).into())
    }
}

impl Taken {
    /// Nothing where it is something else than four numbers.
    fn read(told: &str) -> Option<Self> {
        let numbers: Vec<u64> = told.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [wall, user, system, memory] = *numbers else { return None };
        Some(Self {
            wall: Duration::from_nanos(wall),
            user: Duration::from_nanos(user),
            system: Duration::from_nanos(system),
            memory,
        })
    }
}
