//! One session: AUTHORIZATION, TRANSACTION, UPDATE (RFC 1939 §3).

use std::{collections::HashMap, sync::Arc};

use super::{
    Action, Ending, Fault, Pipelining, Script, TlsMode,
    link::{Link, Over},
    log::{Direction, Log},
    maildrop_lock::SharedMaildrop,
    reply::{Reply, spoiled},
    rule::{Moment, Occasion},
    sasl::{Exchange, Witness},
    tls::has_common_name,
    transaction::Transaction,
};

/// What one connection needs to be served.
pub(super) struct Session {
    pub(super) script: Arc<Script>,
    pub(super) maildrop: Arc<SharedMaildrop>,
    pub(super) log: Arc<Log>,
    /// Number of the connection, from 1.
    pub(super) connection: usize,
    pub(super) state: State,
    pub(super) security: Security,
    pub(super) witness: Witness,
    /// The exchange of AUTH to which the next line belongs.
    pub(super) exchange: Option<Exchange>,
    /// UTF8 was given.
    pub(super) utf8: bool,
    /// Commands so far, by verb.
    pub(super) counts: HashMap<String, usize>,
}

/// The states of RFC 1939.
#[derive(Debug)]
pub(super) enum State {
    Authorization {
        /// The name that USER gave.
        user: Option<String>,
    },
    Transaction(Transaction),
    /// QUIT was given: the connection is closed after its reply.
    Update,
}

/// How far a connection is with TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    Clear,
    /// STLS was given: the handshake follows its reply.
    TlsDue,
    Tls,
}

/// What a command changes.
pub(super) enum Effect {
    Nothing,
    User(String),
    SignIn(Transaction),
    Mark(String),
    UnmarkAll,
    StartTls,
    /// The next line answers a challenge.
    Exchange(Exchange),
    Utf8,
    Quit,
}

impl Session {
    /// Serves the connection to its end.
    pub(super) async fn run(mut self, mut link: Link) {
        let over = match self.converse(&mut link).await {
            Ok(()) => Over::End(Ending::Close),
            Err(over) => over,
        };
        // A server that has gone releases the maildrop; one that hangs does not.
        if !matches!(over, Over::End(Ending::Silence)) {
            self.state = State::Update;
        }
        if let Over::End(ending) = over {
            link.end(ending).await;
        }
        self.log.write(self.connection, Direction::Closed, b"");
    }

    async fn converse(&mut self, link: &mut Link) -> Result<(), Over> {
        if self.mode() == Some(TlsMode::Implicit) {
            link.expect_tls();
            self.start_tls(link).await?;
        }
        self.greet(link).await?;
        while !matches!(self.state, State::Update) {
            let lines = self.read_lines(link).await?;
            if !self.script.wire.latency.is_zero() {
                link.pause(self.script.wire.latency).await?;
            }
            self.answer(lines, link).await?;
        }
        Ok(())
    }

    async fn greet(&mut self, link: &mut Link) -> Result<(), Over> {
        let script = Arc::clone(&self.script);
        let timestamp = script.apop.as_ref().map(|timestamp| format!(" {timestamp}")).unwrap_or_default();
        let faults = faults_at(&script, &Moment::only(Occasion::Greeting, self.connection));
        let greeting = Reply::line(format!("+OK {}{timestamp}", script.greeting));
        link.play(greeting.with_faults(&faults)).await
    }

    async fn start_tls(&mut self, link: &mut Link) -> Result<(), Over> {
        link.client_hello().await?;
        let script = Arc::clone(&self.script);
        let faults = faults_at(&script, &Moment::only(Occasion::Handshake, self.connection));
        link.play(spoiled(vec![Action::Handshake], &faults)).await?;
        if !link.is_under_tls() {
            return Err(Over::End(Ending::Silence));
        }
        self.security = Security::Tls;
        self.witness.certified =
            link.client_certificate().is_some_and(|certificate| has_common_name(certificate, &script.user));
        Ok(())
    }

