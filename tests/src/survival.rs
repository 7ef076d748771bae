//! A mailbox that is fetched again and again by runs that come to no good end, and what has become of its messages.

use std::{
    collections::{BTreeMap, HashSet},
    fmt, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    command::{Invocation, Popfetch, Run},
    fingerprint::{Difference, Fingerprint, compare},
    maildir::{Entry, Maildir},
    maildrop::Message,
    server::{ModelServer, Script},
};

/// How long a server may take to see that its client is gone.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server, somebody who fetches from it into one Maildir, and all messages that there ever were.
#[derive(Debug)]
pub struct Mailbox {
    /// The server.
    pub server: ModelServer,
    /// The one who fetches.
    pub popfetch: Popfetch,
    delete: bool,
    sent: Vec<Fingerprint>,
}

impl Mailbox {
    /// A server of this script, and nothing fetched yet, by the command at this path, which is to delete what it has
    /// stored, or not.
    pub fn new(binary: &str, script: Script, delete: bool) -> Self {
        let sent = script.maildrop.fingerprints();
        Self { server: ModelServer::start(script), popfetch: Popfetch::new(binary), delete, sent }
    }

    /// A run to be, with a journal.
    pub fn fetch(&self) -> Invocation<'_> {
        self.fetch_with(if self.delete { "--delete" } else { "--keep" })
    }

    /// A run with another policy than this one's.
    pub fn fetch_with(&self, policy: &str) -> Invocation<'_> {
        self.popfetch.fetch(&self.server).args(["--auth", "user", "--state"]).arg(self.journal()).arg(policy)
    }

    /// Whether its runs delete what they have stored.
    pub fn deletes(&self) -> bool {
        self.delete
    }

    /// The file of the journal.
    pub fn journal(&self) -> PathBuf {
        self.popfetch.path("state")
    }

    /// New mail.
    pub fn append(&mut self, message: Message) {
        self.sent.push(message.fingerprint());
        self.server.append(message);
    }

    /// How many messages there ever were.
    pub fn messages(&self) -> usize {
        self.sent.len()
    }

    /// After a run that was ended by something: what is stored is whole and there once, and what is not stored is at the
    /// server.
    ///
    /// # Panics
    /// When the server does not see that its client is gone.
    pub fn after_a_break(&self) -> Damage {
        self.server.wait_idle(PATIENCE).expect("the client is gone");
        let mut damage = Damage::default();
        let Err(Difference { missing, repeated, unexpected }) = compare(self.sent.clone(), self.stored()) else {
            return damage;
        };
        let at_the_server: HashSet<[u8; 32]> =
            self.server.maildrop().fingerprints().iter().map(|message| message.sha256).collect();
        damage.lost = missing.into_iter().filter(|message| !at_the_server.contains(&message.sha256)).collect();
        damage.repeated = repeated;
        damage.broken = unexpected;
        damage
    }

    /// After a run that nothing has kept from its end, and a further one, which this starts: each message is there once,
    /// the server has them all, or none of them, nothing is left over, and the further run has fetched nothing.
    ///
    /// # Panics
    /// As [`after_a_break`](Self::after_a_break).
    pub fn after_the_end(&self, run: &Run) -> Damage {
        let mut damage = self.after_a_break();
        if run.code != Some(0) {
            damage.others.push(format!("the run has failed: {run:?}"));
        }
        let left: HashSet<[u8; 32]> = self.server.maildrop().fingerprints().iter().map(|left| left.sha256).collect();
        let stored: HashSet<[u8; 32]> = self.stored().iter().map(|stored| stored.sha256).collect();
        // What is not even at the server is lost, and was found to be.
        let unfetched = self.sent.iter().filter(|sent| left.contains(&sent.sha256) && !stored.contains(&sent.sha256));
        damage.lost.extend(unfetched.cloned());
        let expected = if self.delete { 0 } else { self.sent.len() };
        if left.len() != expected {
            damage.others.push(format!("{} messages at the server, not {expected}", left.len()));
        }
        for unfinished in Maildir::at(self.popfetch.maildir().path()).unfinished() {
            damage.others.push(format!("left over: {}", unfinished.path.display()));
        }

        let (asked, names) = (self.retrievals(), self.names());
        let further = self.fetch().run();
        self.server.wait_idle(PATIENCE).expect("the client is gone");
        if further.code != Some(0) || self.retrievals() != asked || self.names() != names {
            let commands = self.server.commands_of(self.server.connections());
            damage.others.push(format!("a further run has fetched something or failed: {further:?} {commands:?}"));
        }
        damage
    }

    /// What is in the Maildir and the folders inside it, for whoever moves it about.
    pub fn delivered(&self) -> Vec<Entry> {
        let root = self.popfetch.maildir();
        let mut entries = root.delivered();
        for folder in fs::read_dir(root.path()).into_iter().flatten().flatten() {
            if folder.file_name().as_encoded_bytes().starts_with(b".") {
                entries.append(&mut Maildir::at(folder.path()).delivered());
            }
        }
        entries
    }

    fn stored(&self) -> Vec<Fingerprint> {
        self.delivered().iter().map(Entry::fingerprint).collect()
    }

    fn names(&self) -> Vec<PathBuf> {
        self.delivered().into_iter().map(|entry| entry.path).collect()
    }

    fn retrievals(&self) -> usize {
        self.server.commands().iter().filter(|command| command.starts_with("RETR")).count()
    }
}

