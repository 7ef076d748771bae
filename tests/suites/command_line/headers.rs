//! `popfetch list --headers`: From, Subject and Date of each message, through TOP.

use popfetch_tests::command::{Run, script};
use popfetch_tests::maildrop::Maildrop;
use popfetch_tests::server::{ModelServer, Script};
use serde_json::{Value, json};

use super::{commands, events, popfetch, three_messages};

fn list(server: &ModelServer, output: &str) -> Run {
    let run = popfetch().list(server).args(["--auth", "user", "--headers", "--output", output]).run();
    run.assert_success();
    run
}

/// The one message with this header: what stands below it, and its event.
fn shown(header: impl AsRef<[u8]>) -> (Vec<String>, Value) {
    let message = [header.as_ref(), b"\r\nSubject: not this one, which is in the body\r\n"].concat();
    let server = ModelServer::start(script(Maildrop::of_octets([message])));
    let text = list(&server, "text");
    let below = text.lines()[2..].iter().map(|line| line.trim().to_owned()).collect();
    let mut events = events(&list(&server, "json").stdout);
    assert_eq!(events.pop().unwrap()["event"], "done");
    let event = events.pop().unwrap();
    assert_eq!(event["event"], "message");
    (below, event)
}

#[test]
fn three_lines_below_each_message() {
    let header =
        "From: Marshall Rose <mrose@dbc.mtview.ca.us>\r\nSubject: POP3\r\nDate: Sat, 3 Jan 1996 01:05:34 -0800\r\n";
    let (below, event) = shown(header);
    let date = "1996-01-03T01:05:34-08:00";
    let from = "Marshall Rose <mrose@dbc.mtview.ca.us>";
    assert_eq!(below, [format!("From: {from}"), "Subject: POP3".to_owned(), format!("Date: {date}")]);
    assert_eq!([&event["from"], &event["subject"], &event["date"]], [&json!(from), &json!("POP3"), &json!(date)]);
}

#[test]
fn one_top_for_each_message_and_no_body() {
    let server = ModelServer::start(script(three_messages()));
    let run = list(&server, "text");
    assert_eq!(commands(&server, "TOP"), ["TOP 1 0", "TOP 2 0", "TOP 3 0"]);
    assert_eq!(commands(&server, "RETR"), [""; 0]);
    assert_eq!(run.lines().iter().filter(|line| line.trim().starts_with("Subject: ")).count(), 3);
}

#[test]
fn encoded_words_are_decoded() {
    for (subject, decoded) in [
        ("=?utf-8?Q?gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=", "grüße aus Köln"),
        ("=?UTF-8?B?5pel5pys6Kqe?=", "日本語"),
        ("=?iso-8859-1?Q?Caf=E9?= au lait", "Café au lait"),
        ("=?utf-8?Q?one?=\r\n =?utf-8?Q?_word?=", "one word"),
        ("folded\r\n over lines", "folded over lines"),
    ] {
        let (_, event) = shown(format!("Subject: {subject}\r\n"));
        assert_eq!(event["subject"], decoded, "{subject}");
    }
    let (below, _) = shown("From: =?utf-8?Q?J=C3=BCrgen?= <j@example.org>\r\n");
    assert_eq!(below[0], "From: Jürgen <j@example.org>");
}

/// Raw, or decoded from words that look harmless, nothing reaches a terminal that it would obey.
#[test]
fn hostile_fields_are_escaped() {
    let (below, event) = shown(b"Subject: \x1b[2J\x1b]0;owned\x07 \x08\r\nFrom: \x9b31m <a@b>\r\n");
    assert!(below[1].contains(r"\x1b[2J\x1b]0;owned\x07"), "{below:?}");
    assert!(event["subject"].as_str().unwrap().contains(r"\x1b[2J"), "{event}");

    let (below, _) = shown("Subject: =?utf-8?Q?=1B[2J_=E2=80=AE_=C2=9B31m?=\r\n");
    assert_eq!(below[1], r"Subject: \x1b[2J \xe2\x80\xae \xc2\x9b31m");

    // A line end in a field would look like another message of the list.
    let (below, _) = shown("Subject: =?utf-8?Q?one=0D=0A_____2_________999__forged?=\r\n");
    assert_eq!(below.len(), 3, "{below:?}");
    let (below, _) = shown("From: =?utf-8?Q?one=0Atwo?= <a@b>\r\n");
    assert_eq!(below.len(), 3, "{below:?}");
}

#[test]
fn what_is_missing_is_empty() {
    for header in ["", "X-Other: field\r\n", "Date: yesterday\r\n", "From: \r\n", ": : :\r\n", "\0\0\0\r\n"] {
        let (below, event) = shown(header);
        assert_eq!(below.len(), 3, "{header:?}");
        assert!(event.get("subject").is_some(), "{header:?}: {event}");
    }
}

#[test]
fn a_server_without_top_gives_a_list_without_headers() {
    let server = ModelServer::start(Script { top: false, ..script(three_messages()) });
    let list = |server: &ModelServer, output: &str| {
        popfetch().list(server).args(["--auth", "user", "--headers", "--output", output]).run()
    };
    let run = list(&server, "text");
    assert_eq!((run.code, run.lines().len()), (Some(0), 4), "{run:#?}");
    assert!(run.stderr.contains("warning: the server does not show the headers of 3 of the messages"), "{run:#?}");
    let server = ModelServer::start(script(three_messages()).without_top());
    let run = list(&server, "json");
    let events = events(&run.stdout);
    assert_eq!(events.iter().filter(|event| event["event"] == "warning").count(), 1, "{events:?}");
    assert!(events[2..].iter().all(|event| event.get("subject").is_none()), "{events:?}");
}
