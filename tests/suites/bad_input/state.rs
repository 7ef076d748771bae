//! `--state` names something that is not a state file.

use std::fs;

use popfetch_tests::command::{Popfetch, script};
use popfetch_tests::server::ModelServer;

use super::{assert_no_harm, fetch, popfetch, three_messages};

/// Where SQLite keeps the version of the schema, and the kind of the database (its file format, §1.3).
const USER_VERSION: usize = 60;
const APPLICATION_ID: usize = 68;

/// The file is refused before anybody is connected to, and left as it is.
#[track_caller]
fn refused(popfetch: &Popfetch, content: &[u8], code: i32, words: &[&str]) {
    let server = ModelServer::start(script(three_messages()));
    let file = popfetch.path("state");
    fs::write(&file, content).unwrap();
    fetch(popfetch, &server).arg("--state").arg(&file).run().assert_failure(code, words);
    assert_eq!(server.connections(), 0);
    assert_eq!(fs::read(&file).unwrap(), content);
    assert_no_harm(popfetch, &server);
}

/// A state file as popfetch makes it.
fn made_by_a_run(popfetch: &Popfetch) -> Vec<u8> {
    let server = ModelServer::start(script(three_messages()));
    let file = popfetch.path("made");
    popfetch.fetch(&server).args(["--auth", "user", "--state"]).arg(&file).run().assert_success();
    fs::remove_dir_all(popfetch.maildir().path()).unwrap();
    fs::read(file).unwrap()
}

#[test]
fn it_is_something_else() {
    let popfetch = popfetch();
    let not_ours = ["is not a state file of popfetch and is left as it is"];
    refused(&popfetch, b"[mailbox]\nuser = alice\n", 78, &not_ours);
    refused(&popfetch, b"\n", 78, &not_ours);
    refused(&popfetch, &[0; 5000], 78, &not_ours);
    refused(&popfetch, &fs::read(popfetch.binary()).unwrap()[..100_000], 78, &not_ours);
}

#[test]
fn it_is_a_database_of_another_program() {
    let popfetch = popfetch();
    let mut state = made_by_a_run(&popfetch);
    state[APPLICATION_ID..APPLICATION_ID + 4].fill(7);
    refused(&popfetch, &state, 78, &["is not a state file of popfetch and is left as it is"]);
}

#[test]
fn it_is_of_a_later_version() {
    let popfetch = popfetch();
    let mut state = made_by_a_run(&popfetch);
    state[USER_VERSION + 3] = 99;
    refused(&popfetch, &state, 78, &["is of a later popfetch (schema 99, this one knows up to 5)"]);
}

#[test]
fn it_is_a_directory() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).args(["--state", "."]).run();
    run.assert_failure(78, &["is not a state file of popfetch"]);
    assert_eq!(server.connections(), 0);
}

#[test]
fn its_directory_is_missing() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).args(["--state", "nowhere/state"]).run();
    run.assert_failure(73, &["nowhere/state cannot be made because its directory does not exist"]);
    assert_eq!(server.connections(), 0);
    assert_no_harm(&popfetch, &server);
}

#[test]
fn it_is_damaged() {
    let popfetch = popfetch();
    let mut state = made_by_a_run(&popfetch);
    // All pages but the first, which says whose file it is.
    state[4096..].fill(0xa5);
    let server = ModelServer::start(script(three_messages()));
    let file = popfetch.path("state");
    fs::write(&file, &state).unwrap();
    let run = fetch(&popfetch, &server).arg("--state").arg(&file).run();
    run.assert_failure(74, &["the state file", "is damaged"]);
    assert_no_harm(&popfetch, &server);
}
