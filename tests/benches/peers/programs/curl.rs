//! curl: one process that lists the maildrop, and one that fetches it, each message into a file of its own. It makes
//! nothing durable, and does not unite several accounts.

use std::{io, path::Path};

use super::{CURL, Job, LineEnds, Program, find, line};
use crate::measured::Commands;

pub(super) fn program() -> (&'static str, Option<Program>) {
    let program = find(CURL).map(|path| Program {
        name: CURL,
        path,
        line_ends: LineEnds::Crlf,
        is_durable: false,
        does_many: false,
        only_many: false,
        prepare,
    });
    (CURL, program)
}

fn prepare(path: &Path, job: &Job) -> io::Result<Commands> {
    let user = &job.users[0];
    let (maildir, url) = (job.create_maildir(user)?, job.url("pop3", ""));
    let shared = format!("silent\nshow-error\nfail\nuser = \"{user}:{}\"\n", job.password);
    let trust = job.peer.ca_file.as_ref().map(|file| format!("cacert = \"{}\"\n", file.display()));
    let shared = shared + &trust.unwrap_or_default();
    let list = format!("{shared}url = \"{url}/\"\noutput = \"{}/list\"\n", job.home.display());
    let fetch = format!("{shared}url = \"{url}/[1-{}]\"\noutput = \"{}/new/#1\"\n", job.count, maildir.display());
    let files = [job.write("list.conf", &list)?, job.write("fetch.conf", &fetch)?];
    let commands = files.map(|file| [line([path.as_os_str()]), line(["-K"]), line([file])].concat());
    Ok(Commands::InTurn(commands.into()))
}
