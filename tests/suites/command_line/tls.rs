//! TLS from the first octet, by STLS, or none: what is demanded, what is checked, and what is said when it fails.

use std::fs;

use popfetch_tests::authority::{Authority, Identity};
use popfetch_tests::command::{Invocation, Popfetch, Run, Tls, script};
use popfetch_tests::maildrop::{Maildrop, Profile, realistic};
use popfetch_tests::server::{At, Ending, Fault, Mechanism, ModelServer, Script, ServerTls, TlsMode, TlsVersions};
use serde_json::json;

use super::{events, popfetch, three_messages};

pub(crate) const BOTH: [Tls; 2] = [Tls::StartTls, Tls::Implicit];

/// TLS of a server that begins so.
pub(crate) fn tls(mode: Tls, identity: Identity) -> ServerTls {
    match mode {
        Tls::StartTls => ServerTls::stls(identity),
        Tls::Implicit => ServerTls::implicit(identity),
    }
}

pub(crate) fn server(mode: Tls, identity: Identity) -> ModelServer {
    server_with(tls(mode, identity))
}

pub(crate) fn server_with(tls: ServerTls) -> ModelServer {
    ModelServer::start(script(three_messages()).with_mechanisms([Mechanism::ScramSha256]).with_tls(tls))
}

/// `popfetch list` at this host without a word about TLS but the URL's.
pub(crate) fn list<'s>(popfetch: &Popfetch, scheme: &str, host: &str, server: &ModelServer) -> Invocation<'s> {
    let url = format!("{scheme}://alice@{host}:{}", server.port());
    popfetch.run("list").arg(url).arg("--password-file").arg(popfetch.password_file())
}

/// Nothing went out in clear text but the wish for TLS, and nothing under it.
#[track_caller]
pub(crate) fn assert_nothing_was_said(server: &ModelServer, mode: Tls) {
    let wish: &[&str] = if mode == Tls::StartTls { &["STLS"] } else { &[] };
    assert_eq!(server.commands(), wish, "{}", server.transcript());
}

#[test]
fn pop3_demands_stls_and_pop3s_is_tls_from_the_start() {
    let authority = Authority::new();
    for (scheme, how, mode) in [
        ("pop3", None, Tls::StartTls),
        ("pop3", Some("starttls"), Tls::StartTls),
        ("pop3", Some("implicit"), Tls::Implicit),
        ("pop3s", None, Tls::Implicit),
        ("pop3s", Some("implicit"), Tls::Implicit),
    ] {
        let server = server(mode, authority.server());
        let popfetch = popfetch();
        let run = list(&popfetch, scheme, "localhost", &server).arg("-v").arg("--ca-file").arg(authority.ca_file());
        let run = how.into_iter().fold(run, |run, how| run.args(["--tls", how])).run();
        run.assert_success();
        assert!(run.stdout.contains(": connected (TLS 1.3): model server ready\n"), "{run:#?}");
        let in_clear: &[&str] = if mode == Tls::StartTls { &["STLS"] } else { &[] };
        assert_eq!(server.commands_in_clear(), in_clear);
        assert!(server.commands().contains(&"UIDL".to_owned()));
    }
}

#[test]
fn mail_comes_over_tls_byte_for_byte() {
    let authority = Authority::new();
    let maildrop = || Maildrop::of_octets(realistic(11, 60, Profile::anything().largest(1 << 20)));
    for mode in BOTH {
        let server = ModelServer::start(script(maildrop()).with_tls(tls(mode, authority.server())));
        let popfetch = popfetch();
        let run = popfetch.fetch_tls(&server, mode, authority.ca_file()).args(["--delete", "--state", "state"]).run();
        run.assert_success();
        popfetch.maildir().assert_holds(maildrop().fingerprints());
        assert!(server.maildrop().is_empty());
    }
}

#[test]
fn off_is_clear_text() {
    let server = server(Tls::StartTls, Authority::new().server());
    let popfetch = popfetch();
    let run = list(&popfetch, "pop3", "localhost", &server).args(["--tls", "off", "-v"]).run();
    run.assert_success();
    assert!(run.stdout.contains(": connected (clear text): "), "{run:#?}");
    assert!(!server.commands().contains(&"STLS".to_owned()), "TLS is not taken where it was refused");
    let run = popfetch.info(&server).run();
    run.assert_success();
    assert!(run.stdout.contains("off: everything travels in clear text"), "{run:#?}");
}

