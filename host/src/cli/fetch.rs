//! `popfetch fetch`

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

use super::arguments::{Fetch, StateArguments};
use super::failure::Failure;
use super::output::Reporter;
use super::shared::{Shared, aside};
use super::sign_in::{Account, account_name, user};
use super::target::{Target, check};
use super::{place, state};
use crate::delivery::Maildir;
use crate::fetch::{Deletion, FetchOptions, MinRate, Policy, Sending, Summary, fetch_persistently};
use crate::journal::Journal;

/// Fetches from one account, or from several at a time. Then each says itself why it has failed, and the failure of the first
/// one on the command line is given.
pub(super) async fn run(arguments: Fetch, reporter: &Arc<Reporter>) -> Result<(), Failure> {
    let targets = arguments.connection.urls.iter().map(|url| check(url, &arguments.connection));
    let targets = targets.collect::<Result<Vec<Target>, Failure>>()?;
    check_each_once(&targets, &arguments)?;
    let shared = Shared::begin(&arguments.connection);
    match <[Target; 1]>::try_from(targets) {
        Ok([target]) => fetch_account(&arguments, target, &shared, reporter).await,
        Err(targets) if arguments.connection.trace.is_some() => {
            Err(Failure::Usage(format!("--trace is for one URL, and there are {}", targets.len())))
        }
        Err(targets) => fetch_accounts(arguments, targets, shared, reporter).await,
    }
}

/// One mailbox cannot be fetched twice at the same time.
fn check_each_once(targets: &[Target], arguments: &Fetch) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    for target in targets {
        let name = account_name(&arguments.sign_in, target)?;
        if !seen.insert(name.clone()) {
            return Err(Failure::Usage(format!("{name} is named twice; leave one of them out")));
        }
    }
    Ok(())
}

async fn fetch_accounts(
    arguments: Fetch,
    targets: Vec<Target>,
    shared: Shared,
    reporter: &Arc<Reporter>,
) -> Result<(), Failure> {
    let jobs = Arc::new(Semaphore::new(arguments.jobs.into()));
    let shared = Arc::new((arguments, shared));
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
    shared: &Shared,
    reporter: &Arc<Reporter>,
) -> Result<(), Failure> {
    // Whether mail can be stored is known before anybody is asked for it.
    let account = account_name(&arguments.sign_in, &target)?;
    let user = user(&arguments.sign_in, &target)?;
    let directory = place::of_account(&arguments.maildir, &user, &target.url.host().to_string())?;
    let (state, name) = (arguments.state.clone(), account.clone());
    let (maildir, journal) = aside(move || open(&directory, &state, &name)).await?;

    let mut opener = Account::prepare(&arguments.connection, target, &arguments.sign_in, shared, reporter).await?;
    let session = opener.open(Sending::AsAnnounced).await?;
    let options = FetchOptions { journal, ..options(arguments, maildir) };
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

/// Opens where the mail goes, and the journal with the name of the account there. The journal keeps other runs away for as long as
/// anything of this one is at work.
fn open(
    directory: &Path,
    state: &StateArguments,
    account: &str,
) -> Result<(Maildir, Option<(Journal, String)>), Failure> {
    let Some(mut journal) = state::open(state)? else { return Ok((Maildir::open(directory)?, None)) };
    journal.lock(account)?;
    // What is in one Maildir is not in another, whatever the account.
    let key = place::key(account, directory);
    let earlier = place::earlier_key(account, directory);
    if earlier != key {
        journal.rename(&earlier, &key)?;
    }
    // A new one would be made, and what was stored there taken for known, and deleted at the server.
    if !Maildir::is_at(directory) && journal.has_stored(&key)? {
        return Err(Failure::MaildirGone { path: directory.to_owned() });
    }
    Ok((Maildir::open(directory)?, Some((journal, key))))
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
        deadline: Some(arguments.connection.deadline),
        ..FetchOptions::to(maildir)
    }
}
