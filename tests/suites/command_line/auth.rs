//! `--auth`: which ways to sign in are permitted, and in which order.

use popfetch_tests::authority::Authority;
use popfetch_tests::command::{Invocation, PASSWORD, Run, Tls, USER, script};
use popfetch_tests::server::{
    At, Fault, InitialResponse, Mechanism, ModelServer, Sasl, Scram, Script, ServerTls, TlsVersions,
};

use super::{TIMESTAMP, commands, popfetch, three_messages};

/// What `--auth` calls each way that needs a password, and what is sent for it.
const PASSWORD_WAYS: [(&str, &[&str]); 7] = [
    ("scram-sha-256", &["AUTH SCRAM-SHA-256"]),
    ("scram-sha-1", &["AUTH SCRAM-SHA-1"]),
    ("cram-md5", &["AUTH CRAM-MD5"]),
    ("apop", &["APOP"]),
    ("plain", &["AUTH PLAIN"]),
    ("login", &["AUTH LOGIN"]),
    ("user", &["USER", "PASS"]),
];

/// A server that has every way to sign in.
fn with_everything() -> Script {
    script(three_messages()).with_apop(TIMESTAMP).with_mechanisms(Mechanism::ALL)
}

/// The ways that were tried, without what was said.
fn attempts(server: &ModelServer) -> Vec<String> {
    let attempt = |command: String| match command.split(' ').collect::<Vec<_>>()[..] {
        [verb @ ("USER" | "PASS" | "APOP"), ..] => Some(verb.to_owned()),
        ["AUTH", mechanism, ..] => Some(format!("AUTH {mechanism}")),
        _ => None,
    };
    server.commands().into_iter().filter_map(attempt).collect()
}

/// Lists in clear text with this `--auth`, and gives how it ended and what was tried.
fn list(script: Script, auth: Option<&str>) -> (Run, Vec<String>) {
    let server = ModelServer::start(script);
    let popfetch = popfetch();
    let run = with_auth(popfetch.list(&server), auth).run();
    let sent = server.commands().concat();
    let consents = auth.is_some_and(|auth| auth.contains("user"));
    assert!(consents || !sent.contains(PASSWORD), "the password was sent: {sent}");
    (run, attempts(&server))
}

/// The same over TLS from the start.
fn list_tls(script: Script, auth: Option<&str>) -> (Run, Vec<String>) {
    let authority = Authority::new();
    let server = ModelServer::start(script.with_tls(ServerTls::implicit(authority.server())));
    let popfetch = popfetch();
    let run = with_auth(popfetch.list_tls(&server, Tls::Implicit, authority.ca_file()), auth).run();
    assert_eq!(server.commands_in_clear(), [""; 0]);
    (run, attempts(&server))
}

fn with_auth<'s>(list: Invocation<'s>, auth: Option<&str>) -> Invocation<'s> {
    auth.into_iter().fold(list.arg("-v"), |list, auth| list.args(["--auth", auth]))
}

#[track_caller]
fn assert_signed_in_with(run: &Run, way: &str) {
    run.assert_success();
    assert!(run.stdout.contains(&format!("signed in with {way}\n")), "{way}: {run:#?}");
}

#[test]
fn each_way_by_its_name_on_each_channel() {
    let authority = Authority::new();
    for (way, sent) in PASSWORD_WAYS {
        let (run, tried) = list(with_everything(), Some(way));
        assert_signed_in_with(&run, way);
        assert_eq!(tried, sent);

        let (run, tried) = list_tls(with_everything(), Some(&way.to_uppercase()));
        assert_signed_in_with(&run, way);
        assert_eq!(tried, sent);

        let server = ModelServer::start(with_everything().with_tls(ServerTls::stls(authority.server())));
        let run = with_auth(popfetch().list_tls(&server, Tls::StartTls, authority.ca_file()), Some(way)).run();
        assert_signed_in_with(&run, way);
        assert_eq!(server.commands_in_clear(), ["STLS"]);
        assert_eq!(attempts(&server), sent);
    }
}

