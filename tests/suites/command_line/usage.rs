//! The command line, and what is wrong with it: 64.

use popfetch_tests::command::script;
use popfetch_tests::server::ModelServer;

use super::{popfetch, three_messages};

#[test]
fn help_says_what_there_is() {
    let run = popfetch().run("--help").run();
    run.assert_success();
    for word in ["fetch", "list", "info", "--version", "Exit codes", "64  ", "78  ", "130, 143  "] {
        assert!(run.stdout.contains(word), "{word}: {run:#?}");
    }
    let run = popfetch().run("fetch").arg("--help").run();
    run.assert_success();
    for option in [
        "--maildir",
        "--delete",
        "--keep",
        "--auth",
        "--tls",
        "--user",
        "--password-file",
        "--password-command",
        "--ca-file",
        "--tls-pin",
        "--tls-cert",
        "--tls-key",
        "--tls-min",
        "--tls-name",
        "--token-file",
        "--token-command",
        "--scram-iterations",
        "--lang",
        "--trace",
        "--component",
        "--deadline",
        "--state",
        "--timeout",
        "--output",
        "--verbose",
        "--quiet",
    ] {
        assert!(run.stdout.contains(option), "{option}: {run:#?}");
    }
    for verb in ["list", "info"] {
        popfetch().run(verb).arg("--help").run().assert_success();
    }
}

