//! `popfetch fetch`

use std::sync::Arc;

use super::arguments::Fetch;
use super::connect::{self, connect_and_sign_in};
use super::failure::Failure;
use super::output::Reporter;
use crate::delivery::Maildir;
use crate::fetch::{FetchOptions, Policy, fetch};
use crate::journal::Journal;

pub(super) async fn run(arguments: Fetch, reporter: &Arc<Reporter>) -> Result<(), Failure> {
    // Whether mail can be stored is known before anybody is asked for it. TLS and the like come before even that.
    let target = connect::check(&arguments.connection)?;
    let maildir = Maildir::open(&arguments.maildir)?;
    let journal = arguments.state.as_deref().map(Journal::open).transpose()?;
    let account = connect::account(&arguments.sign_in, &target)?;
    // Held until the end of this function, and so of the run.
    let _lock = journal.as_ref().map(|journal| journal.lock(&account)).transpose()?;

    let (session, account) = connect_and_sign_in(&arguments.connection, &arguments.sign_in, reporter).await?;
    // What is in one Maildir is not in another, whatever the account.
    let place = std::path::absolute(&arguments.maildir).unwrap_or(arguments.maildir);
    let key = format!("{account} {}", place.display());
    let policy = Policy {
        max_size: arguments.max_size,
        min_size: arguments.min_size,
        limit: arguments.limit,
        limit_octets: arguments.limit_bytes,
    };
    let options = FetchOptions {
        maildir,
        journal: journal.map(|journal| (journal, key)),
        delete: arguments.delete,
        delete_after: arguments.delete_after,
        policy,
        dry_run: arguments.dry_run,
    };
    let events = Arc::clone(reporter);
    let outcome = fetch(session, options, Arc::new(move |event| events.fetch(&event))).await;

    // A run that failed before anything was stored has only its failure to tell.
    if outcome.result.is_ok() || outcome.summary.stored > 0 {
        reporter.fetched(&account, &outcome.summary);
    }
    outcome.result?;
    let complete = outcome.summary.refused == 0 && outcome.summary.not_deleted == 0;
    if complete { Ok(()) } else { Err(Failure::Incomplete(outcome.summary)) }
}
