//! Looks at the beginnings of messages: `TOP` (RFC 1939 §7).

use mail_parser::{HeaderName, MessageParser};

use super::FetchError;
use super::by_number::ByNumber;
use crate::fingerprint::{Beginning, FINGERPRINTED_LINES, Fingerprint};
use crate::sandbox::contract::Piece;
use crate::session::Session;

/// How many messages are asked for at a time.
const AT_A_TIME: usize = 256;

/// How much of a header is searched for its date, in octets.
const HEADER_OCTETS: usize = 32 << 10;

/// What `TOP` has shown of messages.
#[derive(Debug)]
pub(super) struct Glimpses {
    fingerprints: ByNumber<Fingerprint>,
    dates: ByNumber<u64>,
}

impl Glimpses {
    fn of(messages: u32) -> Self {
        Glimpses { fingerprints: ByNumber::of(messages), dates: ByNumber::of(messages) }
    }

    pub(super) fn fingerprint(&self, number: u32) -> Option<Fingerprint> {
        self.fingerprints.get(number).copied()
    }

    /// When it arrived, in seconds since 1970, where that was asked for and the header says it.
    pub(super) fn date(&self, number: u32) -> Option<u64> {
        self.dates.get(number).copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fingerprints.is_empty()
    }

    pub(super) fn has(&self, number: u32) -> bool {
        self.fingerprints.has(number)
    }
}

/// Which dates are of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dates {
    Wanted,
    NotWanted,
}

/// Looks at these messages of so many, in ascending order. Those that the server does not show are left out; a server without `TOP`
/// shows none.
///
/// `awaited` is the message that was to be shown when this fails.
pub(super) async fn glimpses(
    session: &mut Session,
    looks_at: &[u32],
    messages: u32,
    dates: Dates,
    awaited: &mut Option<u32>,
) -> Result<Glimpses, FetchError> {
    let mut glimpses = Glimpses::of(messages);
    for (at, some) in looks_at.chunks(AT_A_TIME).enumerate() {
        glimpse_at(session, some, dates, awaited, &mut glimpses).await?;
        if at == 0 && glimpses.is_empty() {
            break;
        }
    }
    *awaited = None;
    Ok(glimpses)
}

async fn glimpse_at(
    session: &mut Session,
    messages: &[u32],
    dates: Dates,
    awaited: &mut Option<u32>,
    glimpses: &mut Glimpses,
) -> Result<(), FetchError> {
    let mut beginning = Beginning::default();
    let mut header = Vec::new();
    let mut unseen = messages.iter().copied();
    *awaited = unseen.next();
    let mut transfer = session.top(messages, FINGERPRINTED_LINES).await?;
    loop {
        let pieces = transfer.next().await?;
        if pieces.is_empty() {
            return Ok(());
        }
        for piece in pieces {
            match piece {
                Piece::Begin(_) => {
                    beginning = Beginning::default();
                    header.clear();
                }
                Piece::Content(octets) => {
                    beginning.write(&octets);
                    if dates == Dates::Wanted {
                        let room = HEADER_OCTETS.saturating_sub(header.len());
                        header.extend_from_slice(octets.get(..room.min(octets.len())).unwrap_or_default());
                    }
                }
                Piece::End(end) => {
                    let fingerprint = std::mem::take(&mut beginning).finish();
                    *awaited = unseen.next();
                    // Nothing is no beginning by which a message could be told from another one.
                    if end.octets > 0 {
                        glimpses.fingerprints.insert(end.number, fingerprint);
                        arrival(&header).into_iter().for_each(|date| glimpses.dates.insert(end.number, date));
                    }
                }
                Piece::Refused(_) => *awaited = unseen.next(),
            }
        }
    }
}

/// When the last server took the message in: by its `Received` field, which is the first one, or else by `Date`, which is
/// the sender's word.
fn arrival(header: &[u8]) -> Option<u64> {
    let message = MessageParser::default().parse_headers(header)?;
    let first = message.headers().iter().find(|header| header.name == HeaderName::Received);
    let received = first.and_then(|header| header.value.as_received()?.date());
    let date = received.or_else(|| message.date().copied())?;
    u64::try_from(date.to_timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use super::arrival;

    #[test]
    fn the_last_server_knows_when_a_message_came() {
        let received = "Received: from a by b; Thu, 1 Jan 1970 00:02:00 +0000\r\n\
                        Received: from c by a; Thu, 1 Jan 1970 00:01:00 +0000\r\n";
        let date = "Date: Thu, 1 Jan 1970 01:00:03 +0100\r\n";
        assert_eq!(arrival(format!("{received}{date}\r\n").as_bytes()), Some(120));
        assert_eq!(arrival(format!("{date}\r\n").as_bytes()), Some(3));
        assert_eq!(arrival(b"Subject: x\r\n\r\n"), None);
        assert_eq!(arrival(b"Date: some day\r\n\r\n"), None);
        assert_eq!(arrival(b""), None);
    }
}
