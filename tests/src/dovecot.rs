//! A private Dovecot 2.3: the POP3 server that half of the world's mailboxes are behind, for one test.

mod configuration;
mod introspection;
mod settings;

use std::{
    env, fs,
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process, pidfd_open, pidfd_send_signal, waitid},
};
use tempfile::TempDir;

use crate::maildir::Maildir;
use configuration::{OPENSSL_CONFIGURATION, configure};

pub use introspection::Introspection;
pub use settings::{ClientCertificates, ServerTls, Settings, TlsVersions};

/// How long a start or an end may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// Who owns the mail when the test runs as root, because Dovecot serves no mail of root: nobody on any system that we
/// know.
const OWNER: u32 = 65534;

/// The address at which Dovecot takes a client of this machine for a stranger. It demands no TLS of a client whose own
/// address is the one that it connects to, whatever the settings are; a connection to this one comes from 127.0.0.1.
pub const TO_STRANGERS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// A running Dovecot with POP3 on loopback addresses and free ports.
///
/// Everything it has is in a temporary directory; both are gone when it is dropped.
///
/// ```no_run
/// use popfetch_tests::dovecot::Dovecot;
///
/// let dovecot = Dovecot::start(&[("alice", "secret")]);
/// dovecot.fill("alice", [b"Subject: hello\r\n\r\nbody\r\n".to_vec()]);
/// println!("{}", dovecot.address());
/// ```
#[derive(Debug)]
pub struct Dovecot {
    address: SocketAddr,
    tls_port: u16,
    process: Child,
    directory: TempDir,
}

impl Dovecot {
    /// Starts a server in clear text with these users and passwords. It answers when this returns.
    ///
    /// # Panics
    /// When Dovecot is not installed or does not start; its log is in the message then.
    pub fn start(users: &[(&str, &str)]) -> Self {
        Self::start_with(&Settings::new(users))
    }

    /// Starts a server with these settings. It answers when this returns.
    ///
    /// # Panics
    /// When Dovecot is not installed or does not start; its log is in the message then.
    pub fn start_with(settings: &Settings) -> Self {
        const ATTEMPTS: usize = 5;
        let mut log = String::new();
        for _ in 0..ATTEMPTS {
            // The ports are free now; in the rare case that another program takes one first, others are tried.
            match Self::try_start(settings) {
                Ok(dovecot) => return dovecot,
                Err(failed) => log = failed,
            }
        }
        panic!("dovecot does not start: {log}");
    }

    fn try_start(settings: &Settings) -> Result<Self, String> {
        let directory = tempfile::Builder::new().prefix("dovecot-").tempdir().map_err(|error| error.to_string())?;
        let [port, tls_port] = free_ports().map_err(|error| error.to_string())?;
        configure(directory.path(), [port, tls_port], settings).map_err(|error| error.to_string())?;
        let process = launch(directory.path())?;
        let mut dovecot = Self { address: (Ipv4Addr::LOCALHOST, port).into(), tls_port, process, directory };
        if dovecot.answers() { Ok(dovecot) } else { Err(dovecot.log()) }
    }

    /// Where it listens in clear text, and for STLS.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port it listens on in clear text, and for STLS.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The port of POP3 over TLS from the start, if there is TLS.
    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// Ends all of its processes where they stand, as a loss of power does. The mail stays.
    ///
    /// # Panics
    /// When the processes cannot be found or ended.
    pub fn kill(&mut self) {
        self.try_kill().expect("the processes are there, and can be ended");
    }

