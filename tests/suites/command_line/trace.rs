//! `--trace`: every line both ways in a file, without anything secret.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use popfetch_tests::authority::Authority;
use popfetch_tests::command::{Invocation, PASSWORD, Popfetch, Run, Tls, USER, script};
use popfetch_tests::maildrop::Maildrop;
use popfetch_tests::server::{
    At, Ending, Fault, InitialResponse, Mechanism, ModelServer, Sasl, Scram, ScramFault, Script, ServerTls, TlsVersions,
};

use super::{TIMESTAMP, popfetch, three_messages};

/// A run that writes its trace into `trace`.
fn traced<'s>(run: Invocation<'s>) -> Invocation<'s> {
    run.args(["--trace", "trace"])
}

/// The trace of the last run.
fn trace(popfetch: &Popfetch) -> String {
    fs::read_to_string(popfetch.path("trace")).unwrap()
}

/// The lines of the session, without the time in front of them: `C: …` and `S: …`.
#[track_caller]
fn lines(trace: &str) -> Vec<&str> {
    let line = |line: &'_ str| -> usize {
        let (time, _) = line.trim_start().split_once(' ').unwrap_or_else(|| panic!("no time: {line}"));
        assert!(time.parse::<f64>().is_ok_and(|seconds| (0.0..60.0).contains(&seconds)), "{line}");
        line.find(": ").unwrap() - 1
    };
    trace.lines().skip(2).map(|text| &text[line(text)..]).collect()
}

fn mode(popfetch: &Popfetch) -> u32 {
    fs::metadata(popfetch.path("trace")).unwrap().permissions().mode() & 0o777
}

fn with_everything() -> Script {
    script(three_messages()).with_apop(TIMESTAMP).with_mechanisms(Mechanism::ALL)
}

#[test]
fn a_session_line_by_line() {
    let server = ModelServer::start(script(three_messages()).without_pipelining());
    let popfetch = popfetch();
    traced(popfetch.fetch(&server).args(["--auth", "user", "--delete"])).run().assert_success();
    let trace = trace(&popfetch);
    let head: Vec<&str> = trace.lines().take(2).collect();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(head[0], format!("popfetch {version}, 127.0.0.1:{}, clear text", server.port()));
    assert!(head[1].contains("C: sent or S: received"), "{trace}");

    let lines = lines(&trace);
    assert_eq!(lines[..2], ["S: +OK model server ready", "C: CAPA"]);
    let at = lines.iter().position(|line| *line == "C: USER alice").unwrap();
    assert_eq!(
        lines[at - 1..at + 5],
        ["S: .", "C: USER alice", "S: +OK send your password", "C: PASS [password]", "S: +OK signed in", "C: CAPA"]
    );
    // All that was sent stands there, in order, and no more.
    let sent: Vec<String> = lines.iter().filter_map(|line| line.strip_prefix("C: ")).map(str::to_owned).collect();
    let commands: Vec<String> =
        server.commands().into_iter().map(|command| command.replace(PASSWORD, "[password]")).collect();
    assert_eq!(sent, commands);
    // And the answers: rows, ends of lists, contents as their length.
    let at = lines.iter().position(|line| *line == "C: CAPA").unwrap();
    assert_eq!(lines[at + 2], "S: TOP", "{trace}");
    for (number, message) in (1..).zip(three_messages().messages()) {
        let at = lines.iter().position(|line| *line == format!("C: RETR {number}")).unwrap();
        assert!(lines[at + 1].starts_with("S: +OK"), "{trace}");
        let content = format!("S: [{} octets of content]", message.octets());
        assert_eq!(lines[at + 2..at + 4], [content.as_str(), "S: ."], "{trace}");
    }
    assert!(lines.last().unwrap().starts_with("S: +OK"), "{trace}");
    for word in ["Subject", "first", "third"] {
        assert!(!trace.contains(word), "content is in the trace: {trace}");
    }
}

