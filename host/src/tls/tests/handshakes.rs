//! Versions, names, and answers that are no handshake.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::roots::Roots;
use super::*;
use crate::tls::{TlsFault, TlsVersion};

/// A handshake with a server that says only this, whatever it hears, and closes.
async fn answered_with(tls: &Tls, answer: &[u8]) -> TlsFailure {
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let (provider, record) = tls.provider(HOST);
    let client = connect(&provider, HOST, near);
    let server = async {
        far.write_all(answer).await.unwrap();
        let mut hello = [0; 5];
        far.read_exact(&mut hello).await.unwrap();
        assert_eq!(hello[..3], [0x16, 3, 1], "a ClientHello");
        drop(far);
    };
    let (client, ()) = soon(async { tokio::join!(client, server) }).await;
    assert!(client.is_err() && !record.is_established());
    record.failure().unwrap()
}

fn alert(description: u8) -> [u8; 7] {
    [0x15, 3, 3, 0, 2, 2, description]
}

#[tokio::test]
async fn tls_1_2_is_accepted_unless_more_is_demanded() {
    let root = authority("The root");
    let shown = Shown::signed_by(&root, &for_names(&[HOST]));
    let details = meet(&trusting(&root), shown.server_with(TLS12)).await.details();
    assert_eq!(details.version, "TLS 1.2");
    assert!(details.cipher_suite.starts_with("TLS_ECDHE_ECDSA_"), "{}", details.cipher_suite);

    let tls = tls(&root.pem(), TlsOptions { minimum: TlsVersion::Tls13, ..TlsOptions::default() });
    assert_eq!(meet(&tls, shown.server_with(BOTH)).await.details().version, "TLS 1.3");
    let failure = meet(&tls, shown.server_with(TLS12)).await.failure();
    assert_eq!((failure.fault(), &failure), (TlsFault::Protocol, &TlsFailure::NoCommonVersion));
}

#[tokio::test]
async fn the_name_of_the_options_is_checked_instead_of_the_servers() {
    let root = authority("The root");
    let shown = Shown::signed_by(&root, &for_names(&[HOST]));
    let tls = tls(&root.pem(), TlsOptions { server_name: Some(HOST.into()), ..TlsOptions::default() });
    let met = meet_as(&tls, "localhost", shown.server()).await;
    met.details();
    assert_eq!(met.server.unwrap().get_ref().1.server_name(), Some(HOST));

    let other = Shown::signed_by(&root, &for_names(&["localhost"]));
    let failure = meet_as(&tls, "localhost", other.server()).await.failure();
    assert!(matches!(&failure, TlsFailure::WrongHost { expected, .. } if expected == HOST), "{failure:?}");
}

#[tokio::test]
async fn the_dot_of_the_root_is_taken_off() {
    let root = authority("The root");
    let shown = Shown::signed_by(&root, &for_names(&[HOST]));
    let met = meet_as(&trusting(&root), "pop.example.org.", shown.server()).await;
    met.details();
    assert_eq!(met.server.unwrap().get_ref().1.server_name(), Some(HOST));
}

#[tokio::test]
async fn what_is_no_name_is_refused() {
    let root = authority("The root");
    let shown = Shown::signed_by(&root, &for_names(&[HOST]));
    let failure = meet_as(&trusting(&root), "pop example\n", shown.server()).await.failure();
    assert_eq!((failure.fault(), &failure), (TlsFault::Configuration, &TlsFailure::BadName("pop example\n".into())));
}

#[tokio::test]
async fn the_protocol_is_told_where_the_server_asks_for_it() {
    let root = authority("The root");
    let shown = Shown::signed_by(&root, &for_names(&[HOST]));
    let speaking = |protocols: &[&str]| {
        let mut server = shown.server();
        server.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        server
    };
    let tls = trusting(&root);
    assert_eq!(meet(&tls, speaking(&["imap", "pop3"])).await.details().alpn.as_deref(), Some("pop3"));
    assert_eq!(meet(&tls, speaking(&[])).await.details().alpn, None);
    let failure = meet(&tls, speaking(&["imap"])).await.failure();
    assert_eq!(failure, TlsFailure::Alert("NoApplicationProtocol".into()));
}

