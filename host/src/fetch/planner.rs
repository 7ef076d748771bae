//! Decides what to do with each message: compares what the server lists with what is known, and applies the policy.

use std::collections::HashMap;
use std::sync::Arc;

use super::by_number::ByNumber;
use super::corrections::Corrections;
use super::doubted::Doubted;
use super::glimpse::Glimpses;
use super::known::Known;
use super::ledger::Ledger;
use super::past::{Leftover, Past};
use super::plan::{Evidence, Plan, Terms};
use super::policy::{Choice, Skipped, Stored};
use super::survey::Survey;
use super::tries::{Look, Tries};
use super::{Deletion, Event, Events, FetchError, FetchOptions, Warning, count};
use crate::journal::{Entry, EntryState, now};

/// Of how many messages without a unique-id the journal is asked at a time.
const LOT: usize = 1000;

/// The messages of a maildrop, on their way into a plan.
pub(super) struct Planner<'o> {
    options: &'o FetchOptions,
    tries: &'o Tries,
    stored: Stored,
    survey: Survey,
    past: Past,
    plan: Plan,
    /// Listed under a unique-id that stands for a stored message, and perhaps another one.
    verify: Vec<(u32, Doubt)>,
    /// Files of a run that was broken off, by the messages that they were to be.
    leftovers: HashMap<u32, Entry>,
    /// Listed under a unique-id that stands for nothing so far.
    candidates: Vec<u32>,
    unidentified: Vec<u32>,
    /// No unique-id of the listing is known, although others were.
    all_are_new: bool,
    /// A unique-id stands for another message than before, or may do so for all that the server shows.
    is_renumbered: bool,
    /// There are messages without a unique-id of their own.
    has_unidentified: bool,
    /// The server has shown unique-ids, so that what is not among them is not there.
    shows_unique_ids: bool,
    /// The same of messages that have none: all of their beginnings were seen.
    shows_beginnings: bool,
    /// Files of a run that was broken off, by the identities of their messages.
    nameless_leftovers: HashMap<Vec<u8>, Entry>,
}

/// Why an entry is not taken at its word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// The server lists another size than for the stored message.
    Size,
    /// It is to be deleted.
    Deletion,
    /// It is not certain that its file is the message of its unique-id.
    Leftover,
}

impl<'o> Planner<'o> {
    pub(super) fn new(survey: Survey, past: Past, sizes: ByNumber<u64>, terms: Terms<'o>) -> Self {
        let Terms { options, tries, stored } = terms;
        let all_are_new =
            past.known.iter().all(|(_, known)| !known.entry().is_stored()) && past.vanished.has_stored(true);
        let doubted = Doubted::of(survey.messages);
        let (unique_ids, sizes) = (Arc::clone(&survey.unique_ids), Arc::new(sizes));
        let evidence = Evidence { unique_ids, sizes, doubted, ..Evidence::default() };
        let corrections = Corrections::of(survey.messages);
        let unidentified = survey.unidentified();
        Planner {
            options,
            tries,
            stored,
            has_unidentified: !unidentified.is_empty(),
            shows_unique_ids: survey.lack.is_none() || !survey.unique_ids.is_empty(),
            unidentified,
            survey,
            past,
            plan: Plan { evidence, corrections, ..Plan::default() },
            verify: Vec::new(),
            leftovers: HashMap::new(),
            candidates: Vec::new(),
            is_renumbered: false,
            shows_beginnings: false,
            nameless_leftovers: HashMap::new(),
            all_are_new,
        }
    }

    /// Sorts the messages that have a unique-id by what is known of it.
    pub(super) fn sort_listed(&mut self) {
        let mut leftovers = HashMap::new();
        for Leftover { unique_id, found } in std::mem::take(&mut self.past.leftovers) {
            let entry = Entry::delivered(found, None);
            // What was delivered for messages without a unique-id has to be recognised.
            if unique_id.is_empty() || leftovers.contains_key(&unique_id) {
                self.plan.evidence.add_leftover(entry);
            } else {
                leftovers.insert(unique_id, entry);
            }
        }
        let unique_ids = Arc::clone(&self.survey.unique_ids);
        for (number, unique_id) in unique_ids.iter() {
            let known = self.past.known.get(number).copied();
            match (known.filter(|known| known.entry().is_stored()), leftovers.remove(unique_id)) {
                // The row of the journal was left open for another one of its files.
                (Some(known), Some(leftover)) => {
                    let entry = known.entry();
                    if !entry.is_like(&leftover) {
                        self.plan.evidence.add_leftover(leftover);
                    }
                    self.sort_known(number, &known);
                }
                (None, Some(leftover)) => {
                    self.leftovers.insert(number, leftover);
                    self.verify.push((number, Doubt::Leftover));
                }
                (_, None) => match known {
                    Some(known) => self.sort_known(number, &known),
                    None => self.candidates.push(number),
                },
            }
        }
        // The same for messages that are not listed under their unique-ids now.
        for (unique_id, leftover) in leftovers {
            if unique_id.first() == Some(&0) {
                self.nameless_leftovers.insert(unique_id, leftover);
            } else {
                self.plan.evidence.add_leftover(leftover);
            }
        }
    }

