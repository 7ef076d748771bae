//! UTF8 and LANG (RFC 6856).

use popfetch::contract::{Error, Refusal};
use popfetch::{Mechanism, ResponseCode};
use popfetch_tests::server::{At, Fault, ModelServer, Row, Script};

use crate::{alice, connected, pop3, server_with};

fn with_languages() -> Script {
    let languages = [("en", "English"), ("de", "Deutsch"), ("i-default", "")];
    let languages = languages.map(|(tag, description)| (tag.to_owned(), description.to_owned())).into();
    Script { languages, utf8: true, ..server_with(&["A: 1\r\n\r\n"]) }
}

#[tokio::test]
async fn the_languages_of_a_server_and_one_of_them() {
    let model = ModelServer::start(with_languages());
    let mut session = connected(&model).await;
    let languages: Vec<_> = session.languages().await.unwrap();
    let languages: Vec<_> = languages.iter().map(|row| (row.tag.as_str(), row.description.as_str())).collect();
    assert_eq!(languages, [("en", "English"), ("de", "Deutsch"), ("i-default", "")]);
    for tag in ["de", "DE", "*"] {
        session.speak(tag).await.unwrap();
    }
    let error = pop3(session.speak("tlh").await);
    assert!(matches!(&error, Error::Refused(Refusal { command, .. }) if command == "LANG"), "{error:?}");
    for tag in ["", " ", "de\r\nQUIT", "de en", &"x".repeat(20_000)] {
        assert!(matches!(pop3(session.speak(tag).await), Error::InvalidArgument(_)), "{tag:?}");
    }
    assert_eq!(model.commands(), ["LANG", "LANG de", "LANG DE", "LANG *", "LANG tlh"]);
    // The same after the sign-in.
    session.sign_in(&alice(), &[Mechanism::User]).await.unwrap();
    assert_eq!(session.languages().await.unwrap().len(), 3);
    session.speak("de").await.unwrap();
    session.quit().await.unwrap();
}

#[tokio::test]
async fn utf8_belongs_before_the_sign_in() {
    let model = ModelServer::start(with_languages());
    let mut session = connected(&model).await;
    session.utf8().await.unwrap();
    session.sign_in(&alice(), &[Mechanism::User]).await.unwrap();
    assert!(matches!(pop3(session.utf8().await), Error::InvalidState(_)));
    session.quit().await.unwrap();
    assert_eq!(model.commands(), ["UTF8", "USER alice", "PASS secret", "QUIT"]);
}

#[tokio::test]
async fn a_server_may_have_neither() {
    let model = ModelServer::start(server_with(&["A: 1\r\n\r\n"]));
    let mut session = connected(&model).await;
    for error in [pop3(session.utf8().await), pop3(session.languages().await), pop3(session.speak("de").await)] {
        assert!(matches!(error, Error::Refused(_)), "{error:?}");
    }
    // It goes on as it was.
    session.sign_in(&alice(), &[Mechanism::User]).await.unwrap();
}

#[tokio::test]
async fn words_are_escaped_and_lists_have_an_end() {
    let row = Fault::Row(Row::Replace(1, b"\x1b[31m \xff\xe2\x80\xae".to_vec()));
    let model = ModelServer::start(with_languages().fault(At::verb("LANG"), row));
    let languages = connected(&model).await.languages().await.unwrap();
    assert_eq!((languages[0].tag.as_str(), languages[0].description.as_str()), (r"\x1b[31m", r"\xff\xe2\x80\xae"));

    let model = ModelServer::start(with_languages().fault(At::verb("LANG"), Fault::EndlessBody));
    let error = pop3(connected(&model).await.languages().await);
    assert!(matches!(error, Error::LimitExceeded(_)), "{error:?}");

    let refused = Fault::Refuse(b"[SYS/TEMP] later".to_vec());
    let model = ModelServer::start(with_languages().fault(At::verb("LANG"), refused));
    let error = pop3(connected(&model).await.speak("de").await);
    let Error::Refused(refusal) = error else { panic!("{error:?}") };
    assert!(matches!(refusal.reply.code, Some(ResponseCode::SysTemp)));
}
