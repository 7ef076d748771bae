//! After the handshake, and what the component may not ask for.

use std::io::ErrorKind;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::tls::TlsFault;

type Server = server::TlsStream<DuplexStream>;

async fn established() -> (Client, Server, TlsRecord) {
    let root = authority("The root");
    let shown = Shown::signed_by(&root, &for_names(&[HOST]));
    let met = meet(&trusting(&root), shown.server()).await;
    met.details();
    (met.client.ok().unwrap(), met.server.unwrap(), met.record)
}

#[tokio::test]
async fn octets_go_through_in_both_directions() {
    let (mut client, mut server, record) = established().await;
    let sent: Vec<u8> = (0..200_000_u32).map(|at| at.to_le_bytes()[1]).collect();
    let mut back = vec![0; sent.len()];
    soon(async {
        let echo = async {
            let mut heard = vec![0; sent.len()];
            server.read_exact(&mut heard).await.unwrap();
            server.write_all(&heard).await.unwrap();
            server.flush().await.unwrap();
        };
        let say = async {
            client.write_all(&sent).await.unwrap();
            client.flush().await.unwrap();
            client.read_exact(&mut back).await.unwrap();
        };
        tokio::join!(echo, say);
    })
    .await;
    assert!(back == sent);
    assert_eq!(record.failure(), None);
}

#[tokio::test]
async fn an_end_with_goodbye_is_an_end() {
    let (mut client, mut server, record) = established().await;
    server.write_all(b"+OK bye\r\n").await.unwrap();
    server.shutdown().await.unwrap();
    let mut heard = Vec::new();
    soon(client.read_to_end(&mut heard)).await.unwrap();
    assert_eq!((heard.as_slice(), record.failure()), (&b"+OK bye\r\n"[..], None));
}

#[tokio::test]
async fn an_end_without_goodbye_is_an_error() {
    let (mut client, mut server, record) = established().await;
    server.write_all(b"+OK bye\r\n").await.unwrap();
    server.flush().await.unwrap();
    drop(server);
    let mut heard = Vec::new();
    let error = soon(client.read_to_end(&mut heard)).await.unwrap_err();
    assert_eq!((heard.as_slice(), error.kind()), (&b"+OK bye\r\n"[..], ErrorKind::UnexpectedEof));
    let failure = record.failure().unwrap();
    assert_eq!((failure.fault(), failure), (TlsFault::Connection, TlsFailure::Truncated));
    assert!(record.is_established());
}

#[tokio::test]
async fn a_goodbye_is_said() {
    let (mut client, mut server, _) = established().await;
    client.write_all(b"QUIT\r\n").await.unwrap();
    client.shutdown().await.unwrap();
    let mut heard = Vec::new();
    soon(server.read_to_end(&mut heard)).await.unwrap();
    assert_eq!(heard, b"QUIT\r\n");
}

#[tokio::test]
async fn octets_that_somebody_put_in_are_an_error() {
    // A record of application data that nobody has encrypted, and no record at all.
    for octets in [&[&[0x17, 3, 3, 0, 20][..], &[0x41; 20]].concat(), &b"+OK\r\n"[..]] {
        let (mut client, server, record) = established().await;
        let (mut wire, _) = server.into_inner();
        wire.write_all(octets).await.unwrap();
        soon(client.read_u8()).await.unwrap_err();
        let failure = record.failure().unwrap();
        assert!(matches!(failure, TlsFailure::PeerMisbehaved(_)), "{failure:?}");
    }
}

#[tokio::test]
async fn what_the_server_says_last_counts_more_than_that_it_closed() {
    let record = TlsRecord::default();
    record.failed(TlsFailure::Io("broken pipe".into()));
    record.failed(TlsFailure::Truncated);
    assert_eq!(record.failure(), Some(TlsFailure::Io("broken pipe".into())));
    record.failed(TlsFailure::ClientCertificateWanted);
    record.failed(TlsFailure::Closed);
    record.failed(TlsFailure::NotTls);
    assert_eq!(record.failure(), Some(TlsFailure::ClientCertificateWanted));
}

/// What the component's request is answered with, and that the server has not heard of it.
async fn refused(request: impl AsyncFnOnce(DuplexStream) -> Result<Client, IoError>) {
    let (near, mut far) = tokio::io::duplex(1 << 16);
    assert!(soon(request(near)).await.is_err());
    let mut heard = Vec::new();
    soon(far.read_to_end(&mut heard)).await.unwrap();
    assert_eq!(heard, b"");
}

#[tokio::test]
async fn the_component_cannot_choose_another_name() {
    let tls = trusting(&authority("The root"));
    for asked in ["evil.example", "", "pop.example.org.", "POP.example.org"] {
        let (provider, record) = tls.provider(HOST);
        refused(async |transport| connect(&provider, asked, transport).await).await;
        let failure = record.failure().unwrap();
        assert_eq!(failure.fault(), TlsFault::Internal);
        assert!(matches!(failure, TlsFailure::ComponentMisbehaved(_)), "{failure:?}");
        assert!(!record.is_established());
    }
}

#[tokio::test]
async fn the_component_has_one_handshake() {
    let root = authority("The root");
    let tls = trusting(&root);
    let shown = Shown::signed_by(&root, &for_names(&[HOST]));
    let (provider, record) = tls.provider(HOST);
    let (near, far) = tokio::io::duplex(1 << 16);
    let client = connect(&provider, HOST, near);
    let server = TlsAcceptor::from(Arc::new(shown.server())).accept(far);
    let (client, server) = soon(async { tokio::join!(client, server) }).await;
    assert!(client.is_ok() && server.is_ok());

    refused(async |transport| connect(&provider, HOST, transport).await).await;
    let failure = record.failure().unwrap();
    assert!(matches!(failure, TlsFailure::ComponentMisbehaved(_)), "{failure:?}");
}
