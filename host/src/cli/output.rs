//! What the command says: lines for people, a progress bar on a terminal, or one JSON object for each event.
//!
//! Everything that a server said is escaped here, whatever the component has done about it.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::arguments::{Format, Output};
use super::failure::Failure;
use crate::escape::{escape, escape_cut};
use crate::fetch::{Event, Skipped, Summary};
use crate::journal::{FailedBefore, now};
use crate::session::{Greeting, Reply};
use crate::tls::TlsDetails;

/// The longest error or warning, in characters.
const LONGEST_LINE: usize = 600;

/// The longest of other texts, in characters: a path or a line of the server with everything escaped is shorter.
const LONGEST_TEXT: usize = 16 << 10;

/// Says things, one at a time.
pub(super) struct Reporter {
    output: Output,
    progress: ProgressBar,
    /// There is a terminal that wants to see it.
    shows_progress: bool,
    /// The first failure to write to standard output: a run is not broken off for it.
    broken: Arc<Mutex<Option<io::Error>>>,
    /// Which of several accounts speaks.
    account: Option<String>,
}

impl Reporter {
    pub(super) fn new(output: Output) -> Self {
        let wanted = output.format == Format::Text && !output.quiet && io::stderr().is_terminal();
        let progress = ProgressBar::hidden();
        // A template that does not parse would be a defect; the bar then looks plain.
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} messages stored  {msg}") {
            progress.set_style(style);
        }
        Reporter { output, progress, shows_progress: wanted, broken: Arc::default(), account: None }
    }

    /// Says things of one of several accounts, and shows no progress.
    pub(super) fn of_account(&self, account: String) -> Self {
        Reporter {
            output: self.output,
            progress: ProgressBar::hidden(),
            shows_progress: false,
            broken: Arc::clone(&self.broken),
            account: Some(account),
        }
    }

    /// The account in front of a line that does not name it, where there are several.
    fn prefix(&self) -> String {
        self.account.as_deref().map(|account| format!("{}: ", shown(account))).unwrap_or_default()
    }

    pub(super) fn connected(&self, account: &str, greeting: &Greeting, tls: Option<&TlsDetails>) {
        match self.output.format {
            Format::Json => self.json(&json!({
                "event": "connected", "account": shown(account), "greeting": shown(&greeting.text),
                "tls": tls.map(|tls| json!({ "version": tls.version, "cipher_suite": tls.cipher_suite })),
            })),
            Format::Text if self.output.verbose => {
                let security = tls.map_or("clear text", |tls| tls.version.as_str());
                self.line(&format!("{}: connected ({security}): {}", shown(account), shown(&greeting.text)));
            }
            Format::Text => {}
        }
    }

    pub(super) fn signed_in(&self, mechanism: &str) {
        match self.output.format {
            Format::Json => self.json(&json!({ "event": "signed-in", "mechanism": mechanism })),
            Format::Text if self.output.verbose => self.line(&format!("{}signed in with {mechanism}", self.prefix())),
            Format::Text => {}
        }
    }

    pub(super) fn fetch(&self, event: &Event<'_>) {
        if self.shows_progress {
            self.show_progress(event);
        }
        self.tell(event);
    }

    fn show_progress(&self, event: &Event<'_>) {
        match event {
            Event::Planned { retrieve, .. } => {
                self.progress.set_length(u64::from(*retrieve));
                self.progress.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
            }
            Event::Stored { .. } => self.progress.inc(1),
            Event::Begin { number, announced: Some(octets) } => {
                self.progress.set_message(format!("message {number}, {octets} octets"));
            }
            Event::Begin { number, announced: None } => self.progress.set_message(format!("message {number}")),
            Event::Content { .. } => self.progress.tick(),
            _ => {}
        }
    }

    fn tell(&self, event: &Event<'_>) {
        match self.output.format {
            Format::Json => {
                if let Some(object) = fetch_json(event) {
                    self.json(&object);
                }
            }
            Format::Text => {
                if let Event::Warning(warning) = event {
                    self.warn(warning);
                } else if (self.output.verbose || is_asked_for(event))
                    && let Some(line) = fetch_line(event)
                {
                    self.line(&format!("{}{line}", self.prefix()));
                }
            }
        }
    }

    pub(super) fn fetched(&self, account: &str, summary: &Summary) {
        self.progress.finish_and_clear();
        let Summary { messages, stored, octets, known, skipped, failed, deleted, refused, not_deleted, .. } = summary;
        let Summary { would_retrieve: would_fetch, would_delete, .. } = summary;
        if self.output.format == Format::Json {
            return self.json(&json!({
                "event": "done", "account": shown(account), "messages": messages, "stored": stored, "octets": octets,
                "would_fetch": would_fetch, "would_delete": would_delete, "known": known, "skipped": skipped, "failed": failed, "deleted": deleted, "refused": refused, "not_deleted": not_deleted,
            }));
        }
        let mut line = format!("{}: {}, {stored} stored ({octets} octets)", shown(account), counted(*messages));
        for (count, what) in [
            (would_fetch, "would be fetched"),
            (would_delete, "would be deleted"),
            (known, "known"),
            (skipped, "skipped"),
            (failed, "failed"),
            (deleted, "deleted"),
            (refused, "refused"),
            (not_deleted, "not deleted"),
        ] {
            if *count > 0 {
                line.push_str(&format!(", {count} {what}"));
            }
        }
        self.line(&line);
    }

    /// A warning: on standard error, or as an event.
    pub(super) fn warn(&self, warning: &dyn Display) {
        let text = escape_cut(warning.to_string().as_bytes(), LONGEST_LINE).to_string();
        if self.output.format == Format::Json {
            self.json(&json!({ "event": "warning", "text": text }));
        } else {
            self.progress.suspend(|| complain(&format!("{}warning: {text}", self.prefix())));
        }
    }

    /// The one line that says what went wrong: on standard error, and as an event too.
    pub(super) fn failed(&self, failure: &Failure) {
        self.progress.finish_and_clear();
        let mut text = escape_cut(failure.to_string().as_bytes(), LONGEST_LINE).to_string();
        if let Some(advice) = failure.advice() {
            text.push_str("; ");
            text.push_str(advice);
        }
        if self.output.format == Format::Json {
            self.json(&json!({ "event": "error", "exit": failure.exit() as u8, "text": text }));
        }
        complain(&format!("{}{text}", self.prefix()));
    }

    /// A line on standard output, unless nothing shall be said.
    pub(super) fn line(&self, line: &str) {
        if !self.output.quiet {
            self.progress.suspend(|| self.write(line));
        }
    }

    pub(super) fn json(&self, object: &Value) {
        match (&self.account, object) {
            (Some(account), Value::Object(members)) if !members.contains_key("account") => {
                let mut members = members.clone();
                members.insert("account".to_owned(), shown(account).into());
                self.write(&ascii(&Value::Object(members).to_string()));
            }
            _ => self.write(&ascii(&object.to_string())),
        }
    }

    pub(super) fn is_json(&self) -> bool {
        self.output.format == Format::Json
    }

    /// Whether standard output took everything.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let mut broken = self.broken.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        broken.take().map_or(Ok(()), |error| Err(Failure::Output(error)))
    }

    fn write(&self, line: &str) {
        if let Err(error) = writeln!(io::stdout().lock(), "{line}")
            // Who has seen enough, such as `head`, closes the pipe.
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            let mut broken = self.broken.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            broken.get_or_insert(error);
        }
    }
}

