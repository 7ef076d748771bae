//! What holds for any server, and for any server that knows the password.

use pop3_protocol::sasl::{Exchange, Mechanism, SaslError};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::server::Server;
use crate::{MECHANISMS, base64, identity};

/// Has blanks and a comma, which nothing that a server may have repeated has.
const SECRET: &[u8] = b"not, for you";

/// What a server may say: base64 of nearly messages, text, anything.
fn challenges() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let pieces = [
        "r=AAAAAAAAAAAAAAAAAAAAAAx,s=AAAA,i=2",
        "r=AAAAAAAAAAAAAAAAAAAAAA",
        "r=",
        "s=",
        "i=",
        "v=",
        "e=",
        "m=",
        ",",
        "AAAA",
        "x",
        "1",
        "64",
        "=",
    ];
    let message = vec(select(pieces.to_vec()), 1..8).prop_map(|pieces| base64(pieces.concat().as_bytes()).into_bytes());
    let octets = vec(any::<u8>(), 0..40);
    let encoded = vec(any::<u8>(), 0..40).prop_map(|octets| base64(&octets).into_bytes());
    vec(prop_oneof![4 => message, 1 => octets, 1 => encoded], 0..6)
}

proptest! {
    #[test]
    fn no_server_gets_a_secret_that_the_mechanism_hides(
        mechanism in select(MECHANISMS.to_vec()),
        on_the_line: bool,
        challenges in challenges(),
        success in vec(any::<u8>(), 0..40),
    ) {
        // A nonce that the server above can guess.
        let mut exchange = Exchange::begin(mechanism, &identity("user", secret(mechanism)), &[0; 16], 1..=64).unwrap();
        let mut said: Vec<_> = on_the_line.then(|| exchange.initial()).flatten().into_iter().collect();
        for challenge in challenges {
            said.extend(exchange.respond(&challenge));
        }
        let signed_in = exchange.succeed(&success);
        prop_assert!(said.len() <= 3);
        for response in &said {
            let shown = response.octets.windows(SECRET.len()).any(|window| window == SECRET);
            prop_assert!(!shown || mechanism.shows_secret());
        }
        if matches!(mechanism, Mechanism::ScramSha1 | Mechanism::ScramSha256) {
            prop_assert!(signed_in.is_err());
        }
        if said.is_empty() {
            prop_assert!(signed_in.is_err());
        }
    }

    #[test]
    fn servers_that_know_the_password_are_believed(
        mechanism in select(vec![Mechanism::ScramSha1, Mechanism::ScramSha256]),
        user in "[^\0]{1,20}",
        password in vec(any::<u8>(), 1..200),
        salt in vec(any::<u8>(), 1..100),
        iterations in 1..20_u32,
        own_nonce in r"[!-+\--~]{1,40}",
        nonce in vec(any::<u8>(), 16..40),
        in_success: bool,
    ) {
        let mut exchange = Exchange::begin(mechanism, &identity(&user, &password), &nonce, 1..=20).unwrap();
        let mut server = Server::new(mechanism, &password, &salt, iterations);
        let server_first = base64(server.first(&exchange.respond(b"").unwrap().octets, &own_nonce).as_bytes());
        let server_final = server.last(&exchange.respond(server_first.as_bytes()).unwrap().octets);
        prop_assert!(server_final.starts_with("v="), "{}", server_final);
        let server_final = base64(server_final.as_bytes());
        if in_success {
            prop_assert_eq!(exchange.succeed(server_final.as_bytes()), Ok(()));
        } else {
            prop_assert!(exchange.respond(server_final.as_bytes()).unwrap().octets.is_empty());
            prop_assert_eq!(exchange.succeed(b""), Ok(()));
        }
    }

    /// The client does not sign in to a server that has another password and signs with that.
    #[test]
    fn servers_that_know_another_password_are_not(
        mechanism in select(vec![Mechanism::ScramSha1, Mechanism::ScramSha256]),
        password in "[a-z]{1,8}",
        other in "[A-Z]{1,8}",
    ) {
        let begin = |password: &str| {
            Exchange::begin(mechanism, &identity("user", password.as_bytes()), &[0; 16], 1..=20).unwrap()
        };
        let (mut exchange, mut accomplice) = (begin(&password), begin(&other));
        let mut server = Server::new(mechanism, other.as_bytes(), b"salt", 2);
        let server_first = base64(server.first(&exchange.initial().unwrap().octets, "own").as_bytes());
        accomplice.initial();
        let proof = exchange.respond(server_first.as_bytes()).unwrap();
        prop_assert_eq!(server.last(&proof.octets), "e=invalid-proof");
        let proof = accomplice.respond(server_first.as_bytes()).unwrap();
        let signature = base64(server.last(&proof.octets).as_bytes());
        prop_assert_eq!(accomplice.succeed(signature.as_bytes()), Ok(()));
        prop_assert_eq!(exchange.succeed(signature.as_bytes()), Err(SaslError::ScramSignature));
    }
}

/// Tokens have no blanks.
fn secret(mechanism: Mechanism) -> &'static [u8] {
    match mechanism {
        Mechanism::OauthBearer | Mechanism::Xoauth2 => b"token",
        _ => SECRET,
    }
}
