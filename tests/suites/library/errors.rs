//! Why a verb failed, and whose fault it is.

use popfetch::contract::{Error, Misbehaviour, Refusal};
use popfetch::{ResponseCode, Session, SessionError, SessionOptions};
use popfetch_tests::server::{At, Banner, Ending, Fault, ModelServer, Row, Script};

use crate::{PATIENCE, at, pop3, sandbox, server_with, signed_in};

async fn connecting(model: &ModelServer) -> Result<Session, SessionError> {
    Session::connect(&sandbox(), &at(model.address()), &SessionOptions::default()).await
}

#[tokio::test]
async fn a_refusal_has_the_command_and_the_servers_words() {
    for (reply, code, text) in [
        ("[IN-USE] busy", Some(ResponseCode::InUse), "busy"),
        ("[LOGIN-DELAY] wait", Some(ResponseCode::LoginDelay), "wait"),
        ("[SYS/TEMP] disk", Some(ResponseCode::SysTemp), "disk"),
        ("[SYS/PERM] gone", Some(ResponseCode::SysPerm), "gone"),
        ("[AUTH]", Some(ResponseCode::Auth), ""),
        ("[X-ODD 7] \x1b[31mred", Some(ResponseCode::Other("X-ODD 7".to_owned())), r"\x1b[31mred"),
        ("no such message", None, "no such message"),
        ("", None, ""),
    ] {
        let fault = Fault::Refuse(reply.as_bytes().to_vec());
        let model = ModelServer::start(server_with(&["one"]).fault(At::verb("LIST"), fault));
        let mut session = signed_in(&model).await;
        let error = session.scan_listing(7).await.unwrap_err();
        assert!(error.is_refusal() && !error.ends_session());
        let SessionError::Pop3(Error::Refused(Refusal { command, reply, .. })) = error else { panic!("{error:?}") };
        assert_eq!((command.as_str(), reply.text.as_str()), ("LIST 7", text));
        assert_eq!(format!("{:?}", reply.code), format!("{code:?}"));
        session.quit().await.unwrap();
    }
}

#[tokio::test]
async fn a_server_may_refuse_the_connection() {
    let play = Fault::Raw(b"-ERR [SYS/PERM] closed for ever\r\n".to_vec());
    let model = ModelServer::start(Script::default().fault(At::greeting(), play));
    let Error::Refused(Refusal { command, reply, .. }) = pop3(connecting(&model).await) else { panic!() };
    assert_eq!((command.as_str(), reply.text.as_str()), ("the connection", "closed for ever"));
    assert!(matches!(reply.code, Some(ResponseCode::SysPerm)));
    model.wait_idle(PATIENCE).unwrap();
}

#[tokio::test]
async fn a_server_that_goes_before_its_greeting_is_said_to() {
    let model = ModelServer::start(Script::default().fault(At::greeting(), Fault::End(Ending::Close)));
    let error = connecting(&model).await.unwrap_err();
    assert!(error.ends_session());
    assert_eq!(error.to_string(), "the server closed the connection before its greeting");
    assert!(matches!(pop3::<()>(Err(error)), Error::Closed(Some(command)) if command == "the connection"));
    model.wait_idle(PATIENCE).unwrap();
}

#[tokio::test]
async fn what_is_no_pop3_server_is_said_to_be_none() {
    for banner in [Banner::Ssh, Banner::Http, Banner::Smtp, Banner::Imap, Banner::Noise] {
        let model = ModelServer::start(Script::default().fault(At::greeting(), Fault::Banner(banner)));
        let error = connecting(&model).await.unwrap_err();
        assert!(error.ends_session());
        let SessionError::Pop3(Error::Misbehaved(Misbehaviour { command, line, .. })) = error else {
            panic!("{banner:?}: {error:?}");
        };
        assert_eq!(command.as_deref(), Some("the connection"));
        assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
        model.wait_idle(PATIENCE).unwrap();
    }
}

