//! The command component, run as `wasmtime run` runs it: wasi:cli with a network and one directory.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use popfetch_tests::authority::Authority;
use popfetch_tests::maildir::Maildir;
use popfetch_tests::maildrop::{Maildrop, Profile, realistic};
use popfetch_tests::server::{At, Ending, Fault, Mechanism, ModelServer, Script, ServerTls};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::p2::bindings::Command;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_tls::{
    TlsProvider, TlsStream, TlsTransport, WasiTlsCtx, WasiTlsCtxBuilder, WasiTlsCtxView, WasiTlsView,
};

/// The component without TLS, on a host without.
const CLEARTEXT: &str = env!("POPFETCH_COMMAND_COMPONENT");

/// The component with TLS, on a host that trusts an authority of the suites.
const WITH_TLS: &str = env!("POPFETCH_COMMAND_COMPONENT_WITH_TLS");

struct Host {
    wasi: WasiCtx,
    tls: WasiTlsCtx,
    table: ResourceTable,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiTlsView for Host {
    fn tls(&mut self) -> WasiTlsCtxView<'_> {
        WasiTlsCtxView { ctx: &mut self.tls, table: &mut self.table }
    }
}

/// TLS with the roots of a test.
struct Provider(TlsConnector);

impl Provider {
    fn trusting(authority: &Authority) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(authority.der()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        Self(Arc::new(config.with_no_client_auth()).into())
    }
}

impl TlsProvider for Provider {
    fn connect(
        &self,
        server_name: String,
        transport: Box<dyn TlsTransport>,
    ) -> Pin<Box<dyn Future<Output = Result<Box<dyn TlsStream>, wasmtime_wasi_tls::Error>> + Send>> {
        let connector = self.0.clone();
        Box::pin(async move {
            let name = ServerName::try_from(server_name).map_err(std::io::Error::other)?;
            let stream = connector.connect(name, transport).await?;
            Ok(Box::new(Stream(stream)) as Box<dyn TlsStream>)
        })
    }
}

/// What has been said on TLS's level is `tokio_rustls`'s business.
struct Stream(tokio_rustls::client::TlsStream<Box<dyn TlsTransport>>);

impl TlsStream for Stream {}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// What a run has said, and whether it succeeded.
#[derive(Debug)]
struct Run {
    succeeded: bool,
    stdout: String,
    stderr: String,
}

/// What `wasmtime run -S inherit-network -S allow-ip-name-lookup --dir DIRECTORY::/mail` does.
async fn run(directory: &Path, arguments: &[&str]) -> Run {
    run_with(CLEARTEXT, None, directory, arguments).await
}

/// The same with `-S tls`, and with a private CA.
async fn run_with_tls(authority: &Authority, directory: &Path, arguments: &[&str]) -> Run {
    run_with(WITH_TLS, Some(authority), directory, arguments).await
}

async fn run_with(component: &str, authority: Option<&Authority>, directory: &Path, arguments: &[&str]) -> Run {
    let mut config = Config::new();
    config.concurrency_support(false);
    let engine = Engine::new(&config).unwrap();
    let component = Component::from_file(&engine, component).unwrap();
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
    let mut tls = WasiTlsCtxBuilder::new();
    if let Some(authority) = authority {
        let mut options = wasmtime_wasi_tls::p2::LinkOptions::default();
        wasmtime_wasi_tls::p2::add_to_linker(&mut linker, options.tls(true)).unwrap();
        tls = tls.provider(Box::new(Provider::trusting(authority)));
    }

    let (stdout, stderr) = (MemoryOutputPipe::new(1 << 16), MemoryOutputPipe::new(1 << 16));
    let wasi = WasiCtx::builder()
        .arg("popfetch-command")
        .args(arguments)
        .stdout(stdout.clone())
        .stderr(stderr.clone())
        .inherit_network()
        .allow_tcp(true)
        .allow_ip_name_lookup(true)
        .preopened_dir(directory, "/mail", FsPerms::ReadWrite)
        .unwrap()
        .build();
    let mut store = Store::new(&engine, Host { wasi, tls: tls.build(), table: ResourceTable::new() });
    let command = Command::instantiate_async(&mut store, &component, &linker).await.unwrap();
    let outcome = command.wasi_cli_run().call_run(&mut store).await;
    let succeeded = match outcome {
        Ok(run) => run.is_ok(),
        // A program that ends by `exit` unwinds as an error with its code.
        Err(error) => error.downcast_ref::<wasmtime_wasi::I32Exit>().expect("an exit, not a trap").0 == 0,
    };
    let text = |pipe: MemoryOutputPipe| String::from_utf8(pipe.contents().to_vec()).unwrap();
    Run { succeeded, stdout: text(stdout), stderr: text(stderr) }
}

fn directory_with_password(password: &str) -> TempDir {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("password"), password).unwrap();
    directory
}

fn maildrop() -> Maildrop {
    Maildrop::of_octets(realistic(7, 30, Profile::anything().largest(3 << 20)))
}

#[tokio::test]
async fn a_maildrop_arrives_byte_for_byte_and_is_deleted() {
    let script = Script::with(maildrop()).with_apop("<1896.697170952@dbc.mtview.ca.us>");
    let server = ModelServer::start(script);
    let directory = directory_with_password("secret\n");
    let url = format!("pop3://alice@localhost:{}", server.port());
    let run = run(
        directory.path(),
        &[
            &url,
            "--tls",
            "off",
            "--auth",
            "apop",
            "--maildir",
            "/mail/box",
            "--password-file",
            "/mail/password",
            "--delete",
        ],
    )
    .await;

    assert!(run.succeeded, "{run:?}");
    assert_eq!(run.stdout, "30 messages stored, 30 deleted\n");
    assert!(server.maildrop().is_empty());
    let commands = server.commands();
    assert!(commands.iter().any(|command| command.starts_with("APOP alice ")), "{commands:?}");
    let maildir = Maildir::at(directory.path().join("box"));
    maildir.assert_holds(maildrop().fingerprints());
    assert!(maildir.unfinished().is_empty());
}

