//! Any sequence of challenges and successes, in an exchange of any mechanism, from a server that knows no password.
//!
//! The first line of the input chooses the mechanism, and whether the initial response goes with `AUTH`. In the others
//! the server says `+text`, or `!text` for success, or the same in base64: `=octets` and `#octets`.
#![no_main]

use base64ct::{Base64, Encoding};
use libfuzzer_sys::fuzz_target;
use pop3_protocol::sasl::{Exchange, Identity, Mechanism, REPORT_LIMIT, SaslError};

/// Has blanks and a comma, which nothing has that a client may repeat of what a server says.
const PASSWORD: &[u8] = b"not, for you";
/// Becomes 22 times `A`, so that inputs can continue it.
const NONCE: [u8; 16] = [0; 16];

fuzz_target!(|input: &[u8]| {
    let mut lines = input.split(|octet| *octet == b'\n');
    let [choice, with_auth @ ..] = lines.next().unwrap_or_default() else { return };
    let mechanism = mechanism(*choice);
    let scram = matches!(mechanism, Mechanism::ScramSha256 | Mechanism::ScramSha1);
    let token = matches!(mechanism, Mechanism::OauthBearer | Mechanism::Xoauth2);
    let secret = if token { b"token" } else { PASSWORD };
    let identity = Identity { user: "a=b,c", secret, prepared: None, host: "pop.example.org", port: 995 };
    let mut exchange = Exchange::begin(mechanism, &identity, &NONCE, 1..=64).unwrap();
    let mut begun = !with_auth.is_empty();
    let first = begun.then(|| exchange.initial()).flatten();
    let (mut said, mut complete) = first.map_or((0, false), |first| (1, first.complete));
    let mut over = false;

    for line in lines {
        let Some((kind, text)) = line.split_first() else { continue };
        let text = match kind {
            b'=' | b'#' => Base64::encode_string(text).into_bytes(),
            _ => text.to_vec(),
        };
        begun = true;
        if matches!(kind, b'!' | b'#') {
            let result = exchange.succeed(&text);
            assert!(!scram || result.is_err(), "who knows no password has signed");
            assert!(scram || result.is_ok() == (complete && !over));
            check(result.err());
            over = true;
            continue;
        }
        match exchange.respond(&text) {
            Ok(response) => {
                assert!(!over, "goes on after the end");
                said += 1;
                complete = response.complete;
                assert!(response.octets.len() < 200 + text.len(), "out of proportion");
                let shown = response.octets.windows(PASSWORD.len()).any(|window| window == PASSWORD);
                assert!(!shown || mechanism.shows_secret());
            }
            Err(error) => {
                check(Some(error));
                over = true;
            }
        }
    }
    assert!(said <= 2, "says more than there is");
    assert!(exchange.server_error().is_none_or(|report| token && report.len() <= REPORT_LIMIT));
    assert!(!begun || exchange.initial().is_none());
});

/// After the beginning all is the server's fault, and what it said can be shown.
fn check(error: Option<SaslError>) {
    let Some(error) = error else { return };
    assert!(error.is_servers());
    let shown = error.to_string();
    assert!(shown.len() < 1024 && !shown.contains(char::is_control), "{shown:?}");
}

fn mechanism(choice: u8) -> Mechanism {
    match choice.wrapping_sub(b'0') % 8 {
        0 => Mechanism::ScramSha256,
        1 => Mechanism::ScramSha1,
        2 => Mechanism::CramMd5,
        3 => Mechanism::Plain,
        4 => Mechanism::Login,
        5 => Mechanism::OauthBearer,
        6 => Mechanism::Xoauth2,
        _ => Mechanism::External,
    }
}
