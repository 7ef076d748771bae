//! Runs the command `popfetch` as a person or a script does: as a child process, with a home, a password file and a
//! Maildir of its own.
//!
//! Whatever a test asks for, each run is held to this: it ends in time, and what it says is printable text without the
//! password in it.

mod child;

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    maildir::Maildir,
    maildrop::Maildrop,
    server::{ModelServer, ReplayServer, Script},
};

pub use child::Running;

/// How long a run may take unless told otherwise: far longer than any does, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// The name that signs in.
pub const USER: &str = "alice";

/// A password which occurs nowhere else, so that a trace of it in any output shows.
pub const PASSWORD: &str = "xyzzy & plugh 42";

/// A model server with this maildrop, where [`USER`] signs in with [`PASSWORD`].
pub fn script(maildrop: Maildrop) -> Script {
    Script { user: USER.to_owned(), password: PASSWORD.to_owned(), ..Script::with(maildrop) }
}

/// The command, and the home of the one who runs it. What lies there goes when this is dropped.
#[derive(Debug)]
pub struct Popfetch {
    binary: PathBuf,
    home: TempDir,
}

impl Popfetch {
    /// The command at this path, for one who has [`PASSWORD`] in a file that only he can read.
    ///
    /// # Panics
    /// When there is no place for a home.
    pub fn new(binary: impl AsRef<Path>) -> Self {
        let home = tempfile::tempdir().expect("a directory for temporary files");
        let popfetch = Self { binary: binary.as_ref().to_owned(), home };
        popfetch.write_password(format!("{PASSWORD}\n"));
        popfetch
    }

    /// Where he is at home, and in which directory the command runs.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The command itself.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// The Maildir that [`fetch`](Self::fetch) delivers to. It does not exist before.
    pub fn maildir(&self) -> Maildir {
        Maildir::at(self.path("mail"))
    }

    /// The password file, of mode 0600.
    pub fn password_file(&self) -> PathBuf {
        self.path("password")
    }

    /// A file or directory in the home, which need not exist.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home().join(name)
    }

    /// Writes something else into the password file.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write_password(&self, content: impl AsRef<[u8]>) {
        fs::write(self.password_file(), content).expect("the password file is written");
        fs::set_permissions(self.password_file(), Permissions::from_mode(0o600)).expect("and closed to others");
    }

    /// `popfetch fetch` for [`USER`], in clear text, with the password file, into the Maildir.
    pub fn fetch<'s>(&self, from: impl Into<Peer<'s>>) -> Invocation<'s> {
        self.signed_in("fetch", from.into()).arg("--maildir").arg(self.maildir().path())
    }

    /// `popfetch list` for [`USER`], in clear text, with the password file.
    pub fn list<'s>(&self, at: impl Into<Peer<'s>>) -> Invocation<'s> {
        self.signed_in("list", at.into())
    }

    /// `popfetch info`, in clear text.
    pub fn info<'s>(&self, at: impl Into<Peer<'s>>) -> Invocation<'s> {
        let peer = at.into();
        self.run("info").arg(format!("pop3://{}", peer.address)).args(["--tls", "off"]).of(peer)
    }

    /// [`fetch`](Self::fetch) over TLS from a server called `localhost`, whose certificate this authority has signed.
    pub fn fetch_tls<'s>(&self, from: impl Into<Peer<'s>>, tls: Tls, ca_file: impl AsRef<Path>) -> Invocation<'s> {
        self.signed_in_tls("fetch", from.into(), tls, ca_file.as_ref()).arg("--maildir").arg(self.maildir().path())
    }

    /// [`list`](Self::list) over TLS from a server called `localhost`, whose certificate this authority has signed.
    pub fn list_tls<'s>(&self, at: impl Into<Peer<'s>>, tls: Tls, ca_file: impl AsRef<Path>) -> Invocation<'s> {
        self.signed_in_tls("list", at.into(), tls, ca_file.as_ref())
    }

    /// [`info`](Self::info) over TLS from a server called `localhost`, whose certificate this authority has signed.
    pub fn info_tls<'s>(&self, at: impl Into<Peer<'s>>, tls: Tls, ca_file: impl AsRef<Path>) -> Invocation<'s> {
        let peer = at.into();
        self.run("info").arg(tls.url("", &peer)).args(["--tls", tls.name()]).trusting(ca_file.as_ref()).of(peer)
    }

    /// `popfetch` with this as its first argument, and no other.
    pub fn run(&self, first: impl AsRef<OsStr>) -> Invocation<'static> {
        let mut command = Command::new(&self.binary);
        // Nothing of the tester's own environment, but the programs that he has.
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.arg(first).current_dir(self.home()).env_clear().env("PATH", path).env("HOME", self.home());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Invocation { command, server: None, patience: PATIENCE }
    }

    fn signed_in<'s>(&self, verb: &str, peer: Peer<'s>) -> Invocation<'s> {
        self.run(verb)
            .arg(format!("pop3://{USER}@{}", peer.address))
            .args(["--tls", "off", "--password-file"])
            .arg(self.password_file())
            .of(peer)
    }

    fn signed_in_tls<'s>(&self, verb: &str, peer: Peer<'s>, tls: Tls, ca_file: &Path) -> Invocation<'s> {
        self.run(verb)
            .arg(tls.url(&format!("{USER}@"), &peer))
            .args(["--tls", tls.name(), "--password-file"])
            .arg(self.password_file())
            .trusting(ca_file)
            .of(peer)
    }
}

