//! `popfetch info`

use serde_json::{Value, json};

use super::arguments::Info;
use super::auth::{self, Offers};
use super::connect::Connector;
use super::failure::Failure;
use super::output::{Reporter, shown};
use super::password::SecretKind;
use super::shared::Shared;
use super::target::only_target;
use crate::fetch::Sending;
use crate::sandbox::contract::Mechanism;
use crate::session::{Capability, Language};
use crate::tls::{TlsDetails, TrustedBy};

pub(super) async fn run(arguments: Info, reporter: &Reporter) -> Result<(), Failure> {
    let target = only_target(&arguments.connection)?;
    let shared = Shared::begin(&arguments.connection);
    let connector = Connector::new(&arguments.connection, &target, &shared, reporter).await?;
    let mut session = connector.connect(&arguments.connection, &target, &[], Sending::AsAnnounced).await?;
    let greeting = session.greeting().await?;
    let tls = session.tls();
    let capabilities = session.capabilities_if_any().await?;
    let languages = match has(capabilities.as_deref(), "LANG") {
        true => match session.languages().await {
            Err(error) if !error.is_lack() => return Err(error.into()),
            languages => languages.unwrap_or_default(),
        },
        false => Vec::new(),
    };
    // What is asked for is known; a server that does not say goodbye is no failure.
    let _ = session.quit().await;

    let offers = Offers { greeting: &greeting, capabilities: capabilities.as_deref() };
    let permitted = auth::permitted(&arguments.connection.auth, target.security, SecretKind::Password, &offers);
    let would_use = permitted.iter().find(|mechanism| offers.has(**mechanism)).map(|mechanism| auth::name(*mechanism));
    let offered = offered(&offers);
    let pipelining = has(capabilities.as_deref(), "PIPELINING");
    let languages: Vec<String> = languages.iter().map(language).collect();
    let rows: Option<Vec<String>> = capabilities.map(|rows| rows.iter().map(row).collect());

    if reporter.is_json() {
        reporter.json(&json!({
            "event": "info", "server": target.url.to_string(), "greeting": shown(&greeting.text),
            "apop_timestamp": greeting.timestamp.as_deref().map(shown), "capabilities": rows, "languages": languages,
            "tls": tls.as_ref().map_or(json!("off"), tls_json), "mechanisms": offered,
            "would_use": { "mechanism": would_use, "pipelining": pipelining },
        }));
        return Ok(());
    }
    reporter.line(&format!("server:        {}", target.url));
    reporter.line(&format!("greeting:      {}", shown(&greeting.text)));
    match &tls {
        Some(tls) => tls_lines(tls).iter().for_each(|line| reporter.line(line)),
        None => reporter.line("TLS:           off: everything travels in clear text"),
    }
    match rows {
        Some(rows) => reporter.line(&format!("capabilities:  {}", rows.join(", "))),
        None => reporter.line("capabilities:  unknown: the server has no CAPA"),
    }
    if !languages.is_empty() {
        reporter.line(&format!("languages:     {}", languages.join(", ")));
    }
    reporter.line(&format!("mechanisms:    {}", offered.join(", ")));
    match would_use {
        Some(mechanism) => reporter.line(&format!("would use:     {mechanism}, {}", ahead(pipelining))),
        None => reporter.line("would use:     nothing: --auth permits none of these"),
    }
    Ok(())
}

/// What is known of TLS, and the pin as an option to paste.
fn tls_lines(tls: &TlsDetails) -> Vec<String> {
    let protocol = tls.alpn.as_ref().map(|protocol| format!(", {}", shown(protocol))).unwrap_or_default();
    vec![
        format!("TLS:           {}, {}{protocol}", tls.version, tls.cipher_suite),
        format!("certificate:   {}", shown(&tls.subject)),
        format!("  names:       {}", tls.names.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", ")),
        format!("  issuer:      {}", shown(&tls.issuer)),
        format!("  valid:       {} to {}", tls.not_before, tls.not_after),
        format!("  trusted by:  {}", trusted_by(tls.trusted_by)),
        format!("  pin:         --tls-pin {}", tls.pin),
    ]
}

fn tls_json(tls: &TlsDetails) -> Value {
    json!({
        "version": tls.version, "cipher_suite": tls.cipher_suite, "alpn": tls.alpn.as_deref().map(shown),
        "subject": shown(&tls.subject), "names": tls.names.iter().map(|name| shown(name)).collect::<Vec<_>>(),
        "issuer": shown(&tls.issuer), "not_before": tls.not_before, "not_after": tls.not_after,
        "trusted_by": trusted_by(tls.trusted_by), "pin": tls.pin.to_string(),
    })
}

fn trusted_by(trusted_by: TrustedBy) -> &'static str {
    match trusted_by {
        TrustedBy::Root => "its CA",
        TrustedBy::Pin => "its pin",
    }
}

/// The ways to sign in that the server offers, by their names for --auth; those that are unknown as they are.
fn offered(offers: &Offers<'_>) -> Vec<String> {
    let commands = [Mechanism::Apop, Mechanism::User].into_iter().filter(|mechanism| offers.has(*mechanism));
    let commands = commands.map(|mechanism| auth::name(mechanism).to_owned());
    commands.chain(offers.sasl().map(|name| shown(&name.to_ascii_lowercase()))).collect()
}

fn language(language: &Language) -> String {
    format!("{} {}", shown(&language.tag), shown(&language.description)).trim_end().to_owned()
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
