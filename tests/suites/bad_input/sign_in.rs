//! The server does not let us in.

use std::time::Duration;

use popfetch_tests::command::{PASSWORD, script};
use popfetch_tests::server::{At, Ending, Fault, ModelServer, Transcript};

use super::{assert_no_harm, fetch, popfetch, three_messages};

const TIMESTAMP: &str = "<1896.697170952@dbc.mtview.ca.us>";

#[test]
fn the_password_is_wrong() {
    let server = ModelServer::start(script(three_messages()).with_apop(TIMESTAMP));
    for (auth, command) in [("user", "PASS"), ("apop", "APOP")] {
        let popfetch = popfetch();
        popfetch.write_password("quite another one");
        let run = popfetch.fetch(&server).args(["--delete", "--auth", auth]).run();
        let words = ["the server refused the sign-in", command, "wrong name or password", "check the user name"];
        run.assert_failure(77, &words);
        assert!(!run.stderr.contains("quite another one"), "{run:#?}");
        assert_no_harm(&popfetch, &server);
    }
}

/// Some servers say in their logs, and so in their words, what they got.
#[test]
fn a_server_that_repeats_the_password_does_not_bring_it_into_the_output() {
    let repeats = Fault::Refuse(format!("[AUTH] {PASSWORD} is not the password of alice").into());
    let server = ModelServer::start(script(three_messages()).fault(At::verb("PASS"), repeats));
    for output in [&[][..], &["-v"], &["--output", "json"]] {
        let popfetch = popfetch();
        fetch(&popfetch, &server).args(output).run().assert_failure(77, &["PASS", "is not the password of alice"]);
    }
}

#[test]
fn the_user_is_unknown() {
    let refused = Fault::Refuse(b"never heard of".to_vec());
    let server = ModelServer::start(script(three_messages()).fault(At::verb("USER"), refused));
    let popfetch = popfetch();
    fetch(&popfetch, &server).run().assert_failure(77, &["USER", "never heard of", "check the user name"]);
    assert_eq!(server.commands(), ["CAPA", "USER alice"], "the password is not sent to who does not want it");
    assert_no_harm(&popfetch, &server);
}

#[test]
fn each_response_code_has_its_exit_code_and_advice() {
    for (words, code, advice) in [
        ("[IN-USE] locked", 75, "another session holds the mailbox"),
        ("[LOGIN-DELAY] minimum is 5 minutes", 75, "the server wants a pause between sessions"),
        ("[SYS/TEMP] the disk is full", 75, "try again later"),
        ("[SYS/PERM] the maildrop is broken", 69, "ask who runs the server"),
        ("[AUTH] no", 77, "check the user name and the password"),
        ("[X-OTHER] what is that", 77, "check the user name and the password"),
        ("no code", 77, "check the user name and the password"),
        // The words of RFC 1939, before there were codes.
        ("maildrop already locked", 75, "another session may hold the mailbox; try again later"),
        ("unable to lock maildrop", 75, "another session may hold the mailbox; try again later"),
        ("Mailbox is busy", 75, "another session may hold the mailbox; try again later"),
        ("[X-OTHER] maildrop already locked", 77, "check the user name and the password"),
        ("account locked, call us", 77, "check the user name and the password"),
    ] {
        for (auth, verb) in [("user", "PASS"), ("apop", "APOP")] {
            let refused = Fault::Refuse(words.into());
            let script = script(three_messages()).with_apop(TIMESTAMP).fault(At::verb(verb), refused);
            let server = ModelServer::start(script);
            let popfetch = popfetch();
            let run = popfetch.fetch(&server).args(["--delete", "--auth", auth]).run();
            run.assert_failure(code, &[verb, &format!("\"-ERR {words}\""), advice]);
            assert_no_harm(&popfetch, &server);
        }
    }
}

/// A lock or a delay has nothing to do with the mechanism: the next one would give the password away for nothing.
#[test]
fn a_reason_that_is_not_about_credentials_does_not_lead_to_the_next_mechanism() {
    for words in ["[IN-USE] locked", "[LOGIN-DELAY] wait", "[SYS/TEMP] later", "[SYS/PERM] never"] {
        let refused = Fault::Refuse(words.into());
        let server = ModelServer::start(script(three_messages()).with_apop(TIMESTAMP).fault(At::verb("APOP"), refused));
        let popfetch = popfetch();
        let run = popfetch.fetch(&server).args(["--delete", "--auth", "apop,user"]).run();
        run.assert_failure(if words.contains("PERM") { 69 } else { 75 }, &["APOP", words]);
        let commands = server.commands();
        let [_, apop] = commands.as_slice() else { panic!("{commands:?}") };
        assert!(commands[0] == "CAPA" && apop.starts_with("APOP "), "{commands:?}");
    }
}

#[test]
fn the_maildrop_is_in_use_by_another_session() {
    let server = ModelServer::start(script(three_messages()));
    let (first, second) = (popfetch(), popfetch());
    // The first one hangs in its session until it is interrupted.
    server.fault(At::verb("STAT").connection(1), Fault::End(Ending::Silence));
    let holding = fetch(&first, &server).start();
    let in_session = |transcript: &Transcript| transcript.commands().contains(&"STAT".into());
    server.wait_until(Duration::from_secs(20), in_session).expect("the first one is signed in");

    fetch(&second, &server).run().assert_failure(75, &["[IN-USE]", "another session holds the mailbox"]);
    holding.interrupt();
    assert_eq!(holding.finish().code, Some(130));
    assert_no_harm(&second, &server);
}

#[test]
fn the_server_refuses_to_go_on_after_the_sign_in() {
    let refused = Fault::Refuse(b"[SYS/TEMP] not now".to_vec());
    let server = ModelServer::start(script(three_messages()).fault(At::verb("STAT"), refused));
    let popfetch = popfetch();
    fetch(&popfetch, &server).run().assert_failure(75, &["the server refused STAT", "[SYS/TEMP] not now"]);
    assert_no_harm(&popfetch, &server);
}
