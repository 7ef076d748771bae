//! What must be seen nowhere: the password and the token, and what proves to a server that one knows them.

use std::sync::OnceLock;

use base64ct::{Base64, Encoding};
use popfetch_tests::command::{PASSWORD, USER};

/// A token of OAuth which occurs nowhere else.
pub(crate) const TOKEN: &str = "ya29.plover-hollow.voice_Y2";

/// What SASL PLAIN says (RFC 4616).
pub(crate) fn plain() -> String {
    Base64::encode_string(format!("\0{USER}\0{PASSWORD}").as_bytes())
}

/// What XOAUTH2 says.
pub(crate) fn xoauth2() -> String {
    Base64::encode_string(format!("user={USER}\x01auth=Bearer {TOKEN}\x01\x01").as_bytes())
}

/// What OAUTHBEARER says to a server at this port of `localhost` (RFC 7628 §3.1).
pub(crate) fn oauthbearer(port: u16) -> String {
    let message = format!("n,a={USER},\x01host=localhost\x01port={port}\x01auth=Bearer {TOKEN}\x01\x01");
    Base64::encode_string(message.as_bytes())
}

/// Password and token, as they are and in base64, alone and in what carries them.
pub(crate) fn forms() -> &'static [String] {
    static FORMS: OnceLock<Vec<String>> = OnceLock::new();
    FORMS.get_or_init(|| {
        let alone = [PASSWORD, TOKEN].into_iter().flat_map(|secret| [secret.to_owned(), base64(secret)]);
        alone.chain([plain(), xoauth2()]).collect()
    })
}

/// In base64.
pub(crate) fn base64(text: &str) -> String {
    Base64::encode_string(text.as_bytes())
}

#[track_caller]
pub(crate) fn assert_not_in(place: &str, text: &str) {
    for form in forms() {
        assert!(!text.contains(form), "\"{form}\" is in {place}: {text}");
    }
}

/// What the client has said to prove who it is: the arguments of PASS, APOP and AUTH, and responses, as the server's
/// transcript has them.
pub(crate) fn proofs(commands: &[String]) -> Vec<String> {
    // Below that, a response is a name or nothing.
    const SHORTEST: usize = 16;
    let proof = |command: &String| {
        // What is long was cut in the transcript.
        let command = command.split('…').next().unwrap_or_default();
        let words: Vec<&str> = command.split(' ').collect();
        match words.as_slice() {
            ["PASS", ..] => command.get(5..).map(str::to_owned),
            ["APOP", .., digest] | ["AUTH", _, digest] => Some((*digest).to_owned()),
            [response] if response.len() >= SHORTEST => Some((*response).to_owned()),
            _ => None,
        }
    };
    commands.iter().filter_map(proof).filter(|proof| proof.len() >= SHORTEST).collect()
}