    fn sort_known(&mut self, number: u32, known: &Known) {
        let entry = known.entry();
        let has_other_size = self.has_other_size(number, &entry);
        if entry.state == EntryState::Doubted {
            self.plan.evidence.pool.add(*known);
            self.candidates.push(number);
        } else if !entry.is_stored() {
            match entry.state {
                EntryState::MarkedSeen if !has_other_size => self.plan.known.push(number),
                _ => self.candidates.push(number),
            }
        } else if has_other_size && !(is_of_earlier_version(&entry) && self.options.deletion == Deletion::Never) {
            self.verify.push((number, Doubt::Size));
        } else if known.has_come_back() || self.is_to_be_deleted(&entry) {
            self.verify.push((number, Doubt::Deletion));
        } else {
            self.take_as_known(number, &entry);
        }
    }

    /// Which messages `TOP` has to show, in ascending order.
    pub(super) fn doubtful(&self) -> Vec<u32> {
        let has_fingerprint = |(number, doubt): &&(u32, Doubt)| {
            self.in_doubt(*number, *doubt).is_some_and(|entry| entry.fingerprint.is_some())
        };
        let verified = self.verify.iter().filter(has_fingerprint);
        let mut numbers: Vec<u32> =
            verified.map(|(number, _)| *number).chain(self.unidentified.iter().copied()).collect();
        let recognises = !self.plan.evidence.pool.is_empty()
            || !self.nameless_leftovers.is_empty()
            || self.past.vanished.has_stored(self.any_may_be_renamed());
        if recognises || self.options.policy.newer_than.is_some() {
            numbers.extend(self.candidates.iter().filter(|number| self.date_of(**number).is_none()));
        }
        numbers.retain(|number| self.tries.may_see_beginning(self.survey.unique_ids.get(*number)));
        numbers.sort_unstable();
        numbers
    }

    /// What the unique-id of a message that is in doubt stands for.
    fn in_doubt(&self, number: u32, doubt: Doubt) -> Option<Entry> {
        match doubt {
            Doubt::Leftover => self.leftovers.get(&number).copied(),
            Doubt::Size | Doubt::Deletion => self.past.known.get(number).map(Known::entry),
        }
    }

    /// A look at this message.
    pub(super) fn look_at(&self, number: u32) -> Look {
        Look::Beginning(self.survey.unique_ids.owned(number))
    }

    /// Compares those that are in doubt with what `TOP` has shown, or takes some at their word where the server has none.
    pub(super) fn settle_doubts(&mut self, glimpses: &Glimpses, has_top: bool) {
        for (number, doubt) in std::mem::take(&mut self.verify) {
            let Some(entry) = self.in_doubt(number, doubt) else { continue };
            let glimpse = glimpses.fingerprint(number).filter(|_| entry.fingerprint.is_some());
            let is_same = glimpse.is_none_or(|shown| Some(shown) == entry.fingerprint);
            let listed = self.plan.evidence.sizes.get(number).copied();
            let is_known = match doubt {
                // It may be another one behind what TOP shows.
                Doubt::Size => false,
                // An earlier version has noted no beginning. Without TOP, one would have to be fetched again that the server was
                // told to delete, or that this run has stored.
                Doubt::Deletion if glimpse.is_some() => listed.is_some(),
                Doubt::Deletion => {
                    let is_certain =
                        entry.state == EntryState::DeletionSent || self.tries.has_stored(self.unique_id(number));
                    entry.fingerprint.is_none() || !has_top && is_certain
                }
                // It may have been cut short behind what TOP shows.
                Doubt::Leftover => glimpse.is_some() && listed.is_some() && listed == entry.octets,
            };
            if is_known && is_same {
                if doubt != Doubt::Deletion {
                    let corrected = Entry { listed: listed.or(entry.listed), absent_since: None, ..entry };
                    self.correct(number, corrected);
                }
                self.take_as_known(number, &entry);
                continue;
            }
            match doubt {
                // Whose file it is shows when the messages are there.
                Doubt::Leftover => self.plan.evidence.add_leftover(entry),
                // Another message has its unique-id, and it may be listed under another one: unique-ids may be numbers.
                Doubt::Size | Doubt::Deletion if !is_same => {
                    self.is_renumbered = true;
                    self.plan.evidence.pool.add(entry.into());
                    self.plan.evidence.doubted.insert_exchanged(number);
                }
                Doubt::Size | Doubt::Deletion => {
                    self.is_renumbered |= glimpse.is_none();
                    self.doubt(number, entry.into());
                    continue;
                }
            }
            self.candidates.push(number);
        }
    }

