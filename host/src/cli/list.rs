//! `popfetch list`

use std::collections::HashMap;

use mail_parser::MessageParser;
use serde_json::json;

use super::arguments::List;
use super::failure::Failure;
use super::output::{Reporter, counted, shown};
use super::shared::Shared;
use super::sign_in::{Account, account_name};
use super::target::only_target;
use crate::escape::escape;
use crate::fetch::Sending;
use crate::sandbox::contract::Piece;
use crate::session::{Session, SessionError};

/// How much of a header is looked at, in octets.
const HEADER_OCTETS: usize = 64 << 10;

/// How many headers are asked for at a time, which bounds what is held in memory.
const HEADERS_AT_A_TIME: usize = 64;

pub(super) async fn run(arguments: List, reporter: &Reporter) -> Result<(), Failure> {
    let target = only_target(&arguments.connection)?;
    let account = account_name(&arguments.sign_in, &target)?;
    let shared = Shared::begin(&arguments.connection);
    let mut opener = Account::prepare(&arguments.connection, target, &arguments.sign_in, &shared, reporter).await?;
    let mut session = opener.open(Sending::AsAnnounced).await?;
    session.look_for_pipelining().await?;
    let listings = session.scan_listings().await?;
    let unique_ids: HashMap<u32, Vec<u8>> = match session.unique_ids().await {
        Ok(rows) => rows.into_iter().map(|row| (row.number, row.unique_id)).collect(),
        Err(refusal) if refusal.is_lack() => HashMap::new(),
        Err(error) => return Err(error.into()),
    };

    let octets = listings.iter().fold(0_u64, |sum, row| sum.saturating_add(row.octets));
    if !reporter.is_json() {
        let messages = counted(u32::try_from(listings.len()).unwrap_or(u32::MAX));
        reporter.line(&format!("{}: {messages}, {octets} octets", shown(&account)));
    }
    let mut unseen = 0;
    for rows in listings.chunks(HEADERS_AT_A_TIME) {
        let numbers: Vec<u32> = rows.iter().map(|row| row.number).collect();
        let mut headers = if arguments.headers { headers(&mut session, &numbers).await? } else { HashMap::new() };
        for row in rows {
            let unique_id = unique_ids.get(&row.number).map(|unique_id| escape(unique_id).to_string());
            let header = headers.remove(&row.number);
            unseen += usize::from(arguments.headers && header.is_none());
            if reporter.is_json() {
                let mut object = json!({
                    "event": "message", "number": row.number, "octets": row.octets, "unique_id": unique_id,
                });
                if let (Some(header), Some(object)) = (header, object.as_object_mut()) {
                    object.insert("from".to_owned(), header.from.into());
                    object.insert("subject".to_owned(), header.subject.into());
                    object.insert("date".to_owned(), header.date.into());
                }
                reporter.json(&object);
            } else {
                let unique_id = unique_id.as_deref().unwrap_or("-");
                reporter.line(&format!("{:>6} {:>11}  {unique_id}", row.number, row.octets));
                if let Some(Header { from, subject, date }) = header {
                    for (name, value) in [("From", from), ("Subject", subject), ("Date", date)] {
                        reporter.line(&format!("{:>19} {}", format!("{name}:"), value.as_deref().unwrap_or("-")));
                    }
                }
            }
        }
    }
    if unseen > 0 {
        reporter.warn(&format!("the server does not show the headers of {unseen} of the messages (TOP)"));
    }
    if reporter.is_json() {
        reporter.json(&json!({
            "event": "done", "account": shown(&account), "messages": listings.len(), "octets": octets,
        }));
    }
    // Everything was shown; a server that does not say goodbye is no failure.
    let _ = session.quit().await;
    Ok(())
}

/// Header fields, decoded (RFC 2047) and safe to print.
struct Header {
    from: Option<String>,
    subject: Option<String>,
    date: Option<String>,
}

/// The headers of these messages, but of those whose TOP the server refuses.
async fn headers(session: &mut Session, messages: &[u32]) -> Result<HashMap<u32, Header>, SessionError> {
    let mut headers = HashMap::new();
    let mut header = Vec::new();
    let mut transfer = session.top(messages, 0).await?;
    loop {
        let pieces = transfer.next().await?;
        if pieces.is_empty() {
            return Ok(headers);
        }
        for piece in pieces {
            match piece {
                Piece::Begin(_) => header.clear(),
                Piece::Content(octets) => {
                    let room = HEADER_OCTETS.saturating_sub(header.len());
                    header.extend(octets.into_iter().take(room));
                }
                Piece::End(end) => {
                    headers.insert(end.number, parse(&header));
                }
                Piece::Refused(_) => {}
            }
        }
    }
}

fn parse(octets: &[u8]) -> Header {
    let Some(message) = MessageParser::default().parse_headers(octets) else {
        return Header { from: None, subject: None, date: None };
    };
    let from = message.from().and_then(|from| from.first()).map(|sender| match (sender.name(), sender.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_owned(),
    });
    Header {
        from: from.as_deref().map(shown),
        subject: message.subject().map(shown),
        date: message.date().map(|date| date.to_rfc3339()),
    }
}
