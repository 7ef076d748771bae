//! What is in the maildrop, as the server lists it.

use std::sync::Arc;

use super::by_number::ByNumber;
use super::unique_ids::UniqueIds;
use super::{Event, Events, FetchError, Warning, count};
use crate::session::{self, Session};

/// The listings of a session.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) messages: u32,
    /// Their unique-ids, where they have one of their own.
    pub(super) unique_ids: Arc<UniqueIds>,
    /// What is said to the user if those that have none cannot be told apart in another way.
    pub(super) lack: Option<Warning>,
}

impl Survey {
    /// Asks for the number of messages and their unique-ids.
    pub(super) async fn take(session: &mut Session, events: &Events) -> Result<(Self, u64), FetchError> {
        let session::Survey { maildrop, unique_ids } = session.survey().await?;
        let messages = maildrop.messages;
        events(Event::Maildrop { messages, octets: maildrop.octets });
        if messages == 0 {
            return Ok((Survey::default(), maildrop.octets));
        }
        let listing = match unique_ids {
            Ok(listing) => listing,
            Err(refusal) if refusal.is_lack() => {
                let lack = Some(Warning::NoUniqueIds(refusal));
                return Ok((Survey { messages, unique_ids: Arc::new(UniqueIds::of(messages)), lack }, maildrop.octets));
            }
            Err(error) => return Err(error.into()),
        };
        if let Some((number, _)) = listing.iter().find(|(number, _)| !(1..=messages).contains(number)) {
            return Err(FetchError::NoSuchMessage { number, messages });
        }
        let unique_ids = Arc::new(UniqueIds::usable(listing, messages));
        let mut survey = Survey { messages, unique_ids, lack: None };
        let without = survey.unidentified().len();
        survey.lack = (without > 0).then(|| Warning::UnusableUniqueIds(count(without)));
        Ok((survey, maildrop.octets))
    }

    /// The messages that have no unique-id of their own, in ascending order.
    pub(super) fn unidentified(&self) -> Vec<u32> {
        (1..=self.messages).filter(|number| !self.unique_ids.has(*number)).collect()
    }
}

/// The sizes of the scan listing; none where the server refuses it.
pub(super) async fn sizes(session: &mut Session, messages: u32) -> Result<ByNumber<u64>, FetchError> {
    let mut sizes = ByNumber::of(messages);
    match session.scan_listings().await {
        Ok(rows) => rows.iter().for_each(|row| sizes.insert(row.number, row.octets)),
        Err(refusal) if refusal.is_lack() => {}
        Err(error) => return Err(error.into()),
    }
    Ok(sizes)
}
