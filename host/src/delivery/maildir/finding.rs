//! Finding messages again, by the names under which they were delivered.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use super::directories::flush_open;
use super::{DeliveryError, Maildir};
use crate::likeness::{Likeness, Observed};

/// How much of a file is read at a time.
const READ: usize = 64 << 10;

/// How often a directory is looked through where a reader is at work in it.
const LOOKS: usize = 10;

/// How often where one may be at work, and names are missing: a file that gets another name in the middle of a look can go from a
/// place that is still to be read to one that was.
const LOOKS_AT_WORK: usize = 3;

/// How long ago a directory may have changed for somebody to be at work in it.
const LATELY: Duration = Duration::from_secs(2);

impl Maildir {
    /// Which messages of these names are in the Maildir. What is found is durable when this returns.
    ///
    /// A reader may have moved them from `new` to `cur`, with flags behind a `:`, or to a folder inside (Maildir++). What
    /// is in `tmp` was never delivered, and is removed.
    ///
    /// # Errors
    /// When a directory cannot be read, or not be flushed.
    pub fn find(&self, names: &HashSet<OsString>) -> Result<HashMap<OsString, Likeness>, DeliveryError> {
        let mut found = HashMap::new();
        if names.is_empty() {
            return Ok(found);
        }
        for name in names {
            self.directories.remove_from_tmp(name);
        }
        let root = self.directories.path();
        look_in(root, names, &mut found)?;
        if found.len() < names.len() {
            for entry in list(root)?.into_iter().flatten() {
                let entry = entry.map_err(|error| DeliveryError::of("read", root, error))?;
                if entry.file_name().as_bytes().starts_with(b".") && entry.path().join("cur").is_dir() {
                    look_in(&entry.path(), names, &mut found)?;
                }
            }
        }
        Ok(found)
    }
}

/// Looks in `new` and `cur` of a folder.
fn look_in(
    folder: &Path,
    names: &HashSet<OsString>,
    found: &mut HashMap<OsString, Likeness>,
) -> Result<(), DeliveryError> {
    for part in ["new", "cur"] {
        let directory = folder.join(part);
        let before = found.len();
        // A reader may move a message while it is looked for: from `new` to `cur`, which comes next, or to other flags.
        for look in 1..=LOOKS {
            let has_seen_all = look_once(&directory, names, found)? == Look::Complete;
            let may_have_passed = found.len() < names.len() && look < LOOKS_AT_WORK && is_worked_in(&directory);
            if has_seen_all && !may_have_passed {
                break;
            }
        }
        if found.len() > before {
            let open = File::open(&directory).map_err(|error| DeliveryError::of("open", &directory, error))?;
            flush_open(&open, &directory)?;
        }
    }
    Ok(())
}

#[derive(PartialEq, Eq)]
enum Look {
    Complete,
    /// There were names that had gone when their files were to be opened.
    SomeMoved,
}

fn look_once(
    directory: &Path,
    names: &HashSet<OsString>,
    found: &mut HashMap<OsString, Likeness>,
) -> Result<Look, DeliveryError> {
    let mut look = Look::Complete;
    for entry in list(directory)?.into_iter().flatten() {
        let entry = entry.map_err(|error| DeliveryError::of("read", directory, error))?;
        let file_name = entry.file_name();
        let Some(name) = names.get(without_flags(&file_name)).filter(|name| !found.contains_key(*name)) else {
            continue;
        };
        match flushed(&entry.path()) {
            Ok(message) => drop(found.insert(name.clone(), message)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => look = Look::SomeMoved,
            Err(error) => return Err(DeliveryError::of("flush to disk", entry.path(), error)),
        }
    }
    Ok(look)
}

fn is_worked_in(directory: &Path) -> bool {
    let changed = fs::metadata(directory).and_then(|directory| directory.modified());
    // A time to come is that of another clock.
    changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|ago| ago < LATELY))
}

/// Nothing where there is no such directory: a folder need not have all of its parts.
fn list(directory: &Path) -> Result<Option<fs::ReadDir>, DeliveryError> {
    match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        entries => entries.map(Some).map_err(|error| DeliveryError::of("read", directory, error)),
    }
}

fn flushed(path: &Path) -> io::Result<Likeness> {
    let mut file = File::open(path)?;
    file.sync_all()?;
    let mut observed = Observed::default();
    let mut octets = vec![0; READ];
    loop {
        match file.read(&mut octets)? {
            0 => return Ok(observed.finish()),
            read => observed.write(octets.get(..read).unwrap_or_default()),
        }
    }
}

/// The name as it was delivered: readers add a `:` and flags.
fn without_flags(name: &OsStr) -> &OsStr {
    let octets = name.as_bytes();
    let unique = octets.split(|octet| *octet == b':').next().unwrap_or(octets);
    OsStr::from_bytes(unique)
}