#[test]
fn auto_is_the_strongest_that_is_offered() {
    use Mechanism::{CramMd5, External, Login, OauthBearer, Plain, ScramSha1, ScramSha256, Xoauth2};
    let offers: [(&[Mechanism], bool, &str); 8] = [
        (&[Plain, Login, CramMd5, ScramSha1, ScramSha256, External], true, "scram-sha-256"),
        (&[Plain, ScramSha1, CramMd5], true, "scram-sha-1"),
        (&[Login, Plain, CramMd5], true, "cram-md5"),
        (&[Login, Plain], true, "apop"),
        (&[Login, Plain], false, "plain"),
        (&[Login], false, "login"),
        (&[Xoauth2, OauthBearer, External], false, "user"),
        (&[], false, "user"),
    ];
    for (mechanisms, timestamp, strongest) in offers {
        let script = || {
            let script = script(three_messages()).with_mechanisms(mechanisms);
            if timestamp { script.with_apop(TIMESTAMP) } else { script }
        };
        let sent = PASSWORD_WAYS.iter().find(|(way, _)| *way == strongest).unwrap().1;
        for auth in [None, Some("auto")] {
            let (run, tried) = list_tls(script(), auth);
            assert_signed_in_with(&run, strongest);
            assert_eq!(tried, sent, "{mechanisms:?}");

            // Without TLS only what gives a listener nothing to try passwords on quickly.
            let (run, tried) = list(script(), auth);
            if strongest.starts_with("scram") {
                assert_signed_in_with(&run, strongest);
                assert_eq!(tried, sent, "{mechanisms:?}");
            } else {
                run.assert_failure(77, &["offers none of the permitted mechanisms", "others have to be named"]);
                assert_eq!(tried, [""; 0], "{mechanisms:?}");
            }
        }
    }
}

/// Who refuses the strong one may be after the weak one.
#[test]
fn auto_does_not_fall_back() {
    for refusal in ["[AUTH] no", "no"] {
        let refusing = |script: Script| script.fault(At::verb("AUTH"), Fault::Refuse(refusal.into()));
        let (run, tried) = list_tls(refusing(with_everything()), None);
        run.assert_failure(77, &["the server refused the sign-in with AUTH SCRAM-SHA-256", refusal]);
        assert!(tried.iter().all(|tried| tried == "AUTH SCRAM-SHA-256"), "{tried:?}");

        let (run, tried) = list(refusing(with_everything()), None);
        run.assert_failure(77, &["AUTH SCRAM-SHA-256"]);
        assert!(tried.iter().all(|tried| tried == "AUTH SCRAM-SHA-256"), "{tried:?}");
    }
    let refused = Fault::Refuse(b"not today".to_vec());
    let script = script(three_messages()).with_apop(TIMESTAMP).fault(At::verb("APOP"), refused);
    let (run, tried) = list_tls(script, None);
    run.assert_failure(77, &["APOP", "not today"]);
    assert_eq!(tried, ["APOP"]);
}

#[test]
fn a_wrong_password_is_77_whichever_way() {
    for (way, sent) in PASSWORD_WAYS {
        let wrong = || Script { password: "another".to_owned(), ..with_everything() };
        let words = [
            &format!("the server refused the sign-in with {}: ", sent.last().unwrap()),
            "\"-ERR [AUTH] wrong name or password\"; check the user name and the password",
        ];
        for (run, tried) in [list(wrong(), Some(way)), list_tls(wrong(), Some(way))] {
            run.assert_failure(77, &words);
            let (_, end) = run.stderr.split_once("check the user name and the password").unwrap();
            if way.starts_with("scram") {
                assert!(end.starts_with("; a server that stores it in another way "), "{run:#?}");
                assert!(end.contains("--auth plain"), "{run:#?}");
            } else {
                assert_eq!(end, "\n", "{run:#?}");
            }
            assert_eq!(tried, sent);
        }
    }
}

