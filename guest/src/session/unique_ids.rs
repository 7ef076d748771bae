//! The unique-ids of a maildrop, of which there may be more than anybody wants to hold at once.

use alloc::borrow::ToOwned;
use alloc::string::ToString;
use alloc::vec::Vec;

use pop3_protocol::{Command, Event};

use super::{Arrived, Session, as_usize, at_its_end, exceeded, out_of_step};
use crate::types::{Error, Maildrop, Misbehaviour, Survey, UniqueIdListing};

/// How many octets of unique-ids are given at a time, and how many rows.
const PAGE_OCTETS: usize = 64 * 1024;
const PAGE_ROWS: usize = 4096;

/// The answer to a `UIDL`, as far as it was given.
#[derive(Default)]
pub(super) struct Listing {
    numbers: Vec<u32>,
    octets: usize,
}

impl Session {
    /// See `session.unique-ids` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn unique_ids(&mut self) -> Result<Vec<UniqueIdListing>, Error> {
        self.enqueue(Command::Uidl(None))?;
        self.begin_listing()?;
        let mut rows = Vec::new();
        loop {
            let page = self.next_unique_ids()?;
            if page.is_empty() {
                return Ok(rows);
            }
            rows.extend(page);
        }
    }

    /// See `session.survey` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn survey(&mut self) -> Result<Survey, Error> {
        self.check_free()?;
        let mut unsent = [Command::Stat, Command::Uidl(None)].into_iter();
        self.send_ahead(|| unsent.next())?;
        let maildrop = match self.maildrop() {
            // Out of bounds, or cut: there is nothing more to take.
            Err(error) if self.connection.is_none() => return Err(error),
            maildrop => maildrop,
        };
        if unsent.len() > 0 {
            // Nothing is sent ahead.
            match maildrop {
                Ok(Maildrop { messages: 1.., .. }) => self.send_ahead(|| unsent.next())?,
                none => return Ok(Survey { maildrop: none?, unique_ids: Ok(()) }),
            }
        }
        let unique_ids = match self.begin_listing() {
            Err(Error::Refused(refusal)) => Err(refusal),
            begun => Ok(begun?),
        };
        if maildrop.is_err() {
            // The session may go on, behind them.
            while !self.next_unique_ids()?.is_empty() {}
        }
        Ok(Survey { maildrop: maildrop?, unique_ids })
    }

    /// See `session.next-unique-ids` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn next_unique_ids(&mut self) -> Result<Vec<UniqueIdListing>, Error> {
        let Some(so_far) = self.listing.take() else {
            return if self.connection.is_some() { Ok(Vec::new()) } else { Err(at_its_end()) };
        };
        let page = self.next_page(so_far);
        if page.is_err() {
            self.abandon();
        }
        page
    }

    fn next_page(&mut self, mut so_far: Listing) -> Result<Vec<UniqueIdListing>, Error> {
        let before = so_far.octets;
        let mut rows = Vec::new();
        while rows.len() < PAGE_ROWS && so_far.octets - before < PAGE_OCTETS {
            let row = self.buffered(|event| match event {
                Event::ListingEnd => Ok(None),
                event => listing(event).map(Some).ok_or_else(out_of_step),
            })?;
            match row {
                Some(Arrived::Event(row)) => {
                    let Some(row) = row? else {
                        self.check_each_once("UIDL", so_far.numbers)?;
                        return Ok(rows);
                    };
                    self.count(&mut so_far, &row)?;
                    rows.push(row);
                }
                Some(Arrived::Content { .. }) => return Err(out_of_step()),
                None if rows.is_empty() => self.exchange()?,
                None => break,
            }
        }
        self.listing = Some(so_far);
        Ok(rows)
    }

    /// Takes the first line of the answer to `UIDL`.
    fn begin_listing(&mut self) -> Result<(), Error> {
        self.answer(|event| matches!(event, Event::Accepted { .. }).then_some(()))?;
        self.listing = Some(Listing::default());
        Ok(())
    }

    fn count(&self, so_far: &mut Listing, row: &UniqueIdListing) -> Result<(), Error> {
        so_far.numbers.push(row.number);
        so_far.octets += row.unique_id.len();
        let bound = self.options.limits.listing_octets;
        if so_far.octets > as_usize(bound) { Err(exceeded("listing-octets", bound, "UIDL")) } else { Ok(()) }
    }

    /// A listing that names a message twice does not say which row is true.
    pub(super) fn check_each_once(&mut self, command: &str, mut numbers: Vec<u32>) -> Result<(), Error> {
        if !numbers.is_sorted() {
            numbers.sort_unstable();
        }
        let twice = numbers.array_windows().find(|[number, next]| number == next);
        let Some([number, _]) = twice else { return Ok(()) };
        self.abandon();
        Err(Error::Misbehaved(Misbehaviour {
            command: Some(command.to_owned()),
            problem: "the same message twice".to_owned(),
            line: number.to_string(),
        }))
    }
}

/// A row of `UIDL`.
pub(super) fn listing(event: Event<'_>) -> Option<UniqueIdListing> {
    match event {
        Event::UniqueId { number, unique_id } => {
            Some(UniqueIdListing { number: number.get(), unique_id: unique_id.to_vec() })
        }
        _ => None,
    }
}
