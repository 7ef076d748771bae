//! `popfetch fetch`

use std::sync::Arc;

use super::arguments::Fetch;
use super::connect;
use super::failure::Failure;
use super::output::Reporter;
use super::sign_in::{Account, account_name};
use super::state;
use crate::delivery::Maildir;
use crate::fetch::{Deletion, FetchOptions, MinRate, Policy, Sending, Summary, fetch_persistently};

pub(super) async fn run(arguments: Fetch, reporter: &Arc<Reporter>) -> Result<(), Failure> {
    // Whether mail can be stored is known before anybody is asked for it. TLS and the like come before even that.
    let target = connect::check(&arguments.connection)?;
    let account = account_name(&arguments.sign_in, &target)?;
    let maildir = Maildir::open(&arguments.maildir)?;
    let journal = state::open(&arguments.state)?;
    // Held until the end of this function, and so of the run.
    let _lock = journal.as_ref().map(|journal| journal.lock(&account)).transpose()?;

    let mut opener = Account::prepare(&arguments.connection, &arguments.sign_in, reporter).await?;
    let session = opener.open(Sending::AsAnnounced).await?;
    // What is in one Maildir is not in another, whatever the account.
    let place = std::path::absolute(&arguments.maildir).unwrap_or_else(|_| arguments.maildir.clone());
    let key = format!("{account} {}", place.display());
    let options = FetchOptions { journal: journal.map(|journal| (journal, key)), ..options(&arguments, maildir) };
    let events = Arc::clone(reporter);
    let outcome = fetch_persistently(
        session,
        async |sending| opener.open(sending).await,
        options,
        Arc::new(move |event| events.fetch(&event)),
    )
    .await;

    // A run that failed before anything was stored has only its failure to tell.
    if outcome.result.is_ok() || outcome.summary.stored > 0 {
        reporter.fetched(&account, &outcome.summary);
    }
    outcome.result?;
    let Summary { refused, not_deleted, failed, .. } = outcome.summary;
    if refused + not_deleted + failed == 0 { Ok(()) } else { Err(Failure::Incomplete(outcome.summary)) }
}

fn options(arguments: &Fetch, maildir: Maildir) -> FetchOptions {
    FetchOptions {
        deletion: match arguments.delete_after {
            Some(age) => Deletion::After(age),
            None if arguments.delete => Deletion::AtOnce,
            None => Deletion::Never,
        },
        policy: Policy {
            max_size: arguments.max_size,
            min_size: arguments.min_size,
            limit: arguments.limit,
            limit_octets: arguments.limit_bytes,
            newer_than: arguments.newer_than,
        },
        dry_run: arguments.dry_run,
        mark_seen: arguments.mark_seen,
        min_rate: arguments.min_rate.map(|octets| MinRate { octets, over: arguments.connection.timeout }),
        reconnects: arguments.reconnect,
        ..FetchOptions::to(maildir)
    }
}
