//! OAUTHBEARER and XOAUTH2.

use pop3_protocol::sasl::{Exchange, Identity, Mechanism, REPORT_LIMIT, SaslError};

use crate::{base64, begin, identity, said};

/// The example of Google's document, in two lines, as Microsoft's servers need it.
#[test]
fn xoauth2_as_google_documents_it() {
    let token = b"ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg";
    let mut exchange = begin(Mechanism::Xoauth2, "someuser@example.com", token);
    let line = "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==";
    assert_eq!(said(exchange.respond(b"")), (line.to_owned(), true));
    assert_eq!(exchange.succeed(b"Welcome."), Ok(()));
    assert_eq!(exchange.server_error(), None);
}

#[test]
fn xoauth2_refused() {
    let mut exchange = begin(Mechanism::Xoauth2, "someuser@example.com", b"expired");
    exchange.initial().unwrap();
    let report =
        b"eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoiaHR0cHM6Ly9tYWlsLmdvb2dsZS5jb20vIn0K";
    assert_eq!(said(exchange.respond(report)), (String::new(), true));
    let said = exchange.server_error().unwrap();
    assert_eq!(said, b"{\"status\":\"401\",\"schemes\":\"bearer mac\",\"scope\":\"https://mail.google.com/\"}\n");
    let again = exchange.respond(report).unwrap_err();
    assert_eq!(again, SaslError::ChallengeUnexpected { mechanism: Mechanism::Xoauth2 });
}

fn oauthbearer_of_rfc_7628() -> Exchange {
    let token = b"vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
    let identity = Identity { port: 143, ..identity("user@example.com", token) };
    Exchange::begin(Mechanism::OauthBearer, &identity, b"", 1..=1).unwrap()
}

const LINE_OF_RFC_7628: &str = "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB";

#[test]
fn oauthbearer_of_rfc_7628_4_1() {
    let mut exchange = oauthbearer_of_rfc_7628();
    assert_eq!(said(Ok(exchange.initial().unwrap())), (LINE_OF_RFC_7628.to_owned(), true));
    assert_eq!(exchange.succeed(b""), Ok(()));
}

#[test]
fn oauthbearer_of_rfc_7628_4_3() {
    let mut exchange = oauthbearer_of_rfc_7628();
    assert_eq!(said(exchange.respond(b"")), (LINE_OF_RFC_7628.to_owned(), true));
    let report = b"eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3BlIiwib3BlbmlkLWNvbmZpZ3VyYXRpb24iOiJodHRwczovL2V4YW1wbGUuY29tLy53ZWxsLWtub3duL29wZW5pZC1jb25maWd1cmF0aW9uIn0=";
    assert_eq!(said(exchange.respond(report)), ("AQ==".to_owned(), true));
    let said = std::str::from_utf8(exchange.server_error().unwrap()).unwrap();
    assert!(said.starts_with("{\"status\":\"invalid_token\",") && said.ends_with("openid-configuration\"}"), "{said}");
    assert!(exchange.respond(report).is_err());
}

#[test]
fn reports_that_are_text_are_kept_as_they_are() {
    for mechanism in [Mechanism::OauthBearer, Mechanism::Xoauth2] {
        let report = |text: &[u8]| {
            let mut exchange = begin(mechanism, "user", b"token");
            exchange.initial().unwrap();
            exchange.respond(text).unwrap();
            exchange.server_error().map(<[u8]>::to_vec)
        };
        assert_eq!(report(b"token expired!").unwrap(), b"token expired!");
        assert_eq!(report(b"").as_deref(), None);
        assert_eq!(report(b" "), None);
        assert_eq!(report(base64(&[7; 2000]).as_bytes()).unwrap(), [7; REPORT_LIMIT]);
        assert_eq!(report(&[b'!'; 4000]).unwrap(), [b'!'; REPORT_LIMIT]);
    }
}

#[test]
fn tokens_may_be_long() {
    let token = vec![b'x'; 16 * 1024];
    for mechanism in [Mechanism::OauthBearer, Mechanism::Xoauth2] {
        let response = begin(mechanism, "user", &token).initial().unwrap();
        assert!(response.octets.ends_with(&[&token[..], b"\x01\x01"].concat()));
    }
}

#[test]
fn names_are_escaped_in_oauthbearer_alone() {
    let response = begin(Mechanism::OauthBearer, "a=b,c", b"token").initial().unwrap();
    let expected = b"n,a=a=3Db=2Cc,\x01host=server.example.com\x01port=995\x01auth=Bearer token\x01\x01";
    assert_eq!(response.octets.as_slice(), expected);
    let response = begin(Mechanism::Xoauth2, "a=b,c", b"token").initial().unwrap();
    assert_eq!(response.octets.as_slice(), b"user=a=b,c\x01auth=Bearer token\x01\x01");
}
