//! What is said: to people, to programs, and not at all.

use std::fs::OpenOptions;

use popfetch_tests::command::{Invocation, script};
use popfetch_tests::server::{At, Ending, Fault, ModelServer};
use serde_json::json;

use super::{TIMESTAMP, events, fetch, popfetch, three_messages};

#[test]
fn a_fetch_in_events() {
    let server = ModelServer::start(script(three_messages()).with_apop(TIMESTAMP));
    let popfetch = popfetch();
    let run =
        popfetch.fetch(&server).args(["--auth", "apop", "--delete", "--state", "state", "--output", "json"]).run();
    run.assert_success();
    let events = events(&run.stdout);
    let names: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    let stored = ["connected", "signed-in", "maildrop", "planned", "stored", "stored", "stored"];
    assert_eq!(names, [&stored[..], &["deleted", "deleted", "deleted", "quit", "done"]].concat());
    assert_eq!(events[7], json!({ "event": "deleted", "number": 1 }));
    assert_eq!(events[1]["mechanism"], "apop");
    assert_eq!(events[2]["messages"], 3);
    assert_eq!(events[3], json!({ "event": "planned", "retrieve": 3, "known": 0 }));
    let (message, stored) = (&three_messages().messages()[1].clone(), &events[5]);
    assert_eq!(stored["number"], 2);
    assert_eq!(stored["unique_id"], "uid-2");
    assert_eq!(stored["octets"], message.octets());
    assert_eq!(std::fs::read(stored["path"].as_str().unwrap()).unwrap(), message.content.to_vec());
    let done = events.last().unwrap();
    assert_eq!((&done["stored"], &done["deleted"], &done["refused"]), (&json!(3), &json!(3), &json!(0)));
}

#[test]
fn a_failure_in_events() {
    let refused = Fault::Refuse(b"[IN-USE] \x1b[31mlocked".to_vec());
    let server = ModelServer::start(script(three_messages()).fault(At::verb("PASS"), refused));
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).args(["--output", "json"]).run();
    run.assert_failure(75, &["[IN-USE]", r"\x1b[31mlocked"]);
    let error = events(&run.stdout).pop().unwrap();
    assert_eq!((&error["event"], &error["exit"]), (&json!("error"), &json!(75)));
    assert!(run.stderr.contains(error["text"].as_str().unwrap()), "the same words for both: {run:#?}");
}

#[test]
fn a_failure_in_the_middle_in_events() {
    let cut = Fault::CutContent { after: 5, ending: Ending::Close };
    let server = ModelServer::start(script(three_messages()).fault(At::verb("RETR").argument(2), cut));
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).args(["--output", "json", "--delete"]).run();
    run.assert_failure(75, &["closed"]);
    let events = events(&run.stdout);
    let [.., done, error] = events.as_slice() else { panic!("{run:#?}") };
    assert_eq!((&done["event"], &done["stored"], &done["deleted"]), (&json!("done"), &json!(2), &json!(2)));
    assert_eq!((&done["failed"], &error["exit"]), (&json!(1), &json!(75)));
    let with = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((with("reconnecting"), with("given-up"), with("connected")), (2, 1, 3));
}

#[test]
fn warnings_are_events_too() {
    let server = ModelServer::start(script(three_messages()).without_uidl().without_top());
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).args(["--output", "json", "--state", "state"]).run();
    run.assert_success();
    let warning = events(&run.stdout).into_iter().find(|event| event["event"] == "warning").expect("a warning");
    assert!(warning["text"].as_str().unwrap().contains("neither unique-ids nor TOP"), "{warning}");
}

#[test]
fn quiet_says_nothing_but_warnings_and_errors() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).args(["-q", "--state", "state"]).run();
    run.assert_success();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    popfetch.maildir().assert_holds(three_messages().fingerprints());

    popfetch.write_password("mistyped");
    let run = fetch(&popfetch, &server).arg("--quiet").run();
    run.assert_failure(77, &["wrong name or password"]);
    assert_eq!(run.stdout, "");
}

