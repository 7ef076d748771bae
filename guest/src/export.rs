//! The component's exports: each verb of the contract on the type that implements it.

use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::{RefCell, RefMut};

use crate::bindings::exports::popfetch::pop3::client::{
    Guest, GuestSession, GuestTrace, GuestTransfer, Session, TraceBorrow, Transfer,
};
use crate::types::{
    Capability, Credentials, Deletion, Endpoint, Error, Greeting, Language, Maildrop, Mechanism, Options, Piece, Reply,
    ScanListing, Survey, TraceLine, UniqueIdListing,
};

struct Component;

#[expect(unreachable_pub, unsafe_code, reason = "generated: the canonical ABI hands over raw pointers")]
mod abi {
    use super::Component;

    crate::bindings::export!(Component with_types_in crate::bindings);
}

impl Guest for Component {
    type Session = SharedSession;
    type Trace = crate::Trace;
    type Transfer = OwnedTransfer;
}

/// A session, shared with its transfers.
struct SharedSession(Rc<RefCell<crate::Session>>);

struct OwnedTransfer {
    session: Rc<RefCell<crate::Session>>,
    transfer: RefCell<crate::Transfer>,
}

impl SharedSession {
    /// Nothing runs at the same time in a component, and still this is no place to trap.
    fn borrow(&self) -> Result<RefMut<'_, crate::Session>, Error> {
        borrow(&self.0)
    }

    fn own(&self, transfer: crate::Transfer) -> Transfer {
        Transfer::new(OwnedTransfer { session: Rc::clone(&self.0), transfer: RefCell::new(transfer) })
    }
}

impl GuestSession for SharedSession {
    fn connect(endpoint: Endpoint, options: Options, trace: Option<TraceBorrow<'_>>) -> Result<Session, Error> {
        let session = crate::Session::connect(&endpoint, options, trace.as_ref().map(|trace| trace.get()))?;
        Ok(Session::new(SharedSession(Rc::new(RefCell::new(session)))))
    }

    fn greeting(&self) -> Greeting {
        match self.borrow() {
            Ok(session) => session.greeting().clone(),
            Err(_) => Greeting { text: "".to_string(), timestamp: None },
        }
    }

    fn capabilities(&self) -> Result<Vec<Capability>, Error> {
        self.borrow()?.capabilities()
    }

    fn sign_in(&self, credentials: Credentials, mechanisms: Vec<Mechanism>) -> Result<Mechanism, Error> {
        self.borrow()?.sign_in(credentials, &mechanisms)
    }

    fn utf8(&self) -> Result<(), Error> {
        self.borrow()?.utf8()
    }

    fn languages(&self) -> Result<Vec<Language>, Error> {
        self.borrow()?.languages()
    }

    fn speak(&self, language: String) -> Result<Reply, Error> {
        self.borrow()?.speak(&language)
    }

    fn stat(&self) -> Result<Maildrop, Error> {
        self.borrow()?.stat()
    }

    fn scan_listing(&self, message: u32) -> Result<ScanListing, Error> {
        self.borrow()?.scan_listing(message)
    }

    fn scan_listings(&self) -> Result<Vec<ScanListing>, Error> {
        self.borrow()?.scan_listings()
    }

    fn unique_id(&self, message: u32) -> Result<UniqueIdListing, Error> {
        self.borrow()?.unique_id(message)
    }

    fn unique_ids(&self) -> Result<Vec<UniqueIdListing>, Error> {
        self.borrow()?.unique_ids()
    }

    fn survey(&self) -> Result<Survey, Error> {
        self.borrow()?.survey()
    }

    fn next_unique_ids(&self) -> Result<Vec<UniqueIdListing>, Error> {
        self.borrow()?.next_unique_ids()
    }

    fn retrieve(&self, messages: Vec<u32>) -> Result<Transfer, Error> {
        let transfer = self.borrow()?.retrieve(messages)?;
        Ok(self.own(transfer))
    }

    fn top(&self, messages: Vec<u32>, lines: u32) -> Result<Transfer, Error> {
        let transfer = self.borrow()?.top(messages, lines)?;
        Ok(self.own(transfer))
    }

    fn delete(&self, messages: Vec<u32>) -> Result<Vec<Deletion>, Error> {
        self.borrow()?.delete(&messages)
    }

    fn reset(&self) -> Result<(), Error> {
        self.borrow()?.reset()
    }

    fn noop(&self) -> Result<(), Error> {
        self.borrow()?.noop()
    }

    fn quit(&self) -> Result<(), Error> {
        self.borrow()?.quit()
    }
}

impl GuestTrace for crate::Trace {
    fn new() -> Self {
        Self::default()
    }

    fn lines(&self) -> Vec<TraceLine> {
        Self::lines(self)
    }
}

impl GuestTransfer for OwnedTransfer {
    fn next(&self) -> Result<Vec<Piece>, Error> {
        borrow(&self.transfer)?.next(&mut *borrow(&self.session)?)
    }
}

impl Drop for OwnedTransfer {
    fn drop(&mut self) {
        if let Ok(mut session) = borrow(&self.session) {
            self.transfer.get_mut().abandon(&mut session);
        }
    }
}

fn borrow<T>(shared: &RefCell<T>) -> Result<RefMut<'_, T>, Error> {
    shared.try_borrow_mut().map_err(|_| Error::InvalidState("another verb is running".to_string()))
}