#[test]
fn headers_are_content_too() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    traced(popfetch.list(&server).args(["--auth", "user", "--headers"])).run().assert_success();
    let trace = trace(&popfetch);
    assert!(trace.contains("C: TOP 1 0\n") && !trace.contains("Subject"), "{trace}");
}

#[test]
fn tls_stands_there_as_a_note() {
    let authority = Authority::new();
    let identity = authority.server();
    for (mode, tls, security, version, suite) in [
        (Tls::StartTls, ServerTls::stls(identity.clone()), "TLS by STLS", "TLS 1.3", "TLS13_"),
        (Tls::Implicit, ServerTls::implicit(identity.clone()), "TLS from the start", "TLS 1.3", "TLS13_"),
        (
            Tls::Implicit,
            ServerTls::implicit(identity.clone()).with_versions(TlsVersions::Only12),
            "TLS from the start",
            "TLS 1.2",
            "TLS_ECDHE_ECDSA_WITH_",
        ),
    ] {
        let server = ModelServer::start(with_everything().with_tls(tls));
        let popfetch = popfetch();
        traced(popfetch.info_tls(&server, mode, authority.ca_file())).run().assert_success();
        let trace = trace(&popfetch);
        assert!(
            trace.lines().next().unwrap().ends_with(&format!("localhost:{}, {security}", server.port())),
            "{trace}"
        );
        let lines = lines(&trace);
        let at = if mode == Tls::StartTls {
            assert_eq!(lines[1..4], ["C: STLS", "S: +OK begin TLS", "S: [TLS is established]"], "{trace}");
            4
        } else {
            1
        };
        let words: Vec<&str> = lines[at].split(", ").collect();
        let &[first, cipher_suite, pin] = words.as_slice() else { panic!("{trace}") };
        assert_eq!((first, pin), (&*format!("C: [{version}"), &*format!("{}]", identity.pin())), "{trace}");
        assert!(cipher_suite.starts_with(suite), "{trace}");
        assert_eq!(lines[at + 1], "C: CAPA", "{trace}");
        assert_eq!(lines.iter().filter(|line| **line == "C: QUIT").count(), 1);
    }
}

#[test]
fn only_the_owner_can_read_the_file_and_it_has_one_session() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    traced(popfetch.info(&server)).run().assert_success();
    assert_eq!(mode(&popfetch), 0o600);
    // One that was there already, open to everybody and longer.
    fs::write(popfetch.path("trace"), format!("popfetch 0.0.1\n{}", "old\n".repeat(10_000))).unwrap();
    fs::set_permissions(popfetch.path("trace"), Permissions::from_mode(0o666)).unwrap();
    traced(popfetch.info(&server)).run().assert_success();
    assert_eq!(mode(&popfetch), 0o600);
    let trace = trace(&popfetch);
    assert!(trace.starts_with("popfetch ") && !trace.contains("old"), "{trace}");
    assert_eq!(trace.matches("popfetch ").count(), 1, "{trace}");
}

/// It may be the password file, after a slip of the hand.
#[test]
fn a_file_that_is_no_trace_is_not_touched() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let file = popfetch.path("trace");
    let contents = [
        &b"popfetch"[..],
        b"popfetch\n",
        b"Popfetch 1",
        b" popfetch 1",
        b"secret\n",
        b"\xff\xfe",
        b"\n",
        b"popfetch\xff",
    ];
    for content in contents {
        for mode in [0o600, 0o644] {
            fs::write(&file, content).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            let run = traced(popfetch.list(&server).args(["--auth", "user"])).run();
            run.assert_failure(73, &["cannot write the trace trace: ", "is no trace", "name another file"]);
            assert_eq!((fs::read(&file).unwrap(), self::mode(&popfetch)), (content.to_vec(), mode));
        }
    }
    let run = popfetch.list(&server).args(["--auth", "user", "--trace", "password"]).run();
    run.assert_failure(73, &["cannot write the trace password: ", "is no trace"]);
    assert_eq!(fs::read_to_string(popfetch.password_file()).unwrap(), format!("{PASSWORD}\n"));
    assert_eq!(server.connections(), 0);
    // Of what mktemp has made nothing is lost.
    fs::write(&file, "").unwrap();
    traced(popfetch.info(&server)).run().assert_success();
    assert!(trace(&popfetch).starts_with("popfetch ") && mode(&popfetch) == 0o600);
}

