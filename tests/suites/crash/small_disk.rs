//! Mail and journal are on one small disk, which gets full at some moment and is larger in the next run.

use std::fs;

use popfetch_tests::{
    command::{Run, script},
    fingerprint::Fingerprint,
    maildir::{Entry, Maildir},
    survival::{Damage, Mailbox, Tally, sample},
};

use super::letters;

/// What the script below says when there is no such file system to be had.
const CANNOT_MOUNT: i32 = 200;

/// Puts a small file system in memory over the home of the user, runs the command, makes the file system larger, runs the
/// command again, and copies what is there then into the home below, in which the shell still is.
const ON_A_SMALL_DISK: &str = r#"
    mount -t tmpfs -o OPTIONS none "$HOME" && cp -p password "$HOME" || exit 200
    "$@" >first.out 2>first.err
    echo $? >first.code
    mkdir first
    [ ! -d "$HOME/mail" ] || cp -r "$HOME/mail" first
    mount -o remount,size=64m,nr_inodes=1000 "$HOME" || exit 200
    "$@"
    code=$?
    cp -pr "$HOME/." .
    exit $code
"#;

/// The first run and the second one. None where this machine lets only others mount.
fn twice_on_a_small_disk(mailbox: &Mailbox, options: &str) -> Option<(Run, Run)> {
    let script = ON_A_SMALL_DISK.replace("OPTIONS", options);
    let as_root: &[&str] = if rustix::process::geteuid().is_root() { &[] } else { &["--map-root-user"] };
    let second = mailbox.fetch().under("unshare", &[as_root, &["--mount", "sh", "-c", &script, "sh"]].concat()).run();
    if second.code == Some(CANNOT_MOUNT) || second.stderr.contains("unshare: ") {
        let required = std::env::var_os("POPFETCH_TESTS_MUST_MOUNT").is_some();
        assert!(!required, "nothing can be mounted here: {}", second.stderr);
        eprintln!("not tested: nothing can be mounted here: {}", second.stderr);
        return None;
    }
    let read = |name| fs::read_to_string(mailbox.popfetch.path(name)).expect("the first run was there");
    let code = read("first.code").trim().parse().expect("an exit code");
    let first =
        Run { code: Some(code), signal: None, stdout: read("first.out"), stderr: read("first.err"), peak_memory: 0 };
    Some((first, second))
}

/// What the first run has left: nothing that is broken, and all that it had deleted.
fn damage_of(first: &Run, mailbox: &Mailbox, sent: &[Fingerprint]) -> Damage {
    let mut damage = Damage::default();
    let stored: Vec<Fingerprint> =
        Maildir::at(mailbox.popfetch.path("first/mail")).delivered().iter().map(Entry::fingerprint).collect();
    let is_sent = |stored: &&Fingerprint| sent.iter().any(|sent| sent.sha256 == stored.sha256);
    damage.broken = stored.iter().filter(|stored| !is_sent(stored)).cloned().collect();
    let commands = mailbox.server.commands_of(1);
    // Where it has found out before that there is no room, the only connection was that of the second run.
    if mailbox.server.connections() > 1 && commands.contains(&"QUIT".to_owned()) {
        let deleted = commands.iter().filter_map(|command| command.strip_prefix("DELE ")?.parse::<usize>().ok());
        let deleted = deleted.filter_map(|number| sent.get(number - 1));
        let is_stored = |sent: &&Fingerprint| stored.iter().any(|stored| stored.sha256 == sent.sha256);
        damage.lost = deleted.filter(|deleted| !is_stored(deleted)).cloned().collect();
    }
    let is_told = first.stderr.lines().count() == 1 && first.stderr.starts_with("popfetch: ");
    if !(first.code == Some(0) && first.stderr.is_empty() || matches!(first.code, Some(73 | 74)) && is_told) {
        damage.others.push(format!("the end is not as it should be: {first:?}"));
    }
    damage
}

#[test]
fn a_disk_that_gets_full_at_any_moment_loses_nothing_and_repeats_nothing() {
    let sizes = (4..140).map(|pages| format!("size={}k", pages * 4));
    let files = (4..28).map(|files| format!("nr_inodes={files}"));
    let mut tally = Tally::default();
    let mut full = 0;
    for options in sample(&sizes.chain(files).collect::<Vec<_>>(), 16, 1) {
        let maildrop = letters::mixed();
        let sent = maildrop.fingerprints();
        let mailbox = Mailbox::new(env!("CARGO_BIN_EXE_popfetch-under-test"), script(maildrop), true);
        let Some((first, second)) = twice_on_a_small_disk(&mailbox, &options) else { return };
        let damage = damage_of(&first, &mailbox, &sent).and(mailbox.after_the_end(&second));
        let is_full = usize::from(first.code != Some(0));
        full += is_full;
        tally.add(3, &[("full_disks", is_full)], mailbox.messages(), &damage, || format!("{options}: {first:?}"));
    }
    assert!(full > 3, "{full} disks got full");
    tally.report("small disk");
}
