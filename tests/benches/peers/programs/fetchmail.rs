//! fetchmail, which gives each message to a program for delivery: here one that does nothing but put it into a Maildir,
//! see [`super::deliver`]. It delivers with LF line ends.

use std::{env, io, path::Path};

use super::{FETCHMAIL, Job, LineEnds, Program, deliver, find, line};
use crate::measured::{CommandLine, Commands};

pub(super) fn program() -> (&'static str, Option<Program>) {
    let program = find(FETCHMAIL).map(|path| Program {
        name: FETCHMAIL,
        path,
        line_ends: LineEnds::Lf,
        is_durable: true,
        does_many: false,
        only_many: false,
        prepare,
    });
    (FETCHMAIL, program)
}

fn prepare(path: &Path, job: &Job) -> io::Result<Commands> {
    let user = &job.users[0];
    let maildir = job.create_maildir(user)?;
    let durable = if job.durable { deliver::DURABLE } else { deliver::FAST };
    let deliver = format!("{} {} {durable} {}", env::current_exe()?.display(), deliver::ROLE, maildir.display());
    let (host, tls) = match &job.peer.ca_file {
        Some(ca_file) => ("localhost", format!("ssl sslcertck sslcertfile \"{}\"", ca_file.display())),
        // An empty protocol is what it calls no STLS.
        None => ("127.0.0.1", "sslproto \"\"".to_owned()),
    };
    let rules = format!(
        "set no bouncemail\npoll {host} protocol pop3 port {} auth password uidl\n  \
         user \"{user}\" password \"{}\" keep fetchall no rewrite {tls}\n  mda \"{deliver}\"\n",
        job.peer.port, job.password
    );
    let rules = job.write("fetchmailrc", &rules)?;
    let [pid_file, id_file] = ["fetchmail.pid", "fetchmail.ids"].map(|name| job.home.join(name));
    let mut command: CommandLine = line([path.as_os_str()]);
    command.extend(line(["--silent", "--invisible", "--fetchmailrc"]));
    command.push(rules.into());
    command.extend(["--pidfile".into(), pid_file.into(), "--idfile".into(), id_file.into()]);
    Ok(Commands::InTurn(vec![command]))
}