/// A line on standard error. Where that takes nothing, there is nobody to tell.
pub(super) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "popfetch: {text}");
}

/// What others said, safe to print. The component cuts it at the limit of a line, and a component is not to be trusted.
pub(super) fn shown(text: &str) -> String {
    escape_cut(text.as_bytes(), LONGEST_TEXT).to_string()
}

/// The same JSON with nothing in it that a terminal could take for anything but text: what is not ASCII stands in
/// strings only, and JSON has an escape for it.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() && character != '\x7f' {
            text.push(character);
        } else {
            let units =
                character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            text.push_str(&units);
        }
    }
    text
}

/// "1 message", "2 messages".
pub(super) fn counted(messages: u32) -> String {
    if messages == 1 { "1 message".to_owned() } else { format!("{messages} messages") }
}

/// A dry run is there for these.
fn is_asked_for(event: &Event<'_>) -> bool {
    matches!(event, Event::WouldRetrieve { .. } | Event::WouldSkip { .. } | Event::WouldDelete { .. })
}

fn why(skipped: &Skipped) -> String {
    match skipped {
        Skipped::TooLarge => "larger than --max-size".to_owned(),
        Skipped::TooSmall => "smaller than --min-size".to_owned(),
        Skipped::OverLimit => "over the limit of this run".to_owned(),
        Skipped::TooOld => "older than --newer-than".to_owned(),
        Skipped::MarkedSeen => "marked as seen".to_owned(),
        Skipped::Nameless => "it cannot be marked as seen, for it has no unique-id".to_owned(),
        Skipped::FailedBefore(failed) => {
            let FailedBefore { runs, again_at, cause } = &**failed;
            let cause = escape_cut(cause.as_bytes(), LONGEST_LINE);
            let left = again_at.saturating_sub(now());
            let again = if left == 0 { "in the next run".to_owned() } else { format!("in {left} s") };
            format!("failed in {runs} {}, tried again {again}: {cause}", if *runs == 1 { "run" } else { "runs" })
        }
    }
}

