//! The raw reader, see [`crate::raw`].

use std::{env, io, path::Path};

use super::{Job, LineEnds, Program, RAW, line};
use crate::{
    measured::{CommandLine, Commands},
    raw,
};

pub(super) fn program() -> Program {
    Program {
        name: RAW,
        path: env::current_exe().unwrap_or_default(),
        line_ends: LineEnds::Crlf,
        is_durable: true,
        does_many: true,
        only_many: false,
        prepare,
    }
}

fn prepare(path: &Path, job: &Job) -> io::Result<Commands> {
    let mut command: CommandLine = line([path.as_os_str()]);
    command.extend(line([raw::ROLE, &job.peer.port.to_string(), job.password]));
    command.push(job.peer.ca_file.clone().unwrap_or_default().into());
    command.push(if job.durable { raw::DURABLE } else { raw::FAST }.into());
    for user in &job.users {
        command.extend([user.into(), job.create_maildir(user)?.into()]);
    }
    Ok(Commands::InTurn(vec![command]))
}
