//! How the cost grows with the number of messages, and with what the journal knows.

use std::{error::Error, path::Path, sync::Arc};

use crate::{
    journal,
    memory_server::{MemoryServer, Replies},
    messages::{Expected, Mail, grouped},
    options::Options,
    programs::{Job, MPOP, POPFETCH, Peer, Present, Program, RAW},
    report::{median, ratio, seconds},
    rounds::{self, Runs},
    stage::PASSWORD,
};

pub(crate) const KEY: &str = "growth";

const OCTETS: usize = 200;
const COUNTS: [usize; 3] = [1_000, 10_000, 100_000];
const SMALL_COUNTS: [usize; 2] = [100, 1_000];
/// What popfetch is called when its journal knows much.
const KNOWING: &str = "popfetch, journal";

/// Small messages from the in-memory server, unique-ids included.
pub(crate) fn measure(present: &Present, options: &Options) -> Result<String, Box<dyn Error>> {
    let counts: &[usize] = if options.small { &SMALL_COUNTS } else { &COUNTS };
    let journal = journal::prepared(present, options)?;
    let mut table = format!(
        "| messages of {OCTETS} octets, in-memory server | program | wall s | µs a message | × raw | × mpop |\n\
         |---|---|---|---|---|---|\n"
    );
    for &count in counts {
        eprint!("{} × {OCTETS} octets:", grouped(count));
        let runs = of(
            Mail { count, octets: OCTETS },
            present,
            options,
            journal.as_ref().map(|journal| journal.path.as_path()),
        )?;
        eprintln!();
        let wall = |name: &str| {
            let (_, runs) = runs.iter().find(|(program, _)| *program == name)?;
            median(runs.iter().map(|run| run.wall))
        };
        for (name, _) in &runs {
            let each = wall(name).unwrap_or_default().as_secs_f64() * 1e6 / count as f64;
            let known = journal.as_ref().filter(|_| *name == KNOWING);
            let label =
                known.map_or((*name).to_owned(), |journal| format!("popfetch, which knows {} others", journal.knows));
            table += &format!("| {} | {label} | {} | {each:.1} |", grouped(count), seconds(wall(name)));
            table += &format!(" {} | {} |\n", ratio(wall(name), wall(RAW)), ratio(wall(name), wall(MPOP)));
        }
    }
    Ok(table)
}

fn of(mail: Mail, present: &Present, options: &Options, journal: Option<&Path>) -> Result<Runs, Box<dyn Error>> {
    let mut expected = Expected::default();
    let messages = mail.messages(0).inspect(|message| expected.add(message));
    let server = MemoryServer::start(Arc::new(Replies::to(messages)))?;
    let mut programs: Vec<Program> =
        [RAW, POPFETCH, MPOP].iter().filter_map(|name| present.named(name).cloned()).collect();
    if journal.is_some() {
        let knowing = present.named(POPFETCH).cloned();
        programs.extend(knowing.map(|program| program.called(KNOWING)));
    }
    let users = [("grown".to_owned(), &expected)];
    let once = |program: &Program| {
        let prepare = |home: &Path| Job {
            peer: Peer { port: server.port(), ca_file: None },
            users: vec![users[0].0.clone()],
            count: mail.count,
            password: PASSWORD,
            home: home.to_owned(),
            durable: false,
            journal: journal.filter(|_| program.name == KNOWING).map(Path::to_owned),
        };
        rounds::run(program, &options.memory, prepare, &users)
    };
    rounds::in_turns(&programs.iter().collect::<Vec<_>>(), options.runs, once)
}
