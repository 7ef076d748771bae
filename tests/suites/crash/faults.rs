//! Each call fails in its turn, as it does where the disk is full or broken, the connection has gone, or a signal comes.

use popfetch_tests::{
    command::Run,
    maildrop::Maildrop,
    power_loss::{Disk, Expected, check},
    recording::{Event, Moment, Operation},
    survival::{Damage, Mailbox, Tally, sample},
    tracer::{Order, trace},
};

use super::{letters, mailbox};

const EINTR: i32 = 4;
const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const EPIPE: i32 = 32;
const ENETUNREACH: i32 = 101;
const ECONNRESET: i32 = 104;
const ECONNREFUSED: i32 = 111;
const EDQUOT: i32 = 122;

/// What the README says of failures that have to do with a disk or a connection.
const EXIT_CODES: [i32; 6] = [0, 69, 73, 74, 75, 78];

/// What happens to the n-th call of a run, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// This call fails.
    Once(i32),
    /// This call and all that are like it fail from now on.
    FromNowOn(i32),
    /// It takes only half of what it is given.
    Half,
}

/// The errors that a call may meet.
fn faults(operation: &Operation) -> Vec<Fault> {
    let mut faults = match operation {
        Operation::Connect => vec![Fault::Once(ECONNREFUSED), Fault::Once(ENETUNREACH)],
        Operation::Send { .. } => vec![Fault::Once(EPIPE), Fault::Once(ECONNRESET), Fault::Once(EINTR), Fault::Half],
        Operation::Shutdown => vec![Fault::Once(EPIPE)],
        _ => vec![Fault::Once(EIO), Fault::FromNowOn(EIO)],
    };
    if operation.takes_room() {
        faults.extend([Fault::Once(ENOSPC), Fault::FromNowOn(ENOSPC), Fault::Once(EDQUOT)]);
    }
    if matches!(operation, Operation::Write { .. } | Operation::Flush { .. } | Operation::FlushAll) {
        faults.push(Fault::Once(EINTR));
    }
    if matches!(operation, Operation::Write { .. }) {
        faults.push(Fault::Half);
    }
    faults
}

/// Whether a disk that gives this error gives it to such a call too.
fn is_alike(operation: &Operation, error: i32) -> bool {
    let changes = !matches!(operation, Operation::Close { .. });
    if error == ENOSPC { operation.takes_room() } else { operation.is_on_disk() && changes }
}

/// Fetches with the n-th call failing. Gives that call, where it came to it, and what was done.
fn with_fault(mailbox: &Mailbox, nth: usize, fault: Fault) -> (Run, Option<Operation>, Vec<Event>) {
    let (mut calls, mut place, mut events) = (0, None, Vec::new());
    let run = trace(mailbox.fetch(), mailbox.popfetch.home(), |event| {
        events.push(event.clone());
        if event.moment != Moment::Before {
            return Order::Go;
        }
        calls += 1;
        if calls == nth {
            place = Some(event.operation.clone());
        }
        match fault {
            Fault::Once(error) if calls == nth => Order::Fail(error),
            Fault::FromNowOn(error) if calls >= nth && is_alike(&event.operation, error) => Order::Fail(error),
            Fault::Half if calls == nth => Order::Halve,
            _ => Order::Go,
        }
    });
    (run, place, events)
}

/// What is wrong with the end of a run.
fn complaint(run: &Run) -> Option<String> {
    let told: Vec<&str> = run.stderr.lines().filter(|line| !line.starts_with("popfetch: warning: ")).collect();
    let is_told = match run.code {
        Some(0) => told.is_empty(),
        Some(_) => told.len() == 1 && told[0].starts_with("popfetch: "),
        None => false,
    };
    let is_documented = run.code.is_some_and(|code| EXIT_CODES.contains(&code));
    (!is_told || !is_documented).then(|| format!("the end is not as it should be: {run:?}"))
}

fn fail_at_each(maildrop: &Maildrop, delete: bool, most: usize, tally: &mut Tally) {
    let clean = mailbox(maildrop.clone(), delete);
    let mut places = Vec::new();
    let run = trace(clean.fetch(), clean.popfetch.home(), |event| {
        if event.moment == Moment::Before {
            places.push(event.operation.clone());
        }
        Order::Go
    });
    run.assert_success();
    let cases: Vec<(usize, Fault)> = (1..)
        .zip(&places)
        .flat_map(|(nth, operation)| faults(operation).into_iter().map(move |fault| (nth, fault)))
        .collect();
    let messages: Vec<Vec<u8>> = maildrop.messages().iter().map(|message| message.content.to_vec()).collect();
    for (nth, fault) in sample(&cases, most, delete.into()) {
        let mailbox = mailbox(maildrop.clone(), delete);
        let disk = Disk::load(mailbox.popfetch.home()).expect("the home can be read");
        let (run, place, events) = with_fault(&mailbox, nth, fault);
        let case = || {
            let place = place.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("delete {delete}, {fault:?} at call {nth}: {place} ({:?}, {:?})", run.code, run.stderr)
        };
        let journal = disk.root().join("state");
        let violations = check(&events, Expected { disk, messages: &messages, journal });
        tally.add_before_durable(violations.len(), || {
            format!("{}\n{}", case(), violations.iter().map(|violation| format!("  {violation}\n")).collect::<String>())
        });

        let mut damage = Damage { others: complaint(&run).into_iter().collect(), ..Damage::default() };
        damage = damage.and(mailbox.after_a_break());
        // One that says that all is done must have done it.
        let finishing = if run.code == Some(0) { run.clone() } else { mailbox.fetch().run() };
        damage = damage.and(mailbox.after_the_end(&finishing));
        tally.add(3, &[("faults", place.is_some().into())], mailbox.messages(), &damage, case);
    }
}

#[test]
fn a_call_that_fails_loses_nothing_and_repeats_nothing() {
    let mut tally = Tally::default();
    for delete in [false, true] {
        fail_at_each(&letters::mixed(), delete, 30, &mut tally);
    }
    assert!(tally.breaks("faults") >= 50, "{tally:?}");
    tally.report("faults");
}
