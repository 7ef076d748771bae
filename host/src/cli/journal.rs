//! `popfetch journal`

use std::path::Path;

use mail_parser::DateTime;
use serde_json::json;

use super::arguments::{Journal as Arguments, JournalCommand};
use super::failure::Failure;
use super::output::{Reporter, shown};
use super::state::place;
use crate::escape::escape;
use crate::journal::{AccountReport, Entry, FailedBefore, Journal, Repaired, now};

pub(super) fn run(arguments: Arguments, reporter: &Reporter) -> Result<(), Failure> {
    let path = place(arguments.state.as_deref())?;
    // A journal that is looked at is not made.
    if !path.exists() {
        return Err(Failure::NoJournal { path });
    }
    match arguments.command {
        JournalCommand::List { messages } => list(&path, messages, reporter),
        JournalCommand::Check => check(&path, reporter),
        JournalCommand::Repair => repair(&path, reporter),
    }
}

fn list(path: &Path, messages: bool, reporter: &Reporter) -> Result<(), Failure> {
    let journal = Journal::open(path)?;
    for account in journal.accounts()? {
        if reporter.is_json() {
            reporter.json(&as_json(&account));
        } else {
            reporter.line(&as_line(&account));
        }
        journal.each_failure(&account.name, |unique_id, failure| tell_failure(unique_id, &failure, reporter))?;
        if messages {
            journal.each_message(&account.name, |unique_id, entry| tell_message(unique_id, entry, reporter))?;
        }
    }
    Ok(())
}

fn as_line(account: &AccountReport) -> String {
    let mut line = format!("{}:", shown(&account.name));
    if account.messages.is_empty() {
        line.push_str(" nothing");
    }
    for (at, (state, count)) in account.messages.iter().enumerate() {
        line.push_str(&format!("{} {count} {}", if at > 0 { "," } else { "" }, state.name()));
    }
    if account.failures > 0 {
        line.push_str(&format!(", {} failed", account.failures));
    }
    if account.is_under_way {
        line.push_str("; a run is under way, or was broken off");
    }
    line
}

fn as_json(account: &AccountReport) -> serde_json::Value {
    let states: serde_json::Map<String, serde_json::Value> =
        account.messages.iter().map(|(state, count)| (state.name().to_owned(), (*count).into())).collect();
    json!({
        "event": "account", "account": shown(&account.name), "messages": states, "failed": account.failures,
        "under_way": account.is_under_way,
    })
}

fn tell_message(unique_id: &[u8], entry: &Entry, reporter: &Reporter) {
    let unique_id = readable(unique_id);
    if reporter.is_json() {
        return reporter.json(&json!({
            "event": "message", "unique_id": unique_id, "state": entry.state.name(), "octets": entry.octets,
            "since": entry.since, "absent_since": entry.absent_since,
        }));
    }
    let octets = entry.octets.map_or_else(|| "-".to_owned(), |octets| octets.to_string());
    let since = entry.since.map_or_else(|| "-".to_owned(), date);
    reporter.line(&format!("  {since}  {octets:>11}  {:<14}  {unique_id}", entry.state.name()));
}

fn tell_failure(unique_id: &[u8], failure: &FailedBefore, reporter: &Reporter) {
    let unique_id = readable(unique_id);
    let FailedBefore { runs, again_at, cause } = failure;
    if reporter.is_json() {
        return reporter.json(&json!({
            "event": "failure", "unique_id": unique_id, "runs": runs, "again_at": again_at, "cause": shown(cause),
        }));
    }
    let again = if *again_at <= now() { "in the next run".to_owned() } else { format!("after {}", date(*again_at)) };
    reporter.line(&format!("  failed {runs} times, tried again {again}: {unique_id}: {}", shown(cause)));
}

fn check(path: &Path, reporter: &Reporter) -> Result<(), Failure> {
    let complaints = Journal::open(path)?.check()?;
    if reporter.is_json() {
        reporter.json(&json!({ "event": "checked", "path": path.to_string_lossy(), "complaints": complaints }));
    }
    if !complaints.is_empty() {
        if !reporter.is_json() {
            complaints.iter().for_each(|complaint| reporter.line(&shown(complaint)));
        }
        return Err(Failure::DamagedJournal { path: path.to_owned() });
    }
    if !reporter.is_json() {
        reporter.line(&format!("{}: all is well", shown(&path.to_string_lossy())));
    }
    Ok(())
}

fn repair(path: &Path, reporter: &Reporter) -> Result<(), Failure> {
    let repaired = Journal::repair(path)?;
    if reporter.is_json() {
        let aside = repaired.as_ref().map(|repaired| repaired.aside.to_string_lossy());
        let messages = repaired.as_ref().map(|repaired| repaired.messages);
        reporter.json(&json!({ "event": "repaired", "aside": aside, "messages": messages }));
        return Ok(());
    }
    let path = shown(&path.to_string_lossy());
    reporter.line(&match repaired {
        None => format!("{path}: all is well, nothing was changed"),
        Some(Repaired { aside, messages }) => {
            let aside = shown(&aside.to_string_lossy());
            let then = if messages == 0 { ", so that the next run fetches everything that is there" } else { "" };
            format!("{path}: {messages} messages were taken over{then}; the damaged file is {aside}")
        }
    });
    Ok(())
}

/// A unique-id, or the fingerprint that stands for messages without.
fn readable(unique_id: &[u8]) -> String {
    match unique_id {
        [0, fingerprint @ ..] => {
            let digits: String = fingerprint.iter().map(|octet| format!("{octet:02x}")).collect();
            format!("(no unique-id: {digits})")
        }
        unique_id => escape(unique_id).to_string(),
    }
}

/// Seconds since 1970 as a date of UTC.
fn date(seconds: u64) -> String {
    i64::try_from(seconds).map_or_else(|_| "-".to_owned(), |seconds| DateTime::from_timestamp(seconds).to_rfc3339())
}