fn fetch_line(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::Maildrop { messages, octets } => format!("{}, {octets} octets", counted(*messages)),
        Event::Skipped { number, octets, why: skipped } | Event::WouldSkip { number, octets, why: skipped } => {
            let octets = octets.map(|octets| format!(" ({octets} octets)")).unwrap_or_default();
            format!("message {number}{octets}: skipped, {}", why(skipped))
        }
        Event::WouldRetrieve { number, delete: false } => format!("message {number}: would be fetched"),
        Event::WouldRetrieve { number, delete: true } => format!("message {number}: would be fetched and deleted"),
        Event::WouldDelete { number } => format!("message {number}: would be deleted, for it is stored"),
        Event::Stored { number, octets, path, .. } => {
            format!("message {number}: {octets} octets stored in {}", shown(&path.to_string_lossy()))
        }
        Event::Recognised { number, octets } => {
            format!("message {number}: {octets} octets, which are stored already")
        }
        Event::GivenUp { number, cause } => {
            format!("message {number}: given up: {}", escape_cut(cause.to_string().as_bytes(), LONGEST_LINE))
        }
        Event::Reconnecting { cause, after } => {
            let cause = cause.to_string();
            let cause = escape_cut(cause.as_bytes(), LONGEST_LINE);
            format!("connecting again in {:.1} s: {cause}", after.as_secs_f32())
        }
        Event::Refused { number, reply } => format!("message {number}: refused: {}", words(reply)),
        Event::Deleted { number } => format!("message {number}: deleted at the server"),
        Event::NotDeleted { number, reply } => format!("message {number}: not deleted: {}", words(reply)),
        _ => return None,
    })
}

fn fetch_json(event: &Event<'_>) -> Option<Value> {
    Some(match event {
        Event::Maildrop { messages, octets } => {
            json!({ "event": "maildrop", "messages": messages, "octets": octets })
        }
        Event::Planned { retrieve, known } => json!({ "event": "planned", "retrieve": retrieve, "known": known }),
        Event::Skipped { number, octets, why: skipped } | Event::WouldSkip { number, octets, why: skipped } => {
            json!({ "event": "skipped", "number": number, "octets": octets, "why": why(skipped) })
        }
        Event::WouldRetrieve { number, delete } => {
            json!({ "event": "would-fetch", "number": number, "delete": delete })
        }
        Event::WouldDelete { number } => json!({ "event": "would-delete", "number": number }),
        Event::Stored { number, octets, unique_id, path } => json!({
            "event": "stored", "number": number, "octets": octets,
            "unique_id": unique_id.map(|unique_id| escape(unique_id).to_string()),
            "path": path.to_string_lossy(),
        }),
        Event::Recognised { number, octets } => {
            json!({ "event": "recognised", "number": number, "octets": octets })
        }
        Event::GivenUp { number, cause } => {
            let cause = escape_cut(cause.to_string().as_bytes(), LONGEST_LINE).to_string();
            json!({ "event": "given-up", "number": number, "cause": cause })
        }
        Event::Reconnecting { cause, after } => {
            let cause = escape_cut(cause.to_string().as_bytes(), LONGEST_LINE).to_string();
            json!({ "event": "reconnecting", "cause": cause, "seconds": after.as_secs_f64() })
        }
        Event::Refused { number, reply } => json!({ "event": "refused", "number": number, "reply": words(reply) }),
        Event::Deleted { number } => json!({ "event": "deleted", "number": number }),
        Event::NotDeleted { number, reply } => {
            json!({ "event": "not-deleted", "number": number, "reply": words(reply) })
        }
        Event::Quit => json!({ "event": "quit" }),
        Event::Warning(warning) => {
            let text = escape_cut(warning.to_string().as_bytes(), LONGEST_LINE).to_string();
            json!({ "event": "warning", "text": text })
        }
        Event::Begin { .. } | Event::Content { .. } => return None,
    })
}

/// The server's words, with the response code in front of them.
fn words(reply: &Reply) -> String {
    escape_cut(reply.to_line().as_bytes(), LONGEST_LINE).to_string()
}
