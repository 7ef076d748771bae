//! mpop, with its usual options: a Maildir, a file of unique-ids, pipelining as the server announces it. It delivers
//! with LF line ends, and each file is flushed to the disk.

use std::{fmt::Write as _, io, path::Path};

use super::{Job, LineEnds, MPOP, MPOP_PROCESSES, Program, find, line};
use crate::measured::{CommandLine, Commands};

pub(super) fn program() -> (&'static str, Option<Program>) {
    (MPOP, of(MPOP, |path, job| Ok(Commands::InTurn(vec![command(path, job, &job.users)?]))))
}

/// For several accounts only.
pub(super) fn processes() -> (&'static str, Option<Program>) {
    let program = of(MPOP_PROCESSES, |path, job| {
        let commands = job.users.iter().map(|user| command(path, job, std::slice::from_ref(user)));
        Ok(Commands::Together(commands.collect::<io::Result<_>>()?))
    });
    (MPOP_PROCESSES, program.map(|program| Program { only_many: true, ..program }))
}

fn of(name: &'static str, prepare: fn(&Path, &Job) -> io::Result<Commands>) -> Option<Program> {
    Some(Program {
        name,
        path: find("mpop")?,
        line_ends: LineEnds::Lf,
        is_durable: true,
        does_many: true,
        only_many: false,
        prepare,
    })
}

fn command(path: &Path, job: &Job, users: &[String]) -> io::Result<CommandLine> {
    let mut file = String::from("defaults\nauth user\nkeep on\nreceived_header off\n");
    let _ = match &job.peer.ca_file {
        Some(ca_file) => {
            writeln!(file, "host localhost\ntls on\ntls_starttls off\ntls_trust_file {}", ca_file.display())
        }
        None => writeln!(file, "host 127.0.0.1\ntls off"),
    };
    for user in users {
        let (maildir, home) = (job.create_maildir(user)?, job.home.display());
        let (port, password) = (job.peer.port, job.password);
        let _ = writeln!(
            file,
            "account {user}\nport {port}\nuser {user}\npassword {password}\ndelivery maildir {}\n\
             uidls_file {home}/uidls-{user}",
            maildir.display()
        );
    }
    let first = users.first().map_or("", String::as_str);
    let file = job.write(&format!("mpoprc-{first}"), &file)?;
    Ok([line([path.as_os_str()]), line(["--quiet", "-a", "-C"]), line([file])].concat())
}
