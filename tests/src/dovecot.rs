//! A private Dovecot 2.3: the POP3 server that half of the world's mailboxes are behind, for one test.

use std::{
    env, fs,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::maildir::Maildir;

/// How long a start or an end may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// Who owns the mail when the test runs as root, because Dovecot serves no mail of root: nobody on any system that we
/// know.
const OWNER: u32 = 65534;

/// A running Dovecot with POP3 in clear text on a loopback address and a free port, with USER/PASS and APOP.
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
    process: Child,
    directory: TempDir,
}

impl Dovecot {
    /// Starts a server with these users and passwords. It answers when this returns.
    ///
    /// # Panics
    /// When Dovecot is not installed or does not start; its log is in the message then.
    pub fn start(users: &[(&str, &str)]) -> Self {
        Self::start_with(users, "")
    }

    /// As [`start`](Self::start), with more lines for its configuration, such as `pop3_uidl_format = %f`.
    ///
    /// # Panics
    /// When Dovecot is not installed or does not start; its log is in the message then.
    pub fn start_with(users: &[(&str, &str)], settings: &str) -> Self {
        let program =
            find("dovecot").unwrap_or_else(|| panic!("dovecot is not installed: apt-get install dovecot-pop3d"));
        const ATTEMPTS: usize = 5;
        let mut log = String::new();
        for _ in 0..ATTEMPTS {
            // The port is free now; in the rare case that another program takes it first, another one is tried.
            match Self::try_start(&program, users, settings) {
                Ok(dovecot) => return dovecot,
                Err(failed) => log = failed,
            }
        }
        panic!("dovecot does not start: {log}");
    }

    fn try_start(program: &Path, users: &[(&str, &str)], settings: &str) -> Result<Self, String> {
        let directory = tempfile::Builder::new().prefix("dovecot-").tempdir().map_err(|error| error.to_string())?;
        let port = free_port().map_err(|error| error.to_string())?;
        configure(directory.path(), port, users, settings).map_err(|error| error.to_string())?;
        let process = Command::new(program)
            .args(["-F", "-c"])
            .arg(directory.path().join("dovecot.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let mut dovecot = Self { address: (Ipv4Addr::LOCALHOST, port).into(), process, directory };
        if dovecot.answers() { Ok(dovecot) } else { Err(dovecot.log()) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
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

    /// Asks the process, which is ours and not yet waited for, to end together with its children.
    fn terminate(&mut self) -> io::Result<()> {
        Command::new("kill").arg(self.process.id().to_string()).status()?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.process.try_wait()?.is_some() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        if self.terminate().is_err() {
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

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn configure(directory: &Path, port: u16, users: &[(&str, &str)], settings: &str) -> io::Result<()> {
    // Dovecot's login processes have a user of their own and must come through.
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
    let passwords: String =
        users.iter().map(|(user, password)| format!("{user}:{{PLAIN}}{password}::::::\n")).collect();
    fs::write(directory.join("users"), passwords)?;
    fs::set_permissions(directory.join("users"), fs::Permissions::from_mode(0o644))?;
    let mail = directory.join("mail");
    create_owned(&mail)?;
    for (user, _) in users {
        create_owned(&mail.join(user))?;
    }
    fs::write(directory.join("dovecot.conf"), configuration(directory, port, settings)?)
}

fn configuration(directory: &Path, port: u16, settings: &str) -> io::Result<String> {
    let owner = owner()?;
    // Without root there is one user for everything, and no change of the root directory.
    let (accounts, chroot) = match is_root()? {
        true => (String::new(), ""),
        false => {
            let (user, group) = (name_of("-un")?, name_of("-gn")?);
            let accounts = format!(
                "default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}\n\
                 service anvil {{\n  chroot =\n}}\n"
            );
            (accounts, "  chroot =\n")
        }
    };
    let directory = directory.display();
    Ok(format!(
        "base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/dovecot.log
protocols = pop3
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login apop
auth_failure_delay = 0
first_valid_uid = 1
mail_location = maildir:~/Maildir
mail_fsync = never
mail_save_crlf = yes
mail_max_userip_connections = 100
passdb {{
  driver = passwd-file
  args = {directory}/users
}}
userdb {{
  driver = static
  args = uid={} gid={} home={directory}/mail/%n
}}
{accounts}service pop3-login {{
{chroot}  service_count = 0
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
{settings}
",
        owner.0, owner.1
    ))
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