/// Somebody else may have laid it, to have another file overwritten.
#[test]
fn a_symbolic_link_to_a_file_is_not_followed() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let (link, target) = (popfetch.path("trace"), popfetch.path("target"));
    symlink(&target, &link).unwrap();
    // Also where it leads to a trace, or nowhere.
    for content in [None, Some("popfetch 0.0.1\n"), Some("")] {
        if let Some(content) = content {
            fs::write(&target, content).unwrap();
            fs::set_permissions(&target, Permissions::from_mode(0o644)).unwrap();
        }
        traced(popfetch.list(&server).args(["--auth", "user"]))
            .run()
            .assert_failure(73, &["cannot write the trace trace: "]);
        assert_eq!(fs::read_to_string(&target).ok().as_deref(), content);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        if content.is_some() {
            assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o644);
        }
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_device_or_a_pipe_is_written_to_as_it_is() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let mode = |path: &str| fs::metadata(path).unwrap().permissions().mode();
    let before = mode("/dev/null");
    popfetch.info(&server).args(["--trace", "/dev/null"]).run().assert_success();
    assert_eq!(mode("/dev/null"), before);
    // The standard output of the run is a pipe.
    let run = popfetch.info(&server).args(["--trace", "/dev/stdout"]).run();
    run.assert_success();
    assert!(run.stdout.starts_with("popfetch ") && run.stdout.contains(" C: CAPA\n"), "{run:#?}");
    assert!(run.stdout.contains("\nserver:  "), "{run:#?}");
}

#[test]
fn all_connections_of_a_run_are_in_one_trace() {
    let sasl = Sasl { tokens: vec!["fresh-token".to_owned()], ..Sasl::default() };
    let script = Script { sasl, ..script(three_messages()) }.with_mechanisms([Mechanism::Xoauth2]);
    let server = ModelServer::start(script.fault(At::response().connection(1), Fault::End(Ending::Close)));
    let popfetch = popfetch();
    let url = format!("pop3://{USER}@{}", server.address());
    let command = "echo run >> runs; [ $(wc -l < runs) = 1 ] && echo stale-token || echo fresh-token";
    let run = popfetch.run("list").arg(url).args(["--tls", "off", "--auth", "xoauth2", "--token-command", command]);
    traced(run).run().assert_success();
    assert_eq!(server.connections(), 2);
    let trace = trace(&popfetch);
    assert_eq!(trace.matches("popfetch ").count(), 1, "{trace}");
    let lines = lines(&trace);
    let count = |line: &str| lines.iter().filter(|other| **other == line).count();
    assert_eq!((count("S: +OK model server ready"), count("C: AUTH XOAUTH2"), count("C: QUIT")), (2, 2, 1), "{trace}");
    // Between them, why the first was of no more use.
    let second = lines.iter().rposition(|line| *line == "S: +OK model server ready").unwrap();
    assert_eq!(lines[second - 1], "C: [the server closed the connection instead of answering AUTH XOAUTH2]", "{trace}");
    assert!(!trace.contains("-token"), "{trace}");
    assert_without_secrets(&popfetch, &server);
}

#[test]
fn a_file_that_cannot_be_written_is_73_before_anything_is_sent() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    for (path, cause) in [("missing/trace", "No such file"), (".", "directory")] {
        let run = popfetch.list(&server).args(["--auth", "user", "--trace", path]).run();
        run.assert_failure(73, &["cannot write the trace", path, cause]);
    }
    assert_eq!(server.connections(), 0);
    let run = popfetch.info(&server).args(["--trace", "/dev/full"]).run();
    run.assert_failure(73, &["cannot write the trace /dev/full", "No space left"]);
}

