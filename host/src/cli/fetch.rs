//! `popfetch fetch`

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

use super::arguments::Fetch;
use super::connect::{Common, Target, check};
use super::failure::Failure;
use super::output::Reporter;
use super::sign_in::{Account, account_name, user};
use super::{place, state};
use crate::delivery::Maildir;
use crate::fetch::{Deletion, FetchOptions, MinRate, Policy, Sending, Summary, fetch_persistently};

/// Fetches from one account, or from several at a time. Then each says itself why it has failed, and the failure of the first
/// one on the command line is given.
pub(super) async fn run(arguments: Fetch, reporter: &Arc<Reporter>) -> Result<(), Failure> {
    let targets = arguments.connection.urls.iter().map(|url| check(url, &arguments.connection));
    let targets = targets.collect::<Result<Vec<Target>, Failure>>()?;
    let common = Common::new(&arguments.connection);
    match <[Target; 1]>::try_from(targets) {
        Ok([target]) => fetch_account(&arguments, target, &common, reporter).await,
        Err(targets) if arguments.connection.trace.is_some() => {
            Err(Failure::Usage(format!("--trace is for one URL, and there are {}", targets.len())))
        }
        Err(targets) => fetch_accounts(arguments, targets, common, reporter).await,
    }
}

async fn fetch_accounts(
    arguments: Fetch,
    targets: Vec<Target>,
    common: Common,
    reporter: &Arc<Reporter>,
) -> Result<(), Failure> {
    let jobs = Arc::new(Semaphore::new(arguments.jobs.into()));
    let shared = Arc::new((arguments, common));
    // The sessions share this thread; each account stores in threads of its own.
    let accounts = LocalSet::new();
    let mut running = JoinSet::new();
    for (at, target) in targets.into_iter().enumerate() {
        let (jobs, shared) = (Arc::clone(&jobs), Arc::clone(&shared));
        let name = account_name(&shared.0.sign_in, &target)?;
        let reporter = Arc::new(reporter.of_account(name));
        let fetching = async move {
            // It is never closed.
            let _permit = jobs.acquire().await;
            let done = fetch_account(&shared.0, target, &shared.1, &reporter).await;
            if let Err(failure) = &done {
                reporter.failed(failure);
            }
            (at, done)
        };
        running.spawn_local_on(fetching, &accounts);
    }
    let mut failures = Vec::new();
    accounts
        .run_until(async {
            while let Some(ended) = running.join_next().await {
                match ended {
                    Ok((_, Ok(()))) => {}
                    Ok((at, Err(failure))) => failures.push((at, failure)),
                    Err(_) => failures.push((usize::MAX, Failure::Internal("the task of an account ended early"))),
                }
            }
        })
        .await;
    failures.sort_by_key(|(at, _)| *at);
    let failed = failures.len();
    match failures.into_iter().next() {
        None => Ok(()),
        Some((_, first)) => Err(Failure::Accounts { failed, exit: first.exit() }),
    }
}

async fn fetch_account(
    arguments: &Fetch,
    target: Target,
    common: &Common,
    reporter: &Arc<Reporter>,
) -> Result<(), Failure> {
    // Whether mail can be stored is known before anybody is asked for it.
    let account = account_name(&arguments.sign_in, &target)?;
    let user = user(&arguments.sign_in, &target)?;
    let directory = place::of_account(&arguments.maildir, &user, &target.url.host().to_string())?;
    let maildir = Maildir::open(&directory)?;
    let journal = state::open(&arguments.state)?;
    // Held until the end of this function, and so of the run.
    let _lock = journal.as_ref().map(|journal| journal.lock(&account)).transpose()?;

    let mut opener = Account::prepare(&arguments.connection, target, &arguments.sign_in, common, reporter).await?;
    let session = opener.open(Sending::AsAnnounced).await?;
    // What is in one Maildir is not in another, whatever the account.
    let place = std::path::absolute(&directory).unwrap_or(directory);
    let key = format!("{account} {}", place.display());
    let options = FetchOptions { journal: journal.map(|journal| (journal, key)), ..options(arguments, maildir) };
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