#[test]
fn a_server_without_stls_hears_nothing_more() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    for verb in ["fetch", "list", "info"] {
        let mut run = popfetch.run(verb).arg(format!("pop3://alice@localhost:{}", server.port()));
        if verb != "info" {
            run = run.args(["--auth", "user", "--password-file"]).arg(popfetch.password_file());
        }
        if verb == "fetch" {
            run = run.args(["--maildir", "mail"]);
        }
        let words = [
            "the server refused STLS",
            "; nothing secret was sent; try pop3s:// ",
            "without TLS, which is --tls off, everybody on the way can listen",
        ];
        run.run().assert_failure(69, &words);
    }
    assert_eq!(server.commands(), ["STLS"; 3]);

    for (words, code) in [("[SYS/TEMP] later", 75), ("[IN-USE] x", 75), ("[SYS/PERM] never", 69), ("no", 69)] {
        let server = server_with(ServerTls::stls(Authority::new().server()));
        server.fault(At::verb("STLS"), Fault::Refuse(words.into()));
        let run = list(&popfetch, "pop3", "localhost", &server).run();
        run.assert_failure(code, &["the server refused STLS", words]);
        assert_eq!(server.commands(), ["STLS"]);
    }
}

/// What CAPA does not tell of may be there all the same, and CAPA in clear text is anybody's word.
#[test]
fn stls_need_not_be_announced() {
    let authority = Authority::new();
    let mut tls = ServerTls::stls(authority.server());
    tls.mode = TlsMode::Stls { announced: false };
    let server = server_with(tls);
    popfetch().list_tls(&server, Tls::StartTls, authority.ca_file()).run().assert_success();
}

#[test]
fn the_port_is_for_the_other_kind() {
    let authority = Authority::new();
    let popfetch = popfetch();
    let clear = server(Tls::StartTls, authority.server());
    let run = popfetch.list_tls(&clear, Tls::Implicit, authority.ca_file()).run();
    let schemes = "write pop3:// for a port with STLS, and pop3s:// for one with TLS from the start";
    run.assert_failure(76, &["what answers does not speak TLS", schemes]);

    let secure = server(Tls::Implicit, authority.server());
    let run = popfetch.list_tls(&secure, Tls::StartTls, authority.ca_file()).args(["--timeout", "0.3"]).run();
    let silent = "the server was silent for too long before its greeting";
    run.assert_failure(75, &[silent, "if that port wants TLS from the first octet, write pop3s://"]);
    assert_eq!(secure.commands(), [""; 0]);
}

/// Before the greeting nothing can be said about it but that it is not there.
#[test]
fn a_greeting_that_does_not_come() {
    let authority = Authority::new();
    let popfetch = popfetch();
    let words = "the server closed the connection before its greeting; try again";
    let clear = ModelServer::start(script(three_messages()).fault(At::greeting(), Fault::End(Ending::Close)));
    popfetch.info(&clear).run().assert_failure(74, &[words]);
    for mode in BOTH {
        let server = server(mode, authority.server());
        server.fault(At::greeting(), Fault::End(Ending::Close));
        popfetch.list_tls(&server, mode, authority.ca_file()).run().assert_failure(74, &[words]);
        assert_eq!(server.commands(), [""; 0]);
    }
    let silence = Fault::End(Ending::Silence);
    let clear = ModelServer::start(script(three_messages()).fault(At::greeting(), silence.clone()));
    let run = popfetch.info(&clear).args(["--timeout", "0.3"]).run();
    run.assert_failure(75, &["the server was silent for too long before its greeting"]);
    for mode in BOTH {
        let server = server(mode, authority.server());
        server.fault(At::greeting(), silence.clone());
        let run = popfetch.list_tls(&server, mode, authority.ca_file()).args(["--timeout", "0.5"]).run();
        run.assert_failure(75, &["the server was silent for too long before its greeting"]);
        assert_eq!(server.commands(), [""; 0]);
    }
}

