//! SASL exchanges: those of the documents, those of careless and hostile servers, and properties of all.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "functions that tests share fail a test by a panic, and the lint knows only functions that are tests themselves"
)]

mod identities;
mod order;
mod passwords;
mod properties;
mod scram;
mod server;
mod tokens;
mod wiping;

use base64ct::{Base64, Encoding};
use pop3_protocol::sasl::{Exchange, Identity, Mechanism, Response, SaslError};

const MECHANISMS: [Mechanism; 8] = [
    Mechanism::ScramSha256,
    Mechanism::ScramSha1,
    Mechanism::CramMd5,
    Mechanism::Plain,
    Mechanism::Login,
    Mechanism::OauthBearer,
    Mechanism::Xoauth2,
    Mechanism::External,
];

/// The client's nonce of RFC 5802 §5, before base64.
const NONCE: [u8; 18] =
    [0x7f, 0x29, 0x28, 0xf9, 0xdd, 0xa5, 0x6d, 0xb1, 0x60, 0x38, 0xd4, 0x6f, 0xf6, 0xa9, 0x31, 0x75, 0xac, 0x0b];

fn identity<'a>(user: &'a str, secret: &'a [u8]) -> Identity<'a> {
    Identity { user, secret, prepared: None, host: "server.example.com", port: 995 }
}

#[track_caller]
fn begin(mechanism: Mechanism, user: &str, secret: &[u8]) -> Exchange {
    Exchange::begin(mechanism, &identity(user, secret), &NONCE, 4096..=1_000_000).unwrap()
}

/// What the client says, as it stands in its line, and whether that was all.
#[track_caller]
fn said(response: Result<Response, SaslError>) -> (String, bool) {
    let response = response.unwrap();
    (base64(&response.octets), response.complete)
}

fn base64(octets: &[u8]) -> String {
    Base64::encode_string(octets)
}
