//! The programs that are measured: how each is told to fetch a maildrop, and what it makes of it.

pub(crate) mod deliver;

mod curl;
mod fetchmail;
mod mpop;
mod popfetch;
mod poplib;
mod raw;

use std::{
    env,
    ffi::OsString,
    fs, io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    measured::{CommandLine, Commands},
    options::Options,
};

/// What the programs are called in the tables.
pub(crate) const RAW: &str = "raw";
pub(crate) const POPFETCH: &str = "popfetch";
pub(crate) const MPOP: &str = "mpop";
/// A process for each account.
pub(crate) const MPOP_PROCESSES: &str = "mpop processes";
pub(crate) const CURL: &str = "curl";
pub(crate) const POPLIB: &str = "poplib";
pub(crate) const FETCHMAIL: &str = "fetchmail";

/// A server, as a client has to know it.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// At 127.0.0.1, which is `localhost`.
    pub(crate) port: u16,
    /// With TLS from the start: who has signed its certificate.
    pub(crate) ca_file: Option<PathBuf>,
}

/// What a program has to do.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) peer: Peer,
    pub(crate) users: Vec<String>,
    /// Messages of each user.
    pub(crate) count: usize,
    pub(crate) password: &'static str,
    /// An empty directory, where everything goes that it writes.
    pub(crate) home: PathBuf,
    /// It has to make durable what it delivers.
    pub(crate) durable: bool,
    /// A file that is to be the state file of popfetch at the beginning.
    pub(crate) journal: Option<PathBuf>,
}

impl Job {
    /// Where the mail of a user has to go.
    pub(crate) fn maildir(&self, user: &str) -> PathBuf {
        self.home.join(format!("mail-{user}"))
    }

    fn url(&self, scheme: &str, user: &str) -> String {
        match self.peer.ca_file {
            Some(_) => format!("{scheme}s://{user}localhost:{}", self.peer.port),
            None => format!("{scheme}://{user}127.0.0.1:{}", self.peer.port),
        }
    }

    /// Writes a file that only its owner can read, as programs want those with passwords.
    fn write(&self, name: &str, content: &str) -> io::Result<PathBuf> {
        let path = self.home.join(name);
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&path)?;
        io::Write::write_all(&mut file, content.as_bytes())?;
        Ok(path)
    }

    fn create_maildir(&self, user: &str) -> io::Result<PathBuf> {
        let maildir = self.maildir(user);
        for folder in ["new", "cur", "tmp"] {
            fs::create_dir_all(maildir.join(folder))?;
        }
        Ok(maildir)
    }
}

/// A program.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// What it is called in the tables.
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    /// The line ends of what it delivers.
    pub(crate) line_ends: LineEnds,
    /// Can make durable what it delivers.
    pub(crate) is_durable: bool,
    /// Does several accounts in one run.
    pub(crate) does_many: bool,
    /// Is there for several accounts only.
    pub(crate) only_many: bool,
    /// Prepares the home, and says how to run it.
    prepare: fn(&Path, &Job) -> io::Result<Commands>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnds {
    /// As they came.
    Crlf,
    /// As Unix has them.
    Lf,
}

impl Program {
    /// Whether it can do a work at all.
    pub(crate) fn can(&self, accounts: usize, durable: bool) -> bool {
        let accounts = if accounts > 1 { self.does_many } else { !self.only_many };
        accounts && (!durable || self.is_durable)
    }

    /// The same under another name.
    pub(crate) fn called(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    pub(crate) fn prepare(&self, job: &Job) -> io::Result<Commands> {
        (self.prepare)(&self.path, job)
    }
}

/// The programs that there are on this machine, and the names of those that there are not.
#[derive(Clone, Debug)]
pub(crate) struct Present {
    pub(crate) programs: Vec<Program>,
    pub(crate) missing: Vec<&'static str>,
}

impl Present {
    pub(crate) fn named(&self, name: &str) -> Option<&Program> {
        self.programs.iter().find(|program| program.name == name)
    }
}

/// Looks for the programs that the options invite. The raw reader is always there: all others are compared with it.
pub(crate) fn present(options: &Options) -> Present {
    let mut present = Present { programs: vec![raw::program(), popfetch::program(options)], missing: Vec::new() };
    let peers = [mpop::program(), mpop::processes(), curl::program(), poplib::program(), fetchmail::program()];
    for (name, peer) in peers {
        match peer {
            Some(program) => present.programs.push(program),
            None => present.missing.push(name),
        }
    }
    present.programs.retain(|program| program.name == RAW || options.invites(program.name));
    present
}

/// A program of the system.
fn find(program: &str) -> Option<PathBuf> {
    // The system's own first: what stands before it in somebody's PATH may be a script that looks for it.
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [PathBuf::from("/usr/bin")].into_iter().chain(env::split_paths(&path));
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// The version of a program: the first word in what it says of it that begins with a digit.
pub(crate) fn version(program: &Path) -> String {
    let output = Command::new(program).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let version = text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    version.unwrap_or("of unknown version").split('+').next().unwrap_or_default().to_owned()
}

fn line<T: Into<OsString>>(words: impl IntoIterator<Item = T>) -> CommandLine {
    words.into_iter().map(Into::into).collect()
}
