//! The verbs of a session, apart from signing in and transferring. They are documented in `wit/client.wit`.

use alloc::vec::Vec;

use pop3_protocol::{Capability as CapabilityRow, Command, Event, Sent, escape};

use super::{Arrived, Asked, Filled, Session, as_usize, exceeded, out_of_step, unique_ids};
use crate::failure::{refusal, reply};
use crate::types::{Capability, Deletion, Error, Language, Maildrop, Reply, ScanListing, UniqueIdListing, Wait};

/// Octets of all capabilities. Real ones have some hundred; each word of them costs the memory of many octets.
const MOST_CAPABILITY_OCTETS: u32 = 64 * 1024;

impl Session {
    /// See `session.capabilities` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn capabilities(&mut self) -> Result<Vec<Capability>, Error> {
        (self.pipelining, self.capabilities) = (false, Asked::NotYet);
        let bound = self.options.limits.listing_octets.min(MOST_CAPABILITY_OCTETS);
        let capabilities = self.listing(Command::Capa, bound, |event| match event {
            Event::Capability(row) => Some((capability(row), row.octets().len())),
            _ => None,
        });
        match &capabilities {
            Ok(capabilities) => {
                self.pipelining = capabilities.iter().any(|capability| capability.name == "PIPELINING");
                self.capabilities = Asked::Answered(capabilities.clone());
            }
            Err(Error::Refused(refusal)) if !refusal.is_trouble() => self.capabilities = Asked::Refused,
            Err(_) => {}
        }
        capabilities
    }

    /// See `session.utf8` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn utf8(&mut self) -> Result<(), Error> {
        self.command(Command::Utf8)
    }

    /// See `session.languages` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn languages(&mut self) -> Result<Vec<Language>, Error> {
        let bound = self.options.limits.listing_octets.min(MOST_CAPABILITY_OCTETS);
        self.listing(Command::Lang(None), bound, |event| match event {
            Event::Language { tag, description } => {
                let octets = tag.len() + description.len();
                let (tag, description) = (escape(tag, usize::MAX), escape(description, usize::MAX));
                Some((Language { tag, description }, octets))
            }
            _ => None,
        })
    }

    /// See `session.speak` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn speak(&mut self, language: &str) -> Result<Reply, Error> {
        self.enqueue(Command::Lang(Some(language)))?;
        self.answer(|event| match event {
            Event::Accepted { reply: words, .. } => Some(reply(words)),
            _ => None,
        })
    }

    /// See `session.stat` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn stat(&mut self) -> Result<Maildrop, Error> {
        self.enqueue(Command::Stat)?;
        self.maildrop()
    }

    /// Takes the answer to `STAT`.
    pub(super) fn maildrop(&mut self) -> Result<Maildrop, Error> {
        let maildrop = self.answer(|event| match event {
            Event::Maildrop { messages, octets } => Some(Maildrop { messages, octets }),
            _ => None,
        })?;
        // Whoever has the number makes lists of that length.
        let bound = self.options.limits.listing_entries;
        if maildrop.messages > bound {
            self.abandon();
            return Err(exceeded("listing-entries", bound, "STAT"));
        }
        Ok(maildrop)
    }

    /// See `session.scan-listing` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn scan_listing(&mut self, message: u32) -> Result<ScanListing, Error> {
        self.enqueue(Command::List(Some(message)))?;
        self.answer(scan_listing)
    }

    /// See `session.scan-listings` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn scan_listings(&mut self) -> Result<Vec<ScanListing>, Error> {
        let bound = self.options.limits.listing_octets;
        let rows = self.listing(Command::List(None), bound, |event| Some((scan_listing(event)?, 0)))?;
        self.check_each_once("LIST", rows.iter().map(|row| row.number).collect())?;
        Ok(rows)
    }

    /// See `session.unique-id` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn unique_id(&mut self, message: u32) -> Result<UniqueIdListing, Error> {
        self.enqueue(Command::Uidl(Some(message)))?;
        self.answer(unique_ids::listing)
    }

    /// See `session.delete` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn delete(&mut self, messages: &[u32]) -> Result<Vec<Deletion>, Error> {
        self.check_messages(messages)?;
        self.check_free()?;
        let mut unsent = messages.iter();
        let mut deletions = Vec::with_capacity(messages.len());
        while deletions.len() < messages.len() {
            self.send_ahead(|| unsent.next().map(|message| Command::Dele(*message)))?;
            let deletion = self.next_event(|event| match event {
                Event::Accepted { sent: Sent::Dele(number), .. } => {
                    Some(Deletion { number: number.get(), refused: None })
                }
                Event::Refused { sent: Sent::Dele(number), reply: words } => {
                    Some(Deletion { number: number.get(), refused: Some(reply(words)) })
                }
                _ => None,
            })?;
            deletions.push(deletion.ok_or_else(out_of_step)?);
        }
        Ok(deletions)
    }

    /// See `session.reset` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn reset(&mut self) -> Result<(), Error> {
        self.command(Command::Rset)
    }

    /// See `session.noop` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn noop(&mut self) -> Result<(), Error> {
        self.command(Command::Noop)
    }

    /// See `session.quit` in `wit/client.wit`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn quit(&mut self) -> Result<(), Error> {
        self.enqueue(Command::Quit)?;
        let quit = self.await_quit();
        match self.connection.take() {
            Some(connection) if quit.is_ok() => connection.close(self.bound),
            connection => self.connection = connection,
        }
        self.abandon();
        quit
    }

    /// Asks for a listing and takes its rows, each with the octets that count against the bound.
    fn listing<T>(
        &mut self,
        command: Command<'_>,
        bound: u32,
        take: impl Fn(Event<'_>) -> Option<(T, usize)>,
    ) -> Result<Vec<T>, Error> {
        let sent = command.keyword();
        self.enqueue(command)?;
        self.rows(sent, bound, take)
    }

    /// Takes the rows of a listing that was asked for.
    fn rows<T>(
        &mut self,
        sent: &str,
        bound: u32,
        take: impl Fn(Event<'_>) -> Option<(T, usize)>,
    ) -> Result<Vec<T>, Error> {
        self.answer(|event| matches!(event, Event::Accepted { .. }).then_some(()))?;
        let mut rows = Vec::new();
        let mut octets = 0;
        loop {
            let row = self.next_event(|event| match event {
                Event::ListingEnd => Ok(None),
                event => take(event).map(Some).ok_or_else(out_of_step),
            })??;
            let Some((row, length)) = row else { return Ok(rows) };
            octets += length;
            if octets > as_usize(bound) {
                self.abandon();
                return Err(exceeded("listing-octets", bound, sent));
            }
            rows.push(row);
        }
    }

    fn await_quit(&mut self) -> Result<(), Error> {
        loop {
            let answer = self.buffered(|event| match event {
                Event::Refused { sent, reply } => Err(Error::Refused(refusal(sent, reply))),
                _ => Ok(()),
            })?;
            match answer {
                Some(Arrived::Event(answer)) => return answer,
                Some(Arrived::Content { .. }) => return Err(out_of_step()),
                None => self.send()?,
            }
            if let Filled::End = self.fill(self.options.timeouts.quit, Wait::Quit)? {
                return Ok(());
            }
        }
    }
}

fn capability(row: CapabilityRow<'_>) -> Capability {
    let shown = |word: &[u8]| escape(word, usize::MAX);
    Capability { name: shown(row.name()).to_ascii_uppercase(), parameters: row.parameters().map(shown).collect() }
}

fn scan_listing(event: Event<'_>) -> Option<ScanListing> {
    match event {
        Event::ScanListing { number, octets } => Some(ScanListing { number: number.get(), octets }),
        _ => None,
    }
}
