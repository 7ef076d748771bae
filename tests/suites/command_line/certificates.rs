//! Certificates: whom they have to be for and from, pins, and those of one's own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use popfetch_tests::authority::{Authority, Identity};
use popfetch_tests::command::{Tls, script};
use popfetch_tests::server::{ModelServer, ServerTls, TlsVersions};
use sha2::{Digest, Sha256};

use super::tls::{BOTH, assert_nothing_was_said, list, server, server_with, tls};
use super::{popfetch, three_messages};

/// Each with its own words, 76, and before anything is said.
#[test]
fn a_certificate_that_is_not_accepted() {
    let authority = Authority::new();
    for mode in BOTH {
        for (identity, words) in [
            (authority.expired(), &["expired at 2001-01-01T00:00:00Z", "must renew it"][..]),
            (authority.not_yet_valid(), &["is not valid before 2099-01-01T00:00:00Z", "the clock of this machine"]),
            (
                authority.server_for(&["pop.example.org", "192.0.2.7"]),
                &["is not for localhost, but for pop.example.org, 192.0.2.7; \
                     if that is the server that is meant, give its name with --tls-name"],
            ),
            (
                authority.common_name_only("localhost"),
                &["is not for localhost, nor for any name or address at all: \
                     it must be made anew with a subjectAltName, or its key be pinned"],
            ),
            (Identity::self_signed(), &["is self-signed", "--tls-pin sha256/"]),
            (Authority::new().server(), &["does not lead to a trusted CA", "--tls-pin sha256/", "--ca-file"]),
            (authority.client("localhost"), &["the server's certificate cannot be accepted: it is not for servers"]),
        ] {
            let server = server(mode, identity);
            let popfetch = popfetch();
            popfetch.list_tls(&server, mode, authority.ca_file()).run().assert_failure(76, words);
            popfetch.info_tls(&server, mode, authority.ca_file()).run().assert_failure(76, words);
            let wish: &[&str] = if mode == Tls::StartTls { &["STLS", "STLS"] } else { &[] };
            assert_eq!(server.commands(), wish);
        }
    }
}

#[test]
fn several_authorities_may_be_trusted() {
    let (one, other) = (Authority::new(), Authority::new());
    let server = server(Tls::Implicit, one.server());
    let popfetch = popfetch();
    // In two files in any order, and in one.
    let list = || list(&popfetch, "pop3s", "localhost", &server);
    for (first, second) in [(&one, &other), (&other, &one)] {
        let run = list().arg("--ca-file").arg(first.ca_file()).arg("--ca-file").arg(second.ca_file());
        run.run().assert_success();
        let bundle = popfetch.path("bundle.pem");
        fs::write(&bundle, format!("# Both\n{}\n{}", first.pem(), second.pem())).unwrap();
        list().arg("--ca-file").arg(&bundle).run().assert_success();
    }
    list().arg("--ca-file").arg(other.ca_file()).run().assert_failure(76, &["does not lead to a trusted CA"]);
    // The server's own certificate may be the one that is trusted.
    let (certificate, _) = one.server().write(popfetch.home(), "other");
    list().arg("--ca-file").arg(certificate).run().assert_failure(76, &["does not lead to a trusted CA"]);
    let own = Identity::self_signed();
    let (certificate, _) = own.write(popfetch.home(), "own");
    let server = self::server(Tls::Implicit, own);
    self::list(&popfetch, "pop3s", "localhost", &server).arg("--ca-file").arg(certificate).run().assert_success();
}

