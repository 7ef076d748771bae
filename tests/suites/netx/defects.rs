//! What NetX gets wrong about credentials and commands: 1, 2, 7, 8, 9 and 10 of the list.

use popfetch::contract::{Error, ResponseCode};
use popfetch::{Mechanism, ProtocolLimits, Session, SessionOptions};
use popfetch_tests::command::{PASSWORD, Popfetch, script};
use popfetch_tests::maildrop::Maildrop;
use popfetch_tests::server::{At, Fault, ModelServer, Script};

use super::client::{SANDBOX, connect, credentials, options, pop3, receive, server_at, signed_in};

const TIMESTAMP: &str = "<1896.697170952@dbc.mtview.ca.us>";

fn popfetch() -> Popfetch {
    Popfetch::new(env!("CARGO_BIN_EXE_popfetch-under-test"))
}

fn one_message() -> Maildrop {
    Maildrop::of_octets(["Subject: one\r\n\r\nbody\r\n"])
}

/// Defect 1: `-ERR` to PASS is returned as success.
#[tokio::test]
async fn defect_1_err_to_pass_is_a_refused_sign_in() {
    let server = ModelServer::start(Script::default());
    let mut session = connect(server.address()).await;
    let signed_in = session.sign_in(&credentials("alice", "wrong"), &[Mechanism::User]).await;
    let Error::SignInRefused(refusal) = pop3(signed_in.unwrap_err()) else { panic!("another error") };
    assert_eq!(refusal.command, "PASS");
    assert!(matches!(refusal.reply.code, Some(ResponseCode::Auth)));
    // The session is still in AUTHORIZATION.
    assert!(matches!(pop3(session.stat().await.unwrap_err()), Error::InvalidState(_)));
    assert_eq!(server.commands(), ["USER alice", "PASS wrong"]);

    let popfetch = popfetch();
    popfetch.write_password("mistyped");
    let run = popfetch.fetch(&server).args(["--auth", "user"]).run();
    run.assert_failure(77, &["PASS", "[AUTH] wrong name or password", "check the user name and the password"]);
}

/// Defect 2: `-ERR` to APOP silently sends the clear-text password.
#[tokio::test]
async fn defect_2_err_to_apop_does_not_send_the_password() {
    let refused = Fault::Refuse(b"no APOP today".to_vec());
    let server = ModelServer::start(script(one_message()).with_apop(TIMESTAMP).fault(At::verb("APOP"), refused));
    let mut session = connect(server.address()).await;
    let signed_in = session.sign_in(&credentials("alice", PASSWORD), &[Mechanism::Apop]).await;
    assert!(matches!(pop3(signed_in.unwrap_err()), Error::SignInRefused(_)));

    let run = popfetch().fetch(&server).args(["--auth", "apop"]).run();
    run.assert_failure(77, &["APOP", "no APOP today"]);
    let commands = server.commands();
    let [first, capa, second] = commands.as_slice() else { panic!("{commands:?}") };
    assert!([first, second].iter().all(|command| command.starts_with("APOP alice ")), "{commands:?}");
    assert_eq!(capa, "CAPA");

    // And what nobody has named does not even send a digest in clear text.
    let run = popfetch().fetch(&server).run();
    run.assert_failure(77, &["the server offers none of the permitted mechanisms"]);
    assert_eq!(server.commands()[3..], ["CAPA"]);
}

/// Defect 7: CR/LF in user name or password goes to the wire.
#[tokio::test]
async fn defect_7_no_line_end_in_a_credential_reaches_the_wire() {
    let server = ModelServer::start(script(one_message()).with_apop(TIMESTAMP));
    for octet in ['\r', '\n', '\0'] {
        let name = format!("alice{octet}DELE 1");
        let password = format!("secret{octet}DELE 1");
        for mechanism in [Mechanism::User, Mechanism::Apop] {
            let mut session = connect(server.address()).await;
            for credentials in [credentials(&name, "secret"), credentials("alice", password.as_str())] {
                let error = pop3(session.sign_in(&credentials, &[mechanism]).await.unwrap_err());
                assert!(matches!(error, Error::InvalidArgument(_)), "{error:?}");
            }
        }
    }
    // USER was sent for the good name with the bad password; nothing else was.
    assert!(server.commands().iter().all(|command| command == "USER alice"), "{:?}", server.commands());
    let connections = server.connections();

    let popfetch = popfetch();
    let url = format!("pop3://alice%0D%0ADELE%201@{}", server.address());
    let run = popfetch.run("list").arg(url).args(["--tls", "off", "--auth", "user"]).run();
    assert_eq!(run.code, Some(64), "{run:#?}");
    let url = format!("pop3://{}", server.address());
    let run = popfetch.run("list").arg(url).args(["--tls", "off", "--auth", "user", "--user", "alice\r\nDELE 1"]).run();
    assert_eq!(run.code, Some(64), "{run:#?}");
    popfetch.write_password("secret\r\nDELE 1\r\n");
    popfetch.list(&server).args(["--auth", "user"]).run().assert_failure(78, &["password", "line end"]);
    assert_eq!(server.connections(), connections, "the command did not even connect");
}

