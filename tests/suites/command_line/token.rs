//! Tokens of OAuth: where they come from, where they go, and what happens when one has expired.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use popfetch_tests::authority::Authority;
use popfetch_tests::command::{Invocation, Popfetch, Run, script};
use popfetch_tests::server::{At, Ending, Fault, Mechanism, ModelServer, Sasl, Script, ServerTls};

use super::{popfetch, three_messages};

/// Characters of RFC 6750 §2.1, and as many octets as real ones have.
fn token() -> String {
    format!("ya29.{}-._~+/xyz==", "A0b1C2d3".repeat(300))
}

/// A server that takes these tokens with these mechanisms.
struct OAuth {
    authority: Authority,
    server: ModelServer,
    popfetch: Popfetch,
}

impl OAuth {
    fn new(mechanisms: &[Mechanism], tokens: &[&str]) -> Self {
        let authority = Authority::new();
        let sasl = Sasl { tokens: tokens.iter().map(|token| (*token).to_owned()).collect(), ..Sasl::default() };
        let script = Script { sasl, ..script(three_messages()) }.with_mechanisms(mechanisms);
        let server = ModelServer::start(script.with_tls(ServerTls::implicit(authority.server())));
        Self { authority, server, popfetch: popfetch() }
    }

    /// `popfetch list -v` over TLS, without a word about who signs in.
    fn list(&self) -> Invocation<'static> {
        let url = format!("pop3s://alice@localhost:{}", self.server.port());
        self.popfetch.run("list").arg(url).arg("-v").arg("--ca-file").arg(self.authority.ca_file())
    }

    fn token_file(&self, content: &str) -> Invocation<'static> {
        let file = self.popfetch.path("token");
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        self.list().arg("--token-file").arg(file)
    }

    /// A command that gives these tokens, one each time that it is run, and then the last one.
    fn token_command(&self, tokens: &[&str]) -> Invocation<'static> {
        fs::write(self.popfetch.path("tokens"), tokens.join("\n") + "\n").unwrap();
        let command = "echo run >> runs; sed -n \"$(wc -l < runs)p;\\$p\" tokens | head -n 1";
        self.list().args(["--token-command", command])
    }

    /// How often the command was run.
    fn runs(&self) -> usize {
        fs::read_to_string(self.popfetch.path("runs")).unwrap_or_default().lines().count()
    }

    fn attempts(&self) -> Vec<String> {
        self.server.commands().into_iter().filter(|command| command.starts_with("AUTH ")).collect()
    }
}

#[track_caller]
fn assert_signed_in_with(run: &Run, mechanism: &str) {
    run.assert_success();
    assert!(run.stdout.contains(&format!("signed in with {mechanism}\n")), "{run:#?}");
}

#[track_caller]
fn assert_without(run: &Run, token: &str) {
    assert!(!run.stdout.contains(token) && !run.stderr.contains(token), "{run:#?}");
}

#[test]
fn a_file_has_a_token_and_perhaps_a_line_end() {
    use Mechanism::{OauthBearer, Plain, ScramSha256, Xoauth2};
    let token = token();
    let bearer_and_more: &[Mechanism] = &[ScramSha256, Plain, Xoauth2, OauthBearer];
    for (mechanisms, auth, used) in [
        (bearer_and_more, None, "oauthbearer"),
        (bearer_and_more, Some("auto"), "oauthbearer"),
        (bearer_and_more, Some("xoauth2"), "xoauth2"),
        (bearer_and_more, Some("oauthbearer,xoauth2"), "oauthbearer"),
        (&[Xoauth2, Plain][..], None, "xoauth2"),
        (&[Xoauth2, Plain][..], Some("oauthbearer,xoauth2"), "xoauth2"),
    ] {
        for line_end in ["", "\n", "\r\n"] {
            let oauth = OAuth::new(mechanisms, &[&token]);
            let run = oauth.token_file(&format!("{token}{line_end}"));
            let run = auth.into_iter().fold(run, |run, auth| run.args(["--auth", auth])).run();
            assert_signed_in_with(&run, used);
            assert_eq!(oauth.attempts(), [format!("AUTH {}", used.to_uppercase())]);
        }
    }
}

