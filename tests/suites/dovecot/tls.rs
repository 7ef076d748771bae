//! Certificates, pins and versions of TLS: whom the command speaks with, and with whom it does not.

use popfetch_tests::{
    authority::{Authority, Identity},
    command::{Invocation, PASSWORD, Run, USER},
    dovecot::{ClientCertificates, Dovecot, ServerTls, Settings, TlsVersions},
    fingerprint::Fingerprint,
};

use crate::{
    channel::Channel,
    mailbox::{Mailbox, settings},
    trace::sign_ins,
};

const MESSAGE: &[u8] = b"Subject: hello\r\n\r\nover TLS\r\n";

/// One message at a server with this certificate.
fn mailbox_at(tls: impl FnOnce(&Authority) -> ServerTls) -> Mailbox {
    let mut mailbox = Mailbox::at(|authority| Settings { tls: Some(tls(authority)), ..settings() });
    mailbox.receive([MESSAGE.to_vec()]);
    mailbox
}

fn message() -> Fingerprint {
    Fingerprint::of("the message", MESSAGE)
}

/// As the mailbox's own, but without its authority.
fn fetch_trusting_nobody(mailbox: &Mailbox, channel: Channel) -> Invocation<'static> {
    fetch_without_password(mailbox, channel).arg("--password-file").arg(mailbox.user.password_file())
}

fn fetch_without_password(mailbox: &Mailbox, channel: Channel) -> Invocation<'static> {
    let run = channel.run(&mailbox.user, "fetch", &mailbox.dovecot).args(["--user", USER, "--maildir"]);
    run.arg(mailbox.user.maildir().path())
}

/// With a certificate of the client.
fn showing(identity: &Identity, run: Invocation<'static>, mailbox: &Mailbox) -> Invocation<'static> {
    let (certificate, key) = identity.write(mailbox.user.home(), "client");
    run.arg("--tls-cert").arg(certificate).arg("--tls-key").arg(key)
}

/// It ends with this code and these words before anybody is signed in, and nothing has happened to the mail.
#[track_caller]
fn assert_no_sign_in(mailbox: &Mailbox, run: Invocation<'static>, code: i32, words: &[&str]) {
    let trace = mailbox.user.path("trace");
    run.args(["--delete", "--trace"]).arg(&trace).run().assert_failure(code, words);
    assert!(trace.exists());
    assert_eq!(sign_ins(&trace), [""; 0]);
    assert_eq!(mailbox.user.maildir().delivered(), []);
    assert_eq!(mailbox.at_the_server(), 1);
    assert!(!mailbox.dovecot.log().contains("method="), "{}", mailbox.dovecot.log());
}

/// What `info` has behind this name.
#[track_caller]
fn field<'r>(run: &'r Run, name: &str) -> &'r str {
    let line = run.assert_success().stdout.lines().find_map(|line| line.trim_start().strip_prefix(name));
    line.unwrap_or_else(|| panic!("{name} is missing: {run:#?}")).trim()
}

#[test]
fn the_certificate_is_described_and_its_pin_can_be_pasted_back() {
    let mut identity = None;
    let mailbox = mailbox_at(|authority| ServerTls::with(identity.insert(authority.server()).clone()));
    let pin = identity.unwrap().pin();
    for channel in Channel::TLS {
        let info = mailbox.info_over(channel).run();
        assert!(field(&info, "TLS:").starts_with("TLS 1.3, TLS13_"), "{info:#?}");
        assert_eq!(field(&info, "certificate:"), "CN=localhost");
        assert_eq!(field(&info, "names:"), "localhost, 127.0.0.1, ::1");
        assert!(field(&info, "issuer:").starts_with("CN=popfetch test authority "), "{info:#?}");
        assert_eq!(field(&info, "valid:"), "2000-01-01T00:00:00Z to 2100-01-01T00:00:00Z");
        assert_eq!(field(&info, "trusted by:"), "its CA");
        assert_eq!(field(&info, "pin:"), format!("--tls-pin {pin}"));
        assert!(!field(&info, "capabilities:").contains("STLS"), "it is no offer any more: {info:#?}");
        assert_eq!(field(&info, "would use:"), "scram-sha-256, pipelined");

        let pasted: Vec<&str> = field(&info, "pin:").split(' ').collect();
        let run = fetch_trusting_nobody(&mailbox, channel).args(&pasted).run();
        assert!(run.assert_success().stdout.contains("1 stored"), "{run:#?}");
        let json = channel.run(&mailbox.user, "info", &mailbox.dovecot).args(["--output", "json"]).args(&pasted).run();
        json.assert_success();
        for words in [r#""version":"TLS 1.3""#, r#""trusted_by":"its pin""#, &format!(r#""pin":"{pin}""#)] {
            assert!(json.stdout.contains(words), "{words} is missing: {json:#?}");
        }
    }
    mailbox.user.maildir().assert_holds([message(), message()]);
}