    /// Gives messages without a unique-id another identity.
    pub(super) async fn identify(
        &mut self,
        glimpses: &Glimpses,
        ledger: &Ledger,
        events: &Events,
    ) -> Result<(), FetchError> {
        let unidentified = std::mem::take(&mut self.unidentified);
        self.shows_beginnings = unidentified.iter().all(|number| glimpses.has(*number));
        // What it means for messages to be marked is said where they are.
        if !self.shows_beginnings
            && !self.options.mark_seen
            && let Some(lack) = self.survey.lack.take()
        {
            events(Event::Warning(lack));
        }
        self.candidates.extend(unidentified.iter().filter(|number| !glimpses.has(**number)));
        let mut open = Vec::new();
        for lot in unidentified.chunks(LOT) {
            let seen = lot.iter().filter_map(|number| Some((*number, glimpses.fingerprint(*number)?)));
            let identified: Vec<(u32, Vec<u8>)> =
                seen.map(|(number, fingerprint)| (number, self.plan.evidence.identities.next(fingerprint))).collect();
            let asked: Vec<Vec<u8>> = identified.iter().map(|(_, identity)| identity.clone()).collect();
            let read = ledger.aside(move |journal, account| {
                let identities = || asked.iter().map(Vec::as_slice);
                Ok((journal.known(account, identities())?, journal.failures(account, identities())?))
            });
            let (known, failures) = read.await?;
            for (number, identity) in identified {
                self.sort_identified(number, &identity, known.get(&identity).copied(), &mut open);
                if let Some(failure) = failures.get(&identity) {
                    self.past.failures.insert(number, failure.again_at);
                }
                Arc::make_mut(&mut self.plan.evidence.unique_ids).insert(number, &identity);
            }
        }
        self.settle_identified(open, glimpses);
        std::mem::take(&mut self.nameless_leftovers)
            .into_values()
            .for_each(|left| self.plan.evidence.add_leftover(left));
        Ok(())
    }

    fn sort_identified(&mut self, number: u32, identity: &[u8], known: Option<Entry>, open: &mut Vec<u32>) {
        let Some(entry) = known else {
            open.push(number);
            self.candidates.push(number);
            return;
        };
        self.past.vanished.take_out_nameless(&entry);
        // The row of the journal was left open for another one of its files.
        let is_its_file = |leftover: &Entry| entry.is_like(leftover);
        if entry.may_be_at_server() && self.nameless_leftovers.get(identity).is_some_and(is_its_file) {
            self.nameless_leftovers.remove(identity);
        }
        if entry.absent_since.is_some() {
            self.past.returned.push(number);
        }
        let listed = self.plan.evidence.sizes.get(number);
        // The server may have deleted what it was told to, also if it has not said so.
        let is_doubtful = self.has_other_size(number, &entry)
            || entry.state != EntryState::Delivered
            || listed.is_none() && self.is_to_be_deleted(&entry);
        if entry.state == EntryState::MarkedSeen {
            self.take_as_known(number, &entry);
        } else {
            open.push(number);
            // Also where one that begins so was deleted: this is another one, for all that can be seen.
            if !entry.may_be_at_server() {
                self.candidates.push(number);
            } else if is_doubtful {
                self.doubt(number, entry.into());
            }
        }
        self.past.known.insert(number, entry.into());
    }

