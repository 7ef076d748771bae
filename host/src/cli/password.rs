//! Where the password comes from: a file, a command, or the person at the terminal.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use zeroize::Zeroizing;

use crate::escape::escape;
use crate::secret::Secret;

/// The longest password that is read, in octets.
const LONGEST: usize = 16 * 1024;

/// What the command line says about the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PasswordSource {
    /// `--password-file`: a file, a FIFO, `/dev/stdin`: anything that can be read to its end.
    File(PathBuf),
    /// `--password-command`: what this writes to its standard output when `sh -c` runs it.
    Command(String),
    /// Neither: the controlling terminal is asked.
    Terminal,
}

impl PasswordSource {
    /// Gets the password. The line end behind it, LF or CRLF, is not a part of it; everything else is.
    ///
    /// Blocks until the file or command has ended or the person has answered. The program should have a handler for
    /// SIGINT by then (tokio's will do): without one, Ctrl-C at the prompt ends it before the terminal's echo is back.
    ///
    /// # Errors
    /// Each is a matter of configuration, exit code 78, and none repeats what was read.
    pub(crate) fn obtain(&self, user: &str, host: &str) -> Result<Obtained, PasswordError> {
        match self {
            Self::File(path) => from_file(path),
            Self::Command(command) => from_command(command).map(Obtained::without_warning),
            Self::Terminal => from_terminal(user, host).map(Obtained::without_warning),
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
    /// The group or everybody can read or write the password file.
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl fmt::Display for PasswordWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::OpenToOthers { path, mode } = self;
        let path = path.display();
        write!(f, "the password file {path} is open to other users (mode {mode:04o}); chmod 600 {path}")
    }
}

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
    /// The file cannot be opened or read.
    #[error("cannot read the password file {path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
    /// The file is a directory.
    #[error(
        "the password file {path} is a directory; name a file that has the password in its only line",
        path = path.display()
    )]
    Directory {
        /// The directory.
        path: PathBuf,
    },
    /// The shell cannot be started or its output not be read.
    #[error("cannot run the password command: {source}")]
    Command {
        /// The system's word on it.
        source: io::Error,
    },
    /// The command says that it failed.
    #[error("the password command failed ({status}); run it by hand to see why")]
    CommandFailed {
        /// With which code or signal.
        status: ExitStatus,
    },
    /// There is no terminal to ask at.
    #[error("no password and no terminal to ask for one; use --password-file or --password-command")]
    NoTerminal {
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
    #[error("{origin} gave an empty password")]
    Empty {
        /// Where it is from.
        origin: Origin,
    },
    /// There is far more than a password.
    #[error("{origin} gave more than {LONGEST} octets, which is no password")]
    TooLong {
        /// Where it is from.
        origin: Origin,
    },
    /// There is a CR, LF or NUL in it, which the protocol cannot carry.
    #[error("{origin} gave a password with a line end or NUL in it; only its last line end is taken off")]
    Unsendable {
        /// Where it is from.
        origin: Origin,
    },
}

/// Where a password that cannot be used was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `--password-file`
    File(PathBuf),
    /// `--password-command`
    Command,
    /// The person.
    Terminal,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the password file {}", path.display()),
            Self::Command => f.write_str("the password command"),
            Self::Terminal => f.write_str("the terminal"),
        }
    }
}

fn from_file(path: &Path) -> Result<Obtained, PasswordError> {
    let failed = |source| PasswordError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    // Of what was opened, not of the path: that may be another file by now.
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(PasswordError::Directory { path: path.to_owned() });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    let warning = (metadata.is_file() && mode & 0o077 != 0)
        .then(|| PasswordWarning::OpenToOthers { path: path.to_owned(), mode });
    let text = read_limited(file).map_err(failed)?;
    Ok(Obtained { password: password(&text, Origin::File(path.to_owned()))?, warning })
}

fn from_command(command: &str) -> Result<Secret, PasswordError> {
    let failed = |source| PasswordError::Command { source };
    let mut child = Command::new("sh").arg("-c").arg(command).stdout(Stdio::piped()).spawn().map_err(failed)?;
    let text = read_output(&mut child);
    let is_too_long = text.as_ref().is_ok_and(|text| text.len() > LONGEST);
    if is_too_long || text.is_err() {
        // It may go on writing for ever. When it has ended already there is nothing to kill.
        let _ = child.kill();
    }
    let status = child.wait().map_err(failed)?;
    let text = text.map_err(failed)?;
    if !is_too_long && !status.success() {
        return Err(PasswordError::CommandFailed { status });
    }
    password(&text, Origin::Command)
}

/// Takes the pipe, so that it is closed when this returns.
fn read_output(child: &mut Child) -> io::Result<Zeroizing<Vec<u8>>> {
    let output = child.stdout.take().ok_or_else(|| io::Error::other("no pipe to its standard output"))?;
    read_limited(output)
}

fn from_terminal(user: &str, host: &str) -> Result<Secret, PasswordError> {
    let prompt = format!("Password for {}@{}: ", escape(user.as_bytes()), escape(host.as_bytes()));
    let text = rpassword::prompt_password(prompt).map_err(without_answer)?;
    password(Zeroizing::new(text.into_bytes()).as_slice(), Origin::Terminal)
}

fn without_answer(source: io::Error) -> PasswordError {
    match source.kind() {
        ErrorKind::Interrupted => PasswordError::Interrupted,
        ErrorKind::UnexpectedEof => PasswordError::NotGiven,
        _ => PasswordError::NoTerminal { source },
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
