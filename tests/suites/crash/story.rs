//! What happens to one mailbox: runs that are broken off in various ways, and what others do in between.

use std::{fs, path::Path, thread, time::Duration};

use popfetch_tests::{
    command::script,
    maildrop::{Content, Maildrop, Message, Random},
    server::{Announced, At, Ending, Fault, Script},
    survival::{Damage, Mailbox},
};

/// What a seed stands for.
pub(crate) struct Story {
    random: Random,
    pub(crate) mailbox: Mailbox,
    /// What has happened, for a reader of a failure.
    pub(crate) told: Vec<String>,
    kills: usize,
    cuts: usize,
    server_deaths: usize,
    pub(crate) runs: usize,
    /// Messages so far, for their unique-ids.
    written: usize,
    habit: Habit,
}

/// What a server does with its unique-ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Each message has its own for ever.
    Proper,
    /// It knows no UIDL.
    NoUidl,
    /// They are all empty.
    Empty,
    /// Two messages share each of them.
    Shared,
    /// They are all new now and then.
    Renewed,
    /// They are the message-numbers, so that what is behind a deleted message gets those of others.
    Numbers,
    /// UIDL is refused now and then.
    Refused,
}

impl Habit {
    /// All that a client cannot rely on.
    pub(crate) const ODD: [Self; 6] =
        [Self::NoUidl, Self::Empty, Self::Shared, Self::Renewed, Self::Numbers, Self::Refused];
}

impl Story {
    pub(crate) fn begin(seed: u64, announced: Announced, habit: Habit) -> Self {
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
        if habit == Habit::NoUidl {
            script = script.without_uidl();
        }
        let delete = random.percent(60);
        let told = vec![format!(
            "seed {seed}: {count} messages of up to {largest} octets, {announced:?}, {habit:?} unique-ids, pipelining {pipelining}, delete {delete}"
        )];
        let mailbox = Mailbox::new(env!("CARGO_BIN_EXE_popfetch-under-test"), script, delete);
        Self { random, mailbox, told, kills: 0, cuts: 0, server_deaths: 0, runs: 0, written: count, habit }
    }

    /// How many there are to be.
    pub(crate) fn chapters(&mut self) -> usize {
        self.random.between(2, 8)
    }

    /// What it has come to.
    pub(crate) fn breaks(&self) -> [(&'static str, usize); 3] {
        [("kills", self.kills), ("cuts", self.cuts), ("server_deaths", self.server_deaths)]
    }

    /// One run that most likely is broken off, and what happens until the next one.
    pub(crate) fn chapter(&mut self, horizon: &mut Duration) -> Damage {
        self.mailbox.server.without_faults();
        self.give_unique_ids();
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

    /// The server follows its habit.
    fn give_unique_ids(&mut self) {
        let is_now = self.random.percent(35);
        let run = self.runs;
        let server = &self.mailbox.server;
        let rename = |name: &dyn Fn(usize) -> String| {
            server.edit_maildrop(|maildrop| {
                for (index, message) in maildrop.messages_mut().iter_mut().enumerate() {
                    message.uid = name(index).into_bytes();
                }
            });
        };
        match self.habit {
            Habit::Proper | Habit::NoUidl => {}
            Habit::Empty => rename(&|_| String::new()),
            Habit::Shared => rename(&|index| format!("shared-{}", index / 2)),
            Habit::Renewed if is_now => {
                rename(&|index| format!("{run}-{index}"));
                self.told.push("all unique-ids are new".to_owned());
            }
            Habit::Numbers => rename(&|index| format!("{}", index + 1)),
            Habit::Refused if is_now => {
                let connection = server.connections() + 1;
                server.fault(At::verb("UIDL").connection(connection), Fault::Refuse(b"not now".to_vec()));
                self.told.push(format!("UIDL is refused in connection {connection}"));
            }
            Habit::Renewed | Habit::Refused => {}
        }
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

    pub(crate) fn end(&mut self) -> Damage {
        self.mailbox.server.without_faults();
        if self.habit != Habit::Refused {
            self.give_unique_ids();
        }
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
