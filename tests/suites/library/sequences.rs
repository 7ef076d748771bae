//! Verbs in any order, with a model of what they have to give; and the same with a server that fails at some point.
//!
//! `POPFETCH_SEQUENCES=n` plays the seeds from 0 to n - 1 instead of a few.

use std::collections::BTreeSet;

use popfetch::{Mechanism, Piece, Session, SessionError, SessionOptions, Survey, Timeouts, Transfer, contract};
use popfetch_tests::maildrop::{Maildrop, Random};
use popfetch_tests::server::{At, Ending, Fault, ModelServer, Script};

use crate::{alice, connected_with};

const FEW: u64 = 60;
const LARGEST: u32 = 6;

/// A maildrop as it should be, seen from one session: messages, and those of them that are marked as deleted.
struct Model {
    messages: Vec<Vec<u8>>,
    marked: BTreeSet<u32>,
}

impl Model {
    fn count(&self) -> u32 {
        self.messages.len() as u32
    }

    fn octets(&self, number: u32) -> u64 {
        self.messages[number as usize - 1].len() as u64
    }

    fn has(&self, number: u32) -> bool {
        (1..=self.count()).contains(&number) && !self.marked.contains(&number)
    }

    fn numbers(&self) -> Vec<u32> {
        (1..=self.count()).filter(|number| self.has(*number)).collect()
    }

    fn remove_marked(&mut self) {
        let mut number = 0;
        self.messages.retain(|_| {
            number += 1;
            !self.marked.contains(&number)
        });
        self.marked.clear();
    }
}

/// What a verb came to: as the model has it, refused where the model says so, or a failure of the session.
type Came = Result<(), SessionError>;

/// Plays one verb, drawn by chance, and compares.
async fn verb(session: &mut Session, model: &mut Model, random: &mut Random) -> Came {
    let number = random.between(1, LARGEST as usize + 1) as u32;
    let there = model.numbers();
    match random.between(0, 9) {
        0 => {
            let maildrop = session.stat().await?;
            assert_eq!(maildrop.messages as usize, there.len());
        }
        1 => {
            let rows: Vec<(u32, u64)> =
                session.scan_listings().await?.iter().map(|row| (row.number, row.octets)).collect();
            assert_eq!(rows, there.iter().map(|number| (*number, model.octets(*number))).collect::<Vec<_>>());
        }
        2 => {
            let listing = refused(session.scan_listing(number).await)?;
            assert_eq!(listing.map(|row| row.octets), model.has(number).then(|| model.octets(number)));
        }
        3 => {
            let rows: Vec<u32> = session.unique_ids().await?.iter().map(|row| row.number).collect();
            assert_eq!(rows, there);
        }
        4 => {
            let Survey { maildrop, unique_ids } = session.survey().await?;
            assert_eq!(maildrop.messages as usize, there.len());
            assert_eq!(unique_ids?.len(), there.len());
        }
        5 | 6 => {
            let asked = some_numbers(random);
            let got = taken(session.retrieve(&asked).await?).await?;
            let of = |number: &u32| (*number, model.has(*number).then(|| model.messages[*number as usize - 1].clone()));
            assert_eq!(got, asked.iter().map(of).collect::<Vec<_>>());
        }
        7 => {
            let asked = some_numbers(random);
            for (number, top) in taken(session.top(&asked, 1).await?).await? {
                assert_eq!(top.is_some(), model.has(number));
                assert!(top.is_none_or(|top| model.messages[number as usize - 1].starts_with(&top)));
            }
        }
        8 => {
            for deletion in session.delete(&some_numbers(random)).await? {
                assert_eq!(deletion.refused.is_none(), model.has(deletion.number));
                if deletion.refused.is_none() {
                    model.marked.insert(deletion.number);
                }
            }
        }
        _ => {
            session.reset().await?;
            model.marked.clear();
        }
    }
    Ok(())
}

/// Nothing where the server has refused.
fn refused<T>(answer: Result<T, SessionError>) -> Result<Option<T>, SessionError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(SessionError::Pop3(contract::Error::Refused(_))) => Ok(None),
        Err(error) => Err(error),
    }
}

fn some_numbers(random: &mut Random) -> Vec<u32> {
    (0..random.between(0, 5)).map(|_| random.between(1, LARGEST as usize + 1) as u32).collect()
}

async fn taken(mut transfer: Transfer<'_>) -> Result<Vec<(u32, Option<Vec<u8>>)>, SessionError> {
    let (mut messages, mut current) = (Vec::new(), Vec::new());
    loop {
        let pieces = transfer.next().await?;
        if pieces.is_empty() {
            return Ok(messages);
        }
        for piece in pieces {
            match piece {
                Piece::Begin(_) => current.clear(),
                Piece::Content(octets) => current.extend(octets),
                Piece::End(end) => messages.push((end.number, Some(std::mem::take(&mut current)))),
                Piece::Refused(refused) => messages.push((refused.number, None)),
            }
        }
    }
}

