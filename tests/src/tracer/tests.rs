use std::fs;

use super::{Order, trace};
use crate::command::{Popfetch, Run};
use crate::recording::{Event, Moment, Operation};

fn shell(popfetch: &Popfetch, script: &str, watch: impl FnMut(&Event) -> Order) -> Run {
    let run = popfetch.run("-c").arg(script);
    trace(run, popfetch.home(), watch)
}

/// The shell in the place of the command.
fn home() -> Popfetch {
    Popfetch::new("/bin/sh")
}

/// What is done, without names that are not below the home.
fn done(popfetch: &Popfetch, events: &[Event]) -> Vec<String> {
    let home = format!("{}/", popfetch.home().canonicalize().unwrap().display());
    let after = events.iter().filter(|event| matches!(event.moment, Moment::After(_)));
    after.map(|event| event.operation.to_string().replace(&home, "")).collect()
}

#[test]
fn what_is_done_to_files_is_seen_in_its_order() {
    let popfetch = home();
    let mut events = Vec::new();
    let run = shell(&popfetch, "echo one > a; echo two >> a; exec 3< a", |event| {
        events.push(event.clone());
        Order::Go
    });
    run.assert_success();
    let done = done(&popfetch, &events);
    let writes: Vec<_> = done.iter().filter(|line| line.starts_with("write") || line.starts_with("open")).collect();
    let expected =
        ["open a to make it", "write 4 octets at 0 of a", "open a to make it", "write 4 octets at 4 of a", "open a"];
    assert_eq!(writes, expected);
    let written = events.iter().find_map(|event| match &event.operation {
        Operation::Write { octets, .. } => Some(octets.clone()),
        _ => None,
    });
    assert_eq!(written.as_deref(), Some(&b"one\n"[..]));
}

fn is_nth_write(event: &Event, moment: impl Fn(Moment) -> bool, nth: usize, seen: &mut usize) -> bool {
    if !matches!(event.operation, Operation::Write { .. }) || !moment(event.moment) {
        return false;
    }
    *seen += 1;
    *seen == nth
}

#[test]
fn a_kill_before_a_call_keeps_it_from_happening_and_one_after_it_does_not() {
    for (is_before, content) in [(true, "one\n"), (false, "one\ntwo\n")] {
        let popfetch = home();
        let mut seen = 0;
        let run = shell(&popfetch, "echo one > a; echo two >> a; echo three >> a", |event| {
            let moment = |moment| matches!(moment, Moment::Before) == is_before;
            if is_nth_write(event, moment, 2, &mut seen) { Order::Kill } else { Order::Go }
        });
        assert_eq!(run.signal, Some(9));
        assert_eq!(fs::read_to_string(popfetch.path("a")).unwrap(), content);
    }
}

#[test]
fn a_call_that_fails_does_nothing() {
    let popfetch = home();
    let run = shell(&popfetch, "echo one > a && echo two > b", |event| match &event.operation {
        Operation::Open { path, .. } if path.ends_with("b") && event.moment == Moment::Before => {
            Order::Fail(libc::ENOSPC)
        }
        _ => Order::Go,
    });
    assert_ne!(run.code, Some(0));
    assert!(run.stderr.contains("No space left on device"), "{run:?}");
    assert_eq!(fs::read_to_string(popfetch.path("a")).unwrap(), "one\n");
    assert!(!popfetch.path("b").exists());
}

#[test]
fn a_call_takes_half_of_what_it_is_given() {
    let popfetch = home();
    let mut halved = false;
    let mut results = Vec::new();
    let run = shell(&popfetch, "echo 123456789 > a", |event| match (&event.operation, event.moment) {
        (Operation::Write { .. }, Moment::Before) if !halved => {
            halved = true;
            Order::Halve
        }
        (Operation::Write { .. }, Moment::After(result)) => {
            results.push(result);
            Order::Go
        }
        _ => Order::Go,
    });
    run.assert_success();
    assert_eq!(results, [Ok(5), Ok(5)], "a shell writes the rest");
    assert_eq!(fs::read_to_string(popfetch.path("a")).unwrap(), "123456789\n");
}
