//! `popfetch fetch`

use std::sync::Arc;

use super::arguments::Fetch;
use super::connect::connect_and_sign_in;
use super::failure::Failure;
use super::output::Reporter;
use crate::delivery::Maildir;
use crate::fetch::{FetchOptions, fetch};
use crate::state::State;

pub(super) async fn run(arguments: Fetch, reporter: &Arc<Reporter>) -> Result<(), Failure> {
    // Whether mail can be stored is known before anybody is asked for it. TLS and the like come before even that.
    super::connect::check(&arguments.connection)?;
    let maildir = Maildir::open(&arguments.maildir)?;
    let state = arguments.state.as_deref().map(State::open).transpose()?;

    let (session, account) = connect_and_sign_in(&arguments.connection, &arguments.sign_in, reporter).await?;
    let options =
        FetchOptions { maildir, state: state.map(|state| (state, account.clone())), delete: arguments.delete };
    let events = Arc::clone(reporter);
    let outcome = fetch(session, options, Arc::new(move |event| events.fetch(&event))).await;

    reporter.fetched(&account, &outcome.summary);
    outcome.result?;
    let complete = outcome.summary.refused == 0 && outcome.summary.not_deleted == 0;
    if complete { Ok(()) } else { Err(Failure::Incomplete(outcome.summary)) }
}