#[tokio::test]
async fn without_delete_everything_stays() {
    let server = ModelServer::start(Script::with(maildrop()));
    let directory = directory_with_password("secret");
    let url = format!("pop3://alice@127.0.0.1:{}", server.port());
    let run = run(
        directory.path(),
        &[
            &url,
            "--tls",
            "off",
            "--maildir",
            "/mail/box",
            "--password-file",
            "/mail/password",
            "--auth",
            "scram-sha-256,user",
        ],
    )
    .await;

    assert!(run.succeeded, "{run:?}");
    assert_eq!(server.maildrop().len(), 30);
    Maildir::at(directory.path().join("box")).assert_holds(maildrop().fingerprints());
}

#[tokio::test]
async fn a_message_cut_short_is_not_delivered_and_nothing_is_deleted() {
    let cut = Fault::CutContent { after: 700, ending: Ending::Close };
    let server = ModelServer::start(Script::with(maildrop()).fault(At::verb("RETR").nth(3), cut));
    let directory = directory_with_password("secret");
    let url = format!("pop3://alice@127.0.0.1:{}", server.port());
    let run = run(
        directory.path(),
        &[
            &url,
            "--tls",
            "off",
            "--maildir",
            "/mail/box",
            "--password-file",
            "/mail/password",
            "--auth",
            "user",
            "--delete",
        ],
    )
    .await;

    assert!(!run.succeeded, "{run:?}");
    assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
    assert_eq!(server.maildrop().len(), 30);
    let maildir = Maildir::at(directory.path().join("box"));
    assert!(maildir.unfinished().is_empty());
    let whole = maildrop().fingerprints();
    for entry in maildir.delivered() {
        let delivered = entry.fingerprint();
        assert!(whole.iter().any(|message| message.sha256 == delivered.sha256), "{delivered:?}");
    }
}

#[tokio::test]
async fn a_password_is_not_sent_in_clear_text_unless_asked() {
    let server = ModelServer::start(Script::with(maildrop()));
    let directory = directory_with_password("secret");
    let url = format!("pop3://alice@127.0.0.1:{}", server.port());
    let arguments = ["--maildir", "/mail/box", "--password-file", "/mail/password"];
    let clear = run(directory.path(), &[&[url.as_str(), "--tls", "off"], &arguments[..]].concat()).await;
    assert!(!clear.succeeded, "{clear:?}");
    assert!(clear.stderr.contains("--auth"), "{clear:?}");
    assert_eq!(server.commands(), ["CAPA"]);

    // Nor does clear text come of itself.
    let tls = run(directory.path(), &[&[url.as_str()], &arguments[..]].concat()).await;
    assert!(!tls.succeeded, "{tls:?}");
    assert!(tls.stderr.contains("no TLS; --tls off goes on without"), "{tls:?}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn scram_signs_in_and_the_password_is_nowhere() {
    let server = ModelServer::start(Script::with(maildrop()).with_mechanisms([Mechanism::ScramSha256]));
    let directory = directory_with_password("secret\n");
    let url = format!("pop3://alice@127.0.0.1:{}", server.port());
    let arguments = [&url, "--tls", "off", "--maildir", "/mail/box", "--password-file", "/mail/password"];
    let run = run(directory.path(), &arguments).await;
    assert!(run.succeeded, "{run:?}");
    assert_eq!(server.commands()[..2], ["CAPA", "AUTH SCRAM-SHA-256"]);
    Maildir::at(directory.path().join("box")).assert_holds(maildrop().fingerprints());
}

#[tokio::test]
async fn tls_is_that_of_the_host_by_stls_and_from_the_start() {
    let authority = Authority::new();
    for (scheme, tls) in
        [("pop3", ServerTls::stls(authority.server())), ("pop3s", ServerTls::implicit(authority.server()))]
    {
        let script = Script::with(maildrop()).with_tls(tls).with_mechanisms([Mechanism::Plain]);
        let server = ModelServer::start(script);
        let directory = directory_with_password("secret\n");
        let url = format!("{scheme}://alice@localhost:{}", server.port());
        let arguments =
            [&url, "--auth", "plain", "--maildir", "/mail/box", "--password-file", "/mail/password", "--delete"];
        let run = run_with_tls(&authority, directory.path(), &arguments).await;
        assert!(run.succeeded, "{run:?}");
        assert_eq!(run.stdout, "30 messages stored, 30 deleted\n");
        assert!(server.commands_in_clear().iter().all(|command| command == "STLS"), "{:?}", server.commands_in_clear());
        Maildir::at(directory.path().join("box")).assert_holds(maildrop().fingerprints());
    }
}

#[tokio::test]
async fn a_certificate_that_the_host_does_not_accept_ends_before_the_password() {
    let authority = Authority::new();
    let server = ModelServer::start(Script::with(maildrop()).with_tls(ServerTls::implicit(authority.server())));
    let directory = directory_with_password("secret\n");
    let url = format!("pop3s://alice@localhost:{}", server.port());
    let arguments = [&url, "--auth", "user", "--maildir", "/mail/box", "--password-file", "/mail/password"];
    let run = run_with_tls(&Authority::new(), directory.path(), &arguments).await;
    assert!(!run.succeeded, "{run:?}");
    assert!(run.stderr.contains("no TLS"), "{run:?}");
    assert_eq!(server.commands(), [""; 0]);
}
