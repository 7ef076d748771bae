//! Several accounts in one run.

use popfetch_tests::command::{USER, script};
use popfetch_tests::maildir::Maildir;
use popfetch_tests::maildrop::{Maildrop, Message};
use popfetch_tests::server::{At, Ending, Fault, ModelServer};
use serde_json::json;

use super::{events, popfetch};

fn maildrop(of: usize) -> Maildrop {
    Maildrop::new((1..=20).map(|number| {
        Message::new(
            format!("uid-{number}"),
            format!("Subject: {number} of {of}\r\n\r\n{}", "x\r\n".repeat(number * of)),
        )
    }))
}

fn servers(count: usize) -> Vec<ModelServer> {
    (1..=count).map(|of| ModelServer::start(script(maildrop(of)))).collect()
}

fn urls(servers: &[ModelServer]) -> Vec<String> {
    servers.iter().map(|server| format!("pop3://{USER}@{}", server.address())).collect()
}

const CLEAR: [&str; 6] = ["--tls", "off", "--auth", "user", "--password-file", "password"];

#[test]
fn each_is_fetched_and_has_its_line() {
    let (servers, popfetch) = (servers(6), popfetch());
    for jobs in ["1", "3", "50"] {
        let mail = format!("mail-{jobs}");
        let fetch =
            || popfetch.run("fetch").args(urls(&servers)).args(CLEAR).args(["--jobs", jobs, "--maildir", &mail]);
        let run = fetch().run();
        let mut lines: Vec<String> = run.assert_success().lines().into_iter().map(str::to_owned).collect();
        lines.sort();
        let mut expected: Vec<String> = servers
            .iter()
            .zip(1..)
            .map(|(server, of)| {
                let octets: u64 = maildrop(of).messages().iter().map(Message::octets).sum();
                format!("{USER}@{}: 20 messages, 20 stored ({octets} octets)", server.address())
            })
            .collect();
        expected.sort();
        assert_eq!(lines, expected);
        let all = (1..=6).flat_map(|of| maildrop(of).fingerprints());
        Maildir::at(popfetch.path(&mail)).assert_holds(all);
        // All of them are in one journal.
        assert!(
            fetch().run().assert_success().lines().iter().all(|line| line.ends_with("0 stored (0 octets), 20 known"))
        );
    }
}

#[test]
fn one_that_fails_is_named_and_keeps_none_of_the_others() {
    let (servers, popfetch) = (servers(3), popfetch());
    servers[1].fault(At::verb("PASS"), Fault::Refuse(b"[AUTH] no".to_vec()));
    servers[2].fault(At::verb("STAT"), Fault::End(Ending::Close));
    let fetch =
        || popfetch.run("fetch").args(urls(&servers)).args(CLEAR).args(["--reconnect", "0", "--maildir", "mail"]);
    let run = fetch().run();
    // As the first that failed.
    assert_eq!(run.code, Some(77), "{run:#?}");
    let said = |server: &ModelServer, words: &str| {
        let begins = format!("popfetch: {USER}@{}: ", server.address());
        run.stderr.lines().any(|line| line.starts_with(&begins) && line.contains(words))
    };
    assert!(said(&servers[1], "refused the sign-in") && said(&servers[2], "closed the connection"), "{run:#?}");
    assert_eq!(run.stderr.lines().count(), 2, "{run:#?}");
    popfetch.maildir().assert_holds(maildrop(1).fingerprints());

    let run = fetch().args(["--output", "json"]).run();
    let errors: Vec<_> = events(&run.stdout).into_iter().filter(|event| event["event"] == "error").collect();
    assert_eq!(errors.len(), 2);
    assert!(errors.iter().all(|event| event["account"].is_string()), "{errors:?}");
    let done: Vec<_> = events(&run.stdout).into_iter().filter(|event| event["event"] == "done").collect();
    assert_eq!(done.iter().map(|event| &event["known"]).collect::<Vec<_>>(), [&json!(20)]);
}

#[test]
fn places_may_be_another_one_for_each() {
    let (servers, popfetch) = (servers(1), popfetch());
    std::fs::create_dir(popfetch.path("mail")).unwrap();
    let fetch = |user: &str| {
        let url = format!("pop3://{user}@{}", servers[0].address());
        popfetch.run("fetch").arg(url).args(["--tls", "off", "--auth", "user", "--maildir", "mail/%u"])
    };
    let command = format!("test \"$POPFETCH_USER/$POPFETCH_HOST\" = {USER}/127.0.0.1 && cat password");
    fetch(USER).args(["--password-command", &command]).run().assert_success();
    Maildir::at(popfetch.path("mail").join(USER)).assert_holds(maildrop(1).fingerprints());
    fetch("..%2F..").args(["--password-file", "password"]).run().assert_failure(64, &["slash"]);
}

#[test]
fn what_is_for_one_account_is_refused_for_several() {
    let (servers, popfetch) = (servers(2), popfetch());
    let several = |verb: &str| popfetch.run(verb).args(urls(&servers)).args(["--tls", "off"]);
    several("info").run().assert_failure(64, &["one URL"]);
    several("list").args(["--password-file", "password"]).run().assert_failure(64, &["one URL"]);
    let trace = ["--trace", "trace", "--maildir", "mail", "--password-file", "password"];
    several("fetch").args(trace).run().assert_failure(64, &["--trace is for one URL"]);
    assert_eq!(servers.iter().map(ModelServer::connections).sum::<usize>(), 0);
}

#[test]
fn one_that_is_named_twice_is_a_mistake() {
    let (servers, popfetch) = (servers(1), popfetch());
    let run =
        popfetch.run("fetch").args(urls(&servers)).args(urls(&servers)).args(CLEAR).args(["--maildir", "m"]).run();
    run.assert_failure(64, &["is named twice"]);
    assert_eq!(servers[0].connections(), 0);
}