/// When TLS begins, as the command line has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// After STLS: `pop3://` and `--tls starttls`.
    StartTls,
    /// With the first octet: `pop3s://` and `--tls implicit`.
    Implicit,
}

impl Tls {
    fn name(self) -> &'static str {
        match self {
            Self::StartTls => "starttls",
            Self::Implicit => "implicit",
        }
    }

    /// The URL of this server as `localhost`, for a certificate is for a name.
    fn url(self, user: &str, peer: &Peer<'_>) -> String {
        let scheme = if self == Self::Implicit { "pop3s" } else { "pop3" };
        format!("{scheme}://{user}localhost:{}", peer.port)
    }
}

/// Whom the command talks to.
#[derive(Clone, Debug)]
pub struct Peer<'s> {
    address: String,
    port: u16,
    server: Option<&'s ModelServer>,
}

impl From<u16> for Peer<'_> {
    /// Whatever listens at this port of 127.0.0.1.
    fn from(port: u16) -> Self {
        Self { address: format!("127.0.0.1:{port}"), port, server: None }
    }
}

impl<'s> From<&'s ModelServer> for Peer<'s> {
    fn from(server: &'s ModelServer) -> Self {
        Self { address: server.address().to_string(), port: server.port(), server: Some(server) }
    }
}

impl From<&ReplayServer> for Peer<'_> {
    fn from(server: &ReplayServer) -> Self {
        Self { address: server.address().to_string(), port: server.port(), server: None }
    }
}

/// A run to be.
#[derive(Debug)]
#[must_use = "nothing has been started yet"]
pub struct Invocation<'s> {
    command: Command,
    server: Option<&'s ModelServer>,
    patience: Duration,
}

impl<'s> Invocation<'s> {
    /// One more argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// More arguments.
    pub fn args<T: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Anything else about the process: its user, its environment, its standard input or output.
    pub fn with(mut self, change: impl FnOnce(&mut Command)) -> Self {
        change(&mut self.command);
        self
    }

    /// The same arguments behind another program that runs the command, such as
    /// `sh -c 'ulimit -f 8; exec "$@"' sh`.
    pub fn under(mut self, program: &str, arguments: &[&str]) -> Self {
        let mut outer = Command::new(program);
        outer.args(arguments).arg(self.command.get_program()).args(self.command.get_args());
        outer.env_clear().envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(directory) = self.command.get_current_dir() {
            outer.current_dir(directory);
        }
        outer.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command = outer;
        self
    }