#[test]
fn user_is_consent() {
    let (run, tried) = list(script(three_messages()).with_apop(TIMESTAMP), Some("user"));
    assert_signed_in_with(&run, "user");
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
    let without_user = || Script { user_pass: false, ..with_everything() };
    let (run, tried) = list(without_user(), Some("user,apop"));
    assert_signed_in_with(&run, "apop");
    assert_eq!(tried, ["USER", "APOP"]);

    let (run, tried) = list_tls(with_everything(), Some("login,scram-sha-256"));
    assert_signed_in_with(&run, "login");
    assert_eq!(tried, ["AUTH LOGIN"]);

    // One that is refused is followed by the next; a name after auto is what may come after it.
    let refused = Fault::Refuse(b"[AUTH] not so".to_vec());
    let refusing = || with_everything().fault(At::verb("AUTH").argument("SCRAM-SHA-256"), refused.clone());
    for (auth, then) in [("scram-sha-256,cram-md5", "cram-md5"), ("auto,plain", "plain"), ("auto,user", "user")] {
        let (run, tried) = list_tls(refusing(), Some(auth));
        assert_signed_in_with(&run, then);
        assert_eq!(tried[0], "AUTH SCRAM-SHA-256");
    }
}

#[test]
fn what_is_not_offered_is_skipped() {
    let plain_only = || script(three_messages()).with_mechanisms([Mechanism::Plain]);
    let (run, tried) = list_tls(plain_only(), Some("external,scram-sha-256,cram-md5,apop,xoauth2,plain"));
    assert_signed_in_with(&run, "plain");
    assert_eq!(tried, ["AUTH PLAIN"]);

    let (run, tried) = list_tls(plain_only(), Some("scram-sha-256,apop"));
    run.assert_failure(
        77,
        &["none of the permitted mechanisms: of SASL only PLAIN, and no APOP", "others have to be named"],
    );
    assert_eq!(tried, [""; 0]);

    let (run, tried) = list_tls(script(three_messages()), Some("cram-md5"));
    run.assert_failure(77, &["none of the permitted mechanisms: no SASL mechanism"]);
    assert_eq!(tried, [""; 0]);
}

/// It has been told that this is not the password: to send it once more helps nobody.
#[test]
fn a_password_that_is_known_to_be_wrong_is_not_sent_in_another_wrapping() {
    let wrong = |refusal: &str| {
        let sasl = Sasl { refusal: refusal.to_owned(), ..Sasl::default() };
        Script { password: "another".to_owned(), sasl, ..with_everything() }
    };
    let (run, tried) = list_tls(wrong("[AUTH] wrong"), Some("plain,login,user,cram-md5"));
    run.assert_failure(77, &["AUTH CRAM-MD5", "[AUTH] wrong"]);
    assert_eq!(tried, ["AUTH PLAIN", "AUTH CRAM-MD5"]);

    let (run, tried) = list_tls(wrong("unclear"), Some("plain,login,user"));
    run.assert_failure(77, &["PASS", "[AUTH] wrong name or password"]);
    assert_eq!(tried, ["AUTH PLAIN", "AUTH LOGIN", "USER", "PASS"]);
}

#[test]
fn a_reason_that_is_not_about_the_way_ends_the_attempt() {
    for (refusal, exit) in [("[IN-USE] x", 75), ("[LOGIN-DELAY] x", 75), ("[SYS/TEMP] x", 75), ("[SYS/PERM] x", 69)] {
        let refusing = with_everything().fault(At::verb("AUTH"), Fault::Refuse(refusal.into()));
        let (run, tried) = list_tls(refusing, Some("cram-md5,scram-sha-256,user"));
        run.assert_failure(exit, &["AUTH CRAM-MD5", refusal]);
        assert_eq!(tried, ["AUTH CRAM-MD5"]);
    }
}

#[test]
fn all_refused_is_77_with_the_last_words() {
    let script = Script { password: "another".to_owned(), ..with_everything() };
    let (run, tried) = list(script, Some("apop,user"));
    run.assert_failure(77, &["the server refused the sign-in with PASS", "wrong name or password"]);
    assert_eq!(tried, ["APOP", "USER", "PASS"]);
}