    async fn read_lines(&self, link: &mut Link) -> Result<Vec<Vec<u8>>, Over> {
        match self.script.idle_timeout {
            None => link.read_lines().await,
            Some(time) => {
                link.flush().await?;
                tokio::time::timeout(time, link.read_lines()).await.unwrap_or(Err(Over::End(Ending::Close)))
            }
        }
    }

    /// Answers the commands that were read at once.
    async fn answer(&mut self, mut lines: Vec<Vec<u8>>, link: &mut Link) -> Result<(), Over> {
        let pipelining = self.script.pipelining;
        match pipelining {
            Pipelining::Closes if lines.len() > 1 => return Err(Over::End(Ending::Close)),
            Pipelining::OnlyFirstAnswered | Pipelining::Discarded => {
                for line in lines.drain(1..) {
                    self.log.write(self.connection, Direction::Discarded, &line);
                }
            }
            _ => {}
        }
        let mut held = Vec::new();
        let mut lines = lines.into_iter();
        while let Some(line) = lines.next() {
            let actions = self.line(&line).await;
            if self.security == Security::TlsDue {
                return self.leave_clear(actions, lines.collect(), link).await;
            }
            if pipelining == Pipelining::Reversed {
                held.insert(0, actions);
            } else {
                link.play(actions).await?;
            }
            if matches!(self.state, State::Update) {
                break;
            }
        }
        for actions in held {
            link.play(actions).await?;
        }
        if pipelining == Pipelining::Discarded {
            link.flush().await?;
            link.discard_input().await;
        }
        Ok(())
    }

    /// Answers STLS and starts TLS; or ends the session when the client has said more behind STLS (`late`), which
    /// somebody in between may have put there.
    async fn leave_clear(&mut self, answer: Vec<Action>, late: Vec<Vec<u8>>, link: &mut Link) -> Result<(), Over> {
        for line in &late {
            self.log.write(self.connection, Direction::Discarded, line);
        }
        let early = link.discard_input().await;
        link.expect_tls();
        link.play(answer).await?;
        if early || !late.is_empty() {
            return Err(Over::End(Ending::Close));
        }
        self.start_tls(link).await
    }

    /// Carries out one line and gives what is to be done for a reply.
    async fn line(&mut self, line: &[u8]) -> Vec<Action> {
        let text = line.strip_suffix(b"\r\n").unwrap_or(line);
        self.log.write(self.connection, Direction::Client, text);
        let ended = line.ends_with(b"\r\n");
        let text = String::from_utf8_lossy(text).into_owned();
        match self.exchange.take() {
            Some(exchange) => self.response(exchange, &text, ended).await,
            None => self.command(&text, ended).await,
        }
    }

    async fn response(&mut self, mut exchange: Exchange, text: &str, ended: bool) -> Vec<Action> {
        let script = Arc::clone(&self.script);
        let (nth, nth_of_all) = (exchange.count(), self.counts.values().sum());
        let moment =
            Moment { occasion: Occasion::Response, argument: text, nth, nth_of_all, connection: self.connection };
        let faults = faults_at(&script, &moment);
        let answered = if ended { self.respond(exchange, text).await } else { not_a_line() };
        self.conclude(answered, &faults)
    }

    async fn command(&mut self, text: &str, ended: bool) -> Vec<Action> {
        let (verb, argument) = text.split_once(' ').unwrap_or((text, ""));
        let verb = verb.to_ascii_uppercase();

        let script = Arc::clone(&self.script);
        let nth = *self.counts.entry(verb.clone()).and_modify(|count| *count += 1).or_insert(1);
        let nth_of_all = self.counts.values().sum();
        let occasion = Occasion::Command(&verb);
        let faults = faults_at(&script, &Moment { occasion, argument, nth, nth_of_all, connection: self.connection });

        let answered = if ended { self.reply(&verb, argument).await } else { not_a_line() };
        let actions = self.conclude(answered, &faults);
        if verb == "QUIT" {
            // However it was answered, the connection is closed (RFC 1939 §6).
            self.state = State::Update;
        }
        actions
    }

    fn conclude(&mut self, (reply, effect): (Reply, Effect), faults: &[&Fault]) -> Vec<Action> {
        if !faults.iter().any(|fault| fault.is_without_effect()) {
            self.take_effect(effect);
        }
        reply.with_extra_text(&self.script.extra_text).with_faults(faults)
    }