    /// Takes what begins as a stored message as known, unless a new one of the same size begins so, too: which of them is which
    /// shows when they are retrieved.
    fn settle_identified(&mut self, mut open: Vec<u32>, glimpses: &Glimpses) {
        let mut is_new = ByNumber::of(self.survey.messages);
        self.candidates.iter().for_each(|number| is_new.insert(*number, ()));
        let sizes = Arc::clone(&self.plan.evidence.sizes);
        let seen = |number: u32| (glimpses.fingerprint(number), sizes.get(number));
        open.sort_unstable_by_key(|number| (seen(*number), *number));
        for alike in open.chunk_by(|one, another| seen(*one) == seen(*another)) {
            let is_certain = !alike.iter().any(|number| is_new.has(*number));
            for number in alike {
                match self.past.known.get(*number).copied().filter(|_| !is_new.has(*number)) {
                    Some(known) if is_certain => self.take_as_known(*number, &known.entry()),
                    Some(known) => self.doubt(*number, known),
                    None => self.plan.evidence.doubted.insert_exchanged(*number),
                }
            }
        }
    }

    /// It is fetched; if it is the stored message after all, or another one that is known, it is not stored twice.
    fn doubt(&mut self, number: u32, stored: Known) {
        self.plan.evidence.doubted.insert(number, stored);
        self.candidates.push(number);
    }

    /// Looks among what is new for messages that are stored under another unique-id.
    pub(super) fn recognise(&mut self, glimpses: &Glimpses, events: &Events) {
        let any_may_be_renamed = self.any_may_be_renamed();
        let mut pool = self.past.vanished.take_stored(any_may_be_renamed);
        // What is known under a unique-id may have been known under another identity, too, and stands for one message.
        let known = self.plan.known.iter().filter_map(|number| self.past.known.get(*number));
        known.for_each(|known| pool.forget(&known.entry()));
        pool.add_all(std::mem::take(&mut self.plan.evidence.pool));
        // Where the server lists no size, one that was cut short could be taken for a whole one.
        let sizes = Arc::clone(&self.plan.evidence.sizes);
        let seen = |number: u32| Some((glimpses.fingerprint(number)?, *sizes.get(number)?));
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.sort_unstable_by_key(|number| (seen(*number), *number));
        let mut recognised = 0;
        for alike in candidates.chunk_by(|one, another| seen(*one) == seen(*another)) {
            let shown = alike.first().and_then(|number| seen(*number));
            let known = shown.map(|(begins, listed)| pool.recognise(alike, begins, listed)).unwrap_or_default();
            known.iter().for_each(|(number, entry)| self.take_as_known(*number, entry));
            recognised += known.len();
            if known.is_empty() {
                self.candidates.extend_from_slice(alike);
            }
        }
        self.candidates.sort_unstable();
        self.plan.evidence.pool = pool;
        if self.all_are_new && !self.survey.unique_ids.is_empty() && recognised > 0 {
            events(Event::Warning(Warning::NewUniqueIds(count(recognised))));
        }
    }

    /// Whether a message that is not listed any more may be one that is listed under another identity now, also if it had a
    /// unique-id: where all unique-ids are new, one stands for another message, or there are messages without.
    fn any_may_be_renamed(&self) -> bool {
        self.all_are_new || self.is_renumbered || self.has_unidentified
    }

    /// Applies the policy to what is left, and puts everything in order.
    pub(super) fn finish(mut self, glimpses: &Glimpses, events: &Events) -> Plan {
        let mut wanted = Vec::new();
        let mut last = Vec::new();
        let mut unseen = 0;
        for number in std::mem::take(&mut self.candidates) {
            let date = self.date_of(number).or_else(|| glimpses.date(number));
            if self.is_to_be_left_alone(number) {
                self.plan.failed.push(number);
            } else if let Some(date) = date.filter(|date| self.is_too_old(*date)) {
                self.leave_as_too_old(number, date);
            } else if self.has_failed(number) {
                last.push(number);
            } else {
                unseen += u32::from(date.is_none() && !glimpses.has(number));
                wanted.push(number);
            }
        }
        if unseen > 0 && self.options.policy.newer_than.is_some() {
            events(Event::Warning(Warning::UnknownAge(unseen)));
        }
        wanted.append(&mut last);
        if self.options.mark_seen {
            self.mark_seen(wanted, events);
        } else {
            let Choice { retrieve, skipped } =
                self.options.policy.choose(wanted, &self.plan.evidence.sizes, self.stored);
            self.plan.retrieve = retrieve;
            self.plan.skipped.extend(skipped);
        }
        let Planner { past, mut plan, shows_unique_ids, shows_beginnings, .. } = self;
        plan.skipped.sort_unstable_by_key(|(number, _)| *number);
        plan.failed.sort_unstable();
        plan.known.sort_unstable();
        plan.delete.sort_unstable();
        plan.corrections.returned = past.returned;
        plan.corrections.recovered = plan.known.iter().copied().filter(|number| past.failures.has(*number)).collect();
        // Whose files those in the pool are shows only when everything is retrieved.
        let is_open = plan.evidence.has_open_leftovers();
        *(if is_open { &mut plan.open_rows } else { &mut plan.corrections.settled }) = past.rows;
        plan.corrections.away = past.vanished.away(shows_unique_ids, shows_beginnings);
        plan
    }

