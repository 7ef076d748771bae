//! Keeps a password out of errors and traces: there are servers that repeat it.

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use super::Credentials;
use crate::escape::escape;
use crate::sandbox::contract::{Error, ResponseCode};

/// What must not be shown, in the forms in which a server could repeat it: escaped, as all of its words are by the time that
/// they are looked at, and in base64.
#[derive(Default)]
pub(super) struct Confidential(Vec<Zeroizing<String>>);

impl Confidential {
    pub(super) fn of(credentials: &Credentials) -> Self {
        let secret = credentials.secret.expose();
        let plain = Zeroizing::new([b"\0", credentials.user.as_bytes(), b"\0", secret].concat());
        let forms = [escape(secret).to_string(), Base64::encode_string(&plain), Base64::encode_string(secret)];
        Confidential(forms.into_iter().map(Zeroizing::new).collect())
    }

    /// The error without them.
    pub(super) fn keep_out_of(&self, mut error: Error) -> Error {
        match &mut error {
            Error::Refused(refusal) | Error::SignInRefused(refusal) => {
                self.hide_in(&mut refusal.reply.text);
                if let Some(ResponseCode::Other(code)) = &mut refusal.reply.code {
                    self.hide_in(code);
                }
                if let Some(status) = &mut refusal.status {
                    self.hide_in(status);
                }
            }
            Error::Misbehaved(misbehaviour) => self.hide_in(&mut misbehaviour.line),
            _ => {}
        }
        error
    }

    /// Puts a word in their place.
    pub(super) fn hide_in(&self, words: &mut String) {
        for form in &self.0 {
            hide(words, form);
        }
    }
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