#[test]
fn what_failed_is_there_up_to_its_end() {
    let authority = Authority::new();
    let popfetch = popfetch();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let run = traced(popfetch.info(port)).run();
    run.assert_failure(69, &["cannot connect"]);
    assert_eq!(lines(&trace(&popfetch)), [format!("C: [cannot connect: 127.0.0.1:{port}: connection refused]")]);
    assert!(trace(&popfetch).starts_with("popfetch "));
    assert_says_the_same(&run, &trace(&popfetch));

    let server = ModelServer::start(with_everything().with_tls(ServerTls::stls(authority.expired())));
    let run = traced(popfetch.info_tls(&server, Tls::StartTls, authority.ca_file())).run();
    run.assert_failure(76, &["expired"]);
    let trace_of_handshake = trace(&popfetch);
    let handshake = lines(&trace_of_handshake);
    assert_eq!(handshake[1..3], ["C: STLS", "S: +OK begin TLS"], "{trace_of_handshake}");
    assert_eq!(handshake.len(), 4, "{trace_of_handshake}");
    assert!(handshake[3].contains("expired at 2001-01-01T00:00:00Z"), "{trace_of_handshake}");
    assert_says_the_same(&run, &trace_of_handshake);

    let refused = Fault::Refuse(b"not here".to_vec());
    let server = ModelServer::start(script(three_messages()).fault(At::verb("STLS"), refused));
    let run = traced(popfetch.info_tls(&server, Tls::StartTls, authority.ca_file())).run();
    run.assert_failure(69, &["STLS"]);
    let note = r#"C: [the server refused STLS: "-ERR not here"]"#;
    assert_eq!(lines(&trace(&popfetch))[1..], ["C: STLS", "S: -ERR not here", note]);
    assert_says_the_same(&run, &trace(&popfetch));

    let cut = Fault::End(Ending::Close);
    let server = ModelServer::start(script(three_messages()).fault(At::verb("LIST"), cut));
    let run = traced(popfetch.list(&server).args(["--auth", "user"])).run();
    run.assert_failure(74, &["LIST"]);
    let trace = trace(&popfetch);
    let lines = lines(&trace);
    let note = "C: [the server closed the connection instead of answering LIST]";
    assert_eq!(lines[lines.len() - 2..], ["C: LIST", note], "{trace}");
    assert_says_the_same(&run, &trace);
}

/// The last line of the trace is a note of the error that standard error tells of, without the advice.
#[track_caller]
fn assert_says_the_same(run: &Run, trace: &str) {
    let note = lines(trace).last().unwrap().strip_prefix("C: [").and_then(|note| note.strip_suffix(']')).unwrap();
    assert!(run.stderr.starts_with(&format!("popfetch: {note}")), "{note}: {run:#?}");
}

#[test]
fn what_is_refused_without_harm_is_noted_too() {
    let server = ModelServer::start(script(three_messages()).without_capa());
    let popfetch = popfetch();
    traced(popfetch.list(&server).args(["--auth", "user"])).run().assert_success();
    let trace = trace(&popfetch);
    let lines = lines(&trace);
    assert_eq!(lines[1], "C: CAPA");
    assert!(lines[2].starts_with("S: -ERR "), "{trace}");
    assert_eq!(lines[3], format!("C: [the server refused CAPA: \"{}\"]", &lines[2][3..]), "{trace}");
    assert_eq!(lines[4], "C: USER alice");
}

