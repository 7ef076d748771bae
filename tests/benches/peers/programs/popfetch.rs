//! popfetch, with the options that a user needs and no others.

use std::{fs, io, path::Path};

use super::{Job, LineEnds, POPFETCH, Program, line};
use crate::{
    measured::{CommandLine, Commands},
    options::Options,
};

/// What its help has to name before several accounts are given to it.
const JOBS: &str = "--jobs";

pub(super) fn program(options: &Options) -> Program {
    let path = options.popfetch.clone();
    let help = std::process::Command::new(&path).args(["fetch", "--help"]).output();
    let does_many = help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains(JOBS));
    Program { name: POPFETCH, path, line_ends: LineEnds::Crlf, is_durable: true, does_many, only_many: false, prepare }
}

fn prepare(path: &Path, job: &Job) -> io::Result<Commands> {
    let state = job.home.join("state");
    if let Some(journal) = &job.journal {
        fs::copy(journal, &state)?;
    }
    let password = job.write("password", &format!("{}\n", job.password))?;
    let mut command: CommandLine = line([path.as_os_str()]);
    command.push("fetch".into());
    command.extend(job.users.iter().map(|user| job.url("pop3", &format!("{user}@")).into()));
    let maildir = match job.users.as_slice() {
        [user] => job.maildir(user),
        users => {
            command.extend(line([JOBS, &users.len().to_string()]));
            job.maildir("%u")
        }
    };
    command.extend(["--maildir".into(), maildir.into()]);
    command.extend(["--state".into(), state.into(), "--password-file".into(), password.into()]);
    // The same way to sign in for everybody: without TLS, USER is never the default.
    command.extend(line(["--auth", "user"]));
    match &job.peer.ca_file {
        Some(ca_file) => command.extend(["--ca-file".into(), ca_file.into()]),
        None => command.extend(line(["--tls", "off"])),
    }
    Ok(Commands::InTurn(vec![command]))
}
