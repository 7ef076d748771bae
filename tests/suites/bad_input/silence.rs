//! The server says nothing any more.

use popfetch_tests::command::script;
use popfetch_tests::server::{At, Ending, Fault, ModelServer};

use super::{assert_no_harm, assert_the_second_is_left, assert_whole, fetch, popfetch, three_messages};

const TOO_LONG: [&str; 3] = ["the server was silent for too long", "try again later", "--timeout"];

/// The server falls silent instead of answering this, which is the last thing that it hears.
fn silent(at: At, last: &str) {
    silent_with(at, last, &TOO_LONG);
}

fn silent_with(at: At, last: &str, words: &[&str]) {
    let server = ModelServer::start(script(three_messages()).fault(at, Fault::End(Ending::Silence)));
    let popfetch = popfetch();
    let state = popfetch.path("state");
    let run = fetch(&popfetch, &server).args(["--timeout", "1", "--state"]).arg(state).run();
    run.assert_failure(75, words);
    assert_no_harm(&popfetch, &server);
    let commands = server.commands();
    assert!(commands.last().map_or("", String::as_str).starts_with(last), "{commands:?}");
}

#[test]
fn there_is_no_greeting() {
    let words =
        ["silent for too long before its greeting", "if that port wants TLS from the first octet, write pop3s://"];
    silent_with(At::greeting(), "", &words);
}

#[test]
fn user_and_pass_are_not_answered() {
    silent(At::verb("USER"), "USER");
    silent(At::verb("PASS"), "PASS");
}

#[test]
fn capa_and_stat_are_not_answered() {
    silent(At::verb("CAPA"), "CAPA");
    silent(At::verb("STAT"), "STAT");
}

#[test]
fn uidl_and_retr_are_not_answered() {
    silent(At::verb("UIDL"), "UIDL");
    silent(At::verb("RETR"), "RETR");
}

#[test]
fn dele_is_not_answered() {
    silent(At::verb("DELE"), "DELE");
    silent(At::verb("DELE").argument(3), "DELE 3");
}

#[test]
fn a_message_stops_in_the_middle() {
    for after in [0, 1, 20_000] {
        let cut = Fault::CutContent { after, ending: Ending::Silence };
        let server = ModelServer::start(script(three_messages()).fault(At::verb("RETR").argument(2), cut));
        let popfetch = popfetch();
        let run = fetch(&popfetch, &server).args(["--timeout", "0.5"]).run();
        run.assert_failure(75, &["2 messages are stored, 1 could not be fetched (", "for too long"]);
        assert_the_second_is_left(&popfetch, &server);
    }
}

#[test]
fn a_message_has_no_end() {
    let server = ModelServer::start(script(three_messages()).fault(At::verb("RETR").argument(3), Fault::NoFinalDot));
    let popfetch = popfetch();
    fetch(&popfetch, &server).args(["--timeout", "0.5"]).run().assert_failure(75, &TOO_LONG);
    assert_no_harm(&popfetch, &server);
}

#[test]
fn quit_is_not_answered() {
    let silence = || Fault::End(Ending::Silence);
    // The model server deletes before it would answer.
    let server = ModelServer::start(script(three_messages()).fault(At::verb("QUIT"), silence()));
    let deleting = popfetch();
    let run = fetch(&deleting, &server).args(["--timeout", "1.5"]).run();
    run.assert_failure(75, &["3 messages are stored", "whether the server has deleted them is open"]);
    deleting.maildir().assert_holds(three_messages().fingerprints());
    assert_whole(&deleting);

    // Where nothing hangs on it, it is no more than a warning.
    let server = ModelServer::start(script(three_messages()).fault(At::verb("QUIT"), silence()));
    let keeping = popfetch();
    let run = keeping.fetch(&server).args(["--auth", "user", "--timeout", "1.5"]).run();
    assert_eq!(run.code, Some(0), "{run:#?}");
    assert!(run.stderr.starts_with("popfetch: warning: everything is stored"), "{run:#?}");
    assert_eq!(run.stderr.lines().count(), 1, "{run:#?}");
    keeping.maildir().assert_holds(three_messages().fingerprints());
    assert_no_harm(&keeping, &server);
}

#[test]
fn the_deadline_ends_a_session_that_never_stops_moving() {
    let drip = Fault::Drip(std::time::Duration::from_millis(20));
    let server = ModelServer::start(script(three_messages()).fault(At::verb("RETR").argument(2), drip));
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).args(["--timeout", "10", "--deadline", "0.5"]).run();
    run.assert_failure(75, &["the session took longer than it may", "--deadline"]);
    assert_no_harm(&popfetch, &server);
}
