//! The command line of the benchmark.

use std::{
    env,
    error::Error,
    ffi::OsString,
    path::{Path, PathBuf},
};

const HELP: &str = "\
popfetch beside its peers: fetches the same maildrops with each, and prints tables.

  --small            little maildrops and three runs: the form for a gate
  --runs N           runs of each program for each work (five; three with --small)
  --only TEXT        only works whose name has this text in it; may be repeated
  --peer NAME        only these programs, and raw; may be repeated
  --popfetch FILE    another popfetch than the one that was built with this
  --memory DIR       where servers and most Maildirs are: a file system in memory (/dev/shm)
  --disk DIR         where Maildirs of the durable work are (in the target directory)
  --journal FILE     a state file of popfetch that knows many messages, for the growth";

/// What is to be measured, and where.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Little maildrops.
    pub(crate) small: bool,
    /// How often each program does each work.
    pub(crate) runs: usize,
    /// The command `popfetch`.
    pub(crate) popfetch: PathBuf,
    /// A directory in memory.
    pub(crate) memory: PathBuf,
    /// A directory on a disk.
    pub(crate) disk: PathBuf,
    /// A journal that knows many messages; made when there is none.
    pub(crate) journal: Option<PathBuf>,
    only: Vec<String>,
    peers: Vec<String>,
}

impl Options {
    /// Reads the arguments; nothing when they only ask for help.
    pub(crate) fn parse(arguments: Vec<OsString>) -> Result<Option<Self>, Box<dyn Error>> {
        use lexopt::prelude::*;
        let (mut options, mut runs) = (Self::usual(), None);
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("small") => options.small = true,
                Long("runs") => runs = Some(parser.value()?.parse()?),
                Long("only") => options.only.push(parser.value()?.string()?),
                Long("peer") => options.peers.push(parser.value()?.string()?),
                Long("popfetch") => options.popfetch = std::path::absolute(parser.value()?)?,
                Long("memory") => options.memory = std::path::absolute(parser.value()?)?,
                Long("disk") => options.disk = std::path::absolute(parser.value()?)?,
                Long("journal") => options.journal = Some(std::path::absolute(parser.value()?)?),
                // What cargo gives to every benchmark.
                Long("bench") => {}
                Long("help") => {
                    println!("{HELP}");
                    return Ok(None);
                }
                other => return Err(other.unexpected().into()),
            }
        }
        options.runs = runs.unwrap_or(if options.small { 3 } else { 5 }).max(1);
        Ok(Some(options))
    }

    /// Whether a work of this name is to be done.
    pub(crate) fn chooses(&self, key: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|text| key.contains(text))
    }

    /// Whether a program of this name is to run.
    pub(crate) fn invites(&self, name: &str) -> bool {
        self.peers.is_empty() || self.peers.iter().any(|peer| peer == name)
    }

    fn usual() -> Self {
        let in_memory = Path::new("/dev/shm");
        Self {
            small: false,
            runs: 0,
            popfetch: env!("CARGO_BIN_EXE_popfetch-under-test").into(),
            memory: if in_memory.is_dir() { in_memory.to_owned() } else { env::temp_dir() },
            disk: env!("CARGO_TARGET_TMPDIR").into(),
            journal: None,
            only: Vec::new(),
            peers: Vec::new(),
        }
    }
}
