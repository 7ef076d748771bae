//! Puts one message from standard input into a Maildir, and does no more.

use std::{
    error::Error,
    ffi::OsString,
    fs::{self, File},
    io,
    path::Path,
    process,
};

pub(crate) const ROLE: &str = "deliver";
pub(super) const DURABLE: &str = "durable";
pub(super) const FAST: &str = "fast";

/// DURABLE or FAST, and the Maildir.
pub(crate) fn main(arguments: &[OsString]) -> Result<(), Box<dyn Error>> {
    let [durable, maildir] = arguments else { return Err("not the arguments of a delivery".into()) };
    let (durable, maildir) = (durable == DURABLE, Path::new(maildir));
    // Nobody else delivers into it, and a process that runs has its id alone; one that has ended left its file in new.
    let name = format!("{}.{}", process::id(), std::time::UNIX_EPOCH.elapsed()?.as_nanos());
    let (written, delivered) = (maildir.join("tmp").join(&name), maildir.join("new").join(&name));
    let mut file = File::create_new(&written)?;
    io::copy(&mut io::stdin().lock(), &mut file)?;
    if durable {
        file.sync_all()?;
    }
    fs::rename(written, delivered)?;
    if durable {
        File::open(maildir.join("new"))?.sync_all()?;
    }
    Ok(())
}
