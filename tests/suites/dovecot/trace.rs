//! What the command has sent, by its own trace.

use std::{fs, path::Path};

/// The sign-ins that were begun, in order: `AUTH` with the mechanism, `APOP` or `USER`. None where there is no trace.
pub(crate) fn sign_ins(trace: &Path) -> Vec<String> {
    let trace = fs::read_to_string(trace).unwrap_or_default();
    let sent = trace.lines().filter_map(|line| Some(line.split_once(" C: ")?.1));
    let sign_ins = sent.filter_map(|command| {
        let mut words = command.split_whitespace();
        match (words.next()?, words.next()) {
            ("AUTH", mechanism) => Some(format!("AUTH {}", mechanism.unwrap_or_default())),
            (verb @ ("APOP" | "USER"), _) => Some(verb.to_owned()),
            _ => None,
        }
    });
    sign_ins.collect()
}
