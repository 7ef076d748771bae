//! A POP3 session in a sandbox: typed async calls, one for each verb of `wit/client.wit`.

mod error;
mod options;
mod order;
mod secrecy;
mod sign_in;
mod trace;
mod transfer;
mod unique_ids;

use std::time::Duration;

use tokio::time::Instant;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

use crate::sandbox::contract::{self, Piece};
use crate::sandbox::{Guard, Reach, Sandbox, SessionStore, Stopped, Walls};
use crate::tls::{Tls, TlsDetails, TlsRecord};
use secrecy::Confidential;
use sign_in::HandedIn;

pub use contract::{
    Capability, Deletion, Greeting, Language, Maildrop, MessageBegin, MessageEnd, MessageRefused, Reply, ResponseCode,
    ScanListing, ScramIterations, Security, TraceLine, UniqueIdListing, Wait,
};
pub use error::SessionError;
pub use options::{ProtocolLimits, Server, SessionOptions, Timeouts};
pub use sign_in::Credentials;
pub use trace::Trace;
pub use transfer::Transfer;
pub use unique_ids::UniqueIds;

/// What [`Session::survey`] gives.
#[derive(Debug)]
pub struct Survey {
    /// The answer to `STAT`.
    pub maildrop: Maildrop,
    /// The answer to `UIDL`, or the server's refusal.
    pub unique_ids: Result<UniqueIds, SessionError>,
}

/// How much later than the component, which knows what it was waiting for, the host ends a session at its deadline.
const GRACE: Duration = Duration::from_millis(500);

/// One connection to one server, inside a sandbox of its own.
///
/// Every verb may give [`SessionError`]. Where [`SessionError::ends_session`] says so, and after
/// [`quit`](Session::quit), further verbs give an error too. Dropping a session, or the future of a verb, closes the
/// connection without `QUIT`: the server deletes nothing (RFC 1939 §6).
pub struct Session {
    sandboxed: SessionStore,
    handle: ResourceAny,
    guard: Guard,
    /// What the component was told to bear.
    limits: ProtocolLimits,
    /// The sandbox has stopped the component, or a call was dropped half way: it must not be entered again.
    broken: Option<Stopped>,
    /// A verb has failed so that the session is at its end, or a transfer was left before its own.
    ended: bool,
    /// Messages are marked as deleted.
    has_marks: bool,
    /// The server has said that it takes commands ahead of their replies.
    pipelines: bool,
    /// The server has said that it has TOP.
    announces_top: bool,
    /// The component may send some.
    may_send_ahead: bool,
    /// The server does not know CAPA.
    lacks_capa: bool,
    /// What no error and no line of a trace may show.
    confidential: Confidential,
    security: Security,
    tls: TlsRecord,
    /// Who takes the lines, and the component's collection of them.
    trace: Option<(Trace, ResourceAny)>,
}