    /// How long it may take, if not a minute.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it does not come to an end in time, with what was said by then; and when it says what it must not.
    pub fn run(self) -> Run {
        Running::start(self.command, self.server, self.patience).finish()
    }

    /// Starts it, so that signals reach it also where the tests themselves ignore them, as behind `nohup`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(self) -> Running<'s> {
        let Self { command, server, patience } = self.under("env", &["--default-signal=HUP,INT,TERM"]);
        Running::start(command, server, patience)
    }

    /// Runs it to its end, which `watch` waits for, see [`child::watched`].
    #[cfg(feature = "ptrace")]
    #[track_caller]
    pub(crate) fn watched(self, watch: impl FnOnce(u32) -> std::process::ExitStatus) -> Run {
        child::watched(self.command, self.patience, watch)
    }

    fn trusting(self, ca_file: &Path) -> Self {
        self.arg("--ca-file").arg(ca_file)
    }

    fn of<'p>(self, peer: Peer<'p>) -> Invocation<'p> {
        Invocation { command: self.command, server: peer.server, patience: self.patience }
    }
}

/// A run that has come to its end.
#[derive(Clone, Debug)]
pub struct Run {
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The most memory that was resident, in octets, as far as a look at every millisecond tells.
    pub peak_memory: u64,
}

impl Run {
    /// Everything was done, and there was nothing to complain about.
    ///
    /// # Panics
    /// When it was otherwise.
    #[track_caller]
    pub fn assert_success(&self) -> &Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        assert_eq!(self.stderr, "", "{self:#?}");
        self
    }

    /// It failed with this exit code, and one line on standard error says why: with each of these words in it.
    ///
    /// # Panics
    /// When it was otherwise.
    #[track_caller]
    pub fn assert_failure(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        let lines: Vec<&str> = self.stderr.lines().collect();
        let [line] = lines.as_slice() else { panic!("not one line on standard error: {self:#?}") };
        assert!(line.starts_with("popfetch: ") && self.stderr.ends_with('\n'), "{self:#?}");
        for word in words {
            assert!(line.contains(word), "\"{word}\" is not in the line: {self:#?}");
        }
        self
    }

    /// The lines of standard output.
    pub fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }

    /// What holds for every run.
    #[track_caller]
    fn assert_decent(&self) {
        for (name, text) in [("standard output", &self.stdout), ("standard error", &self.stderr)] {
            assert!(!text.contains(PASSWORD), "the password is on {name}: {self:#?}");
            assert!(!text.contains("panicked at"), "{self:#?}");
            let unprintable = text.chars().find(|&character| is_unprintable(character));
            assert_eq!(unprintable, None, "{name} has it raw: {self:#?}");
        }
    }
}

/// What would move the cursor, change colours, or hide or reorder text.
fn is_unprintable(character: char) -> bool {
    let reorders = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (character.is_control() && character != '\n') || reorders
}

#[cfg(test)]
mod tests {
    use super::{Popfetch, Tls};

    #[test]
    fn a_run_over_tls_is_for_a_name_and_an_authority() {
        let popfetch = Popfetch::new("popfetch");
        let arguments = |tls| {
            let invocation = popfetch.fetch_tls(1995, tls, "ca.pem");
            let arguments = invocation.command.get_args().map(|argument| argument.to_str().unwrap().to_owned());
            arguments.collect::<Vec<_>>().join(" ")
        };
        let [implicit, starttls] = [Tls::Implicit, Tls::StartTls].map(arguments);
        assert!(implicit.starts_with("fetch pop3s://alice@localhost:1995 --tls implicit "), "{implicit}");
        assert!(starttls.starts_with("fetch pop3://alice@localhost:1995 --tls starttls "), "{starttls}");
        assert!(implicit.contains(" --ca-file ca.pem "), "{implicit}");
    }
}
