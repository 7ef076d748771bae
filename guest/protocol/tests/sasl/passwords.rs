//! PLAIN, LOGIN, CRAM-MD5, EXTERNAL.

use pop3_protocol::sasl::{Exchange, Identity, Mechanism, SaslError};

use crate::{begin, identity, said};

fn line(text: &str, complete: bool) -> (String, bool) {
    (text.to_owned(), complete)
}

#[test]
fn plain_of_rfc_4616() {
    let response = begin(Mechanism::Plain, "tim", b"tanstaaftanstaaf").initial().unwrap();
    assert_eq!(response.octets.as_slice(), b"\0tim\0tanstaaftanstaaf");
    assert!(response.complete);
}

/// The credentials of RFC 5034 §6, without the authorization identity that is the same there.
#[test]
fn plain_in_two_lines() {
    let mut exchange = begin(Mechanism::Plain, "test", b"test");
    assert_eq!(said(exchange.respond(b"")), line("AHRlc3QAdGVzdA==", true));
    assert_eq!(exchange.succeed(b"Maildrop locked and ready"), Ok(()));
}

#[test]
fn plain_carries_any_other_octets() {
    let response = begin(Mechanism::Plain, "jürgen", b"\xff\x01 \r\n").initial().unwrap();
    assert_eq!(response.octets.as_slice(), b"\0j\xc3\xbcrgen\0\xff\x01 \r\n");
}

#[test]
fn login_answers_by_order_alone() {
    let prompts: [[&[u8]; 2]; 5] = [
        [b"VXNlcm5hbWU6", b"UGFzc3dvcmQ6"],
        [b"VXNlciBOYW1lAA==", b"UGFzc3dvcmQA"],
        [b"", b""],
        [b"Username:", b"Password:"],
        [b"UGFzc3dvcmQ6", b"\xff"],
    ];
    for [user, password] in prompts {
        let mut exchange = begin(Mechanism::Login, "tim", b"tanstaaf");
        assert_eq!(said(exchange.respond(user)), line("dGlt", false));
        assert_eq!(said(exchange.respond(password)), line("dGFuc3RhYWY=", true));
        assert_eq!(exchange.succeed(b""), Ok(()));
    }
}

#[test]
fn login_has_no_third_answer() {
    let mut exchange = begin(Mechanism::Login, "tim", b"tanstaaf");
    exchange.respond(b"").unwrap();
    exchange.respond(b"").unwrap();
    let error = exchange.respond(b"UGFzc3dvcmQ6").unwrap_err();
    assert_eq!(error, SaslError::ChallengeUnexpected { mechanism: Mechanism::Login });
}

const CHALLENGE_OF_RFC_2195: &[u8] = b"PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+";

#[test]
fn cram_md5_of_rfc_2195() {
    let mut exchange = begin(Mechanism::CramMd5, "tim", b"tanstaaftanstaaf");
    let response = said(exchange.respond(CHALLENGE_OF_RFC_2195));
    assert_eq!(response, line("dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw", true));
    assert_eq!(exchange.succeed(b""), Ok(()));
}

/// Test case 6 of RFC 2202 §2: the key is longer than a block.
#[test]
fn cram_md5_with_a_long_secret() {
    let mut exchange = begin(Mechanism::CramMd5, "a b", &[0xaa; 80]);
    let challenge = crate::base64(b"Test Using Larger Than Block-Size Key - Hash Key First");
    let response = exchange.respond(challenge.as_bytes()).unwrap();
    assert_eq!(response.octets.as_slice(), b"a b 6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
}

#[test]
fn cram_md5_digests_nothing_that_is_no_challenge() {
    let texts = [
        "",
        " ",
        "=",
        "temporary failure",
        "PDFAaG9zdD4",
        "PDFAaG9zdD4==",
        "PDFA aG9zdD4=",
        "PDFAaG9zdD5=",
        "+OK",
        "-_-_",
    ];
    for text in texts {
        let mut exchange = begin(Mechanism::CramMd5, "tim", b"tanstaaf");
        let error = exchange.respond(text.as_bytes()).unwrap_err();
        assert!(matches!(&error, SaslError::BadBase64 { .. }) && error.is_servers(), "{text:?}: {error}");
    }
    let mut exchange = begin(Mechanism::CramMd5, "tim", b"tanstaaf");
    let error = exchange.respond(&[0x1b; 1000]).unwrap_err();
    let shown = error.to_string();
    assert!(shown.len() < 600 && !shown.contains('\x1b'), "{shown}");
}

#[test]
fn blanks_around_a_challenge_are_none_of_it() {
    let mut exchange = begin(Mechanism::CramMd5, "tim", b"tanstaaftanstaaf");
    let text = [b" ", CHALLENGE_OF_RFC_2195, b" \r"].concat();
    assert!(exchange.respond(&text).unwrap().octets.ends_with(b"b913a602c7eda7a495b4e6e7334d3890"));
}

#[test]
fn external_says_whom_to_act_as_if_anybody() {
    let mut exchange = begin(Mechanism::External, "", b"");
    assert_eq!(said(exchange.respond(b"")), line("", true));
    assert_eq!(exchange.succeed(b""), Ok(()));
    let named = begin(Mechanism::External, "fred@example.com", b"").initial().unwrap();
    assert_eq!(named.octets.as_slice(), b"fred@example.com");
}

/// I, soft hyphen, X becomes IX (RFC 4013 §3).
#[test]
fn prepared_identities_are_said_where_the_documents_want_them() {
    let identity = Identity { prepared: Some(("IX", b"prepared")), ..identity("I\u{ad}X", b"raw") };
    let begin = |mechanism| Exchange::begin(mechanism, &identity, &crate::NONCE, 1..=1).unwrap();
    assert_eq!(begin(Mechanism::Plain).initial().unwrap().octets.as_slice(), b"\0IX\0prepared");
    let cram = begin(Mechanism::CramMd5).respond(CHALLENGE_OF_RFC_2195).unwrap();
    let expected = crate::begin(Mechanism::CramMd5, "IX", b"prepared").respond(CHALLENGE_OF_RFC_2195).unwrap();
    assert_eq!(cram.octets, expected.octets);
    let scram = begin(Mechanism::ScramSha1).initial().unwrap();
    assert!(scram.octets.starts_with(b"n,,n=IX,r="));
    let mut login = begin(Mechanism::Login);
    assert_eq!(login.respond(b"").unwrap().octets.as_slice(), "I\u{ad}X".as_bytes());
    assert_eq!(login.respond(b"").unwrap().octets.as_slice(), b"raw");
}
