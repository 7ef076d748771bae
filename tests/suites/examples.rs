//! The examples do what they say.

use popfetch::{Credentials, Sandbox, SandboxOptions, Secret, Security, Server, Tls, TlsOptions, TlsRoots};
use popfetch_tests::authority::Authority;
use popfetch_tests::maildrop::{Maildrop, Profile, realistic};
use popfetch_tests::server::{Mechanism, ModelServer, Script, ServerTls};

#[allow(dead_code, unreachable_pub, reason = "a program of its own, of which two functions are called")]
#[path = "../../host/examples/service.rs"]
mod service;
#[allow(dead_code, unreachable_pub, reason = "a program of its own, of which one function is called")]
#[path = "../../host/examples/stranger.rs"]
mod stranger;

#[tokio::test]
async fn a_strangers_host_fetches_with_wit_and_wasmtime_alone() {
    let messages: Vec<Vec<u8>> = realistic(3, 15, Profile::anything()).collect();
    let maildrop = Maildrop::of_octets(messages);
    let expected: Vec<Vec<u8>> = maildrop.messages().iter().map(|message| message.content.to_vec()).collect();
    let server = ModelServer::start(Script::with(maildrop).with_apop("<1896.697170952@dbc.mtview.ca.us>"));
    let fetched = stranger::fetch_all(popfetch::CLEARTEXT_COMPONENT, server.address(), "alice", b"secret".to_vec())
        .await
        .unwrap();
    assert!(fetched == expected, "{} messages differ from what the server has", fetched.len());
}

/// The other build is for hosts that have TLS, and says so by what it imports.
#[tokio::test]
async fn a_strangers_host_without_tls_does_not_start_the_component_with_it() {
    let server = ModelServer::start(Script::default());
    let started = stranger::fetch_all(popfetch::COMPONENT, server.address(), "alice", b"secret".to_vec()).await;
    let error = started.unwrap_err().to_string();
    assert!(error.contains("wasi:tls/types"), "{error}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_service_looks_into_a_mailbox_more_than_once() {
    let authority = Authority::new();
    for mechanisms in [&[Mechanism::ScramSha256, Mechanism::Plain][..], &[Mechanism::Plain], &[]] {
        let script = Script::with(Maildrop::of_octets(["A: 1\r\n\r\n"])).with_mechanisms(mechanisms);
        let model = ModelServer::start(script.with_tls(ServerTls::implicit(authority.server())));
        let sandbox = Sandbox::load(SandboxOptions::default()).unwrap();
        let roots = TlsRoots::Files(vec![authority.ca_file()]);
        let tls = Tls::new(&TlsOptions { roots, ..TlsOptions::default() }).unwrap();
        let security = Security::ImplicitTls;
        let server = Server { name: "localhost".to_owned(), addresses: vec![model.address()], security };
        let credentials = Credentials { user: "alice".to_owned(), secret: Secret::new("secret") };
        let mut mailbox = service::mailbox(&sandbox, server, tls, credentials);
        assert_eq!(service::look(&mut mailbox).await.unwrap(), (1, 8));
        assert_eq!(service::look(&mut mailbox).await.unwrap(), (1, 8));
        assert_eq!(model.connections(), 2);
    }
}
