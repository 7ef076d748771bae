//! Anything happens at any moment: kills, cuts, servers that die, readers that tidy up, new mail, odd servers.
//!
//! With `POPFETCH_CRASH=full` there are at least 1,000 kills. A seed means the same story each time, but for the moments,
//! which depend on the machine; `POPFETCH_CRASH_SEED=n` tells that one alone.

use std::{fs, path::Path, thread, time::Duration};

use popfetch_tests::{
    command::script,
    maildrop::{Content, Maildrop, Message, Random},
    server::{Announced, At, Ending, Fault, Script},
    survival::{Damage, Mailbox, Tally, is_full},
};

/// Seeds of the two forms.
const FEW: u64 = 8;
const MANY: u64 = 400;

/// What a seed stands for.
struct Story {
    random: Random,
    mailbox: Mailbox,
    /// What has happened, for a reader of a failure.
    told: Vec<String>,
    kills: usize,
    cuts: usize,
    server_deaths: usize,
    runs: usize,
    /// Messages so far, for their unique-ids.
    written: usize,
}

/// Octet counts that are wrong in either direction, as of servers that count line ends in their own way.
const ANNOUNCED: [Announced; 4] = [
    Announced { factor: 1.0, offset: 0 },
    Announced { factor: 1.0, offset: 9 },
    Announced { factor: 1.02, offset: 0 },
    Announced { factor: 0.97, offset: 0 },
];

impl Story {
    fn begin(seed: u64, announced: Announced) -> Self {
        let mut random = Random::new(seed);
        let count = random.between_logarithmic(3, 80);
        let largest = random.choose(&[100, 3_000, 200_000]);
        let mut messages: Vec<Message> = (1..=count).map(|number| letter(&mut random, number, largest)).collect();
        if random.percent(15) {
            let content = Content::generated(seed, random.between(1 << 20, 6 << 20) as u64);
            messages.push(Message::with_content("uid-huge", content));
        }
        let mut script = Script { announced, ..script(Maildrop::new(messages)) };
        let pipelining = random.percent(70);
        if !pipelining {
            script = script.without_pipelining();
        }
        let delete = random.percent(60);
        let told = vec![format!(
            "seed {seed}: {count} messages of up to {largest} octets, {announced:?}, pipelining {pipelining}, delete {delete}"
        )];
        let mailbox = Mailbox::new(env!("CARGO_BIN_EXE_popfetch-under-test"), script, delete);
        Self { random, mailbox, told, kills: 0, cuts: 0, server_deaths: 0, runs: 0, written: count }
    }

    /// One run that most likely is broken off, and what happens until the next one.
    fn chapter(&mut self, horizon: &mut Duration) -> Damage {
        self.mailbox.server.without_faults();
        if self.random.percent(35) {
            self.cut();
        }
        let moment = horizon.mul_f64(self.random.between(0, 1000) as f64 / 1000.0);
        let is_killed = self.random.percent(75);
        let run = if is_killed {
            let running = self.mailbox.fetch().start();
            thread::sleep(moment);
            running.signal(rustix::process::Signal::KILL);
            let run = running.finish();
            // Early and late ones are of little interest.
            *horizon = if run.signal.is_some() { horizon.mul_f64(1.05) } else { horizon.mul_f64(0.8) };
            run
        } else if self.random.percent(50) {
            let running = self.mailbox.popfetch.fetch(self.mailbox.server.port());
            let running = running.args(["--auth", "user", "--state"]).arg(self.mailbox.journal());
            let running = if self.mailbox.deletes() { running.arg("--delete") } else { running }.start();
            thread::sleep(moment);
            self.mailbox.server.die();
            self.mailbox.server.revive();
            self.server_deaths += 1;
            running.finish()
        } else {
            self.mailbox.fetch().run()
        };
        self.runs += 1;
        self.kills += usize::from(run.signal.is_some());
        self.told.push(format!("killed {is_killed}, {:?} {:?}", run.code, run.stderr));
        let damage = self.mailbox.after_a_break();
        if self.random.percent(40) {
            self.tidy_up();
        }
        if self.random.percent(30) {
            self.written += 1;
            let message = letter(&mut self.random, self.written, 3_000);
            self.mailbox.append(message);
            self.told.push("new mail".to_owned());
        }
        damage
    }

