//! Tokens: servers that want them on two lines or on one, that say why they refuse them, and those that have expired.

use std::fs;

use popfetch_tests::{
    command::Tls,
    server::{At, Ending, Fault, InitialResponse, Mechanism, Sasl, Script},
};

use crate::{
    scene::{BOTH, Outcome, Scene, server_of},
    secrets::TOKEN,
};

const OAUTH: [Mechanism; 2] = [Mechanism::OauthBearer, Mechanism::Xoauth2];

/// A server that takes [`TOKEN`], and a user who has it in the file `token`.
fn taking(mechanism: Mechanism, sasl: Sasl) -> Scene {
    taking_over(Tls::Implicit, mechanism, sasl)
}

fn taking_over(tls: Tls, mechanism: Mechanism, sasl: Sasl) -> Scene {
    let tokens = if sasl.tokens.is_empty() { vec![TOKEN.to_owned()] } else { sasl.tokens.clone() };
    let script = Script { sasl: Sasl { tokens, ..sasl }, ..server_of(1).with_mechanisms([mechanism]) };
    let scene = Scene::secure(tls, script);
    write_token(&scene, TOKEN);
    scene
}

fn write_token(scene: &Scene, token: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(scene.user.path("token"), token).unwrap();
    fs::set_permissions(scene.user.path("token"), fs::Permissions::from_mode(0o600)).unwrap();
}

const FROM_FILE: [&str; 2] = ["--token-file", "token"];

/// A command that gives each of these tokens in turn, and the last one ever after, and counts in `calls`.
fn in_turn(scene: &Scene, tokens: &[&str]) -> String {
    let lines: String = tokens.iter().map(|token| format!("{token}\n")).collect();
    fs::write(scene.user.path("tokens"), lines).unwrap();
    "echo x >>calls; n=$(wc -l <calls); head -n $n tokens | tail -n 1".to_owned()
}

fn calls(scene: &Scene) -> usize {
    fs::read_to_string(scene.user.path("calls")).unwrap_or_default().lines().count()
}

#[test]
fn a_server_may_want_the_token_on_a_line_of_its_own_or_on_that_of_auth() {
    for mechanism in OAUTH {
        for initial_response in [InitialResponse::Allowed, InitialResponse::Refused, InitialResponse::Required] {
            for tls in BOTH {
                let scene = taking_over(tls, mechanism, Sasl { initial_response, ..Sasl::default() });
                scene.fetch_with_token("auto", FROM_FILE).run().succeeds();
                let begun: Vec<String> =
                    scene.server.commands().into_iter().filter(|command| command.starts_with("AUTH")).collect();
                assert_eq!(begun[0], format!("AUTH {}", mechanism.name()));
                assert_eq!(begun.len(), if initial_response == InitialResponse::Required { 2 } else { 1 });
            }
        }
    }
}

#[test]
fn other_mechanisms_may_want_an_initial_response_too() {
    for (auth, mechanism) in
        [("plain", Mechanism::Plain), ("scram-sha-256", Mechanism::ScramSha256), ("scram-sha-1", Mechanism::ScramSha1)]
    {
        for initial_response in [InitialResponse::Required, InitialResponse::Refused] {
            let sasl = Sasl { initial_response, ..Sasl::default() };
            let scene = Scene::secure(Tls::Implicit, Script { sasl, ..server_of(1).with_mechanisms([mechanism]) });
            scene.fetch_by(auth).run().succeeds();
        }
    }
}

#[test]
fn a_token_may_be_long() {
    for length in [1024, 8 * 1024, 15 * 1024] {
        let token = TOKEN.chars().cycle().take(length).collect::<String>();
        for mechanism in OAUTH {
            for initial_response in [InitialResponse::Allowed, InitialResponse::Required] {
                let tokens = vec![token.clone()];
                let scene = taking(mechanism, Sasl { initial_response, tokens, ..Sasl::default() });
                write_token(&scene, &token);
                scene.fetch_with_token("auto", FROM_FILE).run().succeeds();
            }
        }
    }
}

#[test]
fn the_reason_of_a_refusal_is_asked_for_and_shown() {
    let reason = r#"{"status":"401","schemes":"bearer","scope":"https://mail.example.org/"}"#;
    for mechanism in OAUTH {
        for initial_response in [InitialResponse::Allowed, InitialResponse::Required] {
            let sasl = Sasl {
                initial_response,
                tokens: vec!["another".to_owned()],
                token_error: Some(reason.to_owned()),
                ..Sasl::default()
            };
            let scene = taking(mechanism, sasl);
            scene.fetch_with_token("auto", FROM_FILE).run().fails(77, reason);
            let commands = scene.server.commands();
            // RFC 7628 §3.2.3 and the vendors' documents.
            let answer = if mechanism == Mechanism::OauthBearer { "AQ==" } else { "" };
            assert!(commands.iter().any(|command| command == answer), "{commands:#?}");
            scene.assert_never_in();
        }
    }
}

#[test]
fn a_reason_is_text_and_nothing_else() {
    for (reason, shown) in [
        ("{\"status\":\"\u{1b}[2J\u{7}\"}", r"\x1b[2J\x07"),
        ("one\r\ntwo\npopfetch: warning: three", r"(one\x0d\x0atwo\x0apopfetch: warning: three)"),
        ("\u{202e}desrever", "desrever"),
        ("\0", r"(\x00)"),
        (&"long ".repeat(500), "long long"),
    ] {
        for mechanism in OAUTH {
            let sasl =
                Sasl { tokens: vec!["another".to_owned()], token_error: Some(reason.to_owned()), ..Sasl::default() };
            taking(mechanism, sasl).fetch_with_token("auto", FROM_FILE).run().fails(77, shown);
        }
    }
}

