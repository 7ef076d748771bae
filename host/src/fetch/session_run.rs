//! One session of a run, from STAT to QUIT.

use std::collections::HashMap;
use std::sync::Arc;

use super::ledger::Ledger;
use super::plan::Plan;
use super::reconnecting::Interruption;
use super::retrieving::{Awaited, Retrieving, wait_for};
use super::storing::{Storing, Work};
use super::survey::Survey;
use super::tries::{Tries, failed_again};
use super::{Deletion, Event, Events, FetchError, FetchOptions, Summary, Warning, count};
use crate::sandbox::contract::{Reply, ResponseCode};
use crate::session::Session;

/// How many messages are deleted at a time. Each refusal comes with the server's words, which a call has to hold.
const DELETIONS: usize = 1000;

pub(super) struct SessionRun<'r> {
    options: &'r FetchOptions,
    ledger: &'r Ledger,
    events: &'r Events,
    tries: &'r mut Tries,
    summary: &'r mut Summary,
    /// Nothing was fetched before in this run.
    is_first: bool,
    pipelines: bool,
    /// The maildrop is being looked at.
    is_surveying: bool,
    /// What the server was to give when the session failed.
    awaited: Option<Awaited>,
    /// Messages that were stored, or recognised as stored.
    progress: usize,
    unique_ids: HashMap<u32, Vec<u8>>,
}

impl<'r> SessionRun<'r> {
    pub(super) fn new(
        options: &'r FetchOptions,
        ledger: &'r Ledger,
        events: &'r Events,
        tries: &'r mut Tries,
        summary: &'r mut Summary,
        is_first: bool,
    ) -> Self {
        SessionRun {
            options,
            ledger,
            events,
            tries,
            summary,
            is_first,
            pipelines: false,
            is_surveying: false,
            awaited: None,
            progress: 0,
            unique_ids: HashMap::new(),
        }
    }

    /// What a failure has struck.
    pub(super) fn interruption(mut self) -> Interruption {
        let awaited = self.awaited.take();
        Interruption {
            pipelines: self.pipelines,
            progress: self.progress,
            is_surveying: self.is_surveying,
            is_retrieving: awaited.is_some(),
            message: awaited.and_then(|awaited| awaited.message),
            unique_id: awaited.and_then(|awaited| self.unique_ids.remove(&awaited.message?)),
        }
    }

    pub(super) async fn run(&mut self, mut session: Session) -> Result<(), FetchError> {
        session.look_for_pipelining().await?;
        self.pipelines = session.pipelines();
        self.is_surveying = true;
        let (survey, octets) = Survey::take(&mut session, self.events).await?;
        self.is_surveying = false;
        let messages = survey.messages;
        self.summary.messages = messages;
        let mut plan = Plan::make(&mut session, survey, self.options, self.ledger, self.tries, self.events).await?;
        plan.tell(self.events);
        self.count(&plan);
        if self.options.dry_run {
            self.tell_what_would_be_done(&plan);
            return self.quit(session).await;
        }
        std::mem::take(&mut plan.corrections).note(self.ledger).await?;
        self.unique_ids = plan.evidence.unique_ids.clone();

        let mut durable = std::mem::take(&mut plan.delete);
        durable.extend(self.retrieve(&mut session, plan, octets / u64::from(messages.max(1))).await?);
        if durable.is_empty() {
            return self.quit(session).await;
        }
        durable.sort_unstable();
        // What has become of it the next session shows: there are servers that confirm QUIT and delete nothing.
        self.note_deletions(&durable).await?;
        self.delete(&mut session, &durable).await?;
        self.quit(session).await
    }

    fn count(&mut self, plan: &Plan) {
        let failed: Vec<&str> = plan.skipped.iter().filter_map(|(_, why)| why.failure()).collect();
        self.summary.skipped = count(plan.skipped.len() - failed.len());
        if self.is_first {
            self.summary.known = count(plan.known.len());
            self.summary.failed = count(failed.len());
            self.summary.cause = failed.last().map(|cause| (*cause).to_owned());
        }
    }

    fn tell_what_would_be_done(&self, plan: &Plan) {
        let delete = self.options.deletion == Deletion::AtOnce;
        plan.retrieve.iter().for_each(|number| (self.events)(Event::WouldRetrieve { number: *number, delete }));
        plan.delete.iter().for_each(|number| (self.events)(Event::WouldDelete { number: *number }));
    }