#[test]
fn words_of_the_server_are_escaped_and_cut() {
    let mut script = script(three_messages());
    script.greeting = format!("\x1b[2J \u{202e}{}", "x".repeat(3000));
    let server = ModelServer::start(script.fault(At::verb("CAPA"), Fault::Refuse(b"\xff\x9b31m".to_vec())));
    let popfetch = popfetch();
    traced(popfetch.info(&server)).run().assert_success();
    let trace = trace(&popfetch);
    assert!(trace.contains(r"S: +OK \x1b[2J \xe2\x80\xaexxx") && trace.contains(r"S: -ERR \xff\x9b31m"), "{trace}");
    assert!(trace.is_ascii() && !trace.contains('\x1b'));
}

/// What the client said in an exchange, and behind the verbs that have secrets: none of it may be in the trace.
fn secrets(server: &ModelServer) -> Vec<String> {
    let mut exchanging = false;
    let mut secrets = Vec::new();
    for command in server.commands() {
        match command.split_once(' ') {
            Some(("PASS", secret)) => secrets.push(secret.to_owned()),
            Some(("APOP", words)) => secrets.push(words.rsplit(' ').next().unwrap().to_owned()),
            Some(("AUTH", words)) => {
                exchanging = true;
                secrets.extend(words.split_once(' ').map(|(_, initial)| initial.to_owned()));
            }
            // In base64 there is no space.
            None if exchanging && !["STAT", "CAPA", "LIST", "UIDL", "QUIT", "*", ""].contains(&command.as_str()) => {
                secrets.push(command);
            }
            _ => exchanging = false,
        }
    }
    secrets.extend([PASSWORD.to_owned(), "eHl6enkg".to_owned()]);
    secrets
}

#[track_caller]
fn assert_without_secrets(popfetch: &Popfetch, server: &ModelServer) {
    let trace = trace(popfetch);
    for secret in secrets(server) {
        assert!(!trace.contains(&secret), "{secret} is in the trace:\n{trace}");
    }
}

const WAYS: [&str; 7] = ["scram-sha-256", "scram-sha-1", "cram-md5", "apop", "plain", "login", "user"];

#[test]
fn no_way_to_sign_in_leaves_a_secret_behind() {
    let with_initial_response = ["scram-sha-256", "scram-sha-1", "plain"];
    for (initial_response, ways) in
        [(InitialResponse::Allowed, &WAYS[..]), (InitialResponse::Required, &with_initial_response)]
    {
        for way in ways {
            for password in [PASSWORD, "another"] {
                let sasl = Sasl { initial_response, ..Sasl::default() };
                let server = ModelServer::start(Script { password: password.to_owned(), sasl, ..with_everything() });
                let popfetch = popfetch();
                let run = traced(popfetch.list(&server).args(["--auth", way])).run();
                assert_eq!(run.code, Some(if password == PASSWORD { 0 } else { 77 }), "{run:#?}");
                assert!(secrets(&server).len() > 2, "{way}: nothing was sent");
                assert_without_secrets(&popfetch, &server);
                let trace = trace(&popfetch);
                // Nor what passwords could be tried on.
                assert!(
                    !trace.contains("PDE4OTYu") && !trace.contains("s=c2"),
                    "a challenge is in the trace:\n{trace}"
                );
                assert!(!trace.contains("v=") && !trace.contains("dj1"), "a signature is in the trace:\n{trace}");
            }
        }
    }
}

#[test]
fn a_mechanism_that_is_broken_off_leaves_none_either() {
    for fault in [ScramFault::WrongSignature, ScramFault::ForeignNonce, ScramFault::NoServerFinal] {
        let sasl = Sasl { scram: Scram { fault: Some(fault), ..Scram::default() }, ..Sasl::default() };
        let server = ModelServer::start(Script { sasl, ..with_everything() });
        let popfetch = popfetch();
        let run = traced(popfetch.list(&server)).run();
        run.assert_failure(76, &["the server breaks the rules of AUTH SCRAM-SHA-256: "]);
        assert_without_secrets(&popfetch, &server);
        let trace = trace(&popfetch);
        assert!(trace.contains("C: AUTH SCRAM-SHA-256\n"));
        assert_says_the_same(&run, &trace);
        for text in [&trace, &run.stderr] {
            assert!(!["s=", "v=", "cj0", "dj0", "dj1"].iter().any(|piece| text.contains(piece)), "{text}");
        }
    }
}