    /// The next connection is going to be cut.
    fn cut(&mut self) {
        let verb =
            self.random.choose(&["RETR", "RETR", "RETR", "RETR", "DELE", "QUIT", "UIDL", "LIST", "STAT", "PASS"]);
        let nth = if matches!(verb, "RETR" | "DELE") { self.random.between(1, self.mailbox.messages()) } else { 1 };
        let ending = self.random.choose(&[Ending::Close, Ending::Reset]);
        let fault = match self.random.between(1, 3) {
            1 => Fault::End(ending),
            2 => Fault::CutReply { after: self.random.between(0, 30) as u64, ending },
            _ => Fault::CutContent { after: self.random.between_logarithmic(1, 100_000) as u64, ending },
        };
        let connection = self.mailbox.server.connections() + 1;
        self.told.push(format!("{verb} {nth} of connection {connection}: {fault:?}"));
        self.mailbox.server.fault(At::verb(verb).nth(nth).connection(connection), fault);
        self.cuts += 1;
    }

    /// A reader looks at some messages, flags them, and puts them into folders.
    fn tidy_up(&mut self) {
        let maildir = self.mailbox.popfetch.maildir();
        let folders = [".", ".Archive", ".Lists.rust"];
        for folder in &folders[1..] {
            if maildir.path().exists() {
                for part in ["new", "cur", "tmp"] {
                    fs::create_dir_all(maildir.path().join(folder).join(part)).expect("a folder is made");
                }
            }
        }
        let mut moved = 0;
        for entry in self.mailbox.delivered() {
            if self.random.percent(60) {
                continue;
            }
            let unique = entry.name.split(':').next().unwrap_or_default();
            let flags = self.random.choose(&["", ":2,", ":2,S", ":2,RS", ":2,FRS"]);
            let folder = maildir.path().join(self.random.choose(&folders)).join("cur");
            move_without_replacing(&entry.path, &folder.join(format!("{unique}{flags}")));
            moved += 1;
        }
        self.told.push(format!("a reader moves {moved} messages"));
    }

    fn end(&mut self) -> Damage {
        self.mailbox.server.without_faults();
        let run = self.mailbox.fetch().run();
        self.runs += 2;
        self.mailbox.after_the_end(&run)
    }
}

fn letter(random: &mut Random, number: usize, largest: usize) -> Message {
    let lines = random.between_logarithmic(1, largest.div_ceil(26));
    let text = "one line of the letter.\r\n".repeat(lines);
    Message::new(format!("uid-{number}"), format!("Subject: letter {number}\r\n\r\n{text}"))
}

fn move_without_replacing(from: &Path, to: &Path) {
    assert!(from == to || !to.exists(), "two files of one name: {} and {}", from.display(), to.display());
    fs::rename(from, to).expect("a message is moved");
}

fn tell(announced: &[Announced], name: &str, enough: usize) {
    let seeds = if is_full() { MANY } else { FEW };
    let alone: Option<u64> = std::env::var("POPFETCH_CRASH_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let mut horizon = Duration::from_millis(60);
    let mut tally = Tally::default();
    for seed in (0..seeds).filter(|seed| alone.is_none_or(|alone| alone == *seed)) {
        let mut story = Story::begin(seed, announced[seed as usize % announced.len()]);
        let mut damage = Damage::default();
        let chapters = story.random.between(2, 8);
        for _ in 0..chapters {
            damage = damage.and(story.chapter(&mut horizon));
        }
        damage = damage.and(story.end());
        let breaks = [("kills", story.kills), ("cuts", story.cuts), ("server_deaths", story.server_deaths)];
        tally.add(story.runs, &breaks, story.mailbox.messages(), &damage, || story.told.join("\n  "));
    }
    if alone.is_none() {
        let enough = if is_full() { enough } else { seeds as usize };
        assert!(tally.breaks("kills") >= enough, "not enough kills: {tally:?}");
    }
    tally.report(name);
}

#[test]
fn nothing_is_lost_or_repeated_whatever_happens() {
    tell(&ANNOUNCED[..1], "random", 1000);
}

#[test]
fn nothing_is_lost_or_repeated_whatever_happens_at_a_server_that_counts_wrong() {
    tell(&ANNOUNCED[1..], "random, wrong octet counts", 1000);
}
