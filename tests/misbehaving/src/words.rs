//! Words that harm who shows them as they are.

use alloc::string::{String, ToString};

use crate::types::{Error, Excess, Misbehaviour, Refusal, Reply, ResponseCode, Wait};

/// Clears the screen, sets the window's title, moves to another line, turns the direction of writing.
const ESCAPES: &str = "\x1b[2J\x1b]0;owned\x07\r\n\u{9b}31m\u{202e}";

/// Escapes, and so many octets that nobody wants to read them.
pub(crate) fn words(octets: usize) -> String {
    let mut words = ESCAPES.to_string();
    words.extend(core::iter::repeat_n('A', octets));
    words.push_str(ESCAPES);
    words
}

/// As many as an error may well have.
fn many() -> String {
    words(4 << 20)
}

/// The error of this name, made of such words.
pub(crate) fn error(name: &str) -> Error {
    let reply = || Reply { code: Some(ResponseCode::Other(words(100))), text: many() };
    let refusal = || Refusal { command: words(100), reply: reply(), status: None };
    match name {
        "invalid-argument" => Error::InvalidArgument(many()),
        "invalid-state" => Error::InvalidState(many()),
        "not-supported" => Error::NotSupported(many()),
        "connect-failed" => Error::ConnectFailed(many()),
        "closed" => Error::Closed(Some(many())),
        "network" => Error::Network(many()),
        "refused" => Error::Refused(refusal()),
        "sign-in-refused" => Error::SignInRefused(refusal()),
        "no-mechanism" => Error::NoMechanism(many()),
        "misbehaved" => Error::Misbehaved(Misbehaviour { command: Some(many()), problem: many(), line: many() }),
        "limit-exceeded" => Error::LimitExceeded(Excess { limit: many(), bound: 1, command: Some(many()) }),
        "not-utf8" => Error::Network(not_utf8()),
        _ => Error::Timeout(Wait::Reply),
    }
}

#[expect(unsafe_code, reason = "a component need not be made of sound code")]
fn not_utf8() -> String {
    // SAFETY: it is not sound. Nothing here looks at it before the host does.
    unsafe { String::from_utf8_unchecked(alloc::vec![0xff, 0xfe]) }
}
