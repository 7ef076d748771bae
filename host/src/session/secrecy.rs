//! Keeps a password out of what the server says: there are servers that repeat it.

use base64ct::{Base64, Base64Unpadded, Encoding};
use zeroize::Zeroizing;

use crate::escape::escape;
use crate::sandbox::contract::{Credentials, Deletion, Error, MessageRefused, Piece, Refusal, Reply, ResponseCode};

/// The shortest piece of base64 that is searched for. Less than that is found in innocent words.
const SHORTEST_PIECE: usize = 6;

/// What stands in the place of a secret.
const INSTEAD: &str = "[password]";

/// What must not be shown, in the forms in which a server could repeat it: escaped, as all of its words are by the time that
/// they are looked at, and in base64.
#[derive(Default)]
pub(super) struct Confidential {
    /// Each is hidden where it stands.
    whole: Vec<Zeroizing<String>>,
    /// Each is a piece of base64, and hidden with all the base64 around it: it may stand for a name and a password, or
    /// for a server's message with a password in it.
    pieces: Vec<Zeroizing<String>>,
}

impl Confidential {
    /// Adds what a server is about to be told.
    pub(super) fn add(&mut self, credentials: &Credentials) {
        let prepared = credentials.prepared.as_ref().map(|prepared| (&prepared.user, &prepared.secret));
        for (user, secret) in [(&credentials.user, &credentials.secret)].into_iter().chain(prepared) {
            let plain = Zeroizing::new([b"\0", user.as_bytes(), b"\0", secret.as_slice()].concat());
            let forms = [escape(secret).to_string(), Base64::encode_string(&plain), Base64::encode_string(secret)];
            self.whole.extend(forms.into_iter().filter(|form| !form.is_empty()).map(Zeroizing::new));
            let pieces = (0..3).map(|offset| piece(secret, offset));
            self.pieces.extend(pieces.filter(|piece| piece.len() >= SHORTEST_PIECE));
        }
    }

    /// The error without them.
    pub(super) fn keep_out_of(&self, mut error: Error) -> Error {
        match &mut error {
            Error::Refused(refusal) | Error::SignInRefused(refusal) => {
                let Refusal { command: _, reply, status } = refusal;
                self.hide_in_reply(reply);
                status.iter_mut().for_each(|status| self.hide_in(status));
            }
            Error::Misbehaved(misbehaviour) => {
                self.hide_in(&mut misbehaviour.problem);
                self.hide_in(&mut misbehaviour.line);
            }
            Error::NoMechanism(words) => self.hide_in(words),
            _ => {}
        }
        error
    }

    /// The same for what the server says to single messages.
    pub(super) fn keep_out_of_pieces(&self, pieces: &mut [Piece]) {
        for piece in pieces {
            if let Piece::Refused(MessageRefused { number: _, reply }) = piece {
                self.hide_in_reply(reply);
            }
        }
    }

    /// The same for what it says to deletions.
    pub(super) fn keep_out_of_deletions(&self, deletions: &mut [Deletion]) {
        deletions
            .iter_mut()
            .filter_map(|deletion| deletion.refused.as_mut())
            .for_each(|reply| self.hide_in_reply(reply));
    }

    /// Puts a word in their place.
    pub(super) fn hide_in(&self, words: &mut String) {
        for piece in &self.pieces {
            hide_with_neighbours(words, piece);
        }
        for form in &self.whole {
            hide(words, form);
        }
    }

    fn hide_in_reply(&self, reply: &mut Reply) {
        self.hide_in(&mut reply.text);
        if let Some(ResponseCode::Other(code)) = &mut reply.code {
            self.hide_in(code);
        }
    }
}

/// What the base64 of the secret has in it whatever stands around the secret, which begins so many octets behind a multiple
/// of three.
fn piece(secret: &[u8], offset: usize) -> Zeroizing<String> {
    const OCTET: usize = 8;
    const DIGIT: usize = 6;
    let mut octets = Zeroizing::new(vec![0; offset]);
    octets.extend_from_slice(secret);
    let encoded = Zeroizing::new(Base64Unpadded::encode_string(&octets));
    let (begin, end) = ((offset * OCTET).div_ceil(DIGIT), octets.len() * OCTET / DIGIT);
    Zeroizing::new(encoded.get(begin..end).unwrap_or_default().to_owned())
}

fn hide(words: &mut String, secret: &str) {
    if !secret.is_empty() && words.contains(secret) {
        *words = words.replace(secret, INSTEAD);
    }
    hide_cut(words, secret);
}

fn hide_with_neighbours(words: &mut String, piece: &str) {
    let is_base64 = |character: char| character.is_ascii_alphanumeric() || matches!(character, '+' | '/' | '=');
    let mut hidden = String::new();
    let mut rest = words.as_str();
    while let Some((before, after)) = rest.split_once(piece) {
        hidden += before.trim_end_matches(is_base64);
        hidden += INSTEAD;
        rest = after.trim_start_matches(is_base64);
    }
    if !hidden.is_empty() {
        hidden += rest;
        *words = hidden;
    }
    hide_cut(words, piece);
}

fn hide_cut(words: &mut String, secret: &str) {
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

    fn confidential(secret: &str) -> Confidential {
        let mut confidential = Confidential::default();
        let (user, secret) = ("alice".to_owned(), secret.as_bytes().to_vec());
        confidential.add(&Credentials { user, secret, prepared: None });
        confidential
    }

    #[test]
    fn base64_is_hidden_with_whatever_it_stands_for_besides() {
        let confidential = confidential("open sesame");
        for before in ["", "1", "12", "user=alice\x01auth=Bearer ", "e=", "\0alice\0", "ä"] {
            for after in ["", "1", "12", "\x01\x01", ",s=c2FsdA==,i=4096"] {
                let said = Base64::encode_string(format!("{before}open sesame{after}").as_bytes());
                let mut words = format!("no ({said}), {said}; [{said}]");
                confidential.hide_in(&mut words);
                assert_eq!(words, "no ([password]), [password]; [[password]]", "{before:?} {after:?}");
            }
        }
    }

    #[test]
    fn a_short_secret_hides_no_innocent_words() {
        let confidential = confidential("abc");
        let mut words = format!("YWJj YWJjZGVm abc {}", Base64::encode_string(b"\0alice\0abc"));
        confidential.hide_in(&mut words);
        assert_eq!(words, "[password] [password]ZGVm [password] [password]");
        let mut words = "nothing to see here, VmFsaWQ=".to_owned();
        confidential.hide_in(&mut words);
        assert_eq!(words, "nothing to see here, VmFsaWQ=");
    }

    #[test]
    fn what_was_told_earlier_or_in_another_form_is_hidden_too() {
        let mut confidential = confidential("first-token");
        confidential.add(&Credentials {
            user: "alice".to_owned(),
            secret: b"second-token".to_vec(),
            prepared: Some(PreparedCredentials { user: "alice".to_owned(), secret: b"prepared".to_vec() }),
        });
        let mut words = "first-token second-token prepared".to_owned();
        confidential.hide_in(&mut words);
        assert_eq!(words, "[password] [password] [password]");
    }

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
