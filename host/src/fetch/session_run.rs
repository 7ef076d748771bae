//! One session of a run, from STAT to QUIT.

use std::sync::Arc;

use super::ledger::Ledger;
use super::plan::{Plan, Terms};
use super::policy::Stored;
use super::reconnecting::Interruption;
use super::retrieving::{Awaited, Retrieving, wait_for};
use super::storing::{Storing, Work, cause, is_temporary};
use super::survey::Survey;
use super::tries::{Look, Tries};
use super::unique_ids::UniqueIds;
use super::{Deletion, Event, Events, FetchError, FetchOptions, Summary, Warning, count};
use crate::session::Session;

/// How many messages are deleted at a time. Each refusal comes with the server's words, which a call has to hold.
const DELETIONS: usize = 1000;

pub(super) struct SessionRun<'r> {
    options: &'r FetchOptions,
    ledger: &'r Ledger,
    events: &'r Events,
    tries: &'r mut Tries,
    summary: &'r mut Summary,
    /// Nothing was counted before in this run.
    is_first: bool,
    pub(super) has_counted: bool,
    /// Commands are being sent ahead of their replies.
    sends_ahead: bool,
    /// What it is looking at.
    look: Option<Look>,
    /// What the server was to give when the session failed.
    awaited: Option<Awaited>,
    /// Messages that were stored, or recognised as stored, and that the run had not stored before.
    progress: usize,
    unique_ids: Arc<UniqueIds>,
    /// What the server has marked as deleted.
    deleted: Vec<u32>,
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
            has_counted: false,
            sends_ahead: false,
            look: None,
            awaited: None,
            progress: 0,
            unique_ids: Arc::default(),
            deleted: Vec::new(),
        }
    }

    /// What a failure has struck.
    pub(super) fn interruption(mut self) -> Interruption {
        let awaited = self.awaited.take();
        Interruption {
            sent_ahead: self.sends_ahead,
            progress: self.progress,
            is_retrieving: awaited.is_some(),
            look: self.look,
            message: awaited.and_then(|awaited| awaited.message),
            unique_id: awaited.and_then(|awaited| self.unique_ids.owned(awaited.message?)),
        }
    }

    pub(super) async fn run(&mut self, mut session: Session) -> Result<(), FetchError> {
        session.look_for_pipelining().await?;
        self.sends_ahead = session.sends_ahead();
        let (survey, octets) = Survey::take(&mut session, self.events).await?;
        let messages = survey.messages;
        self.summary.messages = messages;
        let stored = Stored { messages: self.summary.stored, octets: self.summary.octets };
        let terms = Terms { options: self.options, tries: self.tries, stored };
        let mut plan = Plan::make(&mut session, survey, terms, self.ledger, self.events, &mut self.look).await?;
        plan.tell(self.events);
        self.count(&plan);
        if self.options.dry_run {
            let deletes = self.options.deletion == Deletion::AtOnce;
            self.take_cause(plan.tell_what_would_be_done(deletes, self.ledger, self.events).await?);
            self.summary.would_retrieve = count(plan.retrieve.len());
            self.summary.would_delete = count(plan.delete.len() + if deletes { plan.retrieve.len() } else { 0 });
            return self.quit(session).await;
        }
        self.take_cause(plan.tell_skipped(self.ledger, self.events).await?);
        plan.note_corrections(self.ledger).await?;
        self.unique_ids = Arc::clone(&plan.evidence.unique_ids);
        self.tries.fetched(plan.known.iter().filter_map(|number| self.unique_ids.get(*number)));

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
        self.has_counted = true;
        self.summary.skipped = count(plan.skipped.len());
        if self.is_first {
            self.summary.known = count(plan.known.len());
            self.summary.failed = count(plan.failed.len());
        }
    }

    /// Why the last message that is left alone has failed.
    fn take_cause(&mut self, cause: Option<String>) {
        if self.is_first {
            self.summary.cause = cause;
        }
    }

    /// Retrieves and stores what the plan says. Gives what is to be deleted of it.
    async fn retrieve(&mut self, session: &mut Session, plan: Plan, average: u64) -> Result<Vec<u32>, FetchError> {
        let has_looked = plan.has_looked;
        let storing = Storing::new(
            self.options.maildir.clone(),
            self.ledger.clone(),
            plan.evidence,
            plan.open_rows,
            Arc::clone(self.events),
        );
        let mut retrieving = Retrieving::new(session, storing, self.options, has_looked);
        let retrieved = retrieving.retrieve(&plan.retrieve, average, &mut self.tries.transfers, self.events).await;
        self.awaited = retrieving.awaited.take();
        if retrieved.is_ok() {
            // Nobody there: the failure is known in a moment.
            let _ = retrieving.work.send(Work::Complete).await;
        }
        let storing = retrieving.finish();
        let keep_alive = retrieved.is_ok().then_some(self.options.keep_alive);
        let (stored, lost) = wait_for(storing, session, keep_alive).await;
        let mut stored = stored.map_err(|_| FetchError::Internal("the storing thread ended early"))?;
        self.unique_ids = std::mem::take(&mut stored.unique_ids);
        let unique_ids = &self.unique_ids;
        let is_news = |number: &&u32| !self.tries.has_stored(unique_ids.get(**number));
        self.progress = stored.files + stored.recognised.iter().filter(is_news).count();
        let certain = || stored.messages.iter().chain(&stored.recognised).filter_map(|number| unique_ids.get(*number));
        self.tries.fetched(certain());
        if self.options.deletion != Deletion::Never {
            self.tries.stored(certain());
        }
        stored.refused.iter().filter_map(|number| self.unique_ids.get(*number)).for_each(|id| self.tries.give_up(id));
        self.summary.refused = self.summary.refused.saturating_add(count(stored.refused.len()));
        self.summary.temporary &= !stored.is_refused_for_good;
        self.summary.refusal = stored.refusal.take().or(self.summary.refusal.take());
        self.summary.stored = self.summary.stored.saturating_add(count(stored.files));
        self.summary.octets = self.summary.octets.saturating_add(stored.octets);
        let known = self.tries.stored_earlier(stored.recognised.len());
        self.summary.known = self.summary.known.saturating_add(count(known));
        self.tries.stored_unconfirmed(stored.files.saturating_sub(stored.messages.len()));
        // When the disk is the cause, the transfer has only seen that nobody takes its pieces.
        if let Some(failure) = stored.failure.take() {
            self.awaited = None;
            return Err(failure);
        }
        retrieved?;
        lost.map_or(Ok(()), Err)?;
        self.awaited = None;
        let deletes = self.options.deletion == Deletion::AtOnce;
        Ok(if deletes { stored.messages.into_iter().chain(stored.recognised).collect() } else { Vec::new() })
    }

    /// Notes that the server is told to delete these messages.
    async fn note_deletions(&self, messages: &[u32]) -> Result<(), FetchError> {
        let (messages, unique_ids) = (messages.to_vec(), Arc::clone(&self.unique_ids));
        let note = self.ledger.aside(move |journal, account| {
            let mut unique_ids = messages.iter().filter_map(|number| unique_ids.get(*number));
            Ok(journal.note(account, |notes| unique_ids.try_for_each(|unique_id| notes.deletion_sent(unique_id)))?)
        });
        note.await
    }

    /// Notes that these messages are not at the server any more, as it says.
    async fn note_gone(&self) -> Result<(), FetchError> {
        if self.deleted.is_empty() {
            return Ok(());
        }
        let (messages, unique_ids) = (self.deleted.clone(), Arc::clone(&self.unique_ids));
        let note = self.ledger.aside(move |journal, account| {
            let unique_ids = messages.iter().filter_map(|number| unique_ids.get(*number));
            Ok(journal.note(account, |notes| notes.gone(unique_ids))?)
        });
        note.await
    }

    async fn delete(&mut self, session: &mut Session, messages: &[u32]) -> Result<(), FetchError> {
        for messages in messages.chunks(DELETIONS) {
            for deletion in session.delete(messages).await? {
                match deletion.refused {
                    None => self.deleted.push(deletion.number),
                    Some(reply) => {
                        self.summary.not_deleted += 1;
                        self.summary.temporary &= is_temporary(&reply);
                        self.summary.refusal = Some(cause(&reply));
                        (self.events)(Event::NotDeleted { number: deletion.number, reply: &reply });
                    }
                }
            }
        }
        Ok(())
    }

    async fn quit(&mut self, session: Session) -> Result<(), FetchError> {
        self.sends_ahead = false;
        let Err(error) = session.quit().await else {
            self.summary.deleted = count(self.deleted.len());
            self.deleted.iter().for_each(|number| (self.events)(Event::Deleted { number: *number }));
            (self.events)(Event::Quit);
            return self.note_gone().await;
        };
        if !self.deleted.is_empty() {
            return Err(FetchError::Unconfirmed { messages: count(self.deleted.len()), cause: error });
        }
        // Nothing hangs on it.
        (self.events)(Event::Warning(Warning::NoGoodbye(error)));
        Ok(())
    }
}
