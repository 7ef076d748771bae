//! Where the journal is.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::arguments::StateArguments;
use super::failure::Failure;
use crate::journal::Journal;

/// Opens the journal that the command line names, or that of this user; nothing where none is wanted.
pub(super) fn open(arguments: &StateArguments) -> Result<Option<Journal>, Failure> {
    if arguments.no_state {
        return Ok(None);
    }
    Ok(Some(Journal::open(&place(arguments.state.as_deref())?)?))
}

/// The file of the journal. The directory of the one that nobody has named is made.
pub(super) fn place(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let directory = state_home().ok_or(Failure::NoStateHome)?.join("popfetch");
    // The specification of base directories wants 0700.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
    made.map_err(|cause| Failure::StateDirectory { path: directory.clone(), cause })?;
    Ok(directory.join("journal"))
}

/// As the XDG specification of base directories has it: a relative path does not count.
fn state_home() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")))
}
