//! The component's exports: each verb does and gives what it was told to.

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use crate::bindings::exports::popfetch::pop3::client::{
    Guest, GuestSession, GuestTrace, GuestTransfer, Session, TraceBorrow, Transfer,
};
use crate::deed;
use crate::tale::{self, Tale};
use crate::types::{
    Capability, Credentials, Deletion, Endpoint, Error, Greeting, Language, Maildrop, Mechanism, Options, Piece, Reply,
    ScanListing, Survey, TraceLine, UniqueIdListing,
};
use crate::words::words;

struct Component;

#[expect(unsafe_code, reason = "generated: the canonical ABI hands over raw pointers")]
mod abi {
    use super::Component;

    crate::bindings::export!(Component with_types_in crate::bindings);
}

impl Guest for Component {
    type Session = Pretender;
    type Trace = Gossip;
    type Transfer = Delivery;
}

/// A session with nobody.
#[derive(Default)]
struct Pretender {
    tale: RefCell<Tale>,
    has_given_unique_ids: Cell<bool>,
}

/// Lines that nobody has said.
struct Gossip;

/// Messages from nowhere.
struct Delivery {
    batches: RefCell<Vec<String>>,
    tale: Tale,
}

/// One more session for the host to keep a handle of.
pub(crate) fn session() -> Session {
    Session::new(Pretender::default())
}

impl Pretender {
    fn tale(&self) -> Tale {
        self.tale.borrow().clone()
    }

    /// What comes of a verb that gives nothing worth telling.
    fn perform(&self, verb: &str) -> Result<(), Error> {
        self.tale().of(verb).map_or(Ok(()), deed::perform)
    }

    fn transfer(&self) -> Result<Transfer, Error> {
        self.perform("retrieve")?;
        let tale = self.tale();
        Ok(Transfer::new(Delivery { batches: RefCell::new(tale.batches()), tale }))
    }
}

impl GuestSession for Pretender {
    fn connect(endpoint: Endpoint, _: Options, _: Option<TraceBorrow<'_>>) -> Result<Session, Error> {
        deed::perform(&endpoint.server_name)?;
        Ok(session())
    }

    fn greeting(&self) -> Greeting {
        Greeting { text: words(1 << 20), timestamp: Some(words(1 << 10)) }
    }

    fn capabilities(&self) -> Result<Vec<Capability>, Error> {
        let Some(octets) = self.tale().number("capabilities")? else { return Ok(Vec::new()) };
        let name = words(usize::try_from(octets).unwrap_or_default());
        Ok(alloc::vec![Capability { name, parameters: Vec::new() }])
    }

    fn sign_in(&self, credentials: Credentials, _: Vec<Mechanism>) -> Result<Mechanism, Error> {
        self.tale.replace(Tale::new(credentials.user));
        self.perform("sign-in")?;
        Ok(Mechanism::User)
    }

    fn utf8(&self) -> Result<(), Error> {
        self.perform("utf8")
    }

    fn languages(&self) -> Result<Vec<Language>, Error> {
        Ok(alloc::vec![Language { tag: words(1 << 10), description: words(1 << 10) }])
    }

    fn speak(&self, _: String) -> Result<Reply, Error> {
        Ok(Reply { code: None, text: words(1 << 20) })
    }

    fn stat(&self) -> Result<Maildrop, Error> {
        let messages = self.tale().number("stat")?.unwrap_or_default();
        // As if all were small: the host retrieves large ones a few at a time.
        Ok(Maildrop { messages, octets: messages.into() })
    }

    fn scan_listing(&self, _: u32) -> Result<ScanListing, Error> {
        Ok(ScanListing { number: 0, octets: u64::MAX })
    }

    fn scan_listings(&self) -> Result<Vec<ScanListing>, Error> {
        let rows = self.tale().number("scan-listings")?.unwrap_or_default();
        Ok((0..rows).map(|number| ScanListing { number, octets: u64::MAX }).collect())
    }

    fn unique_id(&self, _: u32) -> Result<UniqueIdListing, Error> {
        Ok(UniqueIdListing { number: 0, unique_id: words(1 << 20).into_bytes() })
    }

    fn unique_ids(&self) -> Result<Vec<UniqueIdListing>, Error> {
        Ok(self.tale().unique_ids())
    }

    fn survey(&self) -> Result<Survey, Error> {
        self.has_given_unique_ids.set(false);
        Ok(Survey { maildrop: self.stat()?, unique_ids: Ok(()) })
    }

    fn next_unique_ids(&self) -> Result<Vec<UniqueIdListing>, Error> {
        let has_end = self.tale().of("next-unique-ids") != Some("again");
        let is_end = self.has_given_unique_ids.replace(has_end);
        Ok(if is_end { Vec::new() } else { self.tale().unique_ids() })
    }

    fn retrieve(&self, _: Vec<u32>) -> Result<Transfer, Error> {
        self.transfer()
    }

    fn top(&self, _: Vec<u32>, _: u32) -> Result<Transfer, Error> {
        self.transfer()
    }

    /// Says that what it is told was deleted; or else, what was to be.
    fn delete(&self, messages: Vec<u32>) -> Result<Vec<Deletion>, Error> {
        let deletion = |number| Deletion { number, refused: None };
        Ok(match self.tale().of("delete") {
            None => messages.into_iter().map(deletion).collect(),
            Some(told) => told.split(' ').filter_map(|number| number.parse().ok()).map(deletion).collect(),
        })
    }

    fn reset(&self) -> Result<(), Error> {
        self.perform("reset")
    }

    fn noop(&self) -> Result<(), Error> {
        self.perform("noop")
    }

    fn quit(&self) -> Result<(), Error> {
        self.perform("quit")
    }
}

impl GuestTrace for Gossip {
    fn new() -> Self {
        Gossip
    }

    fn lines(&self) -> Vec<TraceLine> {
        alloc::vec![TraceLine { from_server: true, text: words(1 << 20) }]
    }
}

impl GuestTransfer for Delivery {
    fn next(&self) -> Result<Vec<Piece>, Error> {
        self.batches.borrow_mut().pop().map_or_else(|| Ok(Vec::new()), |batch| tale::pieces(&batch))
    }
}

impl Drop for Pretender {
    fn drop(&mut self) {
        // An error in a destructor has nowhere to go.
        let _ = self.perform("drop-session");
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let _ = self.tale.of("drop-transfer").map_or(Ok(()), deed::perform);
    }
}