    fn has_failed(&self, number: u32) -> bool {
        self.tries.has_broken_at(number, self.unique_id(number)) || self.past.failures.has(number)
    }

    /// Whether it has failed in this run, or in others so that its time has not come again.
    fn is_to_be_left_alone(&self, number: u32) -> bool {
        let unique_id = self.unique_id(number);
        let has_given_up = self.tries.has_given_up(number, unique_id);
        if unique_id.is_none() {
            return has_given_up;
        }
        let again_at = self.past.failures.get(number);
        !self.options.mark_seen && again_at.is_some_and(|again_at| has_given_up || *again_at > now())
    }

    fn leave_as_too_old(&mut self, number: u32, date: u64) {
        self.plan.skipped.push((number, Skipped::TooOld));
        // What is known of a stored message is worth more: it may be this one. And what is noted already is noted.
        let is_noted = self.date_of(number).is_some();
        if !is_noted && self.past.known.get(number).is_none_or(|known| !known.entry().may_be_at_server()) {
            let listed = self.plan.evidence.sizes.get(number).copied();
            self.correct(number, Entry::left(EntryState::TooOld, listed, date));
        }
    }

    fn is_too_old(&self, date: u64) -> bool {
        self.options.policy.newer_than.is_some_and(|age| date.saturating_add(age.as_secs()) < now())
    }

    fn mark_seen(&mut self, messages: Vec<u32>, events: &Events) {
        let mut unmarked = 0;
        for number in messages {
            if self.unique_id(number).is_none() {
                unmarked += 1;
                self.plan.skipped.push((number, Skipped::Nameless));
                continue;
            }
            let listed = self.plan.evidence.sizes.get(number).copied();
            self.plan.corrections.marked_seen.push((number, listed));
            self.plan.skipped.push((number, Skipped::MarkedSeen));
        }
        if unmarked > 0 {
            events(Event::Warning(Warning::NotMarked(unmarked)));
        }
    }

    fn correct(&mut self, number: u32, entry: Entry) {
        self.plan.corrections.entries.insert(number, entry.into());
    }

    fn take_as_known(&mut self, number: u32, entry: &Entry) {
        self.plan.known.push(number);
        if entry.is_stored() && self.is_to_be_deleted(entry) {
            self.plan.delete.push(number);
        }
    }

    /// Whether the server lists another size than for the message of this entry.
    fn has_other_size(&self, number: u32, entry: &Entry) -> bool {
        let listed = self.plan.evidence.sizes.get(number).copied();
        listed.zip(entry.expected_size()).is_some_and(|(listed, expected)| listed != expected)
    }

    fn is_to_be_deleted(&self, entry: &Entry) -> bool {
        match self.options.deletion {
            Deletion::Never => false,
            Deletion::AtOnce => true,
            Deletion::After(age) => entry.since.is_some_and(|since| now().saturating_sub(since) >= age.as_secs()),
        }
    }

    /// The date of a message that was too old before, if its unique-id still stands for it.
    fn date_of(&self, number: u32) -> Option<u64> {
        let entry = self.past.known.get(number)?.entry();
        let listed = self.plan.evidence.sizes.get(number).copied();
        (entry.state == EntryState::TooOld && entry.listed == listed).then_some(entry.since).flatten()
    }

    fn unique_id(&self, number: u32) -> Option<&[u8]> {
        self.plan.evidence.unique_ids.get(number)
    }
}

/// The journal once did not note what the server listed, and a server may list other sizes than it sends.
fn is_of_earlier_version(entry: &Entry) -> bool {
    entry.listed.is_none() && entry.fingerprint.is_none()
}