#[test]
fn a_file_of_authorities_that_is_none() {
    let authority = Authority::new();
    let server = server(Tls::Implicit, authority.server());
    let popfetch = popfetch();
    for (name, content) in [
        ("empty.pem", ""),
        ("text.pem", "hello\n"),
        ("key.pem", authority.server().key_pem()),
        ("half.pem", "-----BEGIN CERTIFICATE-----\n"),
    ] {
        fs::write(popfetch.path(name), content).unwrap();
        for ca_files in [&[name][..], &["good.pem", name]] {
            fs::write(popfetch.path("good.pem"), authority.pem()).unwrap();
            let run = list(&popfetch, "pop3s", "localhost", &server);
            let run = ca_files.iter().fold(run, |run, file| run.args(["--ca-file", file]));
            run.run().assert_failure(78, &[name, "certificate"]);
        }
    }
    fs::write(popfetch.path("bad.pem"), "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n").unwrap();
    for (path, words) in [("bad.pem", "damaged"), ("missing.pem", "No such file"), (".", "directory")] {
        let run = list(&popfetch, "pop3s", "localhost", &server).args(["--ca-file", path]);
        run.run().assert_failure(78, &[path, words]);
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn without_a_file_the_system_says_whom_to_trust() {
    let authority = Authority::new();
    let server = server(Tls::StartTls, authority.server());
    let popfetch = popfetch();
    let with_roots = |variable: &str, path: &Path| {
        let run = list(&popfetch, "pop3", "localhost", &server).with(|command| {
            command.env(variable, path);
        });
        run.run()
    };
    with_roots("SSL_CERT_FILE", &authority.ca_file()).assert_success();
    let other = Authority::new();
    let words = ["does not lead to a trusted CA", "--tls-pin", "--ca-file"];
    with_roots("SSL_CERT_FILE", &other.ca_file()).assert_failure(76, &words);
    let words = ["this system has no trusted root certificates", "ca-certificates", "SSL_CERT_FILE or --ca-file"];
    with_roots("SSL_CERT_FILE", &popfetch.path("missing.pem")).assert_failure(78, &words);

    // A file that is named takes the place of the system's roots.
    let run = list(&popfetch, "pop3", "localhost", &server).arg("--ca-file").arg(other.ca_file());
    let run = run.with(|command| {
        command.env("SSL_CERT_FILE", authority.ca_file());
    });
    run.run().assert_failure(76, &["does not lead to a trusted CA"]);
}

#[test]
fn a_pin_stands_in_for_an_authority() {
    let identity = Authority::new().server();
    let base64 = identity.pin().strip_prefix("sha256/").unwrap().to_owned();
    let wrong = Authority::new().server().pin();
    let server = server(Tls::Implicit, identity.clone());
    let popfetch = popfetch();
    let with_pins = |pins: &[&str]| {
        let run = list(&popfetch, "pop3s", "localhost", &server);
        pins.iter().fold(run, |run, pin| run.args(["--tls-pin", pin])).run()
    };
    let digits = hexadecimal(&base64);
    let pairs: Vec<&str> = (0..32).map(|octet| &digits[2 * octet..2 * octet + 2]).collect();
    for pin in
        [&identity.pin(), &format!("sha256//{base64}"), &base64, &digits, &digits.to_uppercase(), &pairs.join(":")]
    {
        with_pins(&[pin]).assert_success();
        with_pins(&[&wrong, pin]).assert_success();
        with_pins(&[pin, &wrong]).assert_success();
    }
    let before = server.commands().len();
    let changed = format!("not the one that was pinned but {}", identity.pin());
    with_pins(&[&wrong]).assert_failure(76, &[&changed, "nothing was sent"]);
    assert_eq!(server.commands().len(), before);
}

/// The digest of a pin in hexadecimal digits.
fn hexadecimal(base64: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let value = |character| DIGITS.iter().position(|digit| *digit == character).unwrap();
    let bits: String = base64.trim_end_matches('=').bytes().map(|digit| format!("{:06b}", value(digit))).collect();
    (0..64).map(|at| format!("{:x}", u8::from_str_radix(&bits[4 * at..4 * at + 4], 2).unwrap())).collect()
}

#[test]
fn a_pin_narrows_what_an_authority_has_signed_and_excuses_nothing_else() {
    let authority = Authority::new();
    let pinned = |identity: &Identity, pin: &str| {
        let server = server(Tls::Implicit, identity.clone());
        let popfetch = popfetch();
        popfetch.list_tls(&server, Tls::Implicit, authority.ca_file()).args(["--tls-pin", pin]).run()
    };
    let good = authority.server();
    pinned(&good, &good.pin()).assert_success();
    pinned(&good, &authority.server().pin()).assert_failure(76, &["not the one that was pinned"]);
    for (identity, words) in [
        (authority.expired(), "expired"),
        (authority.not_yet_valid(), "is not valid before"),
        (authority.server_for(&["pop.example.org"]), "is not for localhost"),
    ] {
        pinned(&identity, &identity.pin()).assert_failure(76, &[words]);
    }
    let own = Identity::self_signed();
    pinned(&own, &own.pin()).assert_success();
    // What names nobody says nothing against the key; one that is not pinned needs a name.
    let nameless = authority.common_name_only("localhost");
    pinned(&nameless, &nameless.pin()).assert_success();
    pinned(&nameless, &authority.server().pin()).assert_failure(76, &["not the one that was pinned"]);
    let foreign = Authority::new().common_name_only("localhost");
    pinned(&foreign, &foreign.pin()).assert_success();
}

/// It is what browsers and openssl show, and changes with each renewal.
#[test]
fn the_fingerprint_of_a_certificate_is_no_pin_and_said_to_be_none() {
    let authority = Authority::new();
    let identity = authority.server();
    let fingerprint = hexadecimal(&Base64::encode_string(&Sha256::digest(identity.certificate())));
    for mode in BOTH {
        let server = server(mode, identity.clone());
        let run = popfetch().list_tls(&server, mode, authority.ca_file()).args(["--tls-pin", &fingerprint]).run();
        let instead = format!("--tls-pin {}", identity.pin());
        run.assert_failure(76, &["what is pinned is the fingerprint of the server's certificate", &instead]);
        assert_nothing_was_said(&server, mode);
    }
}

#[test]
fn a_server_may_demand_a_certificate() {
    let authority = Authority::new();
    let popfetch = popfetch();
    let (certificate, key) = authority.client("alice").write(popfetch.home(), "client");
    let (foreign, its_key) = Authority::new().client("alice").write(popfetch.home(), "foreign");
    for mode in BOTH {
        for versions in [TlsVersions::Only12, TlsVersions::Only13] {
            let tls = tls(mode, authority.server()).with_versions(versions).require_client_certificate(&authority);
            let server = server_with(tls);
            let list = || popfetch.list_tls(&server, mode, authority.ca_file());
            let run = list().arg("--tls-cert").arg(&certificate).arg("--tls-key").arg(&key).run();
            run.assert_success();
            let before = server.commands().len();
            list().run().assert_failure(77, &["wants to see a certificate", "--tls-cert and --tls-key"]);
            let run = list().arg("--tls-cert").arg(&foreign).arg("--tls-key").arg(&its_key).run();
            run.assert_failure(77, &["the server refuses the client's certificate"]);
            let later = server.commands().split_off(before);
            assert!(later.iter().all(|command| command == "STLS"), "{later:?}");
        }
    }
}

#[test]
fn a_certificate_of_ones_own_that_cannot_be_used() {
    let authority = Authority::new();
    let server = server(Tls::Implicit, authority.server());
    let popfetch = popfetch();
    let (certificate, key) = authority.client("alice").write(popfetch.home(), "client");
    let (_, other_key) = authority.client("alice").write(popfetch.home(), "other");
    let file = |name: &str, content: &str| -> PathBuf {
        fs::write(popfetch.path(name), content).unwrap();
        fs::set_permissions(popfetch.path(name), Permissions::from_mode(0o600)).unwrap();
        popfetch.path(name)
    };
    let twice = file("twice.pem", &fs::read_to_string(&certificate).unwrap());
    let body = "QUJD\n";
    let pem = |kind: &str, header: &str| format!("-----BEGIN {kind}-----\n{header}{body}-----END {kind}-----\n");
    let encrypted = file("encrypted.key", &pem("ENCRYPTED PRIVATE KEY", ""));
    let old = file("old.key", &pem("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n"));
    let damaged = file("damaged.key", &pem("PRIVATE KEY", ""));
    let empty = file("empty.key", "");
    for (certificate, key, words) in [
        (&certificate, &other_key, "does not belong to the certificate in"),
        (&certificate, &encrypted, "is encrypted; make a copy without a password"),
        (&certificate, &old, "is encrypted; make a copy without a password"),
        (&certificate, &damaged, "is damaged"),
        (&certificate, &empty, "has no private key in PEM form"),
        (&certificate, &twice, "has no private key in PEM form"),
        (&certificate, &popfetch.path("missing"), "cannot read"),
        (&key, &key, "has no certificate in PEM form"),
        (&popfetch.path("missing"), &key, "cannot read"),
    ] {
        let run = popfetch.list_tls(&server, Tls::Implicit, authority.ca_file());
        let run = run.arg("--tls-cert").arg(certificate).arg("--tls-key").arg(key).run();
        run.assert_failure(78, &[words]);
        assert!(!run.stderr.contains("QUJD"), "{run:#?}");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_key_that_others_can_read_is_warned_of() {
    let authority = Authority::new();
    let tls = ServerTls::implicit(authority.server()).require_client_certificate(&authority);
    let server = server_with(tls);
    let popfetch = popfetch();
    let (certificate, key) = authority.client("alice").write(popfetch.home(), "client");
    for mode in [0o644, 0o640, 0o604] {
        fs::set_permissions(&key, Permissions::from_mode(mode)).unwrap();
        let run = popfetch.list_tls(&server, Tls::Implicit, authority.ca_file());
        let run = run.arg("--tls-cert").arg(&certificate).arg("--tls-key").arg(&key).run();
        assert_eq!(run.code, Some(0), "{run:#?}");
        let key = key.display();
        let warning = format!(
            "popfetch: warning: the key file {key} is open to other users (mode {mode:04o}); chmod 600 {key}\n"
        );
        assert_eq!(run.stderr, warning);
    }
}

#[test]
fn the_oldest_version_that_is_accepted() {
    let authority = Authority::new();
    for (versions, minimum, version) in [
        (TlsVersions::Both, None, Some("TLS 1.3")),
        (TlsVersions::Both, Some("1.2"), Some("TLS 1.3")),
        (TlsVersions::Only12, None, Some("TLS 1.2")),
        (TlsVersions::Only12, Some("1.2"), Some("TLS 1.2")),
        (TlsVersions::Only13, Some("1.3"), Some("TLS 1.3")),
        (TlsVersions::Only12, Some("1.3"), None),
    ] {
        for mode in BOTH {
            let server = server_with(tls(mode, authority.server()).with_versions(versions));
            let popfetch = popfetch();
            let run = popfetch.list_tls(&server, mode, authority.ca_file()).arg("-v");
            let run = minimum.into_iter().fold(run, |run, minimum| run.args(["--tls-min", minimum])).run();
            match version {
                Some(version) => {
                    run.assert_success();
                    assert!(run.stdout.contains(&format!("connected ({version}): ")), "{run:#?}");
                }
                None => {
                    run.assert_failure(76, &["the server has no version of TLS that is accepted here"]);
                    assert_nothing_was_said(&server, mode);
                }
            }
        }
    }
}

#[test]
fn the_certificate_may_be_for_another_name_that_is_given() {
    let authority = Authority::new();
    let server = server(Tls::StartTls, authority.server_for(&["pop.example.org", "*.example.net", "192.0.2.7"]));
    let popfetch = popfetch();
    let named = |name: Option<&str>| {
        let run = popfetch.list_tls(&server, Tls::StartTls, authority.ca_file());
        name.into_iter().fold(run, |run, name| run.args(["--tls-name", name])).run()
    };
    let names = "is not for localhost, but for pop.example.org, *.example.net, 192.0.2.7";
    named(None).assert_failure(76, &[names, "; if that is the server that is meant, give its name with --tls-name"]);
    for name in ["pop.example.org", "POP.example.org", "mail.example.net", "192.0.2.7"] {
        named(Some(name)).assert_success();
    }
    for name in ["example.org", "a.b.example.net", "192.0.2.8"] {
        named(Some(name)).assert_failure(76, &[&format!("is not for {name}, but for")]);
    }
    let connections = server.connections();
    for name in ["", "a b", "*.example.net"] {
        named(Some(name)).assert_failure(64, &["is not a name that a certificate can have"]);
    }
    assert_eq!(server.connections(), connections);
}

#[test]
fn an_address_in_the_url_is_what_the_certificate_has_to_be_for() {
    let authority = Authority::new();
    let popfetch = popfetch();
    let trusting = |scheme, host, server: &ModelServer| {
        list(&popfetch, scheme, host, server).arg("--ca-file").arg(authority.ca_file()).run()
    };
    for (scheme, mode) in [("pop3", Tls::StartTls), ("pop3s", Tls::Implicit)] {
        let with_addresses = server(mode, authority.server());
        trusting(scheme, "127.0.0.1", &with_addresses).assert_success();
        let v6 = ModelServer::start(script(three_messages()).on_ipv6().with_tls(tls(mode, authority.server())));
        trusting(scheme, "[::1]", &v6).assert_success();
        let without = server(mode, authority.server_for(&["localhost"]));
        trusting(scheme, "127.0.0.1", &without).assert_failure(76, &["is not for 127.0.0.1, but for localhost"]);
        assert_nothing_was_said(&without, mode);
    }
}
