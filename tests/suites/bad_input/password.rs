//! There is no password, or none that can be used.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use popfetch_tests::command::{Invocation, Popfetch, script};
use popfetch_tests::server::ModelServer;

use super::{assert_no_harm, popfetch, three_messages};

/// Before anybody is connected to, with 78 and these words.
#[track_caller]
fn refused<'s>(popfetch: &Popfetch, run: impl FnOnce(&'s ModelServer) -> Invocation<'s>, words: &[&str]) {
    let server = Box::leak(Box::new(ModelServer::start(script(three_messages()))));
    run(server).run().assert_failure(78, words);
    assert_eq!(server.connections(), 0);
    assert_no_harm(popfetch, server);
}

#[test]
fn the_file_is_not_there() {
    let popfetch = popfetch();
    fs::remove_file(popfetch.password_file()).unwrap();
    refused(&popfetch, |server| popfetch.fetch(server), &["cannot read the password file", "password: No such file"]);
}

#[test]
fn the_file_is_a_directory() {
    let popfetch = popfetch();
    fs::remove_file(popfetch.password_file()).unwrap();
    fs::create_dir(popfetch.password_file()).unwrap();
    refused(&popfetch, |server| popfetch.fetch(server), &["the password file", "is a directory"]);
}

#[test]
fn the_file_has_nothing_in_it_that_could_be_a_password() {
    let popfetch = popfetch();
    for (content, problem) in [
        (&b""[..], "an empty password"),
        (b"\n", "an empty password"),
        (b"\r\n", "an empty password"),
        (b"two\nlines\n", "a line end or NUL"),
        (b"nul\0inside", "a line end or NUL"),
        (&[b'x'; 70_000], "more than 16384 octets"),
    ] {
        popfetch.write_password(content);
        refused(&popfetch, |server| popfetch.fetch(server), &["the password file", "password gave", problem]);
    }
}

#[test]
fn a_file_that_others_can_read_is_used_with_a_warning() {
    for mode in [0o604, 0o640, 0o666] {
        let server = ModelServer::start(script(three_messages()));
        let popfetch = popfetch();
        fs::set_permissions(popfetch.password_file(), Permissions::from_mode(mode)).unwrap();
        let run = popfetch.fetch(&server).args(["--auth", "user"]).run();
        assert_eq!(run.code, Some(0), "{run:#?}");
        let warning = format!("is open to other users (mode {mode:04o}); chmod 600");
        assert!(run.stderr.starts_with("popfetch: warning: the password file "), "{run:#?}");
        assert!(run.stderr.contains(&warning) && run.stderr.lines().count() == 1, "{run:#?}");
    }
}

fn fetch_with_command<'s>(popfetch: &Popfetch, server: &'s ModelServer, command: &str) -> Invocation<'s> {
    let url = format!("pop3://alice@{}", server.address());
    let fetch = popfetch.run("fetch").arg(url).args(["--tls", "off", "--auth", "user", "--delete"]);
    fetch.arg("--maildir").arg(popfetch.maildir().path()).arg("--password-command").arg(command)
}

#[test]
fn the_command_fails() {
    let popfetch = popfetch();
    let fails = |command: &str, words: &[&str]| {
        let run = |server| fetch_with_command(&popfetch, server, command);
        refused(&popfetch, run, words);
    };
    fails("echo half a password; exit 3", &["the password command failed", "exit status: 3", "run it by hand"]);
    fails("kill -9 $$", &["the password command failed", "signal: 9"]);
    fails("true", &["the password command gave an empty password"]);
    fails("echo two; echo lines", &["the password command gave", "a line end or NUL"]);
    fails("yes", &["the password command gave more than 16384 octets"]);
}

/// What the command says on its standard error is its own; what popfetch says is one line.
#[test]
fn the_command_is_not_there() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let run = fetch_with_command(&popfetch, &server, "/nowhere/pass show mail").run();
    assert_eq!(run.code, Some(78), "{run:#?}");
    let own: Vec<&str> = run.stderr.lines().filter(|line| line.starts_with("popfetch: ")).collect();
    assert_eq!(own.len(), 1, "{run:#?}");
    assert!(own[0].contains("the password command failed (exit status: 127)"), "{run:#?}");
    assert_eq!(server.connections(), 0);
}

#[test]
fn there_is_no_terminal_to_ask_at() {
    let popfetch = popfetch();
    let without_password = |server: &ModelServer| {
        let url = format!("pop3://alice@{}", server.address());
        let fetch = popfetch.run("fetch").arg(url).args(["--tls", "off", "--auth", "user", "--delete"]);
        // Whoever runs the tests may have a terminal.
        fetch.arg("--maildir").arg(popfetch.maildir().path()).under("setsid", &[])
    };
    let words = ["no password and no terminal to ask for one", "--password-file or --password-command"];
    refused(&popfetch, without_password, &words);
}
