//! Python's poplib, in the script that most people write.

use std::{io, path::Path};

use super::{Job, LineEnds, POPLIB, Program, find, line};
use crate::measured::{CommandLine, Commands};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/programs/poplib_maildir.py");

pub(super) fn program() -> (&'static str, Option<Program>) {
    let program = find("python3").map(|path| Program {
        name: POPLIB,
        path,
        line_ends: LineEnds::Crlf,
        is_durable: true,
        does_many: false,
        only_many: false,
        prepare,
    });
    (POPLIB, program)
}

fn prepare(path: &Path, job: &Job) -> io::Result<Commands> {
    let user = &job.users[0];
    let password = job.write("password", job.password)?;
    let maildir = job.create_maildir(user)?;
    let mut command: CommandLine = line([path.as_os_str()]);
    command.extend(line([SCRIPT, &job.peer.port.to_string(), user]));
    command.extend([password.into(), maildir.into()]);
    command.push(if job.durable { "durable" } else { "" }.into());
    command.push(job.peer.ca_file.clone().unwrap_or_default().into());
    Ok(Commands::InTurn(vec![command]))
}
