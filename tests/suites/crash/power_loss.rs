//! What is done is recorded, and the power fails at each moment of the recording.

use std::{fs, path::Path};

use popfetch_tests::{
    command::Run,
    maildrop::Maildrop,
    power_loss::{Disk, Expected, Survivors, check},
    recording::{Event, Moment, Operation},
    survival::{Mailbox, Tally, clear, sample},
    tracer::{Order, trace},
};

use super::{letters, mailbox, points};

/// A run, what was on the disk before it, and what it has done.
struct Recorded {
    mailbox: Mailbox,
    maildrop: Maildrop,
    before: Disk,
    events: Vec<Event>,
    run: Run,
}

fn record(maildrop: Maildrop, delete: bool, is_known: bool) -> Recorded {
    let mailbox = mailbox(maildrop.clone(), delete);
    if is_known {
        mailbox.fetch_with("--keep").run().assert_success();
    }
    let before = Disk::load(mailbox.popfetch.home()).expect("the home can be read");
    let mut events = Vec::new();
    let run = trace(mailbox.fetch(), mailbox.popfetch.home(), |event| {
        events.push(event.clone());
        Order::Go
    });
    Recorded { mailbox, maildrop, before, events, run }
}

impl Recorded {
    fn violations(&self) -> Vec<String> {
        let messages: Vec<Vec<u8>> = self.maildrop.messages().iter().map(|message| message.content.to_vec()).collect();
        let journal = self.before.root().join("state");
        let expected = Expected { disk: self.before.clone(), messages: &messages, journal };
        check(&self.events, expected).iter().map(ToString::to_string).collect()
    }

    /// The state of the disk after so many events.
    fn disk_after(&self, events: usize) -> Disk {
        let mut disk = self.before.clone();
        for event in &self.events[..events] {
            disk.play(event).expect("the model knows all that is done");
        }
        disk
    }

    /// After how many events the server may have been told to delete the messages.
    fn quit(&self) -> Option<usize> {
        let is_quit = |event: &Event| match &event.operation {
            Operation::Send { octets } => octets.starts_with(b"QUIT") && event.moment == Moment::Before,
            _ => false,
        };
        self.events.iter().position(is_quit).map(|at| at + 1)
    }
}

#[test]
fn what_is_deleted_was_durable_and_recorded_before() {
    for maildrop in [letters::mixed(), points::with_a_large_one()] {
        for delete in [false, true] {
            let recorded = record(maildrop.clone(), delete, false);
            recorded.run.assert_success();
            assert_eq!(recorded.violations(), Vec::<String>::new(), "delete: {delete}");
            let deletions = recorded.mailbox.server.commands().iter().filter(|line| line.starts_with("DELE")).count();
            assert_eq!(deletions, if delete { recorded.maildrop.len() } else { 0 });
        }
    }
}

/// What the rules are worth: a run without its flushes breaks each of them.
#[test]
fn a_run_that_left_out_its_flushes_would_be_found() {
    let mut recorded = record(letters::mixed(), true, false);
    recorded.run.assert_success();
    let all = recorded.events.clone();
    let is_flush = |event: &Event| matches!(event.operation, Operation::Flush { .. } | Operation::FlushAll);
    recorded.events.retain(|event| !is_flush(event));
    let found = recorded.violations();
    for rule in ["is visible before its content is durable", "before the message is durable"] {
        let broken = found.iter().filter(|violation| violation.contains(rule)).count();
        assert!(broken >= recorded.maildrop.len(), "{rule}: {found:#?}");
    }

    // SQLite flushes by itself, whatever flushes the mail.
    let journal = recorded.before.root().join("state").into_os_string().into_encoded_bytes();
    recorded.events = all;
    recorded.events.retain(|event| match &event.operation {
        Operation::Flush { file } => !file.path.as_os_str().as_encoded_bytes().starts_with(&journal),
        _ => true,
    });
    let found = recorded.violations();
    assert!(found.iter().any(|violation| violation.contains("before a flush of the journal")), "{found:#?}");
}

/// A model that has missed something would prove nothing: what it has at the end must be what is there.
#[test]
fn the_model_ends_with_what_is_on_the_disk() {
    let recorded = record(letters::mixed(), true, false);
    recorded.run.assert_success();
    let disk = recorded.disk_after(recorded.events.len());
    let mut compared = 0;
    // The index of a write-ahead log is changed as memory.
    for (path, content) in disk.seen().filter(|(path, _)| path.is_file() && !is_index(path)) {
        assert_eq!(fs::read(path).unwrap(), *content, "{}", path.display());
        compared += 1;
    }
    assert!(compared > recorded.maildrop.len(), "{compared}");
    let delivered = recorded.mailbox.delivered();
    assert!(delivered.iter().all(|entry| {
        let path = entry.path.canonicalize().unwrap();
        disk.seen().any(|(seen, _)| seen == path)
    }));
}

fn is_index(path: &Path) -> bool {
    path.to_string_lossy().ends_with("-shm")
}

/// After each event that changes something: what a failure of the power leaves behind is put into an empty home, and a run
/// goes on from there.
fn power_fails(recorded: &mut Recorded, most: usize, tally: &mut Tally, what: &str) {
    let quit = recorded.quit().expect("the run says goodbye");
    let changes = |event: &Event| match event.operation {
        Operation::Close { .. } | Operation::Connect | Operation::Shutdown => false,
        Operation::Send { .. } => event.moment == Moment::Before,
        _ => matches!(event.moment, Moment::After(Ok(_))),
    };
    let moments = (1..=recorded.events.len()).filter(|count| changes(&recorded.events[count - 1]));
    let left_at_the_end = recorded.mailbox.server.maildrop();
    let cases: Vec<(usize, Survivors, bool)> = moments
        .flat_map(|count| {
            let quits: &[bool] = if count >= quit { &[false, true] } else { &[false] };
            let each = |survivors| quits.iter().map(move |is_deleted| (count, survivors, *is_deleted));
            each(Survivors::Nothing).chain(each(Survivors::Names)).collect::<Vec<_>>()
        })
        .collect();
    for (count, survivors, is_deleted) in sample(&cases, most, what.len()) {
        let image = recorded.disk_after(count).image(survivors);
        let home = recorded.mailbox.popfetch.home();
        clear(home).and_then(|()| image.write(home)).expect("the home takes what has survived");
        let at_the_server = if is_deleted { left_at_the_end.clone() } else { recorded.maildrop.clone() };
        recorded.mailbox.server.edit_maildrop(|maildrop| *maildrop = at_the_server);

        let run = recorded.mailbox.fetch().run();
        let damage = recorded.mailbox.after_the_end(&run);
        tally.add(2, &[("power_failures", 1)], recorded.maildrop.len(), &damage, || {
            let last = &recorded.events[count - 1].operation;
            format!("{what}: the power fails after {count} events, the last of them: {last}; besides what was flushed, {survivors:?} survived; deleted by the server: {is_deleted}")
        });
    }
}

#[test]
fn a_failure_of_the_power_at_any_moment_loses_nothing_and_repeats_nothing() {
    let mut tally = Tally::default();
    for (delete, is_known) in [(false, false), (true, false), (true, true)] {
        let mut recorded = record(letters::mixed(), delete, is_known);
        recorded.run.assert_success();
        let violations = recorded.violations();
        tally.add_before_durable(violations.len(), || format!("delete: {delete}: {violations:#?}"));
        power_fails(&mut recorded, 12, &mut tally, &format!("delete: {delete}, stored by an earlier run: {is_known}"));
    }
    tally.report("power");
}
