//! Mechanisms, in the order in which they are permitted.

use popfetch::contract::{Error, Refusal};
use popfetch::{Credentials, Mechanism, ResponseCode, Secret};
use popfetch_tests::server::{At, Fault, ModelServer, Script};

use crate::{alice, connected, pop3};

const TIMESTAMP: &str = "<1896.697170952@dbc.mtview.ca.us>";

fn with_apop() -> Script {
    Script { user: "mrose".to_owned(), password: "tanstaaf".to_owned(), ..Script::default().with_apop(TIMESTAMP) }
}

fn mrose(secret: &str) -> Credentials {
    Credentials { user: "mrose".to_owned(), secret: Secret::new(secret) }
}

#[tokio::test]
async fn apop_is_that_of_the_rfc() {
    let model = ModelServer::start(with_apop());
    let mut session = connected(&model).await;
    assert_eq!(session.greeting().await.unwrap().timestamp.as_deref(), Some(TIMESTAMP));
    let used = session.sign_in(&mrose("tanstaaf"), &[Mechanism::Apop, Mechanism::User]).await.unwrap();
    assert_eq!(used, Mechanism::Apop);
    assert_eq!(model.commands(), ["APOP mrose c4c9334bac560ecc979e58001b3e22fb"]);
    assert_eq!(session.stat().await.unwrap().messages, 0);
}

#[tokio::test]
async fn the_first_that_is_accepted_is_used() {
    let model = ModelServer::start(with_apop().fault(At::verb("APOP"), Fault::Refuse(b"not for you".to_vec())));
    let mut session = connected(&model).await;
    let used = session.sign_in(&mrose("tanstaaf"), &[Mechanism::Apop, Mechanism::User]).await.unwrap();
    assert_eq!(used, Mechanism::User);
    assert_eq!(model.commands()[1..], ["USER mrose", "PASS tanstaaf"]);
    // And the other way round; what is not offered is left out.
    let model = ModelServer::start(Script { user_pass: false, ..with_apop() });
    let mut session = connected(&model).await;
    let permitted = [Mechanism::Plain, Mechanism::User, Mechanism::Apop];
    assert_eq!(session.sign_in(&mrose("tanstaaf"), &permitted).await.unwrap(), Mechanism::Apop);
}

#[tokio::test]
async fn a_mechanism_that_is_not_permitted_is_never_used() {
    let model = ModelServer::start(with_apop().fault(At::verb("APOP"), Fault::Refuse(b"no".to_vec())));
    let mut session = connected(&model).await;
    let error = pop3(session.sign_in(&mrose("tanstaaf"), &[Mechanism::Apop]).await);
    assert!(matches!(error, Error::SignInRefused(Refusal { command, .. }) if command == "APOP"));
    assert_eq!(model.commands().len(), 1);
}

#[tokio::test]
async fn where_none_is_offered_nothing_is_sent() {
    let model = ModelServer::start(Script::default());
    let mut session = connected(&model).await;
    assert!(matches!(pop3(session.sign_in(&alice(), &[Mechanism::Apop]).await), Error::NoMechanism(_)));
    assert!(matches!(pop3(session.sign_in(&alice(), &[]).await), Error::InvalidArgument(_)));
    assert_eq!(model.commands(), Vec::<String>::new());
    // Of SASL only the server knows what it has. It is asked once.
    for mechanism in [Mechanism::Plain, Mechanism::CramMd5, Mechanism::ScramShaTwoFiveSix, Mechanism::XoauthTwo] {
        assert!(matches!(pop3(session.sign_in(&alice(), &[mechanism]).await), Error::NoMechanism(_)));
    }
    assert_eq!(model.commands(), ["CAPA"]);
    // All of these leave a session that can be used.
    session.sign_in(&alice(), &[Mechanism::User]).await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_can_be_corrected() {
    let model = ModelServer::start(Script::default());
    let mut session = connected(&model).await;
    let wrong = Credentials { secret: Secret::new("guess"), ..alice() };
    let error = pop3(session.sign_in(&wrong, &[Mechanism::User]).await);
    let Error::SignInRefused(Refusal { command, reply, .. }) = error else { panic!("{error:?}") };
    assert_eq!((command.as_str(), reply.text.as_str()), ("PASS", "wrong name or password"));
    assert!(matches!(reply.code, Some(ResponseCode::Auth)));
    session.sign_in(&alice(), &[Mechanism::User]).await.unwrap();
}

/// What is not about the credentials would meet the next mechanism, too, and a password in clear text be risked for it.
#[tokio::test]
async fn trouble_of_the_server_ends_the_attempt() {
    for code in ["IN-USE", "LOGIN-DELAY", "SYS/TEMP", "SYS/PERM"] {
        let refusal = Fault::Refuse(format!("[{code}] later").into_bytes());
        let model = ModelServer::start(with_apop().fault(At::verb("APOP"), refusal));
        let mut session = connected(&model).await;
        let error = pop3(session.sign_in(&mrose("tanstaaf"), &[Mechanism::Apop, Mechanism::User]).await);
        assert!(matches!(error, Error::SignInRefused(_)), "{error:?}");
        assert_eq!(model.commands().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn secrets_are_octets() {
    let password = "p\u{e4}ss w\u{f6}rd \x7f\t ";
    let model = ModelServer::start(Script { password: password.to_owned(), ..Script::default() });
    let mut session = connected(&model).await;
    let credentials = Credentials { secret: Secret::new(password), ..alice() };
    session.sign_in(&credentials, &[Mechanism::User]).await.unwrap();
}
