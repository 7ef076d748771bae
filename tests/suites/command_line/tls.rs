//! TLS is not built yet: whoever asks for it is told so, before anybody hears of him.

use popfetch_tests::command::script;
use popfetch_tests::server::ModelServer;

use super::{popfetch, three_messages};

#[test]
fn anything_but_off_is_unavailable_before_a_credential_is_read_or_a_connection_made() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let address = server.address();
    for (scheme, tls) in [
        ("pop3", &[][..]),
        ("pop3", &["--tls", "starttls"]),
        ("pop3", &["--tls", "implicit"]),
        ("pop3s", &[]),
        ("pop3s", &["--tls", "implicit"]),
        ("pop3", &["--ca-file", "ca.pem"]),
    ] {
        for verb in ["fetch", "list", "info"] {
            let mut run = popfetch.run(verb).arg(format!("{scheme}://alice@{address}")).args(tls);
            if verb != "info" {
                run = run.args(["--auth", "user", "--password-command", "touch read; echo password"]);
            }
            if verb == "fetch" {
                run = run.args(["--maildir", "mail", "--state", "state"]);
            }
            run.run().assert_failure(69, &["this version has no TLS", "--tls off"]);
        }
    }
    assert_eq!(server.connections(), 0);
    for made in ["read", "mail", "state"] {
        assert!(!popfetch.path(made).exists(), "{made} was made");
    }
}

#[test]
fn off_is_clear_text() {
    let server = ModelServer::start(script(three_messages()));
    let run = popfetch().info(&server).run();
    run.assert_success();
    assert!(run.stdout.contains("off: everything travels in clear text"), "{run:#?}");
}
