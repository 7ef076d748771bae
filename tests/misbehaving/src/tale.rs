//! What to do and to say in each verb, as one line: clauses of a verb's name and what it gives, with `;` between them.
//!
//! `stat 2; unique-ids 1=a 2=b; pieces begin 1, content 5, end 1 5 | begin 2, …; delete 9; quit spin`

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use crate::deed;
use crate::types::{Error, MessageBegin, MessageEnd, MessageRefused, Piece, Reply, UniqueIdListing};

#[derive(Clone, Default)]
pub(crate) struct Tale(String);

impl Tale {
    pub(crate) fn new(tale: String) -> Self {
        Tale(tale)
    }

    /// What is to come of this verb, if anything is told about it.
    pub(crate) fn of(&self, verb: &str) -> Option<&str> {
        self.0.split(';').find_map(|clause| clause.trim().strip_prefix(verb)?.strip_prefix(' '))
    }

    /// The number to give; or none, after the deed which is told instead.
    pub(crate) fn number(&self, verb: &str) -> Result<Option<u32>, Error> {
        match self.of(verb).map(|told| (told, told.parse())) {
            Some((_, Ok(number))) => Ok(Some(number)),
            Some((deed, Err(_))) => deed::perform(deed).map(|()| None),
            None => Ok(None),
        }
    }

    pub(crate) fn unique_ids(&self) -> Vec<UniqueIdListing> {
        let row = |row: &str| {
            let (number, unique_id) = row.split_once('=')?;
            Some(UniqueIdListing { number: number.parse().ok()?, unique_id: unique_id.as_bytes().to_vec() })
        };
        self.of("unique-ids").unwrap_or_default().split_whitespace().filter_map(row).collect()
    }

    /// What each call of `transfer.next` gives, the last one first.
    pub(crate) fn batches(&self) -> Vec<String> {
        self.of("pieces").unwrap_or_default().split('|').rev().map(|batch| batch.trim().to_owned()).collect()
    }
}

/// The pieces of one call of `transfer.next`, or what is done there.
pub(crate) fn pieces(batch: &str) -> Result<Vec<Piece>, Error> {
    let mut pieces = Vec::new();
    for part in batch.split(',') {
        match piece(part.trim()) {
            Some(piece) => pieces.push(piece),
            None => deed::perform(part.trim())?,
        }
    }
    Ok(pieces)
}

fn piece(words: &str) -> Option<Piece> {
    let mut words = words.split(' ');
    let kind = words.next()?;
    let mut number = || words.next()?.parse::<u32>().ok();
    Some(match kind {
        "begin" => Piece::Begin(MessageBegin { number: number()?, announced: None }),
        "content" => Piece::Content(alloc::vec![b'x'; usize::try_from(number()?).ok()?]),
        "end" => Piece::End(MessageEnd { number: number()?, octets: u64::from(number()?) }),
        "refused" => {
            let reply = Reply { code: None, text: "not today".to_owned() };
            Piece::Refused(MessageRefused { number: number()?, reply })
        }
        _ => return None,
    })
}