/// A token is no password: what would send it as one must not be what auto takes.
#[test]
fn a_token_is_not_tried_as_a_password() {
    let oauth = OAuth::new(&[Mechanism::Plain, Mechanism::ScramSha256], &["token"]);
    let run = oauth.token_file("token").run();
    run.assert_failure(77, &["none of the permitted mechanisms: of SASL only PLAIN SCRAM-SHA-256"]);
    assert_eq!(oauth.server.commands(), ["CAPA"]);
}

#[test]
fn a_command_prints_it() {
    let token = token();
    let oauth = OAuth::new(&[Mechanism::Xoauth2], &[&token]);
    assert_signed_in_with(&oauth.token_command(&[&token]).run(), "xoauth2");
    assert_eq!(oauth.runs(), 1);
    assert_eq!(oauth.attempts().len(), 1);
}

#[test]
fn the_password_options_serve_where_only_tokens_can_be_meant() {
    let oauth = OAuth::new(&[Mechanism::Xoauth2, Mechanism::OauthBearer], &["a-token"]);
    oauth.popfetch.write_password("a-token\n");
    for auth in ["xoauth2", "oauthbearer", "oauthbearer,xoauth2"] {
        let run = oauth.list().args(["--auth", auth, "--password-file"]).arg(oauth.popfetch.password_file()).run();
        run.assert_success();
        oauth.list().args(["--auth", auth, "--password-command", "echo a-token"]).run().assert_success();
    }
}

/// Whoever runs the tests may have a terminal to be asked at.
#[test]
fn what_is_asked_for_is_a_token_where_only_one_can_be_meant() {
    let oauth = OAuth::new(&[Mechanism::Xoauth2, Mechanism::OauthBearer], &["a-token"]);
    for (auth, what) in [("xoauth2", "token"), ("xoauth2,oauthbearer", "token"), ("xoauth2,plain", "password")] {
        let run = oauth.list().args(["--auth", auth]).under("setsid", &[]).run();
        run.assert_failure(78, &[&format!("--{what}-file or --{what}-command")]);
    }
    assert_eq!(oauth.server.connections(), 0);
}

