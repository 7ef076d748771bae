//! `--trace`: each line of a run's sessions in a file, for a bug report.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::failure::Failure;
use super::output::{complain, shown};
use super::target::Target;
use crate::session::{Security, Trace};

/// What a trace begins with, and so what may be overwritten by another.
const BEGINNING: &str = "popfetch ";

/// Begins the file, which only its owner can read, and gives what writes to it.
pub(super) fn to_file(path: &Path, target: &Target) -> Result<Trace, Failure> {
    let failed = |cause| Failure::Trace { path: path.to_owned(), cause };
    let mut file = open(path).map_err(failed)?;
    let security = match target.security {
        Security::Cleartext => "clear text",
        Security::StartTls => "TLS by STLS",
        Security::ImplicitTls => "TLS from the start",
    };
    let (version, host, port) = (env!("CARGO_PKG_VERSION"), target.url.host(), target.url.port());
    writeln!(file, "{BEGINNING}{version}, {host}:{port}, {security}").map_err(failed)?;
    writeln!(file, "seconds (at the end of a step), C: sent or S: received, [in brackets]: what is not shown")
        .map_err(failed)?;
    let (file, path) = (Mutex::new(Some(file)), path.to_owned());
    let start = Instant::now();
    Ok(Trace::new(move |line| {
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = file.as_mut() else { return };
        let who = if line.from_server { 'S' } else { 'C' };
        let written = writeln!(open, "{:10.3} {who}: {}", start.elapsed().as_secs_f64(), shown(&line.text));
        if let Err(error) = written {
            // A run is not broken off for its trace.
            complain(&format!("warning: the trace {} ends here: {error}", shown(&path.to_string_lossy())));
            *file = None;
        }
    }))
}

/// Makes the file, or empties the trace of an earlier run. What is neither is not touched: it may be the password file, or
/// a link that somebody else has laid. A device or a pipe is written to as it is.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    match options.clone().create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => return made,
    }
    if !path.metadata()?.is_file() {
        return OpenOptions::new().write(true).open(path);
    }
    let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).map_err(io::Error::other)?;
    let mut file = options.custom_flags(no_link).open(path).map_err(|error| match error.raw_os_error() {
        Some(code) if code == Errno::LOOP.raw_os_error() => {
            io::Error::new(ErrorKind::AlreadyExists, "it is a symbolic link; name the file itself")
        }
        _ => error,
    })?;
    let mut beginning = String::new();
    // What is no text is no trace either.
    let _ = Read::by_ref(&mut file).take(BEGINNING.len() as u64).read_to_string(&mut beginning);
    if !beginning.is_empty() && beginning != BEGINNING || beginning.is_empty() && file.metadata()?.len() > 0 {
        return Err(io::Error::new(ErrorKind::AlreadyExists, "it is there and is no trace; name another file"));
    }
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}
