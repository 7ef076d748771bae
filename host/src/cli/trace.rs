//! `--trace`: each line of a session in a file, for a bug report.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::connect::Target;
use super::failure::Failure;
use super::output::shown;
use crate::session::{Security, Trace};

/// Begins the file, which only its owner can read, and gives what writes to it.
pub(super) fn to_file(path: &Path, target: &Target) -> Result<Trace, Failure> {
    let begin = || -> io::Result<File> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        // One that was there already may be open to others.
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        let security = match target.security {
            Security::Cleartext => "clear text",
            Security::StartTls => "TLS by STLS",
            Security::ImplicitTls => "TLS from the start",
        };
        let version = env!("CARGO_PKG_VERSION");
        writeln!(file, "popfetch {version}, {}:{}, {security}", target.url.host(), target.url.port())?;
        writeln!(file, "seconds (at the end of a step), C: sent or S: received, [in brackets]: what is not shown")?;
        Ok(file)
    };
    let file = Mutex::new(begin().map_err(|cause| Failure::Trace { path: path.to_owned(), cause })?);
    let start = Instant::now();
    Ok(Trace::new(move |line| {
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let who = if line.from_server { 'S' } else { 'C' };
        // A run is not broken off for its trace.
        let _ = writeln!(file, "{:10.3} {who}: {}", start.elapsed().as_secs_f64(), shown(&line.text));
    }))
}