/// Also who names only apop and user: what is said of PIPELINING and UTF8 matters to everybody.
#[test]
fn what_there_is_is_asked_before_the_sign_in_and_once_more_only_for_pipelining() {
    let with_apop = || script(three_messages()).with_apop(TIMESTAMP);
    for (script, before, after) in [
        (with_apop(), &["CAPA"][..], &[][..]),
        (with_apop().without_pipelining(), &["CAPA"], &["CAPA"]),
        (Script { utf8: true, ..with_apop() }, &["CAPA", "UTF8"], &[]),
        (with_apop().without_capa(), &["CAPA"], &[]),
    ] {
        for (auth, signing_in) in [
            ("apop", &["APOP"][..]),
            ("user", &["USER", "PASS"]),
            ("apop,user", &["APOP"]),
            ("user,apop", &["USER", "PASS"]),
        ] {
            let server = ModelServer::start(script.clone());
            popfetch().list(&server).args(["--auth", auth]).run().assert_success();
            let commands = server.commands();
            let verbs: Vec<&str> = commands.iter().map(|command| command.split(' ').next().unwrap()).collect();
            assert_eq!(verbs, [before, signing_in, after, &["LIST", "UIDL", "QUIT"]].concat(), "{auth}");
        }
    }
}

/// The timestamp of a greeting in clear text is anybody's word, and an answer to it is what passwords can be tried on.
#[test]
fn auto_takes_no_apop_where_the_greeting_came_in_clear_text() {
    let authority = Authority::new();
    let with_apop = || script(three_messages()).with_apop(TIMESTAMP);
    for (script, way, sent) in [
        (with_apop().with_mechanisms([Mechanism::Plain]), "plain", &["AUTH PLAIN"][..]),
        (with_apop(), "user", &["USER", "PASS"]),
        (with_apop().without_capa(), "user", &["USER", "PASS"]),
    ] {
        for auth in [None, Some("auto")] {
            let server = ModelServer::start(script.clone().with_tls(ServerTls::stls(authority.server())));
            let run = with_auth(popfetch().list_tls(&server, Tls::StartTls, authority.ca_file()), auth).run();
            assert_signed_in_with(&run, way);
            assert_eq!(attempts(&server), sent);
            // Under TLS it is the server's.
            let (run, tried) = list_tls(script.clone(), auth);
            assert_signed_in_with(&run, "apop");
            assert_eq!(tried, ["APOP"]);
        }
    }
}

#[test]
fn auto_takes_user_only_where_it_is_offered_or_nothing_is_said() {
    let without_user = || script(three_messages()).without_capability("USER");
    for auth in [None, Some("auto")] {
        let (run, tried) = list_tls(without_user(), auth);
        run.assert_failure(77, &["offers none of the permitted mechanisms"]);
        assert_eq!(tried, [""; 0]);

        let (run, tried) = list_tls(without_user().without_capa(), auth);
        assert_signed_in_with(&run, "user");
        assert_eq!(tried, ["USER", "PASS"]);
    }
    // Who names it has it tried.
    let (run, _) = list_tls(without_user(), Some("user"));
    assert_signed_in_with(&run, "user");
}

#[test]
fn without_capa_the_mechanisms_are_tried_if_nothing_else_can_be() {
    let without_capa = || with_everything().without_capa();
    let (run, tried) = list_tls(without_capa(), Some("scram-sha-256,plain"));
    assert_signed_in_with(&run, "scram-sha-256");
    assert_eq!(tried, ["AUTH SCRAM-SHA-256"]);

    let (run, tried) = list_tls(without_capa(), Some("scram-sha-256,user"));
    assert_signed_in_with(&run, "user");
    assert_eq!(tried, ["USER", "PASS"]);
}

#[test]
fn a_server_may_want_or_forbid_an_initial_response() {
    for initial_response in [InitialResponse::Allowed, InitialResponse::Refused, InitialResponse::Required] {
        for way in ["scram-sha-256", "scram-sha-1", "plain"] {
            let sasl = Sasl { initial_response, ..Sasl::default() };
            let (run, tried) = list_tls(Script { sasl, ..with_everything() }, Some(way));
            assert_signed_in_with(&run, way);
            let attempts = if initial_response == InitialResponse::Required { 2 } else { 1 };
            assert_eq!(tried.len(), attempts, "{initial_response:?}: {tried:?}");
        }
    }
}