#[test]
fn a_certificate_that_nobody_trusted_has_signed_is_told_with_the_pin_that_would_do() {
    let identity = Identity::self_signed();
    let pin = identity.pin();
    let mailbox = mailbox_at(|_| ServerTls::with(identity));
    for channel in Channel::TLS {
        let told = format!("trust that with --tls-pin {pin}");
        let run = mailbox.trusting(channel, fetch_trusting_nobody(&mailbox, channel));
        assert_no_sign_in(&mailbox, run, 76, &["the server's certificate is self-signed", &told]);
    }
    for channel in Channel::TLS {
        fetch_trusting_nobody(&mailbox, channel).args(["--tls-pin", &pin]).run().assert_success();
    }
}

#[test]
fn a_certificate_of_an_unknown_authority_is_not_accepted() {
    let mailbox = mailbox_at(|authority| ServerTls::with(authority.server()));
    let other = Authority::new();
    for channel in Channel::TLS {
        let run = fetch_trusting_nobody(&mailbox, channel).arg("--ca-file").arg(other.ca_file());
        let words = ["signed by \"CN=popfetch test authority ", "does not lead to a trusted CA", "--ca-file"];
        assert_no_sign_in(&mailbox, run, 76, &words);
    }
}

#[test]
fn a_certificate_for_another_time_or_host_is_not_accepted() {
    type Issue = fn(&Authority) -> Identity;
    let cases: [(Issue, &[&str]); 4] = [
        (Authority::expired, &["the certificate that the server shows expired at 2001-01-01T00:00:00Z"]),
        (Authority::not_yet_valid, &["is not valid before 2099-01-01T00:00:00Z"]),
        (
            |authority| authority.server_for(&["pop.example.org", "192.0.2.1"]),
            &["the server's certificate is not for localhost, but for pop.example.org, 192.0.2.1"],
        ),
        (
            |authority| authority.common_name_only("localhost"),
            &["the server's certificate is not for localhost, nor for any name or address at all"],
        ),
    ];
    for (issue, words) in cases {
        let mailbox = mailbox_at(|authority| ServerTls::with(issue(authority)));
        for channel in Channel::TLS {
            assert_no_sign_in(&mailbox, mailbox.fetch_over(channel, "auto"), 76, words);
        }
    }
}

#[test]
fn the_name_of_a_certificate_can_be_said() {
    let mailbox = mailbox_at(|authority| ServerTls::with(authority.server_for(&["pop.example.org"])));
    for channel in Channel::TLS {
        mailbox.fetch_over(channel, "auto").args(["--tls-name", "pop.example.org"]).run().assert_success();
    }
}

#[test]
fn another_key_than_the_pinned_one_is_not_accepted() {
    let mailbox = mailbox_at(|authority| ServerTls::with(authority.server()));
    let other = Identity::self_signed().pin();
    for channel in Channel::TLS {
        let run = mailbox.fetch_over(channel, "auto").args(["--tls-pin", &other]);
        assert_no_sign_in(&mailbox, run, 76, &["the server's key is not the one that was pinned"]);
    }
}

#[test]
fn one_version_of_tls_is_enough() {
    for (versions, version, suite) in
        [(TlsVersions::Only12, "TLS 1.2", "TLS_ECDHE_ECDSA_"), (TlsVersions::Only13, "TLS 1.3", "TLS13_")]
    {
        let mailbox = mailbox_at(|authority| ServerTls { versions, ..ServerTls::with(authority.server()) });
        for channel in Channel::TLS {
            let info = mailbox.info_over(channel).run();
            assert!(field(&info, "TLS:").starts_with(&format!("{version}, {suite}")), "{info:#?}");
            let newest = mailbox.fetch_over(channel, "auto").args(["--tls-min", "1.3"]);
            match versions {
                // Dovecot closes without the alert that would say why.
                TlsVersions::Only12 => assert_no_sign_in(&mailbox, newest, 74, &["in the middle of the TLS handshake"]),
                _ => _ = newest.run().assert_success(),
            }
        }
        for channel in Channel::TLS {
            mailbox.fetch_over(channel, "auto").run().assert_success();
        }
    }
}

