//! The command as people and scripts use it: arguments, what is said and how, and what becomes of the mail.

#[path = "command_line/accounts.rs"]
mod accounts;
#[path = "command_line/auth.rs"]
mod auth;
#[path = "command_line/certificates.rs"]
mod certificates;
#[path = "command_line/fetch.rs"]
mod fetch;
#[path = "command_line/headers.rs"]
mod headers;
#[path = "command_line/info.rs"]
mod info;
#[path = "command_line/interrupt.rs"]
mod interrupt;
#[path = "command_line/journal.rs"]
mod journal;
#[path = "command_line/lang.rs"]
mod lang;
#[path = "command_line/large.rs"]
mod large;
#[path = "command_line/list.rs"]
mod list;
#[path = "command_line/output.rs"]
mod output;
#[path = "command_line/password.rs"]
mod password;
#[path = "command_line/policy.rs"]
mod policy;
#[path = "command_line/state.rs"]
mod state;
#[path = "command_line/tls.rs"]
mod tls;
#[path = "command_line/token.rs"]
mod token;
#[path = "command_line/trace.rs"]
mod trace;
#[path = "command_line/usage.rs"]
mod usage;

use std::time::Duration;

use popfetch_tests::command::{Invocation, Popfetch};
use popfetch_tests::maildrop::Maildrop;
use popfetch_tests::server::ModelServer;
use serde_json::Value;

const TIMESTAMP: &str = "<1896.697170952@dbc.mtview.ca.us>";

/// For what a busy machine does in the end.
const PATIENCE: Duration = Duration::from_secs(30);

fn popfetch() -> Popfetch {
    Popfetch::new(env!("CARGO_BIN_EXE_popfetch-under-test"))
}

fn three_messages() -> Maildrop {
    Maildrop::of_octets([
        "Subject: one\r\n\r\nfirst\r\n",
        "Subject: two\r\n\r\nsecond\r\n",
        "Subject: three\r\n\r\nthird\r\n",
    ])
}

/// A run that may send the password in clear text.
fn fetch<'s>(popfetch: &Popfetch, server: &'s ModelServer) -> Invocation<'s> {
    popfetch.fetch(server).args(["--auth", "user"])
}

/// The commands of this verb, with their arguments, over all connections.
fn commands(server: &ModelServer, verb: &str) -> Vec<String> {
    server.commands().into_iter().filter(|command| command.split(' ').next() == Some(verb)).collect()
}

/// Each line as the event that it is.
#[track_caller]
fn events(stdout: &str) -> Vec<Value> {
    let event = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        assert!(event["event"].is_string(), "{line}");
        event
    };
    stdout.lines().map(event).collect()
}