    /// The honest reply to a command and what it would change.
    async fn reply(&self, verb: &str, argument: &str) -> (Reply, Effect) {
        let script = &self.script;
        match (&self.state, verb) {
            (_, "QUIT") => (Reply::line("+OK model server signing off"), Effect::Quit),
            (_, "CAPA") => (self.capa(), Effect::Nothing),
            (State::Authorization { .. }, "STLS") if self.knows_stls() && !self.utf8 => {
                (Reply::line("+OK begin TLS"), Effect::StartTls)
            }
            (_, "LANG") if !script.languages.is_empty() => (self.lang(argument), Effect::Nothing),
            (State::Authorization { .. }, "UTF8") if script.utf8 => (Reply::line("+OK UTF-8 enabled"), Effect::Utf8),
            (State::Authorization { .. }, "USER" | "PASS" | "APOP" | "AUTH") if !self.permits_sign_in() => {
                (Reply::line("-ERR TLS comes first"), Effect::Nothing)
            }
            (State::Authorization { .. }, "AUTH") if !script.mechanisms.is_empty() => self.auth(argument).await,
            (State::Authorization { .. }, "USER") if script.user_pass => {
                (Reply::line("+OK send your password"), Effect::User(argument.to_owned()))
            }
            (State::Authorization { user: None }, "PASS") if script.user_pass => {
                (Reply::line("-ERR USER comes first"), Effect::Nothing)
            }
            (State::Authorization { user: Some(user) }, "PASS") if script.user_pass => {
                self.sign_in(*user == script.user && argument == script.password).await
            }
            (State::Authorization { .. }, "APOP") if script.apop.is_some() => self.sign_in(self.proves(argument)).await,
            (State::Transaction(transaction), verb) => in_transaction(transaction, verb, argument, script),
            _ => (Reply::line("-ERR unknown command, or not now"), Effect::Nothing),
        }
    }

    fn take_effect(&mut self, effect: Effect) {
        match (effect, &mut self.state) {
            (Effect::User(name), State::Authorization { user }) => *user = Some(name),
            (Effect::SignIn(transaction), state) => *state = State::Transaction(transaction),
            // What was said before is forgotten (RFC 2595 §4).
            (Effect::StartTls, State::Authorization { user }) => {
                *user = None;
                self.security = Security::TlsDue;
            }
            (Effect::Exchange(exchange), State::Authorization { .. }) => self.exchange = Some(exchange),
            (Effect::Utf8, _) => self.utf8 = true,
            (Effect::Mark(number), State::Transaction(transaction)) => transaction.mark(&number),
            (Effect::UnmarkAll, State::Transaction(transaction)) => transaction.unmark_all(),
            (Effect::Quit, State::Transaction(transaction)) => self.maildrop.remove(transaction.marked()),
            _ => {}
        }
    }
}

fn faults_at<'s>(script: &'s Script, moment: &Moment<'_>) -> Vec<&'s Fault> {
    script.rules.iter().filter_map(|rule| rule.fires(moment)).collect()
}

fn not_a_line() -> (Reply, Effect) {
    (Reply::line("-ERR a line ends with CRLF"), Effect::Nothing)
}

fn in_transaction(transaction: &Transaction, verb: &str, argument: &str, script: &Script) -> (Reply, Effect) {
    let reply = match verb {
        "STAT" => transaction.stat(script),
        "LIST" => transaction.list(argument, script),
        "UIDL" if script.uidl => transaction.uidl(argument, script),
        "TOP" if script.top => transaction.top(argument),
        "RETR" => transaction.retr(argument, script),
        "DELE" => transaction.dele(argument),
        "NOOP" => Reply::line("+OK"),
        "RSET" => transaction.rset(),
        _ => Reply::line("-ERR unknown command, or not now"),
    };
    let effect = match verb {
        "DELE" => Effect::Mark(argument.to_owned()),
        "RETR" if script.retr_deletes => Effect::Mark(argument.to_owned()),
        "RSET" => Effect::UnmarkAll,
        _ => Effect::Nothing,
    };
    (reply, effect)
}