/// What must not be.
#[derive(Clone, Debug, Default)]
pub struct Damage {
    /// Neither stored nor at the server, or not stored by a run that was there for it.
    pub lost: Vec<Fingerprint>,
    /// Stored more than once.
    pub repeated: Vec<Fingerprint>,
    /// Stored, and no whole message.
    pub broken: Vec<Fingerprint>,
    /// Anything else.
    pub others: Vec<String>,
}

impl Damage {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.lost.is_empty() && self.repeated.is_empty() && self.broken.is_empty() && self.others.is_empty()
    }

    /// This, and what was found later. What is there too often stays so, and counts once.
    pub fn and(mut self, later: Damage) -> Damage {
        for (all, found) in
            [(&mut self.lost, later.lost), (&mut self.repeated, later.repeated), (&mut self.broken, later.broken)]
        {
            if found.len() > all.len() {
                *all = found;
            }
        }
        self.others.extend(later.others);
        self
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 4;
        for (what, messages) in [("lost", &self.lost), ("repeated", &self.repeated), ("broken", &self.broken)] {
            messages.iter().take(SHOWN).try_for_each(|message| writeln!(f, "  {what}: {message}"))?;
            if messages.len() > SHOWN {
                writeln!(f, "  {what}: {} more", messages.len() - SHOWN)?;
            }
        }
        self.others.iter().try_for_each(|other| writeln!(f, "  {other}"))
    }
}

/// What all runs of a suite have come to.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    runs: usize,
    breaks: BTreeMap<&'static str, usize>,
    messages: usize,
    lost: usize,
    repeated: usize,
    /// Nothing where nobody has looked.
    before_durable: Option<usize>,
    failures: Vec<String>,
}

impl Tally {
    /// Counts runs, what they have suffered, such as so many `kills`, the messages that they were about, and what has come
    /// of them in the case that is described.
    pub fn add(
        &mut self,
        runs: usize,
        breaks: &[(&'static str, usize)],
        messages: usize,
        damage: &Damage,
        case: impl FnOnce() -> String,
    ) {
        self.runs += runs;
        for (what, number) in breaks {
            *self.breaks.entry(what).or_default() += number;
        }
        self.messages += messages;
        self.lost += damage.lost.len() + damage.broken.len();
        self.repeated += damage.repeated.len();
        if !damage.is_none() {
            self.fail(format!("{}\n{damage}", case()));
        }
        if is_full() && self.runs / PROGRESS != (self.runs - runs) / PROGRESS {
            println!("… {}", self.line("so far"));
        }
    }

    /// Counts what was deleted at the server or shown to readers before it was durable.
    pub fn add_before_durable(&mut self, messages: usize, case: impl FnOnce() -> String) {
        *self.before_durable.get_or_insert_default() += messages;
        if messages > 0 {
            self.fail(case());
        }
    }

    fn fail(&mut self, case: String) {
        if is_full() {
            println!("… {case}");
        }
        self.failures.push(case);
    }

    /// How often this was suffered.
    pub fn breaks(&self, what: &str) -> usize {
        self.breaks.get(what).copied().unwrap_or_default()
    }

    /// Prints the line that can be quoted.
    ///
    /// # Panics
    /// When something is not as it must be, with the first cases of it.
    pub fn report(&self, suite: &str) {
        const SHOWN: usize = 8;
        let line = self.line(suite);
        println!("{line}");
        let (failures, failed) = (&self.failures, self.failures.len());
        let shown = failures.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n");
        assert!(failures.is_empty(), "{line}\n{failed} cases failed, the first of them:\n{shown}");
    }

    fn line(&self, suite: &str) -> String {
        let Self { runs, breaks, messages, lost, repeated, before_durable, failures } = self;
        let breaks: String = breaks.iter().map(|(what, number)| format!(r#""{what}":{number},"#)).collect();
        let before_durable = before_durable.map(|number| format!(r#""deleted_or_shown_before_durable":{number},"#));
        let (before_durable, failed) = (before_durable.unwrap_or_default(), failures.len());
        format!(
            r#"{{"suite":"{suite}","runs":{runs},{breaks}"messages":{messages},"lost":{lost},"repeated":{repeated},{before_durable}"failed_cases":{failed}}}"#
        )
    }
}

/// How many runs of a long form are told about at a time.
const PROGRESS: usize = 300;

/// Whether the long form of the suites was asked for, which takes many minutes: `POPFETCH_CRASH=full`.
pub fn is_full() -> bool {
    std::env::var_os("POPFETCH_CRASH").is_some_and(|form| form == "full")
}

/// Evenly spread ones of all, as many as the short form has time for; all of them in the full form.
pub fn sample<T: Clone>(all: &[T], most: usize, seed: usize) -> Vec<T> {
    if is_full() || all.len() <= most {
        return all.to_vec();
    }
    // Another seed takes others.
    let step = all.len() as f64 / most as f64;
    let offset = seed as f64 * 0.618 % 1.0 * step;
    (0..most).filter_map(|index| all.get((offset + index as f64 * step) as usize).cloned()).collect()
}

/// Removes everything in a directory.
///
/// # Errors
/// When it cannot be removed.
pub fn clear(directory: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
    }
    Ok(())
}