impl Session {
    /// Connects to the server, protects the connection as the server's [`Security`] demands, and reads its greeting: the
    /// session is in AUTHORIZATION (RFC 1939 §4).
    ///
    /// # Errors
    ///
    /// Typically `connect-failed`, `timeout`, `misbehaved` (not a POP3 server), `refused` (greeted with `-ERR`, or a server
    /// without STLS), and [`SessionError::Tls`].
    pub async fn connect(sandbox: &Sandbox, server: &Server, options: &SessionOptions) -> Result<Self, SessionError> {
        // A deadline beyond what the clock can tell is none.
        let until = options.deadline.and_then(|deadline| Instant::now().checked_add(deadline.saturating_add(GRACE)));
        let (provider, record) = match &options.tls {
            Some(tls) => tls.provider(&server.name),
            None => Tls::shared_default()?.provider(&server.name),
        };
        let handshake = record.clone();
        let reach = Reach {
            addresses: &server.addresses,
            tls: provider,
            is_protected: Box::new(move || handshake.is_established()),
        };
        let mut sandboxed = sandbox.instantiate(reach, until).await?;
        let limits = sandboxed.limits;
        let guard = Guard { busy: limits.busy, memory: limits.memory, until };
        let collection = match &options.trace {
            Some(_) => {
                let (verbs, store) = sandboxed.trace();
                Some(guard.run(verbs.call_constructor(store)).await?)
            }
            None => None,
        };
        let (verbs, store) = sandboxed.session();
        let endpoint = server.endpoint();
        let connected = guard.run(verbs.call_connect(store, &endpoint, options.contract(), collection)).await;
        let trace = options.trace.clone().zip(collection);
        let mut confidential = Confidential::default();
        options.confidential.iter().for_each(|credentials| confidential.add(&HandedIn::of(credentials).0));
        if let Some((trace, collection)) = &trace
            && connected.is_ok()
        {
            trace.take(&mut sandboxed, guard, *collection, &confidential).await?;
        }
        let connected = connected.map_err(SessionError::from).and_then(|connected| {
            connected.map_err(|error| SessionError::of(confidential.keep_out_of(error), &record))
        });
        if let Some((trace, _)) = &trace {
            match (&connected, record.details()) {
                (Err(error), _) => trace.note(&error.to_string()),
                (Ok(_), Some(tls)) => trace.note(&format!("{}, {}, {}", tls.version, tls.cipher_suite, tls.pin)),
                (Ok(_), None) => {}
            }
        }
        let handle = connected?;
        Ok(Session {
            sandboxed,
            handle,
            guard,
            limits: options.limits,
            broken: None,
            ended: false,
            has_marks: false,
            pipelines: false,
            announces_top: false,
            may_send_ahead: options.limits.in_flight > 1,
            lacks_capa: false,
            confidential,
            security: server.security,
            tls: record,
            trace,
        })
    }

    /// The TLS of the connection; nothing where it is in clear text.
    pub fn tls(&self) -> Option<TlsDetails> {
        self.tls.details()
    }

    /// The server's first line.
    ///
    /// # Errors
    ///
    /// Only where the component was stopped.
    pub async fn greeting(&mut self) -> Result<Greeting, SessionError> {
        let mut greeting =
            self.call(async |verbs, store, session| Ok(Ok(verbs.call_greeting(store, session).await?))).await?;
        self.confidential.hide_in(&mut greeting.text);
        Ok(greeting)
    }

    /// What the server can do: `CAPA` (RFC 2449 §5). Commands are pipelined only after this has named PIPELINING.
    ///
    /// # Errors
    ///
    /// Typically `refused` (a server without CAPA).
    pub async fn capabilities(&mut self) -> Result<Vec<Capability>, SessionError> {
        (self.pipelines, self.announces_top) = (false, false);
        // Nothing is hidden in them: what is decided by them must not depend on the password.
        let capabilities =
            self.call(async |verbs, store, session| verbs.call_capabilities(store, session).await).await?;
        let has = |name| capabilities.iter().any(|capability| capability.name == name);
        (self.pipelines, self.announces_top) = (has("PIPELINING"), has("TOP"));
        Ok(capabilities)
    }

    /// Turns to UTF-8 in names, passwords and messages: `UTF8` (RFC 6856 §2), before signing in.
    ///
    /// # Errors
    ///
    /// Typically `refused` (a server without UTF8).
    pub async fn utf8(&mut self) -> Result<(), SessionError> {
        self.call(async |verbs, store, session| verbs.call_utf8(store, session).await).await
    }

    /// The languages in which the server can speak: `LANG` (RFC 6856 §3).
    ///
    /// # Errors
    ///
    /// Typically `refused` (a server without LANG).
    pub async fn languages(&mut self) -> Result<Vec<Language>, SessionError> {
        self.call(async |verbs, store, session| verbs.call_languages(store, session).await).await
    }

