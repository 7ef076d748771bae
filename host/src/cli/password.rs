//! Where the password or token comes from: a file, a command, or the person at the terminal.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use zeroize::Zeroizing;

use crate::escape::escape;
use crate::secret::Secret;

/// The longest password or token that is read, in octets.
const LONGEST: usize = 16 * 1024;

/// What it is that signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecretKind {
    /// What a person chose.
    Password,
    /// What an OAuth service gave, for a while.
    Token,
}

impl SecretKind {
    fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Token => "token",
        }
    }
}

impl fmt::Display for SecretKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the command line says about the password or token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PasswordSource {
    /// What is found there.
    pub(crate) kind: SecretKind,
    /// Where.
    pub(crate) place: Place,
}

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `--password-file`, `--token-file`: a file, a FIFO, `/dev/stdin`: anything that can be read to its end.
    File(PathBuf),
    /// `--password-command`, `--token-command`: what this writes to its standard output when `sh -c` runs it.
    Command(String),
    /// None of them: the controlling terminal is asked.
    Terminal,
}

impl PasswordSource {
    /// Gets the password or token. The line end behind it, LF or CRLF, is not a part of it; everything else is.
    ///
    /// Blocks until the file or command has ended or the person has answered. The program should have a handler for
    /// SIGINT by then (tokio's will do): without one, Ctrl-C at the prompt ends it before the terminal's echo is back.
    ///
    /// # Errors
    /// Each is a matter of configuration, exit code 78, and none repeats what was read.
    pub(crate) fn obtain(&self, user: &str, host: &str) -> Result<Obtained, PasswordError> {
        let kind = self.kind;
        match &self.place {
            Place::File(path) => from_file(kind, path),
            Place::Command(command) => from_command(kind, command, user, host).map(Obtained::without_warning),
            Place::Terminal => from_terminal(kind, user, host).map(Obtained::without_warning),
        }
    }
}

/// A password, and what should be said about where it was found.
#[derive(Debug)]
pub(crate) struct Obtained {
    /// The password: not empty, without CR, LF and NUL.
    pub(crate) password: Secret,
    /// For the caller to show.
    pub(crate) warning: Option<PasswordWarning>,
}

impl Obtained {
    fn without_warning(password: Secret) -> Self {
        Self { password, warning: None }
    }
}

/// Something that works and should be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PasswordWarning {
    /// The group or everybody can read or write the file.
    OpenToOthers {
        /// What is in it.
        content: &'static str,
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl PasswordWarning {
    /// Of the file of a private key. One that cannot be read has its error elsewhere.
    pub(crate) fn of_key(path: &Path) -> Option<Self> {
        Self::of("key", path, &std::fs::metadata(path).ok()?)
    }

    fn of(content: &'static str, path: &Path, metadata: &Metadata) -> Option<Self> {
        let mode = metadata.permissions().mode() & 0o7777;
        (metadata.is_file() && mode & 0o077 != 0).then(|| Self::OpenToOthers { content, path: path.to_owned(), mode })
    }
}

impl fmt::Display for PasswordWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::OpenToOthers { content, path, mode } = self;
        let path = path.display();
        write!(f, "the {content} file {path} is open to other users (mode {mode:04o}); chmod 600 {path}")
    }
}

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
    /// The file cannot be opened or read.
    #[error("cannot read the {kind} file {path}: {source}", path = path.display())]
    File {
        /// What should be in it.
        kind: SecretKind,
        /// The file.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
    /// The file is a directory.
    #[error(
        "the {kind} file {path} is a directory; name a file that has the {kind} in its only line",
        path = path.display()
    )]
    Directory {
        /// What should be there.
        kind: SecretKind,
        /// The directory.
        path: PathBuf,
    },
    /// The shell cannot be started or its output not be read.
    #[error("cannot run the {kind} command: {source}")]
    Command {
        /// What it should give.
        kind: SecretKind,
        /// The system's word on it.
        source: io::Error,
    },
    /// The command says that it failed.
    #[error("the {kind} command failed ({status}); run it by hand to see why")]
    CommandFailed {
        /// What it should give.
        kind: SecretKind,
        /// With which code or signal.
        status: ExitStatus,
    },
    /// There is no terminal to ask at.
    #[error("no {kind} and no terminal to ask for one; use --{kind}-file or --{kind}-command")]
    NoTerminal {
        /// What is asked for.
        kind: SecretKind,
        /// The system's word on it.
        source: io::Error,
    },
    /// The person gave up, with Ctrl-D.
    #[error("no password was given")]
    NotGiven,
    /// The person gave up, with Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// There is nothing, or nothing but a line end.
    #[error("{origin} gave an empty {kind}", kind = origin.kind)]
    Empty {
        /// Where it is from.
        origin: Origin,
    },
    /// There is far more than a password.
    #[error("{origin} gave more than {LONGEST} octets, which is no {kind}", kind = origin.kind)]
    TooLong {
        /// Where it is from.
        origin: Origin,
    },
    /// There is a CR, LF or NUL in it, which the protocol cannot carry.
    #[error("{origin} gave a {kind} with a line end or NUL in it; only its last line end is taken off", kind = origin.kind)]
    Unsendable {
        /// Where it is from.
        origin: Origin,
    },
}

