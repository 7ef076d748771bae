//! The command is killed at any moment, and so is its connection: each message is stored once, and none is deleted that is not.

#[path = "crash/letters.rs"]
mod letters;
#[path = "crash/random.rs"]
mod random;
#[path = "crash/small_disk.rs"]
mod small_disk;
#[path = "crash/story.rs"]
mod story;
#[path = "crash/wrong_counts.rs"]
mod wrong_counts;

use std::time::Duration;

use popfetch_tests::command::{Popfetch, script};
use popfetch_tests::maildrop::{Maildrop, Message, Random};
use popfetch_tests::server::{At, Ending, Fault, ModelServer};
use rustix::process::Signal;

const PATIENCE: Duration = Duration::from_secs(20);

/// Messages of mixed sizes, whose announced sizes are right.
fn maildrop(random: &mut Random) -> Maildrop {
    Maildrop::of_octets((1..=60).map(|number| {
        let lines = random.between(1, if number % 20 == 0 { 4000 } else { 60 });
        format!(
            "From: bob@example.org\r\nSubject: letter {number}\r\n\r\n{}",
            "The text of a letter.\r\n".repeat(lines)
        )
    }))
}

/// Fetches again and again, killed after other times, until a run comes to its end. Gives how often it was killed.
fn fetch_and_kill(popfetch: &Popfetch, server: &ModelServer, random: &mut Random, arguments: &[&str]) -> usize {
    let mut kills = 0;
    loop {
        let running = popfetch.fetch(server).args(["--auth", "user", "--state", "state"]).args(arguments).start();
        // Each time it gets further, so that there is an end, also on a machine with much else to do.
        let longest = 20_000.0 * 1.3_f64.powi(kills as i32);
        std::thread::sleep(Duration::from_micros(random.between(1, longest as usize) as u64));
        running.signal(Signal::KILL);
        let run = running.finish();
        server.wait_idle(PATIENCE).expect("the client is gone");
        if run.signal.is_none() {
            run.assert_success();
            return kills;
        }
        kills += 1;
    }
}

#[test]
fn a_kill_at_any_moment_loses_nothing_and_repeats_nothing() {
    let mut kills = 0;
    // More of them show more; these are for every day.
    let seeds = std::env::var("POPFETCH_CRASH_SEEDS").map_or(6, |seeds| seeds.parse().expect("a number"));
    for seed in 0..seeds {
        let mut random = Random::new(seed);
        let maildrop = maildrop(&mut random);
        let server = ModelServer::start(script(maildrop.clone()));
        let popfetch = Popfetch::new(env!("CARGO_BIN_EXE_popfetch-under-test"));
        let delete = seed % 2 == 0;
        kills += fetch_and_kill(&popfetch, &server, &mut random, if delete { &["--delete"] } else { &[] });

        popfetch.maildir().assert_holds(maildrop.fingerprints());
        assert_eq!(server.maildrop().is_empty(), delete, "seed {seed}");
        // And what comes later is known from it.
        server.append(Message::new("later", "Subject: later\r\n\r\nbody\r\n"));
        popfetch.fetch(&server).args(["--auth", "user", "--state", "state"]).run().assert_success();
        assert_eq!(popfetch.maildir().delivered().len(), maildrop.len() + 1, "seed {seed}");
    }
    println!("{kills} runs were killed");
    assert!(kills >= 6, "only {kills} runs were killed");
}

#[test]
fn a_reader_may_move_what_a_killed_run_has_stored() {
    let maildrop = maildrop(&mut Random::new(1));
    let server = ModelServer::start(script(maildrop.clone()));
    let popfetch = Popfetch::new(env!("CARGO_BIN_EXE_popfetch-under-test"));
    // The server is silent after so many messages: by then those are in the Maildir, and not noted as delivered.
    server.fault(At::verb("RETR").nth(40).once(), Fault::End(Ending::Silence));
    let fetch = || popfetch.fetch(&server).args(["--auth", "user", "--state", "state"]);
    let mut running = fetch().start();
    let new = popfetch.maildir().path().join("new");
    running.until(|| std::fs::read_dir(&new).is_ok_and(|entries| entries.count() >= 10));
    running.signal(Signal::KILL);
    assert!(running.finish().signal.is_some());

    let folder = popfetch.maildir().path().join(".Archive");
    for part in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
    }
    let moved: Vec<_> = std::fs::read_dir(&new).unwrap().map(|entry| entry.unwrap()).collect();
    for (entry, at) in moved.iter().zip(0..) {
        let place = match at % 3 {
            0 => popfetch.maildir().path().join("cur"),
            1 => folder.join("cur"),
            _ => continue,
        };
        std::fs::rename(entry.path(), place.join(format!("{}:2,S", entry.file_name().display()))).unwrap();
    }
    fetch().run().assert_success();
    let archived = std::fs::read_dir(folder.join("cur")).unwrap().count();
    assert!(archived > 0);
    assert_eq!(popfetch.maildir().delivered().len() + archived, maildrop.len());
}

#[test]
fn a_second_run_waits_for_nothing_and_says_who_is_there() {
    let server = ModelServer::start(script(maildrop(&mut Random::new(1))));
    server.fault(At::verb("STAT").once(), Fault::End(Ending::Silence));
    let popfetch = Popfetch::new(env!("CARGO_BIN_EXE_popfetch-under-test"));
    let fetch = || popfetch.fetch(&server).args(["--auth", "user", "--state", "state"]);
    let running = fetch().start();
    server.wait_until(PATIENCE, |transcript| transcript.commands().iter().any(|command| command == "STAT")).unwrap();
    fetch().run().assert_failure(75, &["alice@127.0.0.1", "is being fetched by process ", "try again when it is done"]);
    assert_eq!(server.connections(), 1);

    running.signal(Signal::KILL);
    running.finish();
    fetch().run().assert_success();
}
