//! `popfetch info`

use serde_json::json;

use super::arguments::Info;
use super::auth;
use super::connect::{check, connect};
use super::failure::Failure;
use super::output::{Reporter, shown};
use crate::sandbox::contract::Mechanism;
use crate::session::{Capability, Greeting};

pub(super) async fn run(arguments: Info, reporter: &Reporter) -> Result<(), Failure> {
    let target = check(&arguments.connection)?;
    let mut session = connect(&arguments.connection, &target).await?;
    let greeting = session.greeting().await?;
    let capabilities = match session.capabilities().await {
        Ok(capabilities) => Some(capabilities),
        Err(refusal) if refusal.is_lack() => None,
        Err(error) => return Err(error.into()),
    };
    // What is asked for is known; a server that does not say goodbye is no failure.
    let _ = session.quit().await;

    let offered = offered(&greeting, capabilities.as_deref());
    let would_use = target.permitted.iter().find(|mechanism| offered.contains(&auth::name(**mechanism).to_owned()));
    let would_use = would_use.map(|mechanism| auth::name(*mechanism));
    let pipelining = has(capabilities.as_deref(), "PIPELINING");
    let rows: Option<Vec<String>> = capabilities.map(|rows| rows.iter().map(row).collect());

    if reporter.is_json() {
        reporter.json(&json!({
            "event": "info", "server": target.url.to_string(), "greeting": shown(&greeting.text),
            "apop_timestamp": greeting.timestamp.as_deref().map(shown), "capabilities": rows,
            "tls": "off", "mechanisms": offered, "would_use": { "mechanism": would_use, "pipelining": pipelining },
        }));
        return Ok(());
    }
    reporter.line(&format!("server:        {}", target.url));
    reporter.line(&format!("greeting:      {}", shown(&greeting.text)));
    reporter.line("TLS:           off: everything travels in clear text");
    match rows {
        Some(rows) => reporter.line(&format!("capabilities:  {}", rows.join(", "))),
        None => reporter.line("capabilities:  unknown: the server has no CAPA"),
    }
    reporter.line(&format!("mechanisms:    {}", offered.join(", ")));
    match would_use {
        Some(mechanism) => reporter.line(&format!("would use:     {mechanism}, {}", ahead(pipelining))),
        None => reporter.line("would use:     nothing: --auth permits none of these; --auth user permits USER/PASS"),
    }
    Ok(())
}

/// The ways to sign in that the server offers, by their names for --auth; those that are unknown as they are.
fn offered(greeting: &Greeting, capabilities: Option<&[Capability]>) -> Vec<String> {
    let mut offered = Vec::new();
    if greeting.timestamp.is_some() {
        offered.push(auth::name(Mechanism::Apop).to_owned());
    }
    // RFC 1939 servers have USER without a word about it; those with CAPA name it.
    if capabilities.is_none() || has(capabilities, "USER") {
        offered.push(auth::name(Mechanism::User).to_owned());
    }
    let sasl = capabilities.unwrap_or_default().iter().filter(|row| row.name == "SASL");
    offered.extend(sasl.flat_map(|row| row.parameters.iter().map(|name| shown(&name.to_ascii_lowercase()))));
    offered
}

fn has(capabilities: Option<&[Capability]>, name: &str) -> bool {
    capabilities.is_some_and(|rows| rows.iter().any(|row| row.name == name))
}

fn row(capability: &Capability) -> String {
    let words = std::iter::once(&capability.name).chain(&capability.parameters);
    words.map(|word| shown(word)).collect::<Vec<_>>().join(" ")
}

fn ahead(pipelining: bool) -> &'static str {
    if pipelining { "pipelined" } else { "one command at a time" }
}