#[test]
fn a_handshake_that_breaks_off() {
    let authority = Authority::new();
    for mode in BOTH {
        for (ending, code, words) in [
            (Ending::Silence, 75, "the server was silent in the TLS handshake"),
            (Ending::Close, 74, "the server closed the connection in the middle of the TLS handshake"),
            (Ending::Reset, 74, "connection"),
        ] {
            let server = server(mode, authority.server());
            server.fault(At::handshake(), Fault::End(ending));
            let popfetch = popfetch();
            let run = popfetch.list_tls(&server, mode, authority.ca_file()).args(["--timeout", "0.5"]).run();
            run.assert_failure(code, &[words]);
            assert_nothing_was_said(&server, mode);
        }
    }
}

#[test]
fn the_protocol_is_named_in_the_handshake() {
    let authority = Authority::new();
    let popfetch = popfetch();
    let with_alpn = |protocol| {
        let tls = ServerTls::implicit(authority.server()).with_alpn(protocol).with_versions(TlsVersions::Only12);
        let server = server_with(tls);
        popfetch.info_tls(&server, Tls::Implicit, authority.ca_file()).run()
    };
    let run = with_alpn("pop3");
    run.assert_success();
    assert!(run.lines()[2].ends_with(", pop3"), "{run:#?}");
    let run = with_alpn("imap");
    run.assert_failure(76, &["the server ends the TLS handshake with the alert"]);
}

#[test]
fn events_say_which_tls_there_is() {
    let authority = Authority::new();
    let popfetch = popfetch();
    for (mode, versions, version) in
        [(Tls::Implicit, TlsVersions::Only13, "TLS 1.3"), (Tls::StartTls, TlsVersions::Only12, "TLS 1.2")]
    {
        let server = server_with(tls(mode, authority.server()).with_versions(versions));
        let run = popfetch.fetch_tls(&server, mode, authority.ca_file()).args(["--output", "json"]).run();
        run.assert_success();
        let connected = &events(&run.stdout)[0];
        assert_eq!((&connected["event"], &connected["tls"]["version"]), (&json!("connected"), &json!(version)));
        assert!(connected["tls"]["cipher_suite"].as_str().unwrap().starts_with("TLS"), "{connected}");
    }
    let server = ModelServer::start(script(three_messages()));
    let run = popfetch.fetch(&server).args(["--auth", "user", "--output", "json"]).run();
    assert_eq!(events(&run.stdout)[0]["tls"], json!(null));
    // A failure is an event like any other.
    let server = self::server(Tls::Implicit, authority.expired());
    let run = popfetch.list_tls(&server, Tls::Implicit, authority.ca_file()).args(["--output", "json"]).run();
    run.assert_failure(76, &["expired"]);
    let error = events(&run.stdout).pop().unwrap();
    assert_eq!((&error["event"], &error["exit"]), (&json!("error"), &json!(76)));
}

/// What `info` says behind this word.
#[track_caller]
fn field<'r>(run: &'r Run, name: &str) -> &'r str {
    let line = run.lines().into_iter().find(|line| line.trim_start().starts_with(&format!("{name}:")));
    line.unwrap_or_else(|| panic!("no {name}: {run:#?}")).split_once(':').unwrap().1.trim()
}

#[test]
fn info_shows_all_there_is_to_know_and_a_pin_to_paste() {
    let authority = Authority::new();
    for (mode, versions, version, suite) in [
        (Tls::StartTls, TlsVersions::Only12, "TLS 1.2", "TLS_ECDHE_ECDSA_WITH_"),
        (Tls::Implicit, TlsVersions::Only13, "TLS 1.3", "TLS13_"),
    ] {
        let identity = authority.server();
        let server = server_with(tls(mode, identity.clone()).with_versions(versions));
        let popfetch = popfetch();
        let run = popfetch.info_tls(&server, mode, authority.ca_file()).run();
        run.assert_success();
        assert!(field(&run, "TLS").starts_with(&format!("{version}, {suite}")), "{run:#?}");
        assert!(field(&run, "certificate").ends_with("localhost"), "{run:#?}");
        assert_eq!(field(&run, "names"), "localhost, 127.0.0.1, ::1");
        assert!(field(&run, "issuer").contains("popfetch test authority "), "{run:#?}");
        assert_eq!(field(&run, "valid"), "2000-01-01T00:00:00Z to 2100-01-01T00:00:00Z");
        assert_eq!(field(&run, "trusted by"), "its CA");
        assert_eq!(field(&run, "pin"), format!("--tls-pin {}", identity.pin()));
        assert_eq!(field(&run, "would use"), "scram-sha-256, pipelined");

        // Its pin, as it is, is all that a stranger's certificate needs.
        let (scheme, pin) = (if mode == Tls::StartTls { "pop3" } else { "pop3s" }, field(&run, "pin").split(' '));
        let pinned = popfetch.run("info").arg(format!("{scheme}://localhost:{}", server.port())).args(pin.clone());
        let pinned = pinned.run();
        pinned.assert_success();
        assert_eq!(field(&pinned, "trusted by"), "its pin");
        list(&popfetch, scheme, "localhost", &server).args(pin).run().assert_success();
    }
}

