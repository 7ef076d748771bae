//! What to do with each message of the maildrop.

use std::sync::Arc;

use super::by_number::ByNumber;
use super::corrections::Corrections;
use super::doubted::Doubted;
use super::failures;
use super::glimpse::{Dates, glimpses};
use super::identity::Identities;
use super::ledger::Ledger;
use super::past::Past;
use super::planner::Planner;
use super::policy::{Skipped, Stored};
use super::pool::Pool;
use super::survey::{Survey, sizes};
use super::tries::{Look, Tries};
use super::unique_ids::UniqueIds;
use super::{Event, Events, FetchError, FetchOptions, count};
use crate::journal::Entry;
use crate::session::Session;

/// What a plan has to keep to.
#[derive(Clone, Copy)]
pub(super) struct Terms<'o> {
    pub(super) options: &'o FetchOptions,
    /// What earlier sessions of the run have come to.
    pub(super) tries: &'o Tries,
    /// What they have stored.
    pub(super) stored: Stored,
}

/// What to do with each message of the maildrop.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// To be retrieved, in this order.
    pub(super) retrieve: Vec<u32>,
    /// To be left at the server, and why.
    pub(super) skipped: Vec<(u32, Skipped)>,
    /// To be left alone for now, for they have failed.
    pub(super) failed: Vec<u32>,
    /// Stored by an earlier run, or not to be stored at all.
    pub(super) known: Vec<u32>,
    /// Those of them that are to be deleted.
    pub(super) delete: Vec<u32>,
    pub(super) corrections: Corrections,
    /// Rows of the journal about files that are not settled before everything is retrieved.
    pub(super) open_rows: Vec<i64>,
    pub(super) evidence: Evidence,
    /// The server was asked for beginnings of messages.
    pub(super) has_looked: bool,
}

/// What tells messages apart while they are stored.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// What stands for each message in the journal.
    pub(super) unique_ids: Arc<UniqueIds>,
    /// The sizes of the scan listing, where that was asked for.
    pub(super) sizes: Arc<ByNumber<u64>>,
    /// What is stored under the unique-ids of messages and may be the same ones.
    pub(super) doubted: Doubted,
    /// Stored messages that may be among those retrieved, under any unique-id.
    pub(super) pool: Pool,
    /// Those of them that an earlier run was about to deliver when it ended.
    pub(super) leftovers: Vec<Entry>,
    /// For messages that nothing stands for before they are retrieved.
    pub(super) identities: Identities,
}

impl Evidence {
    pub(super) fn add_leftover(&mut self, entry: Entry) {
        self.leftovers.push(entry);
        self.pool.add(entry.into());
    }

    /// Whether there are files of which it is open whose they are.
    pub(super) fn has_open_leftovers(&mut self) -> bool {
        self.leftovers.iter().any(|leftover| self.pool.has(leftover))
    }
}

impl Plan {
    /// Compares what the server lists with what is known.
    ///
    /// A unique-id alone is not trusted where servers are known to use it again: the size in the scan listing has to be
    /// that of the stored message, and its beginning too before it is deleted without having been fetched now. Where they
    /// differ, or there are no unique-ids, or all of them have changed at once, messages are recognised by their beginnings,
    /// which `TOP` shows.
    pub(super) async fn make(
        session: &mut Session,
        survey: Survey,
        terms: Terms<'_>,
        ledger: &Ledger,
        events: &Events,
        look: &mut Option<Look>,
    ) -> Result<Self, FetchError> {
        let Terms { options, tries, .. } = terms;
        let policy = &options.policy;
        if survey.messages == 0 {
            // That may be for once: nothing is forgotten.
            return Ok(Plan::default());
        }
        let (maildir, messages, unique_ids) =
            (options.maildir.clone(), survey.messages, Arc::clone(&survey.unique_ids));
        let past =
            ledger.aside(move |journal, account| Past::read(journal, account, &maildir, &unique_ids, messages)).await?;
        let is_blank = past.known.is_empty() && past.leftovers.is_empty() && !past.vanished.has_stored(true);
        // What is not to be fetched is known again by its size, too. For the policy there is nothing in its place.
        let leaves_some = policy.newer_than.is_some() || options.mark_seen;
        let compares_sizes = (!is_blank || leaves_some) && tries.may_see_sizes();
        let asks_sizes = policy.asks_sizes() || compares_sizes;
        *look = (asks_sizes && !policy.asks_sizes()).then_some(Look::Sizes);
        let sizes = if asks_sizes { sizes(session, survey.messages).await? } else { ByNumber::default() };
        *look = None;
        let mut planner = Planner::new(survey, past, sizes, terms);
        planner.sort_listed();
        let looks_at = planner.doubtful();
        let dates = if policy.newer_than.is_some() { Dates::Wanted } else { Dates::NotWanted };
        let mut awaited = None;
        let glimpses = glimpses(session, &looks_at, messages, dates, &mut awaited).await;
        *look = awaited.map(|number| planner.look_at(number));
        let glimpses = glimpses?;
        let has_looked = !looks_at.is_empty();
        drop(looks_at);
        let has_top = session.announces_top() || !glimpses.is_empty();
        planner.settle_doubts(&glimpses, has_top);
        planner.identify(&glimpses, ledger, events).await?;
        planner.recognise(&glimpses, events);
        Ok(Plan { has_looked, ..planner.finish(&glimpses, events) })
    }

    /// Notes what was found out about messages that are known.
    pub(super) async fn note_corrections(&mut self, ledger: &Ledger) -> Result<(), FetchError> {
        let Plan { corrections, evidence, .. } = self;
        let pool = std::mem::take(&mut evidence.pool);
        evidence.pool = std::mem::take(corrections).note(pool, ledger, &evidence.unique_ids).await?;
        Ok(())
    }

    /// Tells what was compared.
    pub(super) fn tell(&self, events: &Events) {
        events(Event::Planned { retrieve: count(self.retrieve.len()), known: count(self.known.len()) });
    }

    /// Tells what is left out. Gives the cause of the last message that has failed.
    pub(super) async fn tell_skipped(&self, ledger: &Ledger, events: &Events) -> Result<Option<String>, FetchError> {
        let skip = |number, why: &Skipped| events(Event::Skipped { number, octets: self.size(number), why });
        self.skipped.iter().for_each(|(number, why)| skip(*number, why));
        failures::tell(&self.failed, &self.evidence.unique_ids, ledger, skip).await
    }

    /// Tells what would be done with each message, and why not more.
    pub(super) async fn tell_what_would_be_done(
        &self,
        deletes: bool,
        ledger: &Ledger,
        events: &Events,
    ) -> Result<Option<String>, FetchError> {
        self.retrieve.iter().for_each(|number| events(Event::WouldRetrieve { number: *number, delete: deletes }));
        let skip = |number, why: &Skipped| events(Event::WouldSkip { number, octets: self.size(number), why });
        self.skipped.iter().for_each(|(number, why)| skip(*number, why));
        let cause = failures::tell(&self.failed, &self.evidence.unique_ids, ledger, skip).await?;
        self.delete.iter().for_each(|number| events(Event::WouldDelete { number: *number }));
        Ok(cause)
    }

    fn size(&self, number: u32) -> Option<u64> {
        self.evidence.sizes.get(number).copied()
    }
}