/// Where a password or token that cannot be used was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// What should have been there.
    pub(crate) kind: SecretKind,
    /// Where.
    pub(crate) place: Place,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind;
        match &self.place {
            Place::File(path) => write!(f, "the {kind} file {}", path.display()),
            Place::Command(_) => write!(f, "the {kind} command"),
            Place::Terminal => f.write_str("the terminal"),
        }
    }
}

fn from_file(kind: SecretKind, path: &Path) -> Result<Obtained, PasswordError> {
    let failed = |source| PasswordError::File { kind, path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    // Of what was opened, not of the path: that may be another file by now.
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(PasswordError::Directory { kind, path: path.to_owned() });
    }
    let warning = PasswordWarning::of(kind.name(), path, &metadata);
    let text = read_limited(file).map_err(failed)?;
    Ok(Obtained { password: password(&text, Origin { kind, place: Place::File(path.to_owned()) })?, warning })
}

fn from_command(kind: SecretKind, command: &str, user: &str, host: &str) -> Result<Secret, PasswordError> {
    let failed = |source| PasswordError::Command { kind, source };
    let mut shell = Command::new("sh");
    // Not in the command itself, where a name could be another command.
    shell.arg("-c").arg(command).env("POPFETCH_USER", user).env("POPFETCH_HOST", host);
    let mut child = shell.stdout(Stdio::piped()).spawn().map_err(failed)?;
    let text = read_output(&mut child);
    let is_too_long = text.as_ref().is_ok_and(|text| text.len() > LONGEST);
    if is_too_long || text.is_err() {
        // It may go on writing for ever. When it has ended already there is nothing to kill.
        let _ = child.kill();
    }
    let status = child.wait().map_err(failed)?;
    let text = text.map_err(failed)?;
    if !is_too_long && !status.success() {
        return Err(PasswordError::CommandFailed { kind, status });
    }
    password(&text, Origin { kind, place: Place::Command(command.to_owned()) })
}

/// Takes the pipe, so that it is closed when this returns.
fn read_output(child: &mut Child) -> io::Result<Zeroizing<Vec<u8>>> {
    let output = child.stdout.take().ok_or_else(|| io::Error::other("no pipe to its standard output"))?;
    read_limited(output)
}

fn from_terminal(kind: SecretKind, user: &str, host: &str) -> Result<Secret, PasswordError> {
    let asked_for = match kind {
        SecretKind::Password => "Password",
        SecretKind::Token => "Token",
    };
    let prompt = format!("{asked_for} for {}@{}: ", escape(user.as_bytes()), escape(host.as_bytes()));
    let text = rpassword::prompt_password(prompt).map_err(|source| without_answer(kind, source))?;
    password(Zeroizing::new(text.into_bytes()).as_slice(), Origin { kind, place: Place::Terminal })
}

fn without_answer(kind: SecretKind, source: io::Error) -> PasswordError {
    match source.kind() {
        ErrorKind::Interrupted => PasswordError::Interrupted,
        ErrorKind::UnexpectedEof => PasswordError::NotGiven,
        _ => PasswordError::NoTerminal { kind, source },
    }
}

/// Reads to the end, or until it is clear that there is too much. The buffer never grows, since what a vector leaves
/// behind when it moves cannot be wiped.
fn read_limited(mut source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let most = LONGEST + "\r\n".len() + 1;
    let mut buffer = Zeroizing::new(vec![0; most]);
    let mut length = 0;
    while let Some(free) = buffer.get_mut(length..).filter(|free| !free.is_empty()) {
        match source.read(free) {
            Ok(0) => break,
            Ok(octets) => length += octets,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(length);
    Ok(buffer)
}

fn password(text: &[u8], origin: Origin) -> Result<Secret, PasswordError> {
    let password = match text.strip_suffix(b"\n") {
        Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
        None => text,
    };
    if password.is_empty() {
        return Err(PasswordError::Empty { origin });
    }
    if password.len() > LONGEST {
        return Err(PasswordError::TooLong { origin });
    }
    if password.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)) {
        return Err(PasswordError::Unsendable { origin });
    }
    Ok(Secret::new(password))
}

#[cfg(test)]
mod tests;