#[test]
fn version_says_which_it_is() {
    for option in ["--version", "-V"] {
        let run = popfetch().run(option).run();
        run.assert_success();
        assert_eq!(run.stdout, format!("popfetch {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn without_a_command_there_is_help_and_64() {
    let popfetch = popfetch();
    let run = popfetch.run("help").run();
    run.assert_success();
    let without = popfetch.run("").run();
    assert_eq!(without.code, Some(64), "{without:#?}");
}

/// One line, 64, and nobody is asked for anything.
#[track_caller]
fn wrong(arguments: &[&str], words: &[&str]) {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let url = format!("pop3://alice@{}", server.address());
    let without_user = format!("pop3://{}", server.address());
    let fill_in = |argument: &&str| argument.replace("URL", &url).replace("NOBODY", &without_user);
    let arguments: Vec<String> = arguments.iter().map(fill_in).collect();
    let (first, others) = arguments.split_first().unwrap();
    let run = popfetch.run(first).args(others).run();
    run.assert_failure(64, words);
    assert_eq!(run.stdout, "");
    assert_eq!(server.connections(), 0);
}

#[test]
fn an_argument_is_missing_or_unknown() {
    wrong(&["fetch"], &["--maildir"]);
    wrong(&["fetch", "URL"], &["--maildir"]);
    wrong(&["list"], &["URL"]);
    wrong(&["retrieve", "URL"], &["retrieve"]);
    wrong(&["list", "URL", "--frobnicate"], &["--frobnicate"]);
    wrong(&["list", "URL", "another"], &["one URL"]);
}

#[test]
fn arguments_contradict_each_other() {
    wrong(&["fetch", "URL", "--maildir", "m", "--delete", "--keep"], &["--delete", "--keep"]);
    wrong(&["fetch", "URL", "--maildir", "m", "-q", "-v"], &["--quiet", "--verbose"]);
    wrong(
        &["list", "URL", "--password-file", "p", "--password-command", "c"],
        &["--password-file", "--password-command"],
    );
    for (one, other) in [("password-file", "token-file"), ("password-command", "token-command")]
        .into_iter()
        .chain([("token-file", "token-command"), ("password-file", "token-command")])
    {
        let (one, other) = (format!("--{one}"), format!("--{other}"));
        wrong(&["list", "URL", &one, "x", &other, "y"], &[&one, &other]);
    }
    wrong(&["list", "URL", "--tls-cert", "c"], &["--tls-key"]);
    wrong(&["list", "URL", "--tls-key", "k"], &["--tls-cert"]);
    let pin = format!("sha256/{}=", "A".repeat(43));
    for (option, more) in [
        ("--tls-pin", &[&*pin][..]),
        ("--tls-cert", &["missing", "--tls-key", "missing"]),
        ("--tls-min", &["1.3"]),
        ("--tls-name", &["pop.example.org"]),
    ] {
        let words =
            format!("{option}{} has no meaning with --tls off", if option == "--tls-min" { " 1.3" } else { "" });
        for verb in ["list", "info"] {
            wrong(&[&[verb, "URL", "--tls", "off", option], more].concat(), &[&words]);
        }
        wrong(&[&["fetch", "URL", "--maildir", "m", "--tls", "off", option], more].concat(), &[&words]);
    }
    for other in ["off", "starttls"] {
        wrong(&["info", "pop3s://mail.example.org", "--tls", other], &["pop3s:// is TLS from the start"]);
    }
}

/// What names whom to trust may stand in a script for all servers, and what is the default changes nothing.
#[test]
fn what_does_no_harm_without_tls_is_accepted() {
    let server = ModelServer::start(script(three_messages()));
    for options in [["--ca-file", "missing"], ["--tls-min", "1.2"]] {
        popfetch().info(&server).args(options).run().assert_success();
        popfetch().list(&server).args(["--auth", "user"]).args(options).run().assert_success();
    }
}

/// A token that is sent as a password is given away.
#[test]
fn a_token_is_not_for_what_takes_a_password() {
    for source in [["--token-file", "missing"], ["--token-command", "touch asked; echo token"]] {
        for (auth, name) in [
            ("plain", "plain"),
            ("login", "login"),
            ("user", "user"),
            ("cram-md5", "cram-md5"),
            ("scram-sha-1", "scram-sha-1"),
            ("scram-sha-256", "scram-sha-256"),
            ("apop", "apop"),
            ("xoauth2,plain", "plain"),
            ("oauthbearer,user,xoauth2", "user"),
            ("USER,xoauth2", "user"),
            ("external,apop", "apop"),
        ] {
            let words = format!("a token is not for --auth {name}; give --password-file for that");
            let [option, value] = source;
            for tls in ["off", "starttls", "implicit"] {
                wrong(&["list", "URL", "--tls", tls, "--auth", auth, option, value], &[&words]);
            }
            wrong(&["list", "URL", "--auth", &format!("auto,{auth}"), option, value], &[&words]);
        }
    }
}

#[test]
fn a_value_is_none() {
    wrong(&["list", "URL", "--tls", "sometimes"], &["sometimes", "--tls"]);
    wrong(
        &["list", "URL", "--auth", "apop,kerberos"],
        &["kerberos", "--auth", "not a way to sign in; there are auto, scram-sha-256", "external"],
    );
    wrong(&["list", "URL", "--auth", ""], &["--auth"]);
    wrong(&["list", "URL", "--output", "xml"], &["xml", "--output"]);
    wrong(&["list", "URL", "--tls-min", "1.1"], &["1.1", "--tls-min", "1.2, 1.3"]);
    for range in ["4096", "0-5", "5-4", "4096-", "x-y", "1-99999999999"] {
        wrong(&["list", "URL", "--scram-iterations", range], &["--scram-iterations", "two numbers, as 4096-1000000"]);
    }
    for pin in ["", "sha256/", "sha256/AAAA", "md5/AAAA", "zz", &"0".repeat(63)] {
        wrong(&["list", "URL", &format!("--tls-pin={pin}")], &["--tls-pin"]);
    }
    for seconds in ["0", "-1", "soon", "nan", "inf"] {
        wrong(&["list", "URL", &format!("--timeout={seconds}")], &["--timeout", "seconds"]);
    }
}

#[test]
fn there_is_one_user() {
    wrong(&["list", "URL", "--tls", "off", "--user", "bob"], &["the URL and --user both name a user; give one"]);
    wrong(&["list", "NOBODY", "--tls", "off"], &["no user: write pop3://user@host, or give --user"]);
    wrong(&["list", "NOBODY", "--tls", "off", "--user", ""], &["the user name is empty"]);
}

#[test]
fn the_url_is_none() {
    for (url, problem) in [
        ("imap://mail.example.org", "the URL begins with pop3:// or pop3s://"),
        ("mail.example.org", "the server is named by a URL"),
        ("pop3://", "the URL has no host"),
        ("pop3://mail.example.org:0", "the port in the URL is a number from 1 to 65535"),
        ("pop3://mail.example.org:70000", "the port in the URL is a number from 1 to 65535"),
        ("pop3://mail.example.org/inbox", "the URL ends with the host and port"),
        ("pop3://::1", "IPv6 addresses stand in brackets"),
        ("pop3://[::1", "in brackets the URL has an IPv6 address"),
        ("pop3://al%ice@mail.example.org", "not percent-encoded UTF-8"),
        ("pop3://a%0Ab@mail.example.org", "the user name contains a control character"),
        ("pop3://alice;AUTH=+APOP@mail.example.org", "use --auth"),
    ] {
        for verb in ["list", "info"] {
            wrong(&[verb, url, "--tls", "off"], &[problem]);
        }
    }
}

/// A password in the URL shows in `ps`; it must not show in a log as well.
#[test]
fn a_password_in_the_url_is_refused_and_not_repeated() {
    let popfetch = popfetch();
    for password in ["hunter2", "hunter2/hunter3?#", "hunter2 and hunter3", "hunter2@hunter3", "hunter2:hunter3"] {
        let url = format!("pop3://alice:{password}@mail.example.org");
        for arguments in [
            vec!["info", &url],
            vec!["list", &url, "--tls", "off"],
            vec!["fetch", &url, "--maildir", "mail"],
            vec!["info", &url.replace("pop3", "imap")],
            vec!["info", url.strip_prefix("pop3://").unwrap()],
            // In the wrong place.
            vec![&url],
            vec!["list", "pop3://alice@mail.example.org", &url],
            vec!["fetch", &url],
            vec!["info", &url, "--frobnicate"],
            vec!["info", "--tls", &url],
            vec!["info", "--auth", &url],
        ] {
            let (first, others) = arguments.split_first().unwrap();
            let run = popfetch.run(first).args(others).run();
            run.assert_failure(64, &[]);
            assert!(!run.stderr.contains("hunter") && !run.stdout.contains("hunter"), "{arguments:?}: {run:#?}");
        }
    }
    let run = popfetch.run("info").arg("pop3://alice:hunter2@mail.example.org").run();
    run.assert_failure(64, &["a password in the URL would show in ps", "--password-file or --password-command"]);
}
