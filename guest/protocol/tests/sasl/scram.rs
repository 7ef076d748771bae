//! SCRAM with servers that know the password, and with servers that do not or that want something else.

use pop3_protocol::sasl::{Exchange, Mechanism, SaslError};

use crate::server::Server;
use crate::{NONCE, base64, begin, identity};

const BOTH: [Mechanism; 2] = [Mechanism::ScramSha1, Mechanism::ScramSha256];
const CLIENT_NONCE: &str = "fyko+d2lbbFgONRv9qkxdawL";
const SERVER_FIRST: &str = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
const SERVER_FINAL: &str = "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=";

/// An exchange of RFC 5802 §5 in which the client has said who it is.
fn begun() -> Exchange {
    let mut exchange = begin(Mechanism::ScramSha1, "user", b"pencil");
    assert!(!exchange.initial().unwrap().complete);
    exchange
}

/// The same in which it has given its proof.
fn proved() -> Exchange {
    let mut exchange = begun();
    assert!(challenge(&mut exchange, SERVER_FIRST).unwrap().1);
    exchange
}

/// The answer to a message, and whether it is complete.
fn challenge(exchange: &mut Exchange, message: &str) -> Result<(String, bool), SaslError> {
    let response = exchange.respond(base64(message.as_bytes()).as_bytes())?;
    Ok((String::from_utf8(response.octets.to_vec()).unwrap(), response.complete))
}

/// Why the client does not answer a `server-first-message`.
#[track_caller]
fn refused(server_first: &str) -> SaslError {
    let mut exchange = begun();
    let error = challenge(&mut exchange, server_first).unwrap_err();
    assert!(error.is_servers());
    assert!(exchange.succeed(base64(SERVER_FINAL.as_bytes()).as_bytes()).is_err());
    error
}