#[tokio::test]
async fn no_session_is_resumed() {
    let root = authority("The root");
    let shown = Shown::signed_by(&root, &for_names(&[HOST]));
    let tls = trusting(&root);
    for versions in [TLS12, TLS13] {
        let server = Arc::new(shown.server_with(versions));
        for _ in 0..2 {
            let met = meet_as(&tls, HOST, server.clone()).await;
            met.details();
            let (mut client, mut server) = (met.client.ok().unwrap(), met.server.unwrap());
            assert_eq!(server.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Full));
            // Tickets come before the first octet.
            server.write_all(b"+").await.unwrap();
            server.flush().await.unwrap();
            assert_eq!(soon(client.read_u8()).await.unwrap(), b'+');
        }
    }
}

#[tokio::test]
async fn a_server_that_speaks_clear_text_is_told_from_one_with_tls() {
    let tls = trusting(&authority("The root"));
    for answer in
        ["+OK POP3 ready <1896.697170952@dbc.mtview.ca.us>\r\n", "-ERR go away\r\n", "HTTP/1.1 400 Bad Request\r\n"]
    {
        let failure = answered_with(&tls, answer.as_bytes()).await;
        assert_eq!((failure.fault(), &failure), (TlsFault::Protocol, &TlsFailure::NotTls), "{answer}");
    }
}

#[tokio::test]
async fn a_server_that_closes_is_told_from_one_that_speaks() {
    let tls = trusting(&authority("The root"));
    for answer in [&b""[..], b"\x16\x03", &[0x16, 3, 3, 0, 100, 2, 0]] {
        let failure = answered_with(&tls, answer).await;
        assert_eq!((failure.fault(), &failure), (TlsFault::Connection, &TlsFailure::Closed), "{answer:?}");
    }
}

#[tokio::test]
async fn an_alert_is_told_by_its_name() {
    let tls = trusting(&authority("The root"));
    assert_eq!(answered_with(&tls, &alert(40)).await, TlsFailure::Alert("HandshakeFailure".into()));
    assert_eq!(answered_with(&tls, &alert(112)).await, TlsFailure::Alert("UnrecognisedName".into()));
    assert_eq!(answered_with(&tls, &alert(70)).await, TlsFailure::NoCommonVersion);
    assert_eq!(answered_with(&tls, &alert(255)).await, TlsFailure::Alert("AlertDescription(0xff)".into()));
}

#[tokio::test]
async fn a_server_that_breaks_the_rules_is_told_so() {
    let tls = trusting(&authority("The root"));
    // Application data before the handshake, and a handshake message that is not a ServerHello.
    for answer in [&[0x17, 3, 3, 0, 1, 0][..], &[0x16, 3, 3, 0, 4, 0x0e, 0, 0, 0]] {
        let failure = answered_with(&tls, answer).await;
        assert!(matches!(failure, TlsFailure::PeerMisbehaved(_)), "{failure:?}");
    }
}

#[tokio::test]
async fn the_systems_roots_are_read_when_a_certificate_is_there() {
    let tls = Tls::new(&TlsOptions::default()).unwrap();
    let Roots::System(loaded) = &tls.0.roots else { panic!("other roots") };
    answered_with(&tls, b"+OK\r\n").await;
    assert!(loaded.get().is_none());

    let shown = Shown::self_signed(&for_names(&[HOST]));
    let failure = meet(&tls, shown.server()).await.failure();
    assert!(loaded.get().is_some());
    // A machine without roots is a place to run tests, too.
    assert!(matches!(failure, TlsFailure::UnknownIssuer { .. } | TlsFailure::NoRoots(_)), "{failure:?}");
}