    /// Asks the server to speak this language (RFC 5646), or the best that it has with `*`: `LANG` (RFC 6856 §3).
    ///
    /// # Errors
    ///
    /// Typically `refused` (not that language, or no LANG).
    pub async fn speak(&mut self, language: &str) -> Result<Reply, SessionError> {
        let mut reply =
            self.call(async |verbs, store, session| verbs.call_speak(store, session, language).await).await?;
        self.confidential.hide_in(&mut reply.text);
        Ok(reply)
    }

    /// How much is in the maildrop: `STAT` (RFC 1939 §5).
    ///
    /// # Errors
    ///
    /// Typically `misbehaved`.
    pub async fn stat(&mut self) -> Result<Maildrop, SessionError> {
        let maildrop = self.call(async |verbs, store, session| verbs.call_stat(store, session).await).await?;
        self.check_size(maildrop)
    }

    /// The size of one message, counted from 1: `LIST n` (RFC 1939 §5).
    ///
    /// # Errors
    ///
    /// Typically `refused` (no such message).
    pub async fn scan_listing(&mut self, message: u32) -> Result<ScanListing, SessionError> {
        self.call(async |verbs, store, session| verbs.call_scan_listing(store, session, message).await).await
    }

    /// The sizes of all messages: `LIST` (RFC 1939 §5).
    ///
    /// # Errors
    ///
    /// Typically `misbehaved` or `limit-exceeded`.
    pub async fn scan_listings(&mut self) -> Result<Vec<ScanListing>, SessionError> {
        self.call(async |verbs, store, session| verbs.call_scan_listings(store, session).await).await
    }

    /// The unique-id of one message, counted from 1: `UIDL n` (RFC 1939 §7).
    ///
    /// # Errors
    ///
    /// Typically `refused` (no such message, or a server without UIDL).
    pub async fn unique_id(&mut self, message: u32) -> Result<UniqueIdListing, SessionError> {
        self.call(async |verbs, store, session| verbs.call_unique_id(store, session, message).await).await
    }

    /// The unique-ids of all messages: `UIDL` (RFC 1939 §7).
    ///
    /// # Errors
    ///
    /// Typically `refused` (a server without UIDL).
    pub async fn unique_ids(&mut self) -> Result<Vec<UniqueIdListing>, SessionError> {
        self.call(async |verbs, store, session| verbs.call_unique_ids(store, session).await).await
    }

    /// How much is in the maildrop and how its messages can be told from others: `STAT` and `UIDL` (RFC 1939 §5, §7), in one
    /// round trip where commands are sent ahead. Where they are not, an empty maildrop is not asked for unique-ids.
    ///
    /// # Errors
    ///
    /// Typically `misbehaved` or `limit-exceeded`. That a server has no UIDL is a part of the answer.
    pub async fn survey(&mut self) -> Result<Survey, SessionError> {
        let survey = self.call(async |verbs, store, session| verbs.call_survey(store, session).await).await?;
        let maildrop = self.check_size(survey.maildrop)?;
        let unique_ids = match survey.unique_ids {
            Ok(()) => Ok(self.surveyed_unique_ids().await?),
            Err(refusal) => {
                let refusal = self.confidential.keep_out_of(contract::Error::Refused(refusal));
                Err(SessionError::of(refusal, &self.tls))
            }
        };
        Ok(Survey { maildrop, unique_ids })
    }

    async fn surveyed_unique_ids(&mut self) -> Result<UniqueIds, SessionError> {
        let mut unique_ids = UniqueIds::default();
        loop {
            let page =
                self.call(async |verbs, store, session| verbs.call_next_unique_ids(store, session).await).await?;
            if page.is_empty() {
                return Ok(unique_ids);
            }
            page.iter().for_each(|row| unique_ids.push(row.number, &row.unique_id));
            // A sound component sees to that itself.
            if unique_ids.len() > self.limits.listing_entries as usize
                || unique_ids.octets() > self.limits.listing_octets as usize
            {
                return Err(self.stop(Stopped::OutOfContract("unique-ids beyond all bounds".to_owned())));
            }
        }
    }