#[test]
fn verbose_says_each_message() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).arg("-v").run();
    run.assert_success();
    let lines = run.lines();
    assert!(lines[0].ends_with(": connected (clear text): model server ready"), "{run:#?}");
    assert_eq!(lines[1], "signed in with user");
    for (number, message) in (1..).zip(three_messages().messages()) {
        let prefix = format!("message {number}: {} octets stored in ", message.octets());
        let path = lines.iter().find_map(|line| line.strip_prefix(&prefix)).expect(&prefix);
        assert_eq!(std::fs::read(path).unwrap(), message.content.to_vec());
    }
    assert!(lines.last().unwrap().contains(": 3 messages, 3 stored"), "{run:#?}");
}

#[test]
fn words_of_the_server_are_escaped() {
    let hostile = b"\x1b[2J\x1b]0;owned\x07\r \xff \xe2\x80\xae \xc2\x9b31m".to_vec();
    let shown = r"\x1b[2J\x1b]0;owned\x07\x0d \xff \xe2\x80\xae \xc2\x9b31m";
    for (at, code) in [(At::greeting(), 69), (At::verb("PASS"), 77), (At::verb("STAT"), 69)] {
        for output in [&["-v"][..], &["-q"], &["--output", "json"]] {
            let server = ModelServer::start(script(three_messages()).fault(at.clone(), Fault::Refuse(hostile.clone())));
            let popfetch = popfetch();
            fetch(&popfetch, &server).args(output).run().assert_failure(code, &[shown]);
        }
    }
    // And where a server says something that is no reply at all.
    let server = ModelServer::start(
        script(three_messages()).fault(At::verb("STAT"), Fault::Raw([hostile, b"\r\n".to_vec()].concat())),
    );
    let popfetch = popfetch();
    fetch(&popfetch, &server).run().assert_failure(76, &[shown]);
}

#[test]
fn a_greeting_and_unique_ids_are_escaped_in_a_fetch() {
    let mut script = script(three_messages());
    script.greeting = "\x1b[2J ready".to_owned();
    script.maildrop.messages_mut()[0].uid = b"\x1b[31m\x9b".to_vec();
    let server = ModelServer::start(script);
    let popfetch = popfetch();
    let verbose = fetch(&popfetch, &server).args(["-v", "--state", "state"]).run();
    verbose.assert_success();
    assert!(verbose.stdout.contains(r"connected (clear text): \x1b[2J ready"), "{verbose:#?}");
    let json = fetch(&popfetch, &server).args(["--output", "json", "--state", "other"]).run();
    json.assert_success();
    assert!(events(&json.stdout).iter().any(|event| event["unique_id"] == r"\x1b[31m\x9b"), "{json:#?}");
}

fn to_full_disk(run: Invocation<'_>, both: bool) -> Invocation<'_> {
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    run.with(|command| {
        command.stdout(full());
        if both {
            command.stderr(full());
        }
    })
}

/// The mail is safe; that what was said about it is not, is said.
#[test]
fn standard_output_is_full() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let run = to_full_disk(fetch(&popfetch, &server), false).run();
    run.assert_failure(74, &["cannot write to standard output", "No space left on device"]);
    popfetch.maildir().assert_holds(three_messages().fingerprints());
}

#[test]
fn standard_error_is_full_and_the_exit_code_is_the_same() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    popfetch.write_password("mistyped");
    assert_eq!(to_full_disk(fetch(&popfetch, &server), true).run().code, Some(77));
    assert_eq!(to_full_disk(popfetch.run("info").arg("nonsense"), true).run().code, Some(64));
    assert_eq!(to_full_disk(popfetch.run("nonsense"), true).run().code, Some(64));
}

/// `popfetch list … | head -1`
#[test]
fn who_has_seen_enough_closes_the_pipe() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let run = popfetch.list(&server).args(["--auth", "user"]);
    let run = run.under("sh", &["-c", r#"{ "$@"; echo "$?" > code; } | true; exec cat code"#, "sh"]).run();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("0\n", ""), "{run:#?}");
}
