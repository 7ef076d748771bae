//! Killed before and after each call.

use popfetch_tests::{
    command::Run,
    maildrop::{Content, Maildrop, Message},
    recording::{Event, Moment, Operation},
    survival::{Damage, Mailbox, Tally, sample},
    tracer::{Order, trace},
};

use super::{letters, mailbox};

/// Twelve messages of which one is so large that they are not stored all at once.
pub(crate) fn with_a_large_one() -> Maildrop {
    let mut messages = letters::mixed().messages().to_vec();
    messages[4] = Message::with_content("uid-huge", Content::generated(5, 20 << 20));
    Maildrop::new(messages)
}

/// Whether a kill comes in the place of a call, or behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

impl Side {
    fn is(self, moment: Moment) -> bool {
        matches!(moment, Moment::Before) == (self == Self::Before)
    }
}

/// The n-th call of a run, from 1.
#[derive(Clone, Copy, Debug)]
struct Point {
    side: Side,
    nth: usize,
}

/// Fetches, killed at a point. Gives what it was about to do, or had done; nothing where the run has come to its end before.
fn killed_at(mailbox: &Mailbox, point: Point) -> (Run, Option<String>) {
    let (mut seen, mut place) = (0, None);
    let run = trace(mailbox.fetch(), mailbox.popfetch.home(), |event| {
        if !point.side.is(event.moment) {
            return Order::Go;
        }
        seen += 1;
        if seen != point.nth {
            return Order::Go;
        }
        place = Some(event.operation.to_string());
        Order::Kill
    });
    (run, place)
}

/// The points of a clean run. Of the many writes of a large message, only the first and the last ones are taken.
fn points(maildrop: &Maildrop, delete: bool) -> Vec<Point> {
    let mailbox = mailbox(maildrop.clone(), delete);
    let mut calls: Vec<Operation> = Vec::new();
    let run = trace(mailbox.fetch(), mailbox.popfetch.home(), |event: &Event| {
        if event.moment == Moment::Before {
            calls.push(event.operation.clone());
        }
        Order::Go
    });
    run.assert_success();
    let end = |operation: &Operation| match operation {
        Operation::Write { file, at, .. } => Some((file.inode, *at)),
        _ => None,
    };
    let is_between = |nth: usize| {
        let around = calls.get(nth.saturating_sub(3)..nth + 2).unwrap_or_default();
        let files: Vec<_> = around.iter().filter_map(end).map(|(inode, _)| inode).collect();
        files.len() == 5 && files.windows(2).all(|two| two[0] == two[1])
    };
    let numbers = (1..=calls.len()).filter(|nth| !is_between(*nth));
    numbers.flat_map(|nth| [Point { side: Side::Before, nth }, Point { side: Side::After, nth }]).collect()
}

/// Kills a run at each of these points, lets another one come to its end, and looks.
fn kill_at_each(maildrop: &Maildrop, delete: bool, points: &[Point], tally: &mut Tally) {
    for point in points {
        let mailbox = mailbox(maildrop.clone(), delete);
        let (run, place) = killed_at(&mailbox, *point);
        let broken = mailbox.after_a_break();
        let finishing = mailbox.fetch().run();
        let damage = broken.and(mailbox.after_the_end(&finishing));
        let kills = usize::from(run.signal.is_some());
        tally.add(3, &[("kills", kills)], mailbox.messages(), &damage, || {
            format!("delete {delete}, killed {:?} call {}: {place:?}", point.side, point.nth)
        });
    }
}

fn at_every_call(maildrop: &Maildrop, most: usize, name: &str) {
    let mut tally = Tally::default();
    for delete in [false, true] {
        let points = points(maildrop, delete);
        println!("{name}, delete {delete}: {} points", points.len());
        let taken = sample(&points, most, delete.into());
        kill_at_each(maildrop, delete, &taken, &mut tally);
    }
    // Each run takes its own time, so that some have fewer calls.
    assert!(tally.breaks("kills") >= most, "{tally:?}");
    tally.report(name);
}

#[test]
fn a_kill_at_any_call_loses_nothing_and_repeats_nothing() {
    at_every_call(&letters::mixed(), 25, "points");
}

#[test]
fn a_kill_at_any_call_between_groups_loses_nothing_and_repeats_nothing() {
    at_every_call(&with_a_large_one(), 5, "points, large messages");
}

/// The run that puts things in order again is killed itself, and so is the next one, before anything is looked at.
#[test]
fn a_kill_of_the_run_that_goes_on_loses_nothing_and_repeats_nothing() {
    let maildrop = letters::mixed();
    let mut tally = Tally::default();
    for delete in [false, true] {
        let points = points(&maildrop, delete);
        let every = |step: usize| points.iter().copied().step_by(step).collect::<Vec<_>>();
        let (firsts, seconds) = (every(7), every(11));
        let pairs: Vec<(Point, Point)> =
            firsts.iter().flat_map(|first| seconds.iter().map(|second| (*first, *second))).collect();
        for (first, second) in sample(&pairs, 8, 1) {
            let mailbox = mailbox(maildrop.clone(), delete);
            let (mut kills, mut damage, mut places) = (0, Damage::default(), Vec::new());
            for point in [first, second, second] {
                let (run, place) = killed_at(&mailbox, point);
                damage = damage.and(mailbox.after_a_break());
                kills += usize::from(run.signal.is_some());
                places.push(place);
            }
            let finishing = mailbox.fetch().run();
            damage = damage.and(mailbox.after_the_end(&finishing));
            tally.add(5, &[("kills", kills)], mailbox.messages(), &damage, || {
                format!("delete {delete}, killed at {first:?} and twice at {second:?}: {places:#?}")
            });
        }
    }
    tally.report("points, killed again");
}

/// What the other tests rest on: the calls of all threads are seen, and a kill comes where it is meant to.
#[test]
fn the_run_stands_where_it_is_killed() {
    let mailbox = mailbox(letters::mixed(), true);
    let mut sent = 0;
    let run = trace(mailbox.fetch(), mailbox.popfetch.home(), |event| match &event.operation {
        Operation::Send { octets } if octets.starts_with(b"QUIT") && event.moment == Moment::Before => {
            sent = octets.len();
            Order::Kill
        }
        _ => Order::Go,
    });
    assert_eq!(run.signal, Some(9));
    assert_eq!(sent, 6, "QUIT is sent alone");
    assert!(mailbox.after_a_break().is_none());
    assert!(!mailbox.server.commands().contains(&"QUIT".to_owned()), "it was not sent");
    assert_eq!(mailbox.server.maildrop().len(), mailbox.messages());
    assert_eq!(mailbox.delivered().len(), mailbox.messages());
}
