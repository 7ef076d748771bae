//! `--auth`: which ways to sign in are permitted, and in which order.

use popfetch_tests::command::{PASSWORD, script};
use popfetch_tests::server::{At, Fault, ModelServer, Script};

use super::{TIMESTAMP, commands, popfetch, three_messages};

/// What was sent before the sign-in was over, without digests.
fn attempts(server: &ModelServer) -> Vec<String> {
    let of_sign_in = |command: &String| ["USER", "PASS", "APOP", "AUTH"].contains(&&command[..4]);
    server.commands().into_iter().filter(of_sign_in).map(|command| command[..4].to_owned()).collect()
}

/// Lists with this `--auth`, and gives how it ended and what was tried.
fn list(script: Script, auth: Option<&str>) -> (popfetch_tests::command::Run, Vec<String>) {
    let server = ModelServer::start(script);
    let popfetch = popfetch();
    let list = popfetch.list(&server).arg("-v");
    let list = if let Some(auth) = auth { list.args(["--auth", auth]) } else { list };
    let run = list.run();
    let sent = server.commands().concat();
    let consents = auth.is_some_and(|auth| auth.contains("user"));
    assert!(consents || !sent.contains(PASSWORD), "the password was sent: {sent}");
    (run, attempts(&server))
}

#[test]
fn auto_is_apop_where_the_greeting_has_a_timestamp() {
    for auth in [None, Some("auto"), Some("apop"), Some("apop,user"), Some("auto,user")] {
        let (run, tried) = list(script(three_messages()).with_apop(TIMESTAMP), auth);
        run.assert_success();
        assert!(run.stdout.contains("signed in with apop\n"), "{run:#?}");
        assert_eq!(tried, ["APOP"], "{auth:?}");
    }
}

#[test]
fn auto_never_sends_the_password_in_clear_text() {
    for auth in [None, Some("auto")] {
        let (run, tried) = list(script(three_messages()), auth);
        run.assert_failure(77, &["APOP", "timestamp", "--auth user permits USER/PASS", "in clear text"]);
        assert_eq!(tried, [""; 0]);

        let refused = Fault::Refuse(b"not today".to_vec());
        let script = script(three_messages()).with_apop(TIMESTAMP).fault(At::verb("APOP"), refused);
        let (run, tried) = list(script, auth);
        run.assert_failure(77, &["APOP", "not today"]);
        assert_eq!(tried, ["APOP"]);
    }
}

#[test]
fn user_is_consent() {
    let (run, tried) = list(script(three_messages()).with_apop(TIMESTAMP), Some("user"));
    run.assert_success();
    assert!(run.stdout.contains("signed in with user\n"), "{run:#?}");
    assert_eq!(tried, ["USER", "PASS"]);
}

/// What NetX does, where somebody asks for it.
#[test]
fn apop_and_then_user() {
    let refused = Fault::Refuse(b"not today".to_vec());
    let refusing = script(three_messages()).with_apop(TIMESTAMP).fault(At::verb("APOP"), refused);
    let (run, tried) = list(refusing, Some("apop,user"));
    run.assert_success();
    assert_eq!(tried, ["APOP", "USER", "PASS"]);

    let (run, tried) = list(script(three_messages()), Some("apop,user"));
    run.assert_success();
    assert_eq!(tried, ["USER", "PASS"], "without a timestamp there is nothing to refuse");
}

#[test]
fn the_order_is_that_of_the_list() {
    let mut without_user = script(three_messages()).with_apop(TIMESTAMP);
    without_user.user_pass = false;
    let (run, tried) = list(without_user, Some("user,apop"));
    run.assert_success();
    assert_eq!(tried, ["USER", "APOP"]);
}

#[test]
fn both_refused_is_77_with_the_last_words() {
    let script = Script { password: "another".to_owned(), ..script(three_messages()).with_apop(TIMESTAMP) };
    let (run, tried) = list(script, Some("apop,user"));
    run.assert_failure(77, &["the server refused the sign-in with PASS", "wrong name or password"]);
    assert_eq!(tried, ["APOP", "USER", "PASS"]);
}

#[test]
fn what_is_not_built_is_unavailable_and_what_stands_beside_it_is_used() {
    let server = ModelServer::start(script(three_messages()).with_apop(TIMESTAMP));
    let popfetch = popfetch();
    for auth in ["plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256", "xoauth2", "oauthbearer", "external"] {
        let run = popfetch.list(&server).args(["--auth", auth]).run();
        run.assert_failure(69, &["this version cannot sign in with", auth, "it has apop and user"]);
    }
    let run = popfetch.list(&server).args(["--auth", "plain,external"]).run();
    run.assert_failure(69, &["plain, external"]);
    assert_eq!(server.connections(), 0);

    popfetch.list(&server).args(["--auth", "scram-sha-256,apop"]).run().assert_success();
    assert_eq!(commands(&server, "APOP").len(), 1);
}

#[test]
fn the_user_may_have_any_name() {
    for (name, in_url) in [("alice@example.org", "alice%40example.org"), ("a b:c/é", "a%20b%3Ac%2F%C3%A9")] {
        let server = ModelServer::start(Script { user: name.to_owned(), ..script(three_messages()) });
        let popfetch = popfetch();
        let password = |run: popfetch_tests::command::Invocation<'static>| {
            run.args(["--tls", "off", "--auth", "user", "--password-file"]).arg(popfetch.password_file())
        };
        let url = format!("pop3://{in_url}@{}", server.address());
        password(popfetch.run("list").arg(url)).run().assert_success();
        let url = format!("pop3://{}", server.address());
        password(popfetch.run("list").arg(url)).args(["--user", name]).run().assert_success();
    }
}
