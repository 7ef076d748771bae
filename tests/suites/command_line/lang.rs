//! Languages and names of this world: LANG, UTF8 (RFC 6856), SASLprep (RFC 4013).

use popfetch_tests::command::{Invocation, Popfetch, script};
use popfetch_tests::server::{At, Fault, Mechanism, ModelServer, Script};

use super::{commands, popfetch, three_messages};

fn with_languages() -> Script {
    let languages = [("en", "English"), ("de", "Deutsch"), ("fr-CA", "Fran\u{e7}ais")];
    let languages = languages.map(|(tag, description)| (tag.to_owned(), description.to_owned())).into();
    Script { languages, ..script(three_messages()) }
}

#[test]
fn the_server_is_asked_to_speak_a_language_first_of_all() {
    for tag in ["de", "fr-CA", "*"] {
        let server = ModelServer::start(with_languages());
        let popfetch = popfetch();
        popfetch.list(&server).args(["--auth", "user", "--lang", tag]).run().assert_success();
        assert_eq!(server.commands()[..3], [format!("LANG {tag}"), "CAPA".to_owned(), "USER alice".to_owned()]);
        popfetch.info(&server).args(["--lang", tag]).run().assert_success();
        assert_eq!(server.commands_of(2)[0], format!("LANG {tag}"));
    }
}

#[test]
fn a_language_that_the_server_lacks() {
    let popfetch = popfetch();
    for script in [with_languages(), script(three_messages())] {
        let server = ModelServer::start(script);
        let run = popfetch.list(&server).args(["--auth", "user", "--lang", "tlh"]).run();
        run.assert_failure(69, &["the server refused LANG"]);
        assert_eq!(server.commands(), ["LANG tlh"]);
    }
    let server = ModelServer::start(with_languages().fault(At::verb("LANG"), Fault::Refuse("[SYS/TEMP] x".into())));
    popfetch.list(&server).args(["--lang", "de"]).run().assert_failure(75, &["LANG", "[SYS/TEMP] x"]);
}

#[test]
fn a_language_is_one_word() {
    let server = ModelServer::start(with_languages());
    let popfetch = popfetch();
    for tag in ["", " ", "de en", "de\r\nQUIT", "d\u{e9}", "\u{1b}[31m"] {
        let run = popfetch.list(&server).args(["--auth", "user", &format!("--lang={tag}")]).run();
        run.assert_failure(64, &["language"]);
    }
    assert_eq!(server.commands(), [""; 0]);
}

const NAME: &str = "z\u{f6}e";
const PASSWORD: &str = "gr\u{fc}\u{df}e \u{65e5}\u{672c}";

fn of_zoe() -> Script {
    let script = Script { user: NAME.to_owned(), password: PASSWORD.to_owned(), ..script(three_messages()) };
    script.with_mechanisms([Mechanism::ScramSha256, Mechanism::ScramSha1, Mechanism::Plain, Mechanism::Login])
}

fn list<'s>(popfetch: &Popfetch, server: &'s ModelServer, name: &str, auth: Option<&str>) -> Invocation<'s> {
    let url = format!("pop3://{}", server.address());
    let run = popfetch.run("list").arg(url).args(["--tls", "off", "--user", name, "--password-file"]);
    let run = run.arg(popfetch.password_file());
    auth.into_iter().fold(run, |run, auth| run.args(["--auth", auth]))
}

#[test]
fn who_has_utf8_in_the_name_turns_to_it_where_the_server_can() {
    for auth in [None, Some("scram-sha-256"), Some("scram-sha-1"), Some("plain"), Some("login"), Some("user")] {
        let server = ModelServer::start(Script { utf8: true, ..of_zoe() });
        let popfetch = popfetch();
        popfetch.write_password(PASSWORD);
        list(&popfetch, &server, NAME, auth).run().assert_success();
        assert_eq!(server.commands()[..2], ["CAPA", "UTF8"], "{auth:?}");

        // Where it cannot, most take it all the same.
        let server = ModelServer::start(of_zoe());
        list(&popfetch, &server, NAME, auth).run().assert_success();
        assert!(!server.commands().contains(&"UTF8".to_owned()));
        let server = ModelServer::start(of_zoe().without_capa());
        list(&popfetch, &server, NAME, auth).run().assert_success();
    }
}

#[test]
fn a_server_that_announces_utf8_and_refuses_it() {
    let popfetch = popfetch();
    popfetch.write_password(PASSWORD);
    let refusing = |words: &str| {
        ModelServer::start(Script { utf8: true, ..of_zoe() }.fault(At::verb("UTF8"), Fault::Refuse(words.into())))
    };
    let server = refusing("no");
    list(&popfetch, &server, NAME, Some("user")).run().assert_success();
    let server = refusing("[SYS/TEMP] later");
    list(&popfetch, &server, NAME, Some("user")).run().assert_failure(75, &["UTF8", "[SYS/TEMP] later"]);
    assert_eq!(server.commands(), ["CAPA", "UTF8"]);
}

/// There it is for the messages, which come as they are only then (RFC 6856 §2.1).
#[test]
fn who_has_ascii_alone_turns_to_it_too() {
    let server = ModelServer::start(Script { utf8: true, ..script(three_messages()) });
    popfetch().list(&server).args(["--auth", "user"]).run().assert_success();
    assert_eq!(server.commands()[..3], ["CAPA", "UTF8", "USER alice"]);
    assert_eq!(commands(&server, "UTF8").len(), 1);

    for script in [script(three_messages()), Script { utf8: true, ..script(three_messages()) }.without_capa()] {
        let server = ModelServer::start(script);
        popfetch().list(&server).args(["--auth", "user"]).run().assert_success();
        assert_eq!(server.commands()[..2], ["CAPA", "USER alice"]);
        assert_eq!(commands(&server, "UTF8"), [""; 0]);
    }
}

/// The examples of RFC 4013 §3: a soft hyphen that goes, and letters that stand for others.
#[test]
fn scram_and_plain_take_what_saslprep_makes_of_it() {
    for (user, typed, prepared) in [("alice", "I\u{ad}X", "IX"), ("alice", "\u{aa}\u{2168}", "aIX")] {
        let popfetch = popfetch();
        popfetch.write_password(typed);
        let server = |prepared_password: Option<&str>| {
            let prepared_password = prepared_password.map(str::to_owned);
            let script = Script { password: typed.to_owned(), prepared_password, ..of_zoe() };
            ModelServer::start(Script { user: user.to_owned(), ..script })
        };
        for auth in ["scram-sha-256", "scram-sha-1", "plain"] {
            list(&popfetch, &server(Some(prepared)), user, Some(auth)).run().assert_success();
        }
        // Who proves the password as it was typed is not known to such a server.
        let run = list(&popfetch, &server(None), user, Some("scram-sha-256")).run();
        run.assert_failure(77, &["AUTH SCRAM-SHA-256"]);
        // The others give it octet for octet.
        for auth in ["login", "user"] {
            list(&popfetch, &server(None), user, Some(auth)).run().assert_success();
        }
    }
    // A name is prepared, too.
    let server = ModelServer::start(Script { user: "IX".to_owned(), ..of_zoe() });
    let popfetch = popfetch();
    popfetch.write_password(PASSWORD);
    list(&popfetch, &server, "\u{2168}", Some("scram-sha-256")).run().assert_success();
}
