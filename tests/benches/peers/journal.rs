//! A journal of popfetch that knows many messages already.

use std::{error::Error, fs, path::PathBuf, sync::Arc};

use tempfile::TempDir;

use crate::{
    measured,
    memory_server::{MemoryServer, Replies},
    messages::{Mail, grouped},
    options::Options,
    programs::{Job, POPFETCH, Peer, Present},
    stage::PASSWORD,
};

/// The accounts, and the messages of each.
const KNOWN: (usize, usize) = (10, 100_000);
const SMALL_KNOWN: (usize, usize) = (2, 1_000);
/// The least that a message can have.
const OCTETS: usize = 100;

/// A state file, and how many messages it knows; the directory goes with it.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) path: PathBuf,
    pub(crate) knows: String,
    _directory: Option<TempDir>,
}

/// The file that the options name, or one that popfetch has filled itself, by fetching so many messages: whatever its
/// journal is like, it is then as it would be.
pub(crate) fn prepared(present: &Present, options: &Options) -> Result<Option<Journal>, Box<dyn Error>> {
    let Some(program) = present.named(POPFETCH) else { return Ok(None) };
    if let Some(path) = &options.journal {
        return Ok(Some(Journal { path: path.clone(), knows: "many".to_owned(), _directory: None }));
    }
    let (accounts, count) = if options.small { SMALL_KNOWN } else { KNOWN };
    let directory = tempfile::Builder::new().prefix("peers-journal-").tempdir_in(&options.memory)?;
    let server = MemoryServer::start(Arc::new(Replies::to(Mail { count, octets: OCTETS }.messages(1))))?;
    let path = directory.path().join("known");
    eprint!("journal:");
    for account in 0..accounts {
        eprint!(".");
        let home = tempfile::Builder::new().prefix("peers-").tempdir_in(&options.memory)?;
        let job = Job {
            peer: Peer { port: server.port(), ca_file: None },
            users: vec![format!("known-{account}")],
            count,
            password: PASSWORD,
            home: home.path().to_owned(),
            durable: false,
            journal: path.exists().then(|| path.clone()),
        };
        measured::run(&program.prepare(&job)?, home.path())?;
        fs::copy(home.path().join("state"), &path)?;
    }
    eprintln!();
    Ok(Some(Journal { path, knows: grouped(accounts * count), _directory: Some(directory) }))
}
