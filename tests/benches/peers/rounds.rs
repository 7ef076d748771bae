//! Each program does each work, in turns, and what it delivers is looked at each time.

use std::{error::Error, path::Path, time::Duration};

use popfetch_tests::{fingerprint::Fingerprint, maildir::Maildir};
use tempfile::TempDir;

use crate::{
    measured::{self, Commands, Taken},
    messages::Expected,
    options::Options,
    programs::{Job, LineEnds, Present, Program},
    report,
    stage::{PASSWORD, Stage},
    works::{Place, Work},
};

/// Whoever takes longer than this is not asked again.
const TOO_LONG: Duration = Duration::from_secs(20);

/// Programs by name, and what each of their runs took.
pub(crate) type Runs = Vec<(&'static str, Vec<Taken>)>;

/// What came of a work.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) work: String,
    /// In the order of the programs; those that can't do it are not here.
    pub(crate) runs: Runs,
}

/// Runs all programs that can do this work.
pub(crate) fn measure(
    work: &Work,
    stage: &Stage,
    present: &Present,
    options: &Options,
) -> Result<Measured, Box<dyn Error>> {
    let place = if work.place == Place::Disk { &options.disk } else { &options.memory };
    let once = |program: &Program| {
        let users = work.users().into_iter().map(|user| (stage.expected(&user), user));
        let prepare = |home: &Path| Job {
            peer: stage.peer(work),
            users: work.users(),
            count: work.maildrop.mail.count,
            password: PASSWORD,
            home: home.to_owned(),
            durable: work.place == Place::Disk,
            journal: None,
        };
        run(program, place, prepare, &users.map(|(expected, user)| (user, expected)).collect::<Vec<_>>())
    };
    let able: Vec<&Program> = present
        .programs
        .iter()
        .filter(|program| program.can(work.maildrop.accounts, work.place == Place::Disk))
        .collect();
    eprint!("{work}:");
    let runs = in_turns(&able, options.runs, once).map_err(|problem| format!("{work}: {problem}"))?;
    let measured = Measured { work: work.to_string(), runs };
    // The tables come when all is done, and that takes a while.
    eprintln!(" {}", report::medians(&measured));
    Ok(measured)
}

/// Runs each so often, one after the other, and each time another one is the first.
pub(crate) fn in_turns(
    programs: &[&Program],
    runs: usize,
    mut once: impl FnMut(&Program) -> Result<Taken, Box<dyn Error>>,
) -> Result<Runs, Box<dyn Error>> {
    // The server knows the maildrop after that, and the machine the programs.
    if let Some(first) = programs.first() {
        once(first)?;
    }
    let mut taken: Runs = programs.iter().map(|program| (program.name, Vec::new())).collect();
    for round in 0..runs {
        for turn in 0..programs.len() {
            let index = (round + turn) % programs.len();
            let (program, before) = (programs[index], &mut taken[index].1);
            if before.iter().any(|run| run.wall > TOO_LONG) {
                continue;
            }
            before.push(once(program).map_err(|problem| format!("{}: {problem}", program.name))?);
            eprint!(".");
        }
    }
    Ok(taken)
}

/// One run into an empty directory in `place`, and a look at what is there afterwards.
///
/// # Errors
/// When the program fails, or what it delivers is not what it should be.
pub(crate) fn run(
    program: &Program,
    place: &Path,
    prepare: impl FnOnce(&Path) -> Job,
    users: &[(String, &Expected)],
) -> Result<Taken, Box<dyn Error>> {
    let home = TempDir::with_prefix_in("peers-", place)?;
    let job = prepare(home.path());
    let commands: Commands = program.prepare(&job)?;
    if job.durable {
        // What came before is not this program's to make durable.
        rustix::fs::sync();
    }
    let taken = measured::run(&commands, home.path())?;
    for (user, expected) in users {
        let expected = if program.line_ends == LineEnds::Crlf { &expected.crlf } else { &expected.lf };
        look(&job.maildir(user), expected)?;
    }
    Ok(taken)
}

/// Whether a Maildir holds what it should, and nothing else.
fn look(maildir: &Path, expected: &[Fingerprint]) -> Result<(), Box<dyn Error>> {
    let maildir = Maildir::at(maildir);
    let difference = maildir.compare(expected.iter().cloned());
    difference.map_err(|difference| format!("{} is wrong\n{difference}", maildir.path().display()))?;
    if maildir.unfinished().is_empty() { Ok(()) } else { Err("something is left in tmp".into()) }
}
