//! The examples do what they say.

use popfetch_tests::maildrop::{Maildrop, Profile, realistic};
use popfetch_tests::server::{ModelServer, Script};

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
