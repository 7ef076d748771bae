//! TLS from the first octet and after STLS (RFC 2595 §4), and what can go wrong with it.

use std::{
    io::{self, Read},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use rustls::{
    AlertDescription, ClientConfig, ClientConnection, Error, RootCertStore, StreamOwned,
    crypto::ring,
    version::{TLS12, TLS13},
};

use super::{Client, server_with, signed_in};
use crate::{
    authority::{Authority, Identity},
    server::{Action, At, Banner, Ending, Fault, ModelServer, Script, ServerTls, TlsMode, TlsVersions},
};

pub(super) type Secure = Client<StreamOwned<ClientConnection, TcpStream>>;

/// What a client knows of TLS.
pub(super) struct Trust {
    pub(super) authority: Authority,
    pub(super) identity: Option<Identity>,
    versions: Vec<&'static rustls::SupportedProtocolVersion>,
    alpn: Option<&'static str>,
}

impl Trust {
    pub(super) fn new() -> Self {
        Self { authority: Authority::new(), identity: None, versions: vec![&TLS12, &TLS13], alpn: None }
    }

    /// Puts TLS around a connection to `name`; an error when the handshake fails.
    fn secure(&self, client: Client, name: &'static str) -> io::Result<Secure> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&self.versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            Some(identity) => builder.with_client_auth_cert(vec![identity.certificate()], identity.key()).unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self.alpn.map(Vec::from).into_iter().collect();
        let mut connection = ClientConnection::new(Arc::new(config), name.try_into().unwrap()).unwrap();
        let mut tcp = client.0;
        while connection.is_handshaking() {
            connection.complete_io(&mut tcp)?;
        }
        Ok(Client(StreamOwned::new(connection, tcp)))
    }

    /// A connection with TLS from the first octet.
    pub(super) fn implicit(&self, server: &ModelServer) -> io::Result<Secure> {
        self.secure(Client::connect(server.address()), "localhost")
    }
}

/// A server with STLS, and a client that has read the greeting.
fn stls(trust: &Trust, change: impl FnOnce(Script) -> Script) -> (ModelServer, Client) {
    let script = server_with(&["A: 1\r\n\r\none\r\n"]).with_tls(ServerTls::stls(trust.authority.server()));
    let server = ModelServer::start(change(script));
    let mut client = Client::connect(server.address());
    client.line();
    (server, client)
}

fn implicit(trust: &Trust, change: impl FnOnce(ServerTls) -> ServerTls) -> ModelServer {
    let tls = change(ServerTls::implicit(trust.authority.server()));
    ModelServer::start(server_with(&["A: 1\r\n\r\none\r\n"]).with_tls(tls))
}

/// Why a handshake failed, as rustls says it.
fn tls_error(failed: io::Result<Secure>) -> Error {
    let error = failed.err().expect("a handshake that fails");
    error.get_ref().and_then(|error| error.downcast_ref::<Error>()).expect("an error of TLS").clone()
}

#[test]
fn tls_from_the_first_octet() {
    let trust = Trust::new();
    let server = implicit(&trust, |tls| tls);
    let mut client = trust.implicit(&server).unwrap();
    client.expect("+OK model server ready\r\n");
    client.send("CAPA\r\nSTLS\r\nUSER alice\r\nPASS secret\r\nRETR 1\r\nQUIT\r\n");
    client.expect("+OK capability list follows\r\nTOP\r\nUIDL\r\nUSER\r\nPIPELINING\r\nRESP-CODES\r\n");
    client.expect("AUTH-RESP-CODE\r\n.\r\n-ERR unknown command, or not now\r\n+OK send your password\r\n");
    client.expect("+OK signed in\r\n+OK 13 octets\r\nA: 1\r\n\r\none\r\n.\r\n+OK model server signing off\r\n");
    assert_eq!(client.rest(), b"", "with close_notify, or this were an error");
    assert_eq!(server.commands_in_clear(), [""; 0]);
    assert_eq!(server.commands().len(), 6);
    assert!(server.transcript().to_string().contains("[tls] S: [TLSv1_3, server name localhost]"));
}

#[test]
fn stls_begins_a_new_session() {
    let trust = Trust::new();
    let (server, mut client) =
        stls(&trust, |script| Script { capabilities_tls: Some(vec!["TOP".to_owned()]), ..script });
    client.send("CAPA\r\n");
    client.expect("+OK capability list follows\r\nTOP\r\nUIDL\r\nUSER\r\nPIPELINING\r\nRESP-CODES\r\n");
    client.expect("AUTH-RESP-CODE\r\nSTLS\r\n.\r\n");
    client.ask("USER alice");
    assert_eq!(client.ask("STLS"), "+OK begin TLS");
    let mut client = trust.secure(client, "127.0.0.1").unwrap();
    assert_eq!(client.ask("PASS secret"), "-ERR USER comes first");
    client.send("CAPA\r\n");
    client.expect("+OK capability list follows\r\nTOP\r\n.\r\n");
    assert!(client.ask("STLS").starts_with("-ERR"));
    client.ask("USER alice");
    assert_eq!(client.ask("PASS secret"), "+OK signed in");
    assert!(client.ask("STLS").starts_with("-ERR"));
    assert_eq!(client.ask("STAT"), "+OK 1 13");
    client.send("CAPA\r\n");
    client.expect("+OK capability list follows\r\nTOP\r\nUIDL\r\nUSER\r\nPIPELINING\r\nRESP-CODES\r\n");
    client.expect("AUTH-RESP-CODE\r\n.\r\n");
    assert_eq!(server.commands_in_clear(), ["CAPA", "USER alice", "STLS"]);
}

#[test]
fn stls_may_be_unknown_or_unannounced() {
    let trust = Trust::new();
    let mut client = {
        let server = ModelServer::start(Script::default());
        let mut client = Client::connect(server.address());
        client.line();
        assert!(client.ask("STLS").starts_with("-ERR"));
        stls(&trust, |mut script| {
            script.tls.as_mut().unwrap().mode = TlsMode::Stls { announced: false };
            Script { capabilities: Some(Vec::new()), ..script }
        })
    };
    client.1.send("CAPA\r\n");
    client.1.expect("+OK capability list follows\r\n.\r\n");
    assert_eq!(client.1.ask("STLS"), "+OK begin TLS");
}

#[test]
fn stls_does_not_follow_utf8() {
    let trust = Trust::new();
    let (_server, mut client) = stls(&trust, |script| Script { utf8: true, ..script });
    assert_eq!(client.ask("UTF8"), "+OK UTF-8 enabled");
    assert!(client.ask("STLS").starts_with("-ERR"), "RFC 6856 §2.1");
}

#[test]
fn signing_in_may_need_tls() {
    let trust = Trust::new();
    let (_server, mut client) =
        stls(&trust, |script| Script { clear_sign_in: false, ..script }.with_apop("<1@localhost>"));
    for line in ["USER alice", "PASS secret", "APOP alice 00"] {
        assert_eq!(client.ask(line), "-ERR TLS comes first");
    }
    client.ask("STLS");
    let mut client = trust.secure(client, "localhost").unwrap();
    assert_eq!(client.ask("USER alice"), "+OK send your password");
}

#[test]
fn what_is_said_in_clear_behind_stls_is_thrown_away() {
    let trust = Trust::new();
    for octets in ["STLS\r\nNOOP\r\nUS", "STLS\r\nx"] {
        let (server, mut client) = stls(&trust, |script| script);
        client.send(octets);
        client.expect("+OK begin TLS\r\n");
        assert_eq!(client.rest(), b"");
        client.send("PASS secret\r\n");
        server
            .wait_until(Duration::from_secs(5), |transcript| transcript.commands_in_clear().concat().contains("PASS"))
            .unwrap();
        let discarded = server.commands_in_clear().concat();
        let octets = format!("{octets}PASS secret\r\n");
        assert_eq!(discarded, octets.replacen("\r\n", "", 1).replace("\r\n", "\\r\\n"));
        assert_eq!(server.commands(), ["STLS"]);
    }
    // Later than the reply, and to a port which wants TLS.
    let (server, mut client) = stls(&trust, |script| script);
    client.ask("STLS");
    client.send("USER alice\r\n");
    assert_eq!(client.rest(), b"");
    assert_eq!(server.commands_in_clear(), ["STLS", "USER alice\\r\\n"]);
    let server = implicit(&trust, |tls| tls);
    let mut client = Client::connect(server.address());
    client.send("USER alice\r\n");
    assert_eq!(client.rest(), b"");
    assert_eq!(server.commands_in_clear(), ["USER alice\\r\\n"]);
}

#[test]
fn stls_is_refused() {
    let trust = Trust::new();
    let (server, mut client) = stls(&trust, |script| script.fault(At::verb("STLS"), Fault::Refuse(b"no".to_vec())));
    assert_eq!(client.ask("STLS"), "-ERR no");
    assert_eq!(client.ask("USER alice"), "+OK send your password");
    assert_eq!(server.commands_in_clear(), ["STLS", "USER alice"]);
}

#[test]
fn replies_are_injected_before_the_handshake() {
    let trust = Trust::new();
    let injected = b"-ERR injected\r\n";
    let later = vec![Action::Honest, Action::Pause(Duration::from_millis(20)), Action::Send(injected.to_vec())];
    for fault in [Fault::Append(injected.to_vec()), Fault::Play(later)] {
        let (_server, mut client) = stls(&trust, |script| script.fault(At::verb("STLS"), fault));
        client.send("STLS\r\n");
        client.expect("+OK begin TLS\r\n-ERR injected\r\n");
        let mut client = trust.secure(client, "localhost").unwrap();
        assert_eq!(client.ask("USER alice"), "+OK send your password");
    }
}

#[test]
fn something_else_comes_instead_of_the_handshake() {
    let trust = Trust::new();
    let (server, mut client) = stls(&trust, |script| {
        script
            .fault(At::handshake().connection(1), Fault::Banner(Banner::Noise))
            .fault(At::handshake().connection(2), Fault::End(Ending::Close))
            .fault(At::handshake().connection(3), Fault::End(Ending::Reset))
            .fault(At::handshake().connection(4), Fault::Delay(Duration::from_millis(120)))
            .fault(At::handshake().connection(5), Fault::End(Ending::Silence))
            .fault(At::verb("STLS").connection(6), Fault::Play(vec![Action::Honest, Action::End(Ending::Silence)]))
    });
    let mut again = || {
        client.ask("STLS");
        let mut next = Client::connect(server.address());
        next.line();
        std::mem::replace(&mut client, next)
    };
    assert!(matches!(tls_error(trust.secure(again(), "localhost")), Error::InvalidMessage(_)));
    let closed = trust.secure(again(), "localhost").err().unwrap();
    assert_eq!(closed.kind(), io::ErrorKind::UnexpectedEof);
    let reset = trust.secure(again(), "localhost").err().unwrap();
    assert_eq!(reset.kind(), io::ErrorKind::ConnectionReset);
    let start = std::time::Instant::now();
    trust.secure(again(), "localhost").unwrap();
    assert!(start.elapsed() >= Duration::from_millis(120));
    for _ in 5..=6 {
        let client = again();
        client.0.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let silent = trust.secure(client, "localhost").err().unwrap();
        assert!(matches!(silent.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut));
    }
    drop(client);
    server.wait_idle(Duration::from_secs(5)).unwrap();
    assert_eq!(server.commands_in_clear(), ["STLS"; 6]);
}

#[test]
fn a_handshake_is_cut() {
    let trust = Trust::new();
    for after in [0, 1, 5, 100, 600] {
        let server = implicit(&trust, |tls| tls);
        server.fault(At::handshake().connection(1), Fault::CutReply { after, ending: Ending::Close });
        server.fault(At::handshake().connection(2), Fault::CutReply { after, ending: Ending::Silence });
        let cut = trust.implicit(&server).err().unwrap();
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
        let client = Client::connect(server.address());
        client.0.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let silent = trust.secure(client, "localhost").err().unwrap();
        assert!(matches!(silent.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut));
    }
}

#[test]
fn connections_under_tls_end_in_different_ways() {
    let trust = Trust::new();
    let server = implicit(&trust, |tls| tls);
    server.fault(At::verb("NOOP").connection(1), Fault::End(Ending::Close));
    server.fault(At::verb("NOOP").connection(2), Fault::End(Ending::Truncate));
    server.fault(At::verb("NOOP").connection(3), Fault::End(Ending::Reset));
    server.fault(At::verb("NOOP").connection(4), Fault::CutReply { after: 2, ending: Ending::Truncate });
    let mut said = Vec::new();
    for _ in 1..=4 {
        let mut client = trust.implicit(&server).unwrap();
        client.line();
        client.send("NOOP\r\n");
        let mut octets = Vec::new();
        let end = client.0.read_to_end(&mut octets).map_err(|error| error.kind()).map(|_| ());
        said.push((octets, end));
    }
    let truncated = Err(io::ErrorKind::UnexpectedEof);
    let reset = Err(io::ErrorKind::ConnectionReset);
    assert_eq!(said, [(vec![], Ok(())), (vec![], truncated), (vec![], reset), (b"-E".to_vec(), truncated)]);
}

#[test]
fn certificates_that_a_client_must_not_accept() {
    let trust = Trust::new();
    let authority = &trust.authority;
    let wrong = [
        (authority.expired(), "Expired"),
        (authority.not_yet_valid(), "NotValidYet"),
        (authority.server_for(&["pop.example.org"]), "NotValidForName"),
        (authority.server_for(&["localhost\0.example.org"]), "NotValidForName"),
        (authority.common_name_only("localhost"), "NotValidForName"),
        (authority.client("localhost"), "InvalidPurpose"),
        (Identity::self_signed(), "UnknownIssuer"),
        (Authority::new().server(), "UnknownIssuer"),
    ];
    for (identity, why) in wrong {
        let server = ModelServer::start(Script::default().with_tls(ServerTls::implicit(identity)));
        let error = tls_error(trust.implicit(&server));
        let Error::InvalidCertificate(error) = error else { panic!("{why}: {error}") };
        assert!(format!("{error:?}").starts_with(why), "{why}: {error:?}");
    }
}

#[test]
fn versions_and_protocols_are_agreed_on() {
    let mut trust = Trust::new();
    for (versions, name) in [(TlsVersions::Only12, "TLSv1_2"), (TlsVersions::Only13, "TLSv1_3")] {
        let server = implicit(&trust, |tls| tls.with_versions(versions));
        trust.implicit(&server).unwrap().line();
        assert!(server.transcript().to_string().contains(name));
    }
    trust.versions = vec![&TLS13];
    let server = implicit(&trust, |tls| tls.with_versions(TlsVersions::Only12));
    assert_eq!(tls_error(trust.implicit(&server)), Error::AlertReceived(AlertDescription::ProtocolVersion));
    trust.versions = vec![&TLS12];
    trust.alpn = Some("pop3");
    let server = implicit(&trust, |tls| tls.with_alpn("pop3"));
    trust.implicit(&server).unwrap().line();
    assert!(server.transcript().to_string().contains("ALPN pop3]"));
    trust.alpn = Some("imap");
    assert_eq!(tls_error(trust.implicit(&server)), Error::AlertReceived(AlertDescription::NoApplicationProtocol));
}

#[test]
fn clients_show_certificates() {
    let mut trust = Trust::new();
    let clients = Authority::new();
    let required = implicit(&trust, |tls| tls.require_client_certificate(&clients));
    let wanted = implicit(&trust, |tls| tls.want_client_certificate(&clients));
    // In TLS 1.3 the client hears of a refusal only after its handshake.
    trust.versions = vec![&TLS12];
    assert!(matches!(tls_error(trust.implicit(&required)), Error::AlertReceived(_)));
    trust.implicit(&wanted).unwrap().line();
    trust.identity = Some(Authority::new().client("alice"));
    assert!(matches!(tls_error(trust.implicit(&required)), Error::AlertReceived(_)));
    trust.identity = Some(clients.client("alice"));
    for server in [&required, &wanted] {
        trust.implicit(server).unwrap().line();
        assert!(server.transcript().to_string().contains("client certificate]"));
    }
}

#[test]
fn a_pin_is_the_digest_of_the_key_in_the_certificate() {
    use base64ct::{Base64, Encoding};
    use sha2::{Digest, Sha256};
    let identity = Authority::new().server();
    // SubjectPublicKeyInfo of a key on P-256 has 91 octets and begins like this (RFC 5480 §2).
    let beginning = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
    let certificate = identity.certificate();
    let at = memchr::memmem::find(&certificate, beginning).unwrap();
    let digest = Base64::encode_string(&Sha256::digest(&certificate[at..at + 91]));
    assert_eq!(identity.pin(), format!("sha256/{digest}"));
}

#[test]
fn certificates_are_written_for_other_servers() {
    use std::os::unix::fs::PermissionsExt;
    let authority = Authority::new();
    assert!(std::fs::read_to_string(authority.ca_file()).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = authority.server().write(directory.path(), "server");
    assert!(std::fs::read_to_string(certificate).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(std::fs::read_to_string(&key).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn without_tls_nothing_changes() {
    let server = ModelServer::start(Script::default());
    assert_eq!(signed_in(&server).ask("STAT"), "+OK 0 0");
    assert_eq!(server.commands_in_clear(), ["USER alice", "PASS secret", "STAT"]);
    assert!(!server.transcript().to_string().contains("[tls]"));
}
