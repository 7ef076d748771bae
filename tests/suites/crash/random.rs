//! Anything happens at any moment: kills, cuts, servers that die, readers that tidy up, new mail, odd servers.
//!
//! With `POPFETCH_CRASH=full` there are at least 1,000 kills in each of these tests. A seed means the same story each time,
//! but for the moments, which depend on the machine; `POPFETCH_CRASH_SEED=n` tells that one alone.

use std::time::Duration;

use popfetch_tests::{
    server::Announced,
    survival::{Damage, Tally, is_full},
};

use super::story::{Habit, Story};

/// Seeds of the two forms.
const FEW: u64 = 8;
const MANY: u64 = 400;

/// Octet counts that are wrong in either direction, as of servers that count line ends in their own way.
const ANNOUNCED: [Announced; 4] = [
    Announced { factor: 1.0, offset: 0 },
    Announced { factor: 1.0, offset: 9 },
    Announced { factor: 1.02, offset: 0 },
    Announced { factor: 0.97, offset: 0 },
];

fn tell(announced: &[Announced], habits: &[Habit], name: &str) {
    const ENOUGH: usize = 1000;
    let seeds = if is_full() { MANY } else { FEW };
    let alone: Option<u64> = std::env::var("POPFETCH_CRASH_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let mut horizon = Duration::from_millis(60);
    let mut tally = Tally::default();
    for seed in (0..seeds).filter(|seed| alone.is_none_or(|alone| alone == *seed)) {
        let index = seed as usize;
        let mut story = Story::begin(seed, announced[index % announced.len()], habits[index % habits.len()]);
        let mut damage = Damage::default();
        for _ in 0..story.chapters() {
            damage = damage.and(story.chapter(&mut horizon));
        }
        damage = damage.and(story.end());
        tally.add(story.runs, &story.breaks(), story.mailbox.messages(), &damage, || story.told.join("\n  "));
    }
    if alone.is_none() {
        let enough = if is_full() { ENOUGH } else { FEW as usize };
        assert!(tally.breaks("kills") >= enough, "not enough kills: {tally:?}");
    }
    tally.report(name);
}

#[test]
fn nothing_is_lost_or_repeated_whatever_happens() {
    tell(&ANNOUNCED[..1], &[Habit::Proper], "random");
}

#[test]
fn nothing_is_lost_or_repeated_whatever_happens_at_a_server_that_counts_wrong() {
    tell(&ANNOUNCED[1..], &[Habit::Proper], "random, wrong octet counts");
}

#[test]
fn nothing_is_lost_or_repeated_whatever_happens_at_a_server_whose_unique_ids_are_of_no_use() {
    tell(&ANNOUNCED, &Habit::ODD, "random, odd unique-ids");
}
