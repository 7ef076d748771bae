//! Keeps a password out of errors: there are servers that repeat it.

use zeroize::Zeroizing;

use crate::escape::escape;
use crate::sandbox::contract::{Error, ResponseCode};

/// The error without the secret in the server's words.
pub(super) fn without_secret(mut error: Error, secret: &[u8]) -> Error {
    // The words are escaped by now, so that it stands there escaped.
    let secret = Zeroizing::new(escape(secret).to_string());
    match &mut error {
        Error::Refused(refusal) | Error::SignInRefused(refusal) => {
            hide(&mut refusal.reply.text, &secret);
            if let Some(ResponseCode::Other(code)) = &mut refusal.reply.code {
                hide(code, &secret);
            }
        }
        Error::Misbehaved(misbehaviour) => hide(&mut misbehaviour.line, &secret),
        _ => {}
    }
    error
}

fn hide(words: &mut String, secret: &str) {
    if !secret.is_empty() && words.contains(secret) {
        *words = words.replace(secret, "[password]");
    }
    // Where words were cut, their end may be its beginning.
    if let Some(kept) = words.strip_suffix('…') {
        let mut beginnings = (1..secret.len()).rev().filter_map(|length| secret.get(..length));
        if let Some(kept) = beginnings.find_map(|beginning| kept.strip_suffix(beginning)) {
            *words = format!("{kept}…");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::hide;

    fn hidden(words: &str, secret: &str) -> String {
        let mut words = words.to_owned();
        hide(&mut words, secret);
        words
    }

    #[test]
    fn a_secret_is_hidden_whole_and_where_it_was_cut() {
        assert_eq!(hidden("no sesame, no", "sesame"), "no [password], no");
        assert_eq!(hidden("sesame sesame", "sesame"), "[password] [password]");
        assert_eq!(hidden("no sesam…", "sesame"), "no …");
        assert_eq!(hidden("no s…", "sesame"), "no …");
        assert_eq!(hidden("no sesam", "sesame"), "no sesam");
        assert_eq!(hidden("größe größ…", "größer"), "größe …");
        assert_eq!(hidden("wrong…", ""), "wrong…");
    }
}