#[test]
fn a_refusal_without_a_reason_or_with_one_that_is_not_base64_is_one() {
    for mechanism in OAUTH {
        let refusing = |token_error| Sasl { tokens: vec!["another".to_owned()], token_error, ..Sasl::default() };
        taking(mechanism, refusing(None)).fetch_with_token("auto", FROM_FILE).run().fails(77, "[AUTH]");
        let scene = taking(mechanism, refusing(Some("reason".to_owned())));
        scene.server.fault(At::response().nth(1), Fault::Status(b"+ {\"status\":\"not base64\"}".to_vec()));
        scene.fetch_with_token("auto", FROM_FILE).run().fails(77, "not base64");
        let scene = taking(mechanism, refusing(Some("reason".to_owned())));
        scene.server.fault(At::response().nth(1), Fault::Status(b"+".to_vec()));
        scene.fetch_with_token("auto", FROM_FILE).run().fails(77, "");
    }
}

#[test]
fn the_end_at_the_answer_to_a_reason_is_the_end() {
    for mechanism in OAUTH {
        for (ending, code) in [(Ending::Close, 74), (Ending::Reset, 74), (Ending::Silence, 75)] {
            let scene = taking(mechanism, Sasl { tokens: vec!["another".to_owned()], ..Sasl::default() });
            scene.server.fault(At::response().nth(2), Fault::End(ending));
            scene.fetch_with_token("auto", FROM_FILE).waits("1").run().fails(code, "try again");
            assert_eq!(scene.server.connections(), 1);
        }
        // That a refused token is good after all, only a server out of its mind says.
        let scene = taking(mechanism, Sasl { tokens: vec!["another".to_owned()], ..Sasl::default() });
        scene.server.fault(At::response().nth(2), Fault::Raw(b"+OK\r\n".to_vec()));
        assert_ne!(scene.fetch_with_token("auto", FROM_FILE).run().code, Some(0));
    }
}

#[test]
fn an_expired_token_is_asked_for_once_more() {
    for mechanism in OAUTH {
        let scene = taking(mechanism, Sasl::default());
        let command = in_turn(&scene, &["expired-token-0001", TOKEN]);
        scene.fetch_with_token("auto", ["--token-command", &command]).run().succeeds();
        assert_eq!((calls(&scene), scene.server.connections()), (2, 1));
    }
}

#[test]
fn an_expired_token_is_asked_for_once_more_where_the_server_closes_the_connection() {
    for mechanism in OAUTH {
        let scene = taking(mechanism, Sasl::default());
        scene.server.fault(At::response().connection(1), Fault::End(Ending::Close));
        let command = in_turn(&scene, &["expired-token-0001", TOKEN]);
        scene.fetch_with_token("auto", ["--token-command", &command]).run().succeeds();
        assert_eq!((calls(&scene), scene.server.connections()), (2, 2));
        // The trace tells of both.
        let trace = fs::read_to_string(scene.user.path("trace")).unwrap();
        assert_eq!(trace.matches(&format!("C: AUTH {}\n", mechanism.name())).count(), 2, "{trace}");
    }
}

#[test]
fn a_token_that_stays_wrong_is_asked_for_twice_and_not_for_ever() {
    let tokens: Vec<String> = (0..20).map(|number| format!("expired-token-{number:04}")).collect();
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    for mechanism in OAUTH {
        let scene = taking(mechanism, Sasl::default());
        let command = in_turn(&scene, &tokens);
        scene.fetch_with_token("auto", ["--token-command", &command]).run().fails(77, "invalid_token");
        assert_eq!(calls(&scene), 2);
        // The same again would be refused again.
        let scene = taking(mechanism, Sasl::default());
        let command = in_turn(&scene, &tokens[..1]);
        scene.fetch_with_token("auto", ["--token-command", &command]).run().fails(77, "invalid_token");
        let begun = scene.server.commands().iter().filter(|command| command.starts_with("AUTH")).count();
        assert_eq!((calls(&scene), begun), (2, 1));
        // And trouble of the server is no matter of the token.
        let scene = taking(mechanism, Sasl::default());
        scene.server.fault(At::response(), Fault::Refuse(b"[SYS/TEMP] later".to_vec()));
        let command = in_turn(&scene, &tokens);
        scene.fetch_with_token("auto", ["--token-command", &command]).run().fails(75, "try again later");
        assert_eq!(calls(&scene), 1);
    }
}

#[test]
fn a_token_with_anything_in_it_that_ends_a_field_is_not_sent() {
    for token in ["one two", "one\u{1}auth=Bearer two", "one\ttwo", "é"] {
        for mechanism in OAUTH {
            let scene = taking(mechanism, Sasl::default());
            write_token(&scene, token);
            scene.fetch_with_token("auto", FROM_FILE).run().fails(64, "an octet in it that the mechanism cannot carry");
            scene.assert_never_sent("AUTH");
        }
    }
}

#[test]
fn a_token_is_nothing_for_a_server_without_oauth_and_nothing_in_clear() {
    let scene = Scene::secure(Tls::Implicit, server_of(1).with_mechanisms([Mechanism::Plain, Mechanism::Login]));
    write_token(&scene, TOKEN);
    scene.fetch_with_token("auto", FROM_FILE).run().fails(77, "");
    for verb in ["AUTH", "USER", "PASS"] {
        scene.assert_never_sent(verb);
    }

    let scene = Scene::new(server_of(1).with_mechanisms(OAUTH));
    write_token(&scene, TOKEN);
    let url = format!("pop3://alice@{}", scene.server.address());
    let fetch = scene.user.run("fetch").args([&url, "--tls", "off", "--maildir", "mail"]).args(FROM_FILE);
    scene.play(fetch).run().fails(64, "a token travels as it is");
    assert_eq!(scene.server.connections(), 0);
}