#[test]
fn a_refused_token_is_77_with_the_status_of_the_service() {
    for (mechanism, name) in [(Mechanism::Xoauth2, "XOAUTH2"), (Mechanism::OauthBearer, "OAUTHBEARER")] {
        let oauth = OAuth::new(&[mechanism], &["fresh"]);
        let run = oauth.token_file("stale-token\n").run();
        let advice = "; check the user name and the token (its scope, and whether it has expired)";
        let words = [&format!("AUTH {name}"), "[AUTH]", r#"{"status":"invalid_token"}"#, advice];
        run.assert_failure(77, &words);
        assert_without(&run, "stale-token");
        assert_eq!(oauth.attempts().len(), 1, "a file has nothing new to say");

        // A service may say no more than no.
        oauth.server.change(|script| script.sasl.token_error = None);
        oauth.token_file("stale-token\n").run().assert_failure(77, &[name, "[AUTH]", advice]);
        // Or more than a terminal bears.
        oauth.server.change(|script| script.sasl.token_error = Some("\x1b[31m{\"status\":\"400\"}".to_owned()));
        oauth.token_file("stale-token\n").run().assert_failure(77, &[r#"\x1b[31m{"status":"400"}"#]);
    }
}

#[test]
fn an_expired_token_is_asked_for_once_more() {
    for mechanism in [Mechanism::Xoauth2, Mechanism::OauthBearer] {
        let oauth = OAuth::new(&[mechanism], &["fresh"]);
        oauth.token_command(&["stale", "fresh"]).run().assert_success();
        assert_eq!((oauth.runs(), oauth.attempts().len(), oauth.server.connections()), (2, 2, 1));

        // No oftener than that.
        let oauth = OAuth::new(&[mechanism], &["fresh"]);
        oauth.token_command(&["stale", "staler", "fresh"]).run().assert_failure(77, &["AUTH ", "invalid_token"]);
        assert_eq!((oauth.runs(), oauth.attempts().len()), (2, 2));

        // The same token again would be refused again.
        let oauth = OAuth::new(&[mechanism], &["fresh"]);
        oauth.token_command(&["stale", "stale", "fresh"]).run().assert_failure(77, &["invalid_token"]);
        assert_eq!((oauth.runs(), oauth.attempts().len()), (2, 1));
    }
}

/// Some close the connection on who comes with an expired token.
#[test]
fn the_new_token_may_need_a_new_connection() {
    let oauth = OAuth::new(&[Mechanism::Xoauth2], &["fresh"]);
    oauth.server.fault(At::response().connection(1), Fault::End(Ending::Close));
    oauth.token_command(&["stale", "fresh"]).run().assert_success();
    assert_eq!((oauth.runs(), oauth.server.connections()), (2, 2));
}

#[test]
fn trouble_that_no_other_token_helps_does_not_ask_for_one() {
    for (refusal, code) in [("[IN-USE] x", 75), ("[LOGIN-DELAY] x", 75), ("[SYS/TEMP] x", 75), ("[SYS/PERM] x", 69)] {
        let oauth = OAuth::new(&[Mechanism::Xoauth2], &["fresh"]);
        oauth.server.fault(At::response(), Fault::Refuse(refusal.into()));
        oauth.token_command(&["fresh", "fresher"]).run().assert_failure(code, &[refusal]);
        assert_eq!((oauth.runs(), oauth.attempts().len()), (1, 1));
    }
    // Nor a password that is wrong.
    let oauth = OAuth::new(&[Mechanism::Plain], &[]);
    let run = oauth.list().args(["--auth", "plain", "--password-command", "echo run >> runs; echo wrong"]).run();
    run.assert_failure(77, &["AUTH PLAIN"]);
    assert_eq!(oauth.runs(), 1);
}

#[test]
fn without_tls_only_who_names_it_sends_a_token() {
    let sasl = Sasl { tokens: vec!["a-token".to_owned()], ..Sasl::default() };
    let script = Script { sasl, ..script(three_messages()) }.with_mechanisms([Mechanism::Xoauth2]);
    let server = ModelServer::start(script);
    let popfetch = popfetch();
    let list = || {
        let url = format!("pop3://alice@{}", server.address());
        popfetch.run("list").arg(url).args(["--tls", "off", "--token-command", "touch asked; echo a-token"])
    };
    for auth in [None, Some("auto"), Some("xoauth2,auto")] {
        let run = auth.into_iter().fold(list(), |run, auth| run.args(["--auth", auth])).run();
        run.assert_failure(64, &["a token travels as it is", "without TLS", "--auth oauthbearer or xoauth2"]);
    }
    assert_eq!(server.connections(), 0);
    assert!(!popfetch.path("asked").exists(), "the token was asked for in vain");
    list().args(["--auth", "xoauth2"]).run().assert_success();
}

#[test]
fn there_is_no_token_or_none_that_can_be_used() {
    let oauth = OAuth::new(&[Mechanism::Xoauth2], &["token"]);
    oauth.list().args(["--token-file", "missing"]).run().assert_failure(78, &["cannot read the token file missing"]);
    oauth.list().args(["--token-file", "."]).run().assert_failure(78, &["the token file . is a directory"]);
    oauth.list().args(["--token-command", "exit 3"]).run().assert_failure(78, &["the token command failed", "3"]);
    oauth.list().args(["--token-command", "true"]).run().assert_failure(78, &["the token command gave an empty token"]);
    for (content, problem) in [("", "an empty token"), ("two\nlines\n", "a line end or NUL"), ("nul\0", "or NUL")] {
        oauth.token_file(content).run().assert_failure(78, &["the token file", problem]);
    }
    oauth.token_file(&"x".repeat(20_000)).run().assert_failure(78, &["more than 16384 octets, which is no token"]);
    assert_eq!(oauth.server.connections(), 0);

    // What no token can have would end its field in the message.
    for content in ["two words", "a\x01b", "t\u{f6}ken"] {
        let run = oauth.token_file(content).run();
        run.assert_failure(64, &["secret"]);
        assert_without(&run, content);
    }
    assert_eq!(oauth.attempts(), [""; 0]);

    let run = oauth.token_file("token");
    fs::set_permissions(oauth.popfetch.path("token"), Permissions::from_mode(0o644)).unwrap();
    let run = run.run();
    assert_eq!(run.code, Some(0), "{run:#?}");
    assert!(run.stderr.starts_with("popfetch: warning: the token file "), "{run:#?}");
}
