//! What is in the maildrop, as the server lists it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Event, Events, FetchError, UniqueIds, Warning, count};
use crate::session::{self, Session, UniqueIdListing};

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
                return Ok((Survey { messages, unique_ids: Arc::default(), lack }, maildrop.octets));
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(row) = listing.iter().find(|row| !(1..=messages).contains(&row.number)) {
            return Err(FetchError::NoSuchMessage { number: row.number, messages });
        }
        let unique_ids = usable(listing);
        let without = messages as usize - unique_ids.len();
        let lack = (without > 0).then(|| Warning::UnusableUniqueIds(count(without)));
        Ok((Survey { messages, unique_ids: Arc::new(unique_ids), lack }, maildrop.octets))
    }

    /// The messages that have no unique-id of their own, in ascending order.
    pub(super) fn unidentified(&self) -> Vec<u32> {
        (1..=self.messages).filter(|number| !self.unique_ids.contains_key(number)).collect()
    }
}

/// The sizes of the scan listing; none where the server refuses it.
pub(super) async fn sizes(session: &mut Session) -> Result<HashMap<u32, u64>, FetchError> {
    match session.scan_listings().await {
        Ok(rows) => Ok(rows.into_iter().map(|row| (row.number, row.octets)).collect()),
        Err(refusal) if refusal.is_lack() => Ok(HashMap::new()),
        Err(error) => Err(error.into()),
    }
}

/// Those unique-ids that stand for one message: not empty, and on no other message of the listing. One that begins with
/// NUL, which no server has (RFC 1939 §7), could be taken for what stands for messages without.
fn usable(listing: Vec<UniqueIdListing>) -> UniqueIds {
    let mut seen = HashSet::with_capacity(listing.len());
    let mut twice = HashSet::new();
    for row in &listing {
        if !seen.insert(row.unique_id.as_slice()) {
            twice.insert(row.unique_id.clone());
        }
    }
    listing
        .into_iter()
        .filter(|row| !matches!(row.unique_id.as_slice(), [] | [0, ..]) && !twice.contains(&row.unique_id))
        .map(|row| (row.number, row.unique_id))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{UniqueIdListing, usable};

    #[test]
    fn only_what_stands_for_one_message_is_usable() {
        let row = |number, unique_id: &str| UniqueIdListing { number, unique_id: unique_id.into() };
        let usable = usable(vec![row(1, "a"), row(2, "b"), row(3, ""), row(4, "b"), row(5, "../c"), row(6, "\0x")]);
        let mut numbers: Vec<u32> = usable.into_keys().collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 5]);
    }
}
