//! The lines of both sides, for people who look for a fault.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::RefCell;

use crate::command::Sent;
use crate::escape::escape;
use crate::reply::{Status, StatusLine, status_line};

/// Octets that wait to be taken, what the lines themselves cost among them: a server may send any number of empty ones.
/// What is more is counted and left out.
const MOST_OCTETS: usize = 1 << 20;

/// How much of a line is shown, in octets.
const LONGEST_LINE: usize = 4096;

/// Collects the lines of the sessions that it is given to, see [`Session::trace_to`](crate::Session::trace_to). Clones
/// collect together.
#[derive(Clone, Debug, Default)]
pub struct Trace(Rc<RefCell<Lines>>);

/// A line that was sent or received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceLine {
    /// Who said it: the server, or the client.
    pub from_server: bool,
    /// The line, escaped. Passwords, digests, responses and challenges stand there as words in brackets, and the content of
    /// a message as its length. Where a server repeats a password in words of its own, it stands there.
    pub text: String,
}

#[derive(Debug, Default)]
struct Lines {
    lines: Vec<TraceLine>,
    octets: usize,
    left_out: usize,
}

impl Trace {
    /// The lines since the last call. Those that nobody takes are kept up to 1 MiB; how many were left out is said in a line
    /// of its own.
    pub fn take(&self) -> Vec<TraceLine> {
        let Ok(mut lines) = self.0.try_borrow_mut() else { return Vec::new() };
        let Lines { lines: mut taken, left_out, .. } = core::mem::take(&mut *lines);
        if left_out > 0 {
            taken.push(TraceLine { from_server: true, text: format!("[{left_out} lines left out]") });
        }
        taken
    }

    /// Takes a line of the client in parts, of which none may be a secret.
    pub(crate) fn sent(&self, parts: &[&[u8]]) {
        self.push(false, escape(&parts.concat(), LONGEST_LINE));
    }

    /// Takes a line of the server. Of the exchange of `AUTH` only what cannot help anybody to find the password is kept: a
    /// challenge and the right answer to it are enough to try passwords on.
    pub(crate) fn received(&self, after: Option<Sent>, line: &[u8]) {
        let text = match (after, status_line(line)) {
            (Some(Sent::Auth(_)), None) if line.trim_ascii() == b"+" => "+".to_string(),
            (Some(Sent::Auth(mechanism)), None) if !mechanism.shows_secret() && line.starts_with(b"+") => {
                "+ [challenge]".to_string()
            }
            (Some(Sent::Auth(mechanism)), Some(StatusLine { status: Status::Ok, .. })) if !mechanism.shows_secret() => {
                "+OK [words]".to_string()
            }
            _ => escape(line, LONGEST_LINE),
        };
        self.push(true, text);
    }

    /// Takes the content of a message.
    pub(crate) fn content(&self, octets: u64) {
        self.push(true, format!("[{octets} octets of content]"));
        self.push(true, ".".to_string());
    }

    /// Takes what is no line.
    pub(crate) fn note(&self, note: &str) {
        self.push(true, format!("[{note}]"));
    }

    fn push(&self, from_server: bool, text: String) {
        let Ok(mut lines) = self.0.try_borrow_mut() else { return };
        lines.octets = lines.octets.saturating_add(size_of::<TraceLine>() + text.len());
        if lines.octets > MOST_OCTETS {
            lines.left_out += 1;
        } else {
            lines.lines.push(TraceLine { from_server, text });
        }
    }
}