#[test]
fn exchange_of_rfc_5802() {
    let mut exchange = begin(Mechanism::ScramSha1, "user", b"pencil");
    let first = exchange.initial().unwrap();
    assert_eq!(first.octets.as_slice(), b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
    let last = challenge(&mut exchange, SERVER_FIRST).unwrap();
    let proof = "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=";
    assert_eq!(last, (proof.to_owned(), true));
    assert_eq!(challenge(&mut exchange, SERVER_FINAL).unwrap(), (String::new(), true));
    assert_eq!(exchange.succeed(b"Logged in"), Ok(()));
}

#[test]
fn signature_in_the_line_of_success() {
    let signature = base64(SERVER_FINAL.as_bytes());
    for text in
        [signature.clone(), format!("Logged in {signature}"), format!(" {signature} \r"), format!("[X]\t{signature}")]
    {
        assert_eq!(proved().succeed(text.as_bytes()), Ok(()), "{text:?}");
    }
}

#[test]
fn success_without_a_signature_is_none() {
    let unsigned = base64(b"w=rmF9pqV8S7suAoZWja4dJRkFsKQ=");
    for text in ["", " ", "Logged in", "done", SERVER_FINAL, &unsigned, "\u{fffd}"] {
        let error = proved().succeed(text.as_bytes()).unwrap_err();
        assert!(error == SaslError::ScramUnverified && error.is_servers(), "{text:?}: {error}");
    }
}

#[test]
fn wrong_signatures() {
    let mut cut = SERVER_FINAL.to_owned();
    cut.replace_range(cut.len() - 4.., "");
    for message in ["v=AAAApqV8S7suAoZWja4dJRkFsKQ=", "v=rmF9pqV8S7suAoZWja4dJRkFsKU=", "v=", "v=AAAA", &cut] {
        let mut exchange = proved();
        let error = challenge(&mut exchange, message).unwrap_err();
        assert!(error == SaslError::ScramSignature && error.is_servers(), "{message}: {error}");
        // There is no second try, not even with the right one.
        let right = base64(SERVER_FINAL.as_bytes());
        assert!(exchange.respond(right.as_bytes()).is_err());
        assert!(exchange.succeed(right.as_bytes()).is_err());
        assert_eq!(proved().succeed(base64(message.as_bytes()).as_bytes()), Err(SaslError::ScramSignature));
    }
}

#[test]
fn no_server_final_messages() {
    for message in ["x", "v", "v=!", "w=AAAA", ",v=AAAA", SERVER_FIRST, "v=rmF9pqV8S7suAoZWja4dJRkFsKQ"] {
        let error = challenge(&mut proved(), message).unwrap_err();
        assert!(matches!(error, SaslError::ScramMalformed { .. }), "{message}: {error}");
    }
    let error = challenge(&mut proved(), &format!("{SERVER_FINAL},m=x")).unwrap_err();
    assert_eq!(error, SaslError::ScramExtension);
    // Other extensions are optional.
    assert!(challenge(&mut proved(), &format!("{SERVER_FINAL},x=y")).is_ok());
}

#[test]
fn refusals_of_the_server() {
    let refused_for = |reason: &str| Err(SaslError::ScramRefused { reason: reason.to_owned() });
    assert_eq!(challenge(&mut proved(), "e=invalid-proof"), refused_for("invalid-proof"));
    assert_eq!(challenge(&mut proved(), "e=a\x1b[2J,x=y"), refused_for("a\\x1b[2J"));
    assert_eq!(challenge(&mut begun(), "e=unknown-user"), refused_for("unknown-user"));
    let long = challenge(&mut proved(), &format!("e={}", "x".repeat(3000))).unwrap_err();
    assert!(long.to_string().len() < 300);
    let mut exchange = proved();
    challenge(&mut exchange, "e=invalid-proof").unwrap_err();
    assert!(exchange.succeed(base64(SERVER_FINAL.as_bytes()).as_bytes()).is_err());
}

#[test]
fn nothing_follows_the_signature() {
    let mut exchange = proved();
    challenge(&mut exchange, SERVER_FINAL).unwrap();
    let error = challenge(&mut exchange, SERVER_FINAL).unwrap_err();
    assert_eq!(error, SaslError::ChallengeUnexpected { mechanism: Mechanism::ScramSha1 });
    assert!(exchange.succeed(b"").is_err());
}

#[test]
fn nonces_that_do_not_continue_the_clients() {
    let others = [
        String::new(),
        "x".to_owned(),
        // The client's own, and nothing new.
        CLIENT_NONCE.to_owned(),
        CLIENT_NONCE[..CLIENT_NONCE.len() - 1].to_owned(),
        format!("{}x", &CLIENT_NONCE[..CLIENT_NONCE.len() - 1]),
        format!("x{CLIENT_NONCE}"),
        CLIENT_NONCE.to_uppercase() + "xyz",
    ];
    for nonce in others {
        assert_eq!(refused(&format!("r={nonce},s=QSXCR+Q6sek8bf92,i=4096")), SaslError::ScramNonce, "{nonce}");
    }
}

#[test]
fn iteration_counts_that_are_not_permitted() {
    for count in [1, 4095, 1_000_001, 1 << 31, u64::from(u32::MAX), 1 << 32, (1 << 32) + 4096, u64::MAX] {
        let error = refused(&format!("r={CLIENT_NONCE}x,s=QSXCR+Q6sek8bf92,i={count}"));
        assert_eq!(error, SaslError::ScramIterations { count, permitted: 4096..=1_000_000 });
    }
    let greater = refused(&format!("r={CLIENT_NONCE}x,s=QSXCR+Q6sek8bf92,i=1{}", "0".repeat(400)));
    assert_eq!(greater, SaslError::ScramIterations { count: u64::MAX, permitted: 4096..=1_000_000 });
}

#[test]
fn no_iteration_counts() {
    for count in ["", "0", "00", "04096", "-4096", "+4096", "4096 ", " 4096", "1e9", "0x1000", "4096.0", "4_096", "四"]
    {
        let error = refused(&format!("r={CLIENT_NONCE}x,s=QSXCR+Q6sek8bf92,i={count}"));
        assert!(matches!(error, SaslError::ScramMalformed { .. }), "{count:?}: {error}");
    }
}

/// 0 iterations are none, whoever permits them.
#[test]
fn no_iterations_at_all() {
    let identity = identity("user", b"pencil");
    let mut exchange = Exchange::begin(Mechanism::ScramSha1, &identity, &NONCE, 0..=10).unwrap();
    exchange.initial();
    assert!(challenge(&mut exchange, &format!("r={CLIENT_NONCE}x,s=QSXCR+Q6sek8bf92,i=0")).is_err());
}

#[test]
fn no_server_first_messages() {
    let long_salt = base64(&[7; 1025]);
    let messages = [
        "x".to_owned(),
        format!("s=QSXCR+Q6sek8bf92,r={CLIENT_NONCE}x,i=4096"),
        format!("r={CLIENT_NONCE}x,i=4096,s=QSXCR+Q6sek8bf92"),
        format!("r={CLIENT_NONCE}x"),
        format!("r={CLIENT_NONCE}x,s=QSXCR+Q6sek8bf92"),
        format!("r={CLIENT_NONCE}x,,s=QSXCR+Q6sek8bf92,i=4096"),
        format!("r={CLIENT_NONCE}x y,s=QSXCR+Q6sek8bf92,i=4096"),
        format!("r={CLIENT_NONCE}\n,s=QSXCR+Q6sek8bf92,i=4096"),
        format!("R={CLIENT_NONCE}x,s=QSXCR+Q6sek8bf92,i=4096"),
        format!("r={CLIENT_NONCE}x,s=,i=4096"),
        format!("r={CLIENT_NONCE}x,s=QSXCR,i=4096"),
        format!("r={CLIENT_NONCE}x,s=Q S X,i=4096"),
        format!("r={CLIENT_NONCE}x,s={long_salt},i=4096"),
        SERVER_FINAL.to_owned(),
    ];
    for message in messages {
        let error = refused(&message);
        assert!(matches!(error, SaslError::ScramMalformed { .. }), "{message}: {error}");
    }
}

#[test]
fn extensions() {
    assert_eq!(refused(&format!("m=x,{SERVER_FIRST}")), SaslError::ScramExtension);
    assert_eq!(refused(&format!("{SERVER_FIRST},m=x")), SaslError::ScramExtension);
    // Others are optional, and part of what is signed.
    let mut exchange = begun();
    challenge(&mut exchange, &format!("{SERVER_FIRST},x=y")).unwrap();
    assert_eq!(challenge(&mut exchange, SERVER_FINAL), Err(SaslError::ScramSignature));
}

#[test]
fn challenges_that_are_no_base64() {
    for text in [&b""[..], b"-ERR no", SERVER_FIRST.as_bytes(), b"\xff\xfe", b"cj0"] {
        let mut exchange = begun();
        assert!(matches!(exchange.respond(text).unwrap_err(), SaslError::BadBase64 { .. }), "{text:?}");
        let mut exchange = proved();
        assert!(matches!(exchange.respond(text).unwrap_err(), SaslError::BadBase64 { .. }), "{text:?}");
        assert!(exchange.succeed(base64(SERVER_FINAL.as_bytes()).as_bytes()).is_err());
    }
}

#[test]
fn servers_with_another_password_are_not_believed() {
    for mechanism in BOTH {
        let mut exchange = begin(mechanism, "user", b"pencil");
        let mut server = Server::new(mechanism, b"pen", b"salt", 4096);
        let server_first = server.first(&exchange.initial().unwrap().octets, "own");
        let proof = challenge(&mut exchange, &server_first).unwrap().0;
        assert_eq!(server.last(proof.as_bytes()), "e=invalid-proof");
        // And yet it says that all is well.
        assert_eq!(exchange.succeed(b"welcome"), Err(SaslError::ScramUnverified));
    }
}

#[test]
fn the_names_special_characters_are_escaped() {
    for mechanism in BOTH {
        let first = begin(mechanism, "a=b,c=2C", b"pencil").initial().unwrap();
        assert_eq!(first.octets.as_slice(), b"n,,n=a=3Db=2Cc=3D2C,r=fyko+d2lbbFgONRv9qkxdawL");
    }
}
