//! The honest reply to a command, the faults in it, and the actions that it turns into.

use super::{Action, Ending, Fault, Row, Segments};
use crate::maildrop::Content;

/// A reply before it is put on the wire.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    /// Without CRLF.
    status: Vec<u8>,
    body: Body,
    stuffed: bool,
    crlf_before_final_dot: bool,
    final_dot: bool,
    endless: bool,
}

/// What follows the status line, up to the final dot.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// Nothing: a single-line reply.
    None,
    /// Rows without their CRLF.
    Rows(Vec<Vec<u8>>),
    /// The first so many octets of content.
    Content(Content, u64),
}

impl Reply {
    pub(super) fn new(status: impl Into<Vec<u8>>, body: Body) -> Self {
        let status = status.into();
        Self { status, body, stuffed: true, crlf_before_final_dot: true, final_dot: true, endless: false }
    }

    /// A single-line reply.
    pub(super) fn line(status: impl Into<Vec<u8>>) -> Self {
        Self::new(status, Body::None)
    }

    /// Puts ` text` behind a status line that is `+OK`.
    pub(super) fn with_extra_text(mut self, text: &str) -> Self {
        if !text.is_empty() && self.status.starts_with(b"+OK") {
            self.status.extend_from_slice(format!(" {text}").as_bytes());
        }
        self
    }

    /// The actions of this reply with all faults in it.
    pub(super) fn with_faults(mut self, faults: &[&Fault]) -> Vec<Action> {
        for fault in faults {
            self.edit(fault);
        }
        spoiled(self.into_actions(), faults)
    }

    fn edit(&mut self, fault: &Fault) {
        match fault {
            Fault::Refuse(text) => *self = Self::line([b"-ERR ", text.as_slice()].concat()),
            Fault::Status(status) => self.status.clone_from(status),
            Fault::Row(row) => {
                if let Body::Rows(rows) = &mut self.body {
                    row.edit(rows);
                }
            }
            Fault::Unstuffed => self.stuffed = false,
            Fault::NoCrlfBeforeFinalDot => self.crlf_before_final_dot = false,
            Fault::NoFinalDot => self.final_dot = false,
            Fault::EndlessBody => self.endless = true,
            _ => {}
        }
    }

    fn into_actions(self) -> Vec<Action> {
        let mut status = self.status;
        status.extend_from_slice(b"\r\n");
        let mut actions = vec![Action::Send(status)];
        let rows = match self.body {
            Body::None => return actions,
            Body::Rows(rows) => {
                let (mut text, count) = (Vec::new(), rows.len() as u64);
                for row in rows {
                    text.extend_from_slice(&row);
                    text.extend_from_slice(b"\r\n");
                }
                if !self.crlf_before_final_dot {
                    text.truncate(text.len().saturating_sub(2));
                }
                actions.push(Action::Send(text));
                Some(count)
            }
            Body::Content(content, octets) => {
                let octets = octets.min(content.len());
                let octets = if self.crlf_before_final_dot { octets } else { octets.saturating_sub(2) };
                actions.push(Action::Content { content, octets, stuffed: self.stuffed });
                None
            }
        };
        match rows {
            Some(count) if self.endless => actions.push(Action::RepeatRows(count + 1)),
            None if self.endless => actions.push(Action::Repeat(filler())),
            _ if self.final_dot => actions.push(Action::Send(b".\r\n".to_vec())),
            _ => {}
        }
        actions
    }
}

impl Row {
    fn edit(&self, rows: &mut Vec<Vec<u8>>) {
        // Position 0 wraps around to one that there is not.
        let index = |position: &usize| position.wrapping_sub(1);
        match self {
            Self::Drop(position) if index(position) < rows.len() => drop(rows.remove(index(position))),
            Self::Duplicate(position) if index(position) < rows.len() => {
                rows.insert(*position, rows[index(position)].clone());
            }
            Self::Replace(position, row) if index(position) < rows.len() => rows[index(position)].clone_from(row),
            Self::Drop(_) | Self::Duplicate(_) | Self::Replace(..) => {}
            Self::Append(row) => rows.push(row.clone()),
            Self::Reverse => rows.reverse(),
            Self::Clear => rows.clear(),
        }
    }
}

/// Actions with the faults around them that do not edit a reply.
pub(super) fn spoiled(honest: Vec<Action>, faults: &[&Fault]) -> Vec<Action> {
    faults.iter().fold(honest, |actions, fault| wrap(actions, fault))
}

/// Puts a fault that is not an edit around actions.
fn wrap(honest: Vec<Action>, fault: &Fault) -> Vec<Action> {
    let before = |action: Action| [vec![action], honest.clone()].concat();
    match fault {
        Fault::Raw(octets) => vec![Action::Send(octets.clone())],
        Fault::Append(octets) => [honest, vec![Action::Send(octets.clone())]].concat(),
        Fault::Banner(banner) => vec![Action::Send(banner.octets())],
        Fault::Twice => [honest.clone(), honest].concat(),
        Fault::Delay(time) => before(Action::Pause(*time)),
        Fault::Drip(interval) => before(Action::Pace(Segments::Each(1), *interval)),
        Fault::EndlessLine => vec![Action::Send(b"+OK ".to_vec()), Action::Repeat(vec![b'x'; 4096])],
        Fault::EndlessLines => vec![Action::Repeat(filler())],
        Fault::End(ending) => vec![Action::End(*ending)],
        Fault::CutReply { after, ending } => cut(honest, 0, *after, *ending),
        Fault::CutContent { after, ending } => cut(honest, 1, *after, *ending),
        Fault::Play(actions) => {
            let expand = |action: &Action| match action {
                Action::Honest => honest.clone(),
                other => vec![other.clone()],
            };
            actions.iter().flat_map(expand).collect()
        }
        Fault::NoEffect
        | Fault::Refuse(_)
        | Fault::Status(_)
        | Fault::Row(_)
        | Fault::Unstuffed
        | Fault::NoCrlfBeforeFinalDot
        | Fault::NoFinalDot
        | Fault::EndlessBody => honest,
    }
}

/// Cuts what follows the first `whole` actions, and ends after them when they are too short to be cut.
fn cut(mut actions: Vec<Action>, whole: usize, after: u64, ending: Ending) -> Vec<Action> {
    actions.insert(whole.min(actions.len()), Action::CutAfter(after, ending));
    actions.push(Action::End(ending));
    actions
}

/// A line of text, often enough that sending it for ever is not a matter of many small steps.
fn filler() -> Vec<u8> {
    b"This text goes on, and on, and on, and there is no end of it at all.\r\n".repeat(64)
}