fn maildrop(random: &mut Random) -> Vec<Vec<u8>> {
    const LINES: [&str; 6] = ["\r\n", ".\r\n", "..\r\n", "+OK 5 octets\r\n", "-ERR no\r\n", "text\r\n"];
    let message = |number, random: &mut Random| {
        let body: String = (0..random.between(0, 40)).map(|_| random.choose(&LINES)).collect();
        format!("Subject: {number}\r\n\r\n{body}").into_bytes()
    };
    (1..=random.between(0, LARGEST as usize)).map(|number| message(number, random)).collect()
}

/// A server that fails once, in a way after which nothing wrong is to be taken for right.
fn fault(random: &mut Random) -> (At, Fault) {
    let mut verb = random.choose(&["STAT", "LIST", "UIDL", "RETR", "TOP", "DELE", "RSET"]);
    let after = random.between(0, 60) as u64;
    let fault = match random.between(0, 6) {
        // A status line too many in front of that of a message looks like a message that begins with one.
        0 => {
            verb = "RETR";
            Fault::Twice
        }
        1 => Fault::End(Ending::Close),
        2 => Fault::End(Ending::Reset),
        3 => Fault::CutReply { after, ending: Ending::Close },
        4 => Fault::Append(b"hello\r\n".to_vec()),
        5 => Fault::NoFinalDot,
        _ => Fault::Raw(random.octets(after as usize)),
    };
    (At::verb(verb).nth(random.between(1, 3)).connection(1), fault)
}

async fn begin(server: &ModelServer, random: &mut Random, reply: u64) -> Session {
    let timeouts = Timeouts { reply: std::time::Duration::from_millis(reply), ..Timeouts::default() };
    let mut session = connected_with(server, &SessionOptions { timeouts, ..SessionOptions::default() }).await;
    session.sign_in(&alice(), &[Mechanism::User]).await.unwrap();
    // Whoever asks sends ahead.
    if random.percent(70) {
        session.capabilities().await.unwrap();
    }
    session
}

fn seeds() -> std::ops::Range<u64> {
    0..std::env::var("POPFETCH_SEQUENCES").map_or(FEW, |seeds| seeds.parse().expect("a number"))
}

#[tokio::test]
async fn any_sequence_of_verbs_gives_what_the_maildrop_has() {
    for seed in seeds() {
        let random = &mut Random::new(seed);
        let mut model = Model { messages: maildrop(random), marked: BTreeSet::new() };
        let server = ModelServer::start(Script::with(Maildrop::of_octets(model.messages.clone())));
        for _ in 0..3 {
            let mut session = begin(&server, random, 20_000).await;
            for _ in 0..random.between(0, 12) {
                verb(&mut session, &mut model, random).await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            }
            if random.percent(70) {
                session.quit().await.unwrap();
                model.remove_marked();
            } else {
                drop(session);
                server.wait_idle(crate::PATIENCE).unwrap();
                model.marked.clear();
            }
            let left: Vec<Vec<u8>> =
                server.maildrop().messages().iter().map(|message| message.content.to_vec()).collect();
            assert_eq!(left, model.messages, "seed {seed}");
        }
    }
}

/// Up to the failure everything is as it should be, and the failure ends what is done; what was not told to be deleted stays.
#[tokio::test]
async fn a_failure_in_any_sequence_is_an_error_and_deletes_nothing() {
    let mut failures = 0;
    for seed in seeds() {
        let random = &mut Random::new(!seed);
        let mut model = Model { messages: maildrop(random), marked: BTreeSet::new() };
        let (at, fault) = fault(random);
        let told = format!("seed {seed}: {at:?}: {fault:?}");
        let server = ModelServer::start(Script::with(Maildrop::of_octets(model.messages.clone())).fault(at, fault));
        let mut session = begin(&server, random, 300).await;
        let mut failed = false;
        for _ in 0..random.between(4, 16) {
            if let Err(error) = verb(&mut session, &mut model, random).await {
                assert!(error.ends_session(), "{told}: {error}");
                failed = true;
                break;
            }
        }
        failures += u64::from(failed);
        if failed {
            drop(session);
            server.wait_idle(crate::PATIENCE).unwrap();
            assert_eq!(server.maildrop().len(), model.messages.len(), "{told}");
        } else if session.quit().await.is_ok() {
            model.remove_marked();
            assert_eq!(server.maildrop().len(), model.messages.len(), "{told}");
        }
    }
    assert!(failures > seeds().end / 8, "only {failures} failures");
}
