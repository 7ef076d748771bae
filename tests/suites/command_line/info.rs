//! `popfetch info`: what the server can do, without a sign-in.

use popfetch_tests::command::script;
use popfetch_tests::server::{At, Ending, Fault, ModelServer, Script};
use serde_json::json;

use super::{TIMESTAMP, events, popfetch, three_messages};

#[test]
fn what_a_server_with_everything_says() {
    let script = script(three_messages()).with_apop(TIMESTAMP).with_capability("SASL PLAIN SCRAM-SHA-256 NTLM");
    let script = Script { languages: vec![("en".into(), "English".into()), ("de".into(), "Deutsch".into())], ..script };
    let server = ModelServer::start(script);
    let run = popfetch().info(&server).run();
    run.assert_success();
    assert_eq!(
        run.lines(),
        [
            &format!("server:        pop3://{}", server.address()),
            &format!("greeting:      model server ready {TIMESTAMP}"),
            "TLS:           off: everything travels in clear text",
            "capabilities:  TOP, UIDL, USER, PIPELINING, RESP-CODES, AUTH-RESP-CODE, SASL PLAIN SCRAM-SHA-256 NTLM, LANG",
            "languages:     en English, de Deutsch",
            "mechanisms:    apop, user, plain, scram-sha-256, ntlm",
            "would use:     scram-sha-256, pipelined",
        ]
    );
    assert_eq!(server.commands(), ["CAPA", "LANG", "QUIT"], "nobody is signed in");
}

#[test]
fn the_same_as_an_event() {
    let server = ModelServer::start(script(three_messages()).with_apop(TIMESTAMP));
    let run = popfetch().info(&server).args(["--output", "json"]).run();
    run.assert_success();
    let events = events(&run.stdout);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["event"], "info");
    assert_eq!(events[0]["apop_timestamp"], TIMESTAMP);
    assert_eq!(events[0]["tls"], "off");
    assert_eq!(events[0]["mechanisms"], json!(["apop", "user"]));
    assert_eq!(events[0]["languages"], json!([]));
    // Without TLS that is for somebody to name.
    assert_eq!(events[0]["would_use"], json!({ "mechanism": null, "pipelining": true }));
    assert_eq!(events[0]["capabilities"][3], "PIPELINING");

    let run = popfetch().info(&server).args(["--auth", "auto,apop", "--output", "json"]).run();
    assert_eq!(self::events(&run.stdout)[0]["would_use"]["mechanism"], "apop");
}

#[test]
fn what_a_server_of_1996_says() {
    let server = ModelServer::start(script(three_messages()).without_capa());
    let run = popfetch().info(&server).run();
    run.assert_success();
    assert!(run.stdout.contains("capabilities:  unknown: the server has no CAPA\n"), "{run:#?}");
    assert!(run.stdout.contains("mechanisms:    user\n"), "{run:#?}");
    assert!(run.stdout.contains("would use:     nothing: --auth permits none of these\n"), "{run:#?}");

    let run = popfetch().info(&server).args(["--auth", "user"]).run();
    assert!(run.stdout.contains("would use:     user, one command at a time\n"), "{run:#?}");
}

#[test]
fn words_of_the_server_are_escaped() {
    let server = ModelServer::start(script(three_messages()).with_capability("X-\x1b[31m \u{9b}2J"));
    server.change(|script| script.greeting = "\x1b]0;owned\x07 \u{202e}".to_owned());
    let run = popfetch().info(&server).run();
    run.assert_success();
    assert!(run.stdout.contains(r"\x1b]0;owned\x07 \xe2\x80\xae"), "{run:#?}");
    popfetch().info(&server).args(["--output", "json"]).run().assert_success();
}

#[test]
fn a_server_that_does_not_say_goodbye_has_said_enough() {
    let lost = Fault::End(Ending::Reset);
    let server = ModelServer::start(script(three_messages()).fault(At::verb("QUIT"), lost));
    popfetch().info(&server).run().assert_success();
}
