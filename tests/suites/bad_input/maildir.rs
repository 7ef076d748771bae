//! The Maildir is not one, or not ours to write.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use popfetch_tests::command::{Invocation, Popfetch, script};
use popfetch_tests::maildrop::{Content, Maildrop};
use popfetch_tests::server::ModelServer;
use tempfile::TempDir;

use super::{assert_no_harm, fetch, popfetch, three_messages};

/// The user without rights, where it is root who runs the tests.
const NOBODY: u32 = 65534;

#[test]
fn the_maildir_is_a_file() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    fs::write(popfetch.maildir().path(), "not a directory").unwrap();
    fetch(&popfetch, &server).run().assert_failure(73, &["cannot store", "mail is not a directory"]);
    assert_eq!(server.connections(), 0, "that mail can be stored is known before anybody is asked for it");
    assert_eq!(fs::read(popfetch.maildir().path()).unwrap(), b"not a directory");
}

/// Each message that waits for the disk is one, and so is each that was made ahead.
#[test]
fn few_files_may_be_open() {
    for limit in [32, 130] {
        let maildrop = Maildrop::repeated(300, Content::from(b"A: b\r\n\r\nc\r\n".to_vec()));
        let server = ModelServer::start(script(maildrop.clone()));
        let popfetch = popfetch();
        let run = format!(r#"ulimit -n {limit}; exec "$@""#);
        fetch(&popfetch, &server).under("sh", &["-c", &run, "sh"]).run().assert_success();
        assert_eq!(popfetch.maildir().delivered().len(), 300, "{limit}");
        assert!(server.maildrop().is_empty());
    }
}

#[test]
fn a_part_of_the_maildir_is_a_file() {
    for part in ["tmp", "new", "cur"] {
        let server = ModelServer::start(script(three_messages()));
        let popfetch = popfetch();
        fs::create_dir(popfetch.maildir().path()).unwrap();
        fs::write(popfetch.maildir().path().join(part), "").unwrap();
        let words = ["cannot store", &format!("mail/{part} is not a directory")];
        fetch(&popfetch, &server).run().assert_failure(73, &words);
        assert_eq!(server.connections(), 0);
    }
}

#[test]
fn the_directory_above_is_missing_or_a_file() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    fs::write(popfetch.path("file"), "").unwrap();
    for (path, cause) in [("nowhere/mail", "nowhere does not exist"), ("file/mail", "file is not a directory")] {
        let url = format!("pop3://alice@{}", server.address());
        let fetch = popfetch.run("fetch").arg(url).args(["--tls", "off", "--password-file"]);
        let run = fetch.arg(popfetch.password_file()).args(["--maildir", path]).run();
        run.assert_failure(73, &["cannot store", cause]);
    }
    assert_eq!(server.connections(), 0);
}

/// The command in the hands of a user whom permissions bind.
struct Unprivileged {
    popfetch: Popfetch,
    /// Where he can reach it: the path to the one that was built may be closed to him.
    _binary: TempDir,
}

impl Unprivileged {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let binary = directory.path().join("popfetch");
        // Not by this process: a child that another test starts meanwhile would inherit the file while it is open for
        // writing, and what is open for writing cannot be run.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_popfetch-under-test")).arg(&binary).status();
        assert!(copied.unwrap().success());
        Self { popfetch: Popfetch::new(binary), _binary: directory }
    }

    /// Runs it with the home, and all that is in it now, as his own.
    fn run(&self, invocation: Invocation<'_>) -> popfetch_tests::command::Run {
        if !is_root() {
            return invocation.run();
        }
        give_away(self.popfetch.home());
        let as_nobody = |command: &mut Command| {
            command.uid(NOBODY).gid(NOBODY);
        };
        invocation.with(as_nobody).run()
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn give_away(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| give_away(&entry.unwrap().path()));
    }
}

fn close(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o500)).unwrap();
}

/// Whoever removes the directory for temporary files must be able to.
fn open(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn the_user_may_not_write_to_the_maildir() {
    for part in ["tmp", "new"] {
        let server = ModelServer::start(script(three_messages()));
        let user = Unprivileged::new();
        let maildir = user.popfetch.maildir();
        for directory in ["", "tmp", "new", "cur"] {
            fs::create_dir(maildir.path().join(directory)).unwrap();
        }
        close(&maildir.path().join(part));
        let run = user.run(fetch(&user.popfetch, &server));
        run.assert_failure(
            73,
            &["cannot store: permission denied", &format!("mail/{part}"), "give this user the right"],
        );
        open(&maildir.path().join(part));
        assert_eq!(server.connections(), 0, "that mail can be stored is known before anybody is asked for it");
        assert_eq!(maildir.delivered(), []);
    }
}

#[test]
fn the_user_may_not_make_the_maildir() {
    let server = ModelServer::start(script(three_messages()));
    let user = Unprivileged::new();
    close(user.popfetch.home());
    let run = user.run(fetch(&user.popfetch, &server).arg("--no-state"));
    run.assert_failure(73, &["cannot store: permission denied", "mail"]);
    // The journal is looked at first: it may say that the Maildir has been there.
    let run = user.run(fetch(&user.popfetch, &server));
    run.assert_failure(73, &["Permission denied", "journal"]);
    open(user.popfetch.home());
    assert_eq!(server.connections(), 0);
}

#[test]
fn the_user_may_not_read_the_password_or_write_the_state() {
    let server = ModelServer::start(script(three_messages()));
    let user = Unprivileged::new();
    fs::set_permissions(user.popfetch.password_file(), Permissions::from_mode(0o000)).unwrap();
    let run = user.run(fetch(&user.popfetch, &server));
    run.assert_failure(78, &["cannot read the password file", "Permission denied"]);

    user.popfetch.write_password("readable");
    let directory = user.popfetch.path("closed");
    fs::create_dir(&directory).unwrap();
    close(&directory);
    let run = user.run(fetch(&user.popfetch, &server).arg("--state").arg(directory.join("state")));
    run.assert_failure(73, &["closed/state cannot be written: permission denied"]);
    open(&directory);
    assert_eq!(server.connections(), 0);
}

#[test]
fn an_unprivileged_user_who_may_do_all_this_gets_his_mail() {
    let server = ModelServer::start(script(three_messages()));
    let user = Unprivileged::new();
    let run = user.run(user.popfetch.fetch(&server).args(["--auth", "user"]).arg("--state").arg("state"));
    run.assert_success();
    user.popfetch.maildir().assert_holds(three_messages().fingerprints());
    assert_no_harm(&user.popfetch, &server);
}