    /// Retrieves and stores what the plan says. Gives what is to be deleted of it.
    async fn retrieve(&mut self, session: &mut Session, plan: Plan, average: u64) -> Result<Vec<u32>, FetchError> {
        let storing = Storing::new(
            self.options.maildir.clone(),
            self.ledger.clone(),
            plan.evidence,
            plan.open_rows,
            Arc::clone(self.events),
        );
        let mut retrieving = Retrieving::new(session, storing, self.options);
        let retrieved = retrieving.retrieve(&plan.retrieve, average, self.events).await;
        let refused = std::mem::take(&mut retrieving.refused);
        self.awaited = retrieving.awaited.take();
        if retrieved.is_ok() {
            // Nobody there: the failure is known in a moment.
            let _ = retrieving.work.send(Work::Complete).await;
        }
        let storing = retrieving.finish();
        let keep_alive = retrieved.is_ok().then_some(self.options.keep_alive);
        let mut stored = wait_for(storing, session, keep_alive)
            .await
            .map_err(|_| FetchError::Internal("the storing thread ended early"))?;
        self.unique_ids.extend(std::mem::take(&mut stored.unique_ids));
        self.summary.stored = self.summary.stored.saturating_add(count(stored.files));
        self.summary.octets = self.summary.octets.saturating_add(stored.octets);
        self.summary.known = self.summary.known.saturating_add(count(stored.recognised.len()));
        self.progress = stored.files + stored.recognised.len();
        self.note_refusals(refused).await?;
        // When the disk is the cause, the transfer has only seen that nobody takes its pieces.
        if let Some(failure) = stored.failure.take() {
            self.awaited = None;
            return Err(failure);
        }
        retrieved?;
        self.awaited = None;
        let deletes = self.options.deletion == Deletion::AtOnce;
        Ok(if deletes { stored.messages.into_iter().chain(stored.recognised).collect() } else { Vec::new() })
    }

    /// Notes what the server would not give: it is tried again, later each time.
    async fn note_refusals(&mut self, refused: Vec<(u32, Reply)>) -> Result<(), FetchError> {
        let mut noted = Vec::new();
        for (number, reply) in refused {
            self.summary.refused += 1;
            self.summary.temporary &= is_temporary(&reply);
            if let Some(unique_id) = self.unique_ids.get(&number) {
                self.tries.give_up(unique_id);
                noted.push((unique_id.clone(), format!("-ERR {}", reply.to_line())));
            }
        }
        if noted.is_empty() {
            return Ok(());
        }
        let note = self.ledger.aside(move |journal, account| {
            let before = journal.failures(account)?;
            let noted = journal.note(account, |notes| {
                noted.into_iter().try_for_each(|(unique_id, cause)| {
                    notes.failed(&unique_id, &failed_again(before.get(&unique_id), cause))
                })
            });
            Ok(noted?)
        });
        note.await
    }

    /// Notes that the server is told to delete these messages.
    async fn note_deletions(&self, messages: &[u32]) -> Result<(), FetchError> {
        let unique_ids: Vec<Vec<u8>> =
            messages.iter().filter_map(|number| self.unique_ids.get(number).cloned()).collect();
        let note = self.ledger.aside(move |journal, account| {
            let noted = journal
                .note(account, |notes| unique_ids.iter().try_for_each(|unique_id| notes.deletion_sent(unique_id)));
            Ok(noted?)
        });
        note.await
    }

    async fn delete(&mut self, session: &mut Session, messages: &[u32]) -> Result<(), FetchError> {
        for messages in messages.chunks(DELETIONS) {
            for deletion in session.delete(messages).await? {
                match deletion.refused {
                    None => self.summary.deleted += 1,
                    Some(reply) => {
                        self.summary.not_deleted += 1;
                        self.summary.temporary &= is_temporary(&reply);
                        (self.events)(Event::NotDeleted { number: deletion.number, reply: &reply });
                    }
                }
            }
        }
        Ok(())
    }

    async fn quit(&mut self, session: Session) -> Result<(), FetchError> {
        let Err(cause) = session.quit().await else {
            (self.events)(Event::Quit);
            return Ok(());
        };
        let unconfirmed = std::mem::take(&mut self.summary.deleted);
        if unconfirmed > 0 {
            return Err(FetchError::Unconfirmed { messages: unconfirmed, cause });
        }
        // Nothing hangs on it.
        (self.events)(Event::Warning(Warning::NoGoodbye(cause)));
        Ok(())
    }
}

fn is_temporary(reply: &Reply) -> bool {
    matches!(reply.code, Some(ResponseCode::InUse | ResponseCode::LoginDelay | ResponseCode::SysTemp))
}