#[tokio::test]
async fn a_server_that_goes_is_told_from_a_network_that_breaks() {
    let model = ModelServer::start(
        server_with(&["one"])
            .fault(At::verb("STAT").connection(1), Fault::End(Ending::Close))
            .fault(At::verb("STAT").connection(2), Fault::End(Ending::Reset))
            .fault(At::verb("STAT").connection(3), Fault::CutReply { after: 3, ending: Ending::Close }),
    );
    for connection in 1..=3 {
        let mut session = signed_in(&model).await;
        let error = session.stat().await.unwrap_err();
        assert!(error.ends_session() && !session.is_usable());
        match (connection, error) {
            (1 | 3, SessionError::Pop3(Error::Closed(Some(command)))) => assert_eq!(command, "STAT"),
            (2, SessionError::Pop3(Error::Network(cause))) => assert!(cause.starts_with("reading: "), "{cause}"),
            (_, error) => panic!("{connection}: {error:?}"),
        }
        // From here on, every verb is one too many.
        assert!(matches!(pop3(session.stat().await), Error::InvalidState(_)));
        assert!(matches!(pop3(session.quit().await), Error::InvalidState(_)));
    }
}

#[tokio::test]
async fn a_reply_that_makes_no_sense_ends_the_session() {
    let raw = |octets: &[u8]| Fault::Raw(octets.to_vec());
    for (verb, fault, command) in [
        ("STAT", raw(b"+OK\r\n"), Some("STAT")),
        ("STAT", raw(b"+OK 1\r\n"), Some("STAT")),
        ("STAT", raw(b"+OK -1 5\r\n"), Some("STAT")),
        ("STAT", raw(b"+OK 99999999999 5\r\n"), Some("STAT")),
        ("STAT", raw(b"\n"), Some("STAT")),
        ("STAT", raw(b"* OK\r\n"), Some("STAT")),
        ("LIST", Fault::Row(Row::Replace(1, b"0 5".to_vec())), Some("LIST")),
        ("LIST", Fault::Row(Row::Duplicate(1)), Some("LIST")),
        ("UIDL", Fault::Row(Row::Duplicate(1)), Some("UIDL")),
        ("UIDL", Fault::Row(Row::Append(b"x".to_vec())), Some("UIDL")),
    ] {
        let model = ModelServer::start(server_with(&["one"]).fault(At::verb(verb), fault.clone()));
        let mut session = signed_in(&model).await;
        let error = match verb {
            "STAT" => pop3(session.stat().await),
            "LIST" => pop3(session.scan_listings().await),
            _ => pop3(session.unique_ids().await),
        };
        let Error::Misbehaved(misbehaviour) = error else { panic!("{fault:?}: {error:?}") };
        assert_eq!(misbehaviour.command.as_deref(), command, "{fault:?}");
        assert!(!session.is_usable());
        drop(session);
        model.wait_idle(PATIENCE).unwrap();
        assert!(!model.commands().contains(&"QUIT".to_owned()));
    }
}

#[tokio::test]
async fn an_answer_about_another_message_is_none() {
    let other = Fault::Status(b"+OK 2 120".to_vec());
    let model = ModelServer::start(server_with(&["one"]).fault(At::verb("LIST"), other.clone()));
    assert!(matches!(pop3(signed_in(&model).await.scan_listing(1).await), Error::Misbehaved(_)));
    let model = ModelServer::start(server_with(&["one"]).fault(At::verb("UIDL"), other));
    assert!(matches!(pop3(signed_in(&model).await.unique_id(1).await), Error::Misbehaved(_)));
}

#[tokio::test]
async fn quit_that_fails_says_so() {
    let model = ModelServer::start(
        server_with(&["one"])
            .fault(At::verb("QUIT").connection(1), Fault::Refuse(b"some not removed".to_vec()))
            .fault(At::verb("QUIT").connection(2), Fault::End(Ending::Close))
            .fault(At::verb("QUIT").connection(3), Fault::CutReply { after: 3, ending: Ending::Close })
            .fault(At::verb("QUIT").connection(4), Fault::Raw(b"BYE\r\n".to_vec())),
    );
    for connection in 1..=4 {
        let mut session = signed_in(&model).await;
        session.noop().await.unwrap();
        let quit = session.quit().await;
        match connection {
            1 => assert!(matches!(pop3(quit), Error::Refused(Refusal { command, .. }) if command == "QUIT")),
            2 => assert!(matches!(pop3(quit), Error::Closed(Some(command)) if command == "QUIT")),
            // All that counts has come; servers are known to close the connection too soon.
            3 => quit.unwrap(),
            _ => assert!(matches!(pop3(quit), Error::Misbehaved(_))),
        }
        model.wait_idle(PATIENCE).unwrap();
    }
}