#[test]
fn a_certificate_of_the_client_can_be_demanded() {
    let clients = |authority: &Authority| Some(ClientCertificates { authority: authority.pem(), required: true });
    let mailbox =
        mailbox_at(|authority| ServerTls { clients: clients(authority), ..ServerTls::with(authority.server()) });
    let (own, strangers) = (mailbox.authority.client("alice"), Authority::new().client("alice"));
    let refused = "Client didn't present valid SSL certificate";
    // Dovecot goes on with the handshake, and refuses whoever signs in.
    for (channel, auth) in Channel::TLS.into_iter().flat_map(|channel| [(channel, "auto"), (channel, "user")]) {
        mailbox.fetch_over(channel, auth).run().assert_failure(77, &[refused]);
        showing(&strangers, mailbox.fetch_over(channel, auth), &mailbox).run().assert_failure(77, &[refused]);
        assert_eq!(mailbox.user.maildir().delivered(), []);
    }
    for channel in Channel::TLS {
        showing(&own, mailbox.fetch_over(channel, "auto"), &mailbox).run().assert_success();
    }
    mailbox.user.maildir().assert_holds([message(), message()]);
}

#[test]
fn a_certificate_of_the_client_signs_in_for_its_name_alone() {
    let clients = |authority: &Authority| Some(ClientCertificates { authority: authority.pem(), required: false });
    let mailbox =
        mailbox_at(|authority| ServerTls { clients: clients(authority), ..ServerTls::with(authority.server()) });
    // No password is wanted, so that none is asked for.
    let fetch = |channel: Channel| mailbox.trusting(channel, fetch_without_password(&mailbox, channel));
    for channel in Channel::TLS {
        let external = || fetch(channel).args(["--auth", "external"]);
        showing(&mailbox.authority.client("alice"), external(), &mailbox).run().assert_success();
        for identity in [mailbox.authority.client("bob"), Authority::new().client("alice")] {
            showing(&identity, external(), &mailbox).run().assert_failure(77, &["AUTH EXTERNAL", "[AUTH]"]);
        }
        external().run().assert_failure(77, &["AUTH EXTERNAL", "[AUTH]"]);
    }
    mailbox.user.maildir().assert_holds([message(), message()]);
}

#[test]
fn a_server_without_tls_gets_no_password() {
    let mut mailbox = mailbox_at(|authority| ServerTls::with(authority.server()));
    mailbox.dovecot = Dovecot::start(&[(USER, PASSWORD)]);
    mailbox.dovecot.fill(USER, [MESSAGE.to_vec()]);
    let words = ["refused STLS", "-ERR", "nothing secret was sent", "--tls off"];
    assert_no_sign_in(&mailbox, mailbox.fetch_over(Channel::StartTls, "auto"), 69, &words);
}

#[test]
fn tls_from_the_start_is_not_expected_of_a_port_in_clear_text() {
    let mailbox = mailbox_at(|authority| ServerTls::with(authority.server()));
    let run = mailbox.user.run("fetch").arg(format!("pop3s://{USER}@localhost:{}", mailbox.dovecot.port()));
    let run = run.arg("--password-file").arg(mailbox.user.password_file());
    let run = run.arg("--maildir").arg(mailbox.user.maildir().path()).arg("--ca-file").arg(mailbox.authority.ca_file());
    assert_no_sign_in(&mailbox, run, 76, &["what answers does not speak TLS; write pop3:// for a port with STLS"]);
}

#[test]
fn a_server_that_demands_tls_gets_no_password_without() {
    let mailbox = mailbox_at(|authority| ServerTls { required: true, ..ServerTls::with(authority.server()) });
    for auth in ["auto", "scram-sha-256", "cram-md5", "plain"] {
        let run = mailbox.fetch_over(Channel::CleartextFromAfar, auth);
        assert_no_sign_in(&mailbox, run, 77, &["offers none of the permitted mechanisms", "no SASL mechanism"]);
    }
    // Here nothing but the refusal itself says that it is none.
    for (auth, words) in [
        ("apop", "APOP: \"-ERR [AUTH] Authentication not allowed until SSL/TLS is enabled."),
        ("user", "USER: \"-ERR [AUTH] Plaintext authentication disallowed"),
    ] {
        mailbox.fetch_over(Channel::CleartextFromAfar, auth).run().assert_failure(77, &[words]);
    }
    assert_eq!(mailbox.user.maildir().delivered(), []);
    for channel in Channel::TLS {
        mailbox.fetch_over(channel, "user").run().assert_success();
    }
    mailbox.user.maildir().assert_holds([message(), message()]);
}
