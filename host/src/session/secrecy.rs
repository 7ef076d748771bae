//! Keeps a password out of errors and traces: there are servers that repeat it.

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use crate::escape::escape;
use crate::sandbox::contract::{Credentials, Error, ResponseCode};

/// A piece of base64 that is shorter is found in words that have nothing to do with it.
const SHORTEST_PIECE: usize = 4;

/// What must not be shown, in the forms in which a server could repeat it: escaped, as all of its words are by the time that
/// they are looked at, and in base64, alone or as a part of what a mechanism says.
#[derive(Default)]
pub(super) struct Confidential(Vec<Zeroizing<String>>);

impl Confidential {
    pub(super) fn of(credentials: &Credentials) -> Self {
        let mut forms = Vec::new();
        let prepared = credentials.prepared.as_ref().map(|prepared| (&prepared.user, &prepared.secret));
        for (user, secret) in [Some((&credentials.user, &credentials.secret)), prepared].into_iter().flatten() {
            let plain = Zeroizing::new([b"\0", user.as_bytes(), b"\0", secret.as_slice()].concat());
            let whole = [escape(secret).to_string(), Base64::encode_string(&plain), Base64::encode_string(secret)];
            forms.extend(whole.map(Zeroizing::new));
            forms.extend((0..3).filter_map(|before| inside_base64(before, secret)));
        }
        Confidential(forms)
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

/// The characters of base64 that are of the secret alone, with so many other octets before it, modulo 3, and any behind it.
fn inside_base64(before: usize, secret: &[u8]) -> Option<Zeroizing<String>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(before + secret.len()));
    octets.resize(before, 0);
    octets.extend_from_slice(secret);
    let encoded = Zeroizing::new(Base64::encode_string(&octets));
    // A character has six bits, and the first and the last may share theirs with a neighbour.
    let inside = encoded.get((before * 8).div_ceil(6)..octets.len() * 8 / 6)?;
    (inside.len() >= SHORTEST_PIECE).then(|| Zeroizing::new(inside.to_owned()))
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
    use base64ct::{Base64, Encoding};

    use super::{Confidential, Credentials, hide};
    use crate::sandbox::contract::PreparedCredentials;

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

    #[test]
    fn a_secret_is_hidden_wherever_it_stands_in_base64() {
        let secret = b"sesame, open";
        let credentials = Credentials { user: "ali".to_owned(), secret: secret.to_vec(), prepared: None };
        let confidential = Confidential::of(&credentials);
        for before in 0..7 {
            for behind in 0..4 {
                let octets = [&b"user=al"[..before], secret, &b"\x01\x01\xff"[..behind.min(3)]].concat();
                let mut words = format!("<{}>", Base64::encode_string(&octets));
                confidential.hide_in(&mut words);
                let (left, right) = words.split_once("[password]").unwrap();
                // What is around it, and at each end a character that is of the secret in part.
                assert!(left.len() <= 1 + before.div_ceil(3) * 4 && right.len() <= 1 + 8, "{words}");
            }
        }
    }

    #[test]
    fn what_saslprep_makes_of_a_secret_is_one_too() {
        let prepared = PreparedCredentials { user: "ali".to_owned(), secret: b"sesame IX".to_vec() };
        let secret = "sesame \u{2168}".as_bytes().to_vec();
        let confidential = Confidential::of(&Credentials { user: "ali".to_owned(), secret, prepared: Some(prepared) });
        for words in ["no sesame IX", "no sesame \u{2168}", "no c2VzYW1lIElY"] {
            let mut hidden = words.to_owned();
            confidential.hide_in(&mut hidden);
            assert_eq!(hidden, "no [password]");
        }
    }
}