#[test]
fn scram_hashes_as_often_as_it_may() {
    let server = |iterations| {
        let sasl = Sasl { scram: Scram { iterations, ..Scram::default() }, ..Sasl::default() };
        ModelServer::start(Script { sasl, ..with_everything() })
    };
    for (iterations, range, may) in [
        (4096, None, true),
        (4095, None, false),
        (1_000_001, None, false),
        (4095, Some("1-4095"), true),
        (5001, Some("1-5000"), false),
        (4096, Some("5000-6000"), false),
    ] {
        let server = server(iterations);
        let popfetch = popfetch();
        let run = popfetch.list(&server).args(["--auth", "scram-sha-256,plain"]);
        let run = range.into_iter().fold(run, |run, range| run.args(["--scram-iterations", range])).run();
        if may {
            run.assert_success();
        } else {
            run.assert_failure(76, &["the server breaks the rules of AUTH SCRAM-SHA-256: "]);
            // Not what it said: passwords can be tried on it.
            assert!(!run.stderr.contains("s=") && !run.stderr.contains("cj0"), "{run:#?}");
            assert_eq!(attempts(&server), ["AUTH SCRAM-SHA-256"]);
            assert_eq!(server.commands().last().unwrap(), "*", "the exchange was not cancelled");
        }
    }
}

#[test]
fn a_certificate_signs_in_without_a_password() {
    let authority = Authority::new();
    for versions in [TlsVersions::Only12, TlsVersions::Only13] {
        let tls = ServerTls::implicit(authority.server()).with_versions(versions).want_client_certificate(&authority);
        let server = ModelServer::start(with_everything().with_tls(tls));
        let popfetch = popfetch();
        let (certificate, key) = authority.client(USER).write(popfetch.home(), "client");
        let list = || {
            let url = format!("pop3s://{USER}@localhost:{}", server.port());
            popfetch.run("list").arg(url).args(["--auth", "external", "-v", "--ca-file"]).arg(authority.ca_file())
        };
        // Whoever runs the tests may have a terminal to be asked at.
        let run = list().arg("--tls-cert").arg(&certificate).arg("--tls-key").arg(&key).under("setsid", &[]).run();
        assert_signed_in_with(&run, "external");
        assert_eq!(attempts(&server), ["AUTH EXTERNAL"]);

        let words = ["AUTH EXTERNAL", "wrong name or password", "; check the user name and the certificate"];
        list().under("setsid", &[]).run().assert_failure(77, &words);
        let (certificate, key) = authority.client("bob").write(popfetch.home(), "bob");
        let run = list().arg("--tls-cert").arg(&certificate).arg("--tls-key").arg(&key).under("setsid", &[]).run();
        run.assert_failure(77, &["AUTH EXTERNAL"]);
    }
}

#[test]
fn the_user_may_have_any_name() {
    for (name, in_url) in [("alice@example.org", "alice%40example.org"), ("a b:c/é", "a%20b%3Ac%2F%C3%A9")] {
        let script = Script { user: name.to_owned(), ..script(three_messages()) };
        let server = ModelServer::start(script.with_mechanisms([Mechanism::Plain, Mechanism::ScramSha256]));
        let popfetch = popfetch();
        for auth in ["user", "plain", "scram-sha-256"] {
            let password = |run: Invocation<'static>| {
                run.args(["--tls", "off", "--auth", auth, "--password-file"]).arg(popfetch.password_file())
            };
            let url = format!("pop3://{in_url}@{}", server.address());
            password(popfetch.run("list").arg(url)).run().assert_success();
            let url = format!("pop3://{}", server.address());
            password(popfetch.run("list").arg(url)).args(["--user", name]).run().assert_success();
        }
        assert_eq!(commands(&server, "USER").len(), 2);
    }
}

/// Words of the server in which the password stands are not shown, and mean what they mean all the same.
#[test]
fn a_password_that_is_a_part_of_a_name_changes_nothing() {
    for password in ["SHA", "256", "SCRAM-SHA-256", "PIPELINING"] {
        let authority = Authority::new();
        let script = Script { password: password.to_owned(), ..script(three_messages()) };
        let offered = [Mechanism::Plain, Mechanism::ScramSha1, Mechanism::ScramSha256];
        let script = script.with_mechanisms(offered).with_tls(ServerTls::implicit(authority.server()));
        let server = ModelServer::start(script);
        let popfetch = popfetch();
        popfetch.write_password(password);
        popfetch.fetch_tls(&server, Tls::Implicit, authority.ca_file()).run().assert_success();
        assert_eq!(server.commands()[..2], ["CAPA", "AUTH SCRAM-SHA-256"], "{password}");
        assert_eq!(commands(&server, "CAPA").len(), 1, "{password}");
    }
}
