//! A mailbox that can be asked at any time.

use crate::sandbox::Sandbox;
use crate::sandbox::contract::Mechanism;
use crate::session::{Credentials, Maildrop, Server, Session, SessionError, SessionOptions};

/// A mailbox at a server, with a session that is opened when it is needed.
///
/// POP3 shows new mail to a new session only (RFC 1939 §3: the maildrop is locked and does not change). An application
/// that looks for new mail again and again keeps a `Mailbox` and calls [`new_mail`](Mailbox::new_mail).
///
/// ```no_run
/// # async fn example(mut mailbox: popfetch::Mailbox) -> Result<(), popfetch::SessionError> {
/// let maildrop = mailbox.new_mail().await?;
/// let mut transfer = mailbox.session().await?.retrieve(&[maildrop.messages]).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Mailbox {
    sandbox: Sandbox,
    server: Server,
    options: SessionOptions,
    credentials: Credentials,
    mechanisms: Vec<Mechanism>,
    session: Option<Session>,
}

impl Mailbox {
    /// A mailbox without a session.
    pub fn new(
        sandbox: Sandbox,
        server: Server,
        options: SessionOptions,
        credentials: Credentials,
        mechanisms: Vec<Mechanism>,
    ) -> Self {
        Mailbox { sandbox, server, options, credentials, mechanisms, session: None }
    }

    /// The session, in TRANSACTION. Opened and signed in if there is none, or the last one has failed.
    ///
    /// # Errors
    ///
    /// As [`Session::connect`] and [`Session::sign_in`].
    pub async fn session(&mut self) -> Result<&mut Session, SessionError> {
        let session = match self.session.take().filter(Session::is_usable) {
            Some(session) => session,
            None => self.open().await?,
        };
        Ok(self.session.insert(session))
    }

    /// What is in the maildrop now. An open session is ended first, and with it the server deletes what is marked.
    ///
    /// # Errors
    ///
    /// As [`quit`](Mailbox::quit), [`session`](Mailbox::session) and [`Session::stat`].
    pub async fn new_mail(&mut self) -> Result<Maildrop, SessionError> {
        self.quit().await?;
        self.session().await?.stat().await
    }

    /// Ends the session, if there is one; the server deletes what is marked. The next call opens a new one.
    ///
    /// # Errors
    ///
    /// As [`Session::quit`]. Where nothing is marked there is no error: servers close sessions that are idle for long,
    /// and a session that has failed before is dropped without `QUIT`.
    pub async fn quit(&mut self) -> Result<(), SessionError> {
        let Some(session) = self.session.take().filter(Session::is_usable) else { return Ok(()) };
        let has_marks = session.has_marks();
        session.quit().await.or_else(|error| if has_marks { Err(error) } else { Ok(()) })
    }

    async fn open(&mut self) -> Result<Session, SessionError> {
        let mut session = Session::connect(&self.sandbox, &self.server, &self.options).await?;
        session.turn_to_utf8().await?;
        session.sign_in(&self.credentials, &self.mechanisms).await?;
        session.look_for_pipelining().await?;
        Ok(session)
    }
}