    /// Starts again after [`kill`](Self::kill), with the same mail, settings and ports. It answers when this returns.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        remove_locks(self.directory.path()).expect("the mail is there");
        self.process = launch(self.directory.path()).expect("dovecot has been started before");
        assert!(self.answers(), "dovecot does not start again: {}", self.log());
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        let log = fs::read(self.directory.path().join("dovecot.log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The Maildir of a user.
    pub fn maildir(&self, user: &str) -> Maildir {
        Maildir::at(self.directory.path().join("mail").join(user).join("Maildir"))
    }

    /// Puts messages into the maildrop of a user, in this order. They are stored as they are: with CRLF line ends what
    /// is retrieved is the same octet for octet, if they have no NUL, no bare LF and no bare CR, and end with CRLF
    /// ([`Profile::crlf_clean`](crate::maildrop::Profile::crlf_clean)).
    ///
    /// # Panics
    /// When a file cannot be written.
    pub fn fill(&self, user: &str, messages: impl IntoIterator<Item = Vec<u8>>) {
        self.try_fill(user, messages).unwrap_or_else(|error| panic!("cannot fill the Maildir of {user}: {error}"));
    }

    fn try_fill(&self, user: &str, messages: impl IntoIterator<Item = Vec<u8>>) -> io::Result<()> {
        let root = self.maildir(user).path().to_owned();
        create_owned(&root)?;
        for folder in ["new", "cur", "tmp"] {
            create_owned(&root.join(folder))?;
        }
        let present = self.maildir(user).delivered().len();
        for (octets, number) in messages.into_iter().zip(present + 1..) {
            // Dovecot numbers new files in the order of their names' leading time stamp.
            let (written, name) =
                (root.join("tmp").join("filled"), format!("{}.M{number:08}.test", 1_700_000_000 + number));
            fs::write(&written, octets)?;
            give_to_owner(&written)?;
            fs::rename(&written, root.join("new").join(name))?;
        }
        Ok(())
    }

    /// Connects until the greeting comes; false when the process has ended or time is up.
    fn answers(&mut self) -> bool {
        const BETWEEN: Duration = Duration::from_millis(10);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if matches!(self.process.try_wait(), Ok(Some(_)) | Err(_)) {
                return false;
            }
            if self.greets().is_ok() {
                return true;
            }
            thread::sleep(BETWEEN);
        }
        false
    }

    fn greets(&self) -> io::Result<()> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut start = [0; 3];
        stream.read_exact(&mut start)?;
        stream.write_all(b"QUIT\r\n")?;
        if start == *b"+OK" { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    fn try_kill(&mut self) -> io::Result<()> {
        if self.process.try_wait()?.is_some() {
            return Ok(());
        }
        let id = self.process.id();
        let master = i32::try_from(id).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
        // A master that stands still starts no more of them.
        kill_process(master, Signal::STOP)?;
        // Until it does, it may be starting one.
        waitid(WaitId::Pid(master), WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
        let mut ended = Vec::new();
        for child in children.split_whitespace().filter_map(|id| Pid::from_raw(id.parse().ok()?)) {
            // A master that stands still does not wait for one that has ended meanwhile: the id is still its own.
            let child = pidfd_open(child, PidfdFlags::empty())?;
            pidfd_send_signal(&child, Signal::KILL)?;
            ended.push(child);
        }
        self.process.kill()?;
        self.process.wait()?;
        // They are not children of this process, and each holds the listening socket until it has ended.
        for child in ended {
            let patience = Timespec { tv_sec: PATIENCE.as_secs().cast_signed(), tv_nsec: 0 };
            if poll(&mut [PollFd::new(&child, PollFlags::IN)], Some(&patience))? == 0 {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // Asking it to end takes a second. Its children would outlive a master alone that is killed.
        if self.try_kill().is_err() {
            // Nothing can be done about a process that cannot be killed, and its test has its result already.
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// A program in `PATH`, or where daemons are and an ordinary user's `PATH` does not lead.
fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Two ports that are free now.
fn free_ports() -> io::Result<[u16; 2]> {
    let one = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok([one.local_addr()?.port(), other.local_addr()?.port()])
}

/// Starts the server whose files are in this directory.
fn launch(directory: &Path) -> Result<Child, String> {
    let program = find("dovecot").ok_or("dovecot is not installed: apt-get install dovecot-pop3d")?;
    Command::new(&program)
        .args(["-F", "-c"])
        .arg(directory.join("dovecot.conf"))
        .env("OPENSSL_CONF", directory.join(OPENSSL_CONFIGURATION))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))
}

/// Removes what a Dovecot that was killed has locked its mail with. The next one would wait for minutes before it does so
/// itself.
fn remove_locks(directory: &Path) -> io::Result<()> {
    for user in fs::read_dir(directory.join("mail"))? {
        for file in fs::read_dir(user?.path().join("Maildir"))? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "lock" || extension == "newlock") {
                fs::remove_file(path)?;
            }
        }
    }
    Ok(())
}

/// User and group that own the mail.
fn owner() -> io::Result<(u32, u32)> {
    if is_root()? {
        return Ok((OWNER, OWNER));
    }
    let me = fs::metadata("/proc/self")?;
    Ok((me.uid(), me.gid()))
}

fn is_root() -> io::Result<bool> {
    Ok(fs::metadata("/proc/self")?.uid() == 0)
}

/// The name of the user (`-un`) or group (`-gn`) of this process.
fn name_of(option: &str) -> io::Result<String> {
    let output = Command::new("id").arg(option).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn create_owned(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    give_to_owner(directory)
}

fn give_to_owner(path: &Path) -> io::Result<()> {
    let (user, group) = owner()?;
    chown(path, Some(user), Some(group))
}

#[cfg(all(test, feature = "dovecot"))]
mod tests;