/// Defect 8: any `<…>` in the greeting is taken as an APOP timestamp (CVE-2007-1558).
#[tokio::test]
async fn defect_8_only_a_msg_id_is_a_timestamp() {
    for timestamp in
        ["<>", "<not a msg-id>", "<no-at-sign>", "<@>", "<a@>", "<@b>", "<a@b\x7f>", "<a@\u{e9}>", "<a@b\x01>"]
    {
        let server = ModelServer::start(script(one_message()).with_apop(timestamp));
        let mut session = connect(server.address()).await;
        assert_eq!(session.greeting().await.unwrap().timestamp, None, "{timestamp:?}");
        let signed_in = session.sign_in(&credentials("alice", PASSWORD), &[Mechanism::Apop]).await;
        assert!(matches!(pop3(signed_in.unwrap_err()), Error::NoMechanism(_)), "{timestamp:?}");
        drop(session);

        let run = popfetch().fetch(&server).args(["--auth", "apop"]).run();
        run.assert_failure(77, &["APOP", "greeting has no valid timestamp", "others have to be named"]);
        assert_eq!(server.commands(), ["CAPA"], "{timestamp:?}");
    }
}

/// Defect 9: item numbers of 10^9 and more send `RETR ` with no number; DELE does not check its upper bound.
#[tokio::test]
async fn defect_9_every_message_number_is_sent_whole() {
    let server = ModelServer::start(Script::with(one_message()));
    let mut session = signed_in(server.address()).await;
    for number in [999_999_999, 1_000_000_000, u32::MAX] {
        let Err(Error::Refused(_)) = receive(&mut session, number).await else { panic!("there is no such message") };
        let deletions = session.delete(&[number]).await.unwrap();
        assert!(deletions[0].refused.is_some());
        let error = pop3(session.scan_listing(number).await.unwrap_err());
        assert!(matches!(error, Error::Refused(_)), "{error:?}");
        let commands = server.commands();
        let expected = [format!("RETR {number}"), format!("DELE {number}"), format!("LIST {number}")];
        assert!(commands.ends_with(&expected), "{commands:?}");
    }
    // There is no message 0, and nobody is asked for it.
    let commands = server.commands().len();
    for answer in [
        session.retrieve(&[0]).await.map(drop),
        session.delete(&[1, 0]).await.map(drop),
        session.scan_listing(0).await.map(drop),
        session.unique_id(0).await.map(drop),
        session.top(&[0], 0).await.map(drop),
    ] {
        assert!(matches!(pop3(answer.unwrap_err()), Error::InvalidArgument(_)));
    }
    assert_eq!(server.commands().len(), commands);
    assert!(session.is_usable());
    session.quit().await.unwrap();
    assert_eq!(server.maildrop().len(), 1);
}

/// Defect 10: credentials of 40 and 20 octets cannot hold an OAuth token.
#[tokio::test]
async fn defect_10_credentials_may_be_long() {
    let (name, token) = ("n".repeat(300), "0123456789abcdef".repeat(256));
    let long = Script { user: name.clone(), password: token.clone(), ..Script::with(one_message()) };
    for (mechanism, auth) in [(Mechanism::User, "user"), (Mechanism::Apop, "apop")] {
        let server = ModelServer::start(long.clone().with_apop(TIMESTAMP));
        let mut session = connect(server.address()).await;
        assert_eq!(session.sign_in(&credentials(&name, token.as_str()), &[mechanism]).await.unwrap(), mechanism);
        session.quit().await.unwrap();

        let popfetch = popfetch();
        popfetch.write_password(&token);
        let url = format!("pop3://{name}@{}", server.address());
        let list = popfetch.run("list").arg(url).args(["--tls", "off", "--auth", auth, "--password-file"]);
        list.arg(popfetch.password_file()).run().assert_success();
    }

    // What is too long is the caller's to say, and is refused before anything is sent.
    let server = ModelServer::start(long);
    let limits = ProtocolLimits { credential: 4095, ..ProtocolLimits::default() };
    let options = SessionOptions { limits, ..options() };
    let mut session = Session::connect(&SANDBOX, &server_at(server.address()), &options).await.unwrap();
    let signed_in = session.sign_in(&credentials("alice", token), &[Mechanism::User]).await;
    assert!(matches!(pop3(signed_in.unwrap_err()), Error::InvalidArgument(_)));
    assert!(!server.commands().iter().any(|command| command.starts_with("PASS")));
}