const TOKEN: &str = "ya29.A0b1C2d3E4f5-xyzzy";

#[test]
fn no_token_is_left_behind() {
    for (name, mechanism) in [("xoauth2", Mechanism::Xoauth2), ("oauthbearer", Mechanism::OauthBearer)] {
        for good in [TOKEN, "another"] {
            let sasl = Sasl { tokens: vec![good.to_owned()], ..Sasl::default() };
            let server = ModelServer::start(Script { sasl, ..script(three_messages()) }.with_mechanisms([mechanism]));
            let popfetch = popfetch();
            popfetch.write_password(TOKEN);
            let run = traced(popfetch.list(&server).args(["--auth", name])).run();
            assert_eq!(run.code, Some(if good == TOKEN { 0 } else { 77 }), "{run:#?}");
            assert_without_secrets(&popfetch, &server);
            assert!(!trace(&popfetch).contains("xyzzy"), "{}", trace(&popfetch));
        }
    }
}

/// Some servers say in their logs, and so in their words, what they got: as it is, and as it came.
#[test]
fn a_server_that_repeats_a_secret_does_not_bring_it_into_the_trace() {
    // With what is escaped in it, and of each length that base64 treats in its own way.
    for password in ["xyzzy & plugh 42", "xyzzy plugh 4", "xyzzy plugh 42 ", "x\u{fc}zzy \u{1} \\ \u{7f}plugh"] {
        for way in ["plain", "login", "user", "xoauth2", "oauthbearer"] {
            if way.contains("auth") && password.contains(' ') {
                continue;
            }
            repeated(way, password);
        }
    }
    for token in [TOKEN, &TOKEN[1..], &TOKEN[2..]] {
        repeated("xoauth2", token);
        repeated("oauthbearer", token);
    }
}

/// Signs in so at a server that says what it heard, in its refusal.
#[track_caller]
fn repeated(way: &str, password: &str) {
    // What it hears is the same each time.
    let listening = ModelServer::start(Script { password: "another".to_owned(), ..with_everything() });
    let popfetch = popfetch();
    popfetch.write_password(password);
    popfetch.list(&listening).args(["--auth", way]).run();
    let heard = listening.commands();
    let response = heard.iter().max_by_key(|line| line.len()).unwrap();
    // USER and PASS have no other words for it than the password.
    let response = if way == "user" { password } else { response };

    for words in [password, response] {
        let refused = Fault::Refuse(format!("who is {USER} with <{words}> ?").into_bytes());
        let script = with_everything().fault(At::verb("PASS"), refused.clone());
        // LOGIN says the name first.
        let last = At::response().nth(if way == "login" { 2 } else { 1 });
        let server = ModelServer::start(script.fault(last, refused));
        for auth in [way, &format!("{way},apop")] {
            let run = traced(popfetch.list(&server).args(["--auth", auth])).run();
            let trace = trace(&popfetch);
            assert!(trace.contains("who is alice with <"), "{way}: {trace}");
            for text in [&trace, &run.stdout, &run.stderr] {
                assert!(!text.contains("zzy") && !text.contains(words), "{way} with {words}: {text}");
                // Of base64 no more than what stands around the secret and, at its ends, a part of an octet.
                let end = &words[words.len() - 12..];
                assert!(words == password || !text.contains(&end[..6]), "{way}: the end of {words}: {text}");
            }
        }
    }
}

#[test]
fn contents_may_be_large() {
    let server = ModelServer::start(script(Maildrop::of_octets([vec![b'x'; 3 << 20]])));
    let popfetch = popfetch();
    traced(popfetch.fetch(&server).args(["--auth", "user"])).run().assert_success();
    let trace = trace(&popfetch);
    assert!(trace.len() < 10_000 && !trace.contains("xxx"), "{} octets", trace.len());
}