    /// Retrieves these messages in this order: `RETR` (RFC 1939 §5), pipelined where the server allows.
    ///
    /// # Errors
    ///
    /// Typically `invalid-argument` (message 0). What the server answers comes with the transfer.
    pub async fn retrieve(&mut self, messages: &[u32]) -> Result<Transfer<'_>, SessionError> {
        let handle =
            self.call(async |verbs, store, session| verbs.call_retrieve(store, session, messages).await).await?;
        Ok(Transfer::new(self, handle, messages))
    }

    /// Retrieves the header and this many lines of the body of these messages: `TOP` (RFC 1939 §7).
    ///
    /// # Errors
    ///
    /// Typically `invalid-argument` (message 0). What the server answers comes with the transfer.
    pub async fn top(&mut self, messages: &[u32], lines: u32) -> Result<Transfer<'_>, SessionError> {
        let handle =
            self.call(async |verbs, store, session| verbs.call_top(store, session, messages, lines).await).await?;
        Ok(Transfer::new(self, handle, messages))
    }

    /// Marks messages as deleted: `DELE` (RFC 1939 §5). They are removed when [`quit`](Session::quit) has succeeded.
    ///
    /// # Errors
    ///
    /// Typically `closed` or `timeout`; then it is open which are marked, and without `QUIT` none is removed.
    pub async fn delete(&mut self, messages: &[u32]) -> Result<Vec<Deletion>, SessionError> {
        // Also where this fails: it is open then which are marked.
        self.has_marks |= !messages.is_empty();
        let mut deletions =
            self.call(async |verbs, store, session| verbs.call_delete(store, session, messages).await).await?;
        if !deletions.iter().map(|deletion| deletion.number).eq(messages.iter().copied()) {
            return Err(self.stop(Stopped::OutOfContract("deletions of other messages than asked for".to_owned())));
        }
        self.confidential.keep_out_of_deletions(&mut deletions);
        Ok(deletions)
    }

    /// Takes back all marks: `RSET` (RFC 1939 §5).
    ///
    /// # Errors
    ///
    /// Typically `refused`.
    pub async fn reset(&mut self) -> Result<(), SessionError> {
        self.call(async |verbs, store, session| verbs.call_reset(store, session).await).await?;
        self.has_marks = false;
        Ok(())
    }

    /// Keeps an idle session alive: `NOOP` (RFC 1939 §5).
    ///
    /// # Errors
    ///
    /// Typically `closed`.
    pub async fn noop(&mut self) -> Result<(), SessionError> {
        self.call(async |verbs, store, session| verbs.call_noop(store, session).await).await
    }

    /// Ends the session: `QUIT`; the server now removes what is marked (RFC 1939 §6).
    ///
    /// # Errors
    ///
    /// It is open whether the server removed anything.
    pub async fn quit(mut self) -> Result<(), SessionError> {
        self.call(async |verbs, store, session| verbs.call_quit(store, session).await).await
    }

    /// Asks what the server can do; nothing where it has no CAPA.
    pub(crate) async fn capabilities_if_any(&mut self) -> Result<Option<Vec<Capability>>, SessionError> {
        match self.capabilities().await {
            Ok(capabilities) => Ok(Some(capabilities)),
            Err(refusal) if refusal.is_lack() => {
                self.lacks_capa = true;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Asks what the server can do, and turns to UTF-8 if that is among it, so that messages come as they are (RFC 6856
    /// §2.1). A server that then refuses is taken as it is.
    pub(crate) async fn turn_to_utf8(&mut self) -> Result<Option<Vec<Capability>>, SessionError> {
        let capabilities = self.capabilities_if_any().await?;
        if capabilities.as_deref().is_some_and(|rows| rows.iter().any(|row| row.name == "UTF8")) {
            match self.utf8().await {
                Err(error) if !error.is_lack() => return Err(error),
                _ => {}
            }
        }
        Ok(capabilities)
    }

    /// Asks what the server can do, so that commands are pipelined where it says so. One that said so before the sign-in
    /// does not say otherwise now (RFC 2449 §6.6), and one that lacked CAPA then lacks it now; some say it only now.
    pub(crate) async fn look_for_pipelining(&mut self) -> Result<(), SessionError> {
        if !self.pipelines && !self.lacks_capa {
            self.capabilities_if_any().await?;
        }
        Ok(())
    }

    /// Whether the server has said that it has `TOP`.
    pub(crate) fn announces_top(&self) -> bool {
        self.announces_top
    }

    /// Whether commands are sent ahead of their replies.
    pub(crate) fn sends_ahead(&self) -> bool {
        self.pipelines && self.may_send_ahead
    }

    /// Whether messages may be marked as deleted.
    pub(crate) fn has_marks(&self) -> bool {
        self.has_marks
    }

    /// Whether no verb has failed in a way that ends the session, and no transfer was left before its end.
    pub fn is_usable(&self) -> bool {
        !self.ended && self.broken.is_none()
    }

    /// Whoever has the number of messages makes lists of that length.
    fn check_size(&mut self, maildrop: Maildrop) -> Result<Maildrop, SessionError> {
        if maildrop.messages > self.limits.listing_entries {
            return Err(self.stop(Stopped::OutOfContract(format!("a maildrop of {} messages", maildrop.messages))));
        }
        Ok(maildrop)
    }

    /// Enters the component, unless it was stopped before.
    async fn call<T>(
        &mut self,
        verb: impl AsyncFnOnce(
            crate::sandbox::GuestSession<'_>,
            &mut Store<Walls>,
            ResourceAny,
        ) -> wasmtime::Result<Result<T, contract::Error>>,
    ) -> Result<T, SessionError> {
        self.prepare()?;
        let (verbs, store) = self.sandboxed.session();
        let outcome = self.guard.run(verb(verbs, store, self.handle)).await;
        self.leave(outcome).await
    }

    /// The same for a verb of a transfer.
    async fn call_transfer<T>(
        &mut self,
        verb: impl AsyncFnOnce(
            crate::sandbox::GuestTransfer<'_>,
            &mut Store<Walls>,
        ) -> wasmtime::Result<Result<T, contract::Error>>,
    ) -> Result<T, SessionError> {
        self.prepare()?;
        let (verbs, store) = self.sandboxed.transfer();
        let outcome = self.guard.run(verb(verbs, store)).await;
        self.leave(outcome).await
    }

    fn prepare(&mut self) -> Result<(), Stopped> {
        self.broken.clone().map_or(Ok(()), Err)?;
        // Should the future of the call be dropped half way, this stays.
        self.broken = Some(Stopped::Trapped("an earlier call was cancelled".to_owned()));
        Ok(())
    }

    /// Remembers what became of a call, and hands on its lines. Where that fails, the call has its outcome all the same, and
    /// the session is of no more use.
    async fn leave<T>(&mut self, outcome: Result<Result<T, contract::Error>, Stopped>) -> Result<T, SessionError> {
        self.broken = outcome.as_ref().err().cloned();
        if let (Some((trace, collection)), None) = (&self.trace, &self.broken) {
            self.broken = trace.take(&mut self.sandboxed, self.guard, *collection, &self.confidential).await.err();
        }
        let outcome = outcome.map_err(SessionError::from).and_then(|answer| {
            answer.map_err(|error| SessionError::of(self.confidential.keep_out_of(error), &self.tls))
        });
        if let (Some((trace, _)), Err(error)) = (&self.trace, &outcome) {
            trace.note(&error.to_string());
        }
        self.ended |= outcome.as_ref().is_err_and(SessionError::ends_session);
        outcome
    }

    /// Has nothing more to do with the component.
    fn stop(&mut self, why: Stopped) -> SessionError {
        self.broken = Some(why.clone());
        why.into()
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("broken", &self.broken).finish_non_exhaustive()
    }
}