#[test]
fn info_as_an_event() {
    let authority = Authority::new();
    let identity = authority.server();
    let server = server_with(ServerTls::implicit(identity.clone()).with_alpn("pop3"));
    let run = popfetch().info_tls(&server, Tls::Implicit, authority.ca_file()).args(["--output", "json"]).run();
    run.assert_success();
    let info = events(&run.stdout).remove(0);
    assert_eq!(info["server"], format!("pop3s://localhost:{}", server.port()));
    let tls = info["tls"].as_object().unwrap();
    assert_eq!(tls["version"], "TLS 1.3");
    assert!(tls["cipher_suite"].as_str().unwrap().starts_with("TLS13_"), "{info}");
    assert_eq!(tls["alpn"], "pop3");
    assert!(tls["subject"].as_str().unwrap().ends_with("localhost"), "{info}");
    assert_eq!(tls["names"], json!(["localhost", "127.0.0.1", "::1"]));
    assert!(tls["issuer"].as_str().unwrap().contains("popfetch test authority "), "{info}");
    assert_eq!(tls["not_before"], "2000-01-01T00:00:00Z");
    assert_eq!(tls["not_after"], "2100-01-01T00:00:00Z");
    assert_eq!(tls["trusted_by"], "its CA");
    assert_eq!(tls["pin"], identity.pin());
    assert_eq!(tls.len(), 10, "a field that is not looked at: {info}");
    assert_eq!(info["would_use"], json!({ "mechanism": "scram-sha-256", "pipelining": true }));
}

/// Capabilities of the time before TLS are nobody's word.
#[test]
fn what_was_offered_in_clear_text_is_asked_again() {
    let authority = Authority::new();
    let script = script(three_messages()).with_mechanisms([Mechanism::ScramSha256]);
    let in_clear = Some(vec!["SASL PLAIN".to_owned(), "STLS".to_owned()]);
    let script = Script { capabilities: in_clear, clear_sign_in: false, ..script };
    let server = ModelServer::start(script.with_tls(ServerTls::stls(authority.server())));
    let run = popfetch().info_tls(&server, Tls::StartTls, authority.ca_file()).run();
    run.assert_success();
    assert_eq!(field(&run, "mechanisms"), "user, scram-sha-256");
    assert_eq!(server.commands(), ["STLS", "CAPA", "QUIT"]);
}

#[test]
fn a_component_without_tls_says_so() {
    let server = server(Tls::StartTls, Authority::new().server());
    let popfetch = popfetch();
    let file = popfetch.path("cleartext.wasm");
    fs::write(&file, popfetch::CLEARTEXT_COMPONENT).unwrap();
    for scheme in ["pop3", "pop3s"] {
        let run = list(&popfetch, scheme, "localhost", &server).arg("--component").arg(&file).run();
        run.assert_failure(69, &["this component has no TLS"]);
    }
    assert_eq!(server.connections(), 0);
    let run = list(&popfetch, "pop3", "localhost", &server).args(["--tls", "off"]).arg("--component").arg(&file);
    run.run().assert_success();
}

#[test]
fn help_has_a_section_of_it() {
    let run = popfetch().run("list").arg("--help").run();
    run.assert_success();
    let section = run.stdout.split("\nTLS:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    for option in ["--tls", "--ca-file", "--tls-pin", "--tls-cert", "--tls-key", "--tls-min", "--tls-name"] {
        assert!(section.contains(option), "{option}: {run:#?}");
    }
    let words = section.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("[default: starttls for pop3://, implicit for pop3s://]"), "{section}");
}
