//! Something else listens at this port, or does not want us.

use popfetch_tests::command::script;
use popfetch_tests::server::{At, Banner, Ending, Fault, ModelServer};

use super::{assert_no_harm, fetch, popfetch, three_messages};

#[test]
fn another_protocol_is_not_pop3() {
    for banner in [Banner::Ssh, Banner::Http, Banner::Smtp, Banner::Imap, Banner::Noise] {
        let server = ModelServer::start(script(three_messages()).fault(At::greeting(), Fault::Banner(banner)));
        let popfetch = popfetch();
        let expected = ["does not speak POP3", "not a POP3 greeting", "check that the host and port are those of"];
        fetch(&popfetch, &server).run().assert_failure(76, &expected);
        popfetch.info(&server).run().assert_failure(76, &expected);
        assert_eq!(server.commands(), [""; 0], "{banner:?}");
        assert_no_harm(&popfetch, &server);
    }
}

/// Seven octets without a line end. A server of TLS sends them to who speaks clear text, and closes.
#[test]
fn the_alert_of_a_tls_server_is_not_pop3() {
    let closes = Fault::CutReply { after: u64::MAX, ending: Ending::Close };
    let script = script(three_messages()).fault(At::greeting(), Fault::Banner(Banner::TlsAlert));
    let server = ModelServer::start(script.fault(At::greeting(), closes));
    let popfetch = popfetch();
    fetch(&popfetch, &server).run().assert_failure(76, &["not a POP3 greeting", r"\x15\x03\x01"]);
    assert_no_harm(&popfetch, &server);
}

#[test]
fn the_server_greets_with_err() {
    for (words, code) in [
        ("no service today", 69),
        ("[IN-USE] come back", 75),
        ("[LOGIN-DELAY] come back", 75),
        ("[SYS/TEMP] come back", 75),
        ("[SYS/PERM] stay away", 69),
        ("[AUTH] not from there", 77),
        ("[X-OTHER] what is that", 69),
    ] {
        let server = ModelServer::start(script(three_messages()).fault(At::greeting(), Fault::Refuse(words.into())));
        let popfetch = popfetch();
        let run = fetch(&popfetch, &server).run();
        run.assert_failure(code, &["the server refused the connection", &format!("\"-ERR {words}\"")]);
        assert_eq!(server.commands(), [""; 0]);
        assert_no_harm(&popfetch, &server);
    }
}

#[test]
fn a_greeting_without_end_is_not_borne() {
    let server = ModelServer::start(script(three_messages()).fault(At::greeting(), Fault::EndlessLine));
    let popfetch = popfetch();
    fetch(&popfetch, &server).run().assert_failure(76, &["more than allowed", "reply-line"]);
    assert_no_harm(&popfetch, &server);
}
