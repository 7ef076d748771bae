//! Where a fault happens.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::Fault;

/// A fault and where it happens.
#[derive(Clone, Debug)]
pub struct Rule {
    at: At,
    fault: Fault,
    fired: Arc<AtomicUsize>,
}

impl Rule {
    /// A rule which has not fired yet. Its clones count together with it.
    pub fn new(at: At, fault: Fault) -> Self {
        Self { at, fault, fired: Arc::default() }
    }

    /// How often the fault has happened, over all connections.
    pub fn fired(&self) -> usize {
        self.fired.load(Ordering::SeqCst)
    }

    /// The fault, when it happens at this moment; and then it counts as having happened.
    pub(super) fn fires(&self, moment: &Moment<'_>) -> Option<&Fault> {
        if !self.at.matches(moment) {
            return None;
        }
        let most = self.at.times.unwrap_or(usize::MAX);
        let counted =
            self.fired.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |fired| (fired < most).then_some(fired + 1));
        counted.is_ok().then_some(&self.fault)
    }
}

/// A point in a session, or several.
#[derive(Clone, Debug)]
pub struct At {
    point: Point,
    argument: Option<String>,
    nth: Option<usize>,
    connection: Option<usize>,
    times: Option<usize>,
}

impl At {
    /// When a connection was accepted.
    pub fn greeting() -> Self {
        Self::point(Point::Greeting)
    }

    /// When a TLS handshake is to begin, after the first octets of the client's: right after the connection, or after
    /// `+OK` to STLS. Here the handshake is what is honest, and edits of a reply have no meaning. Where a fault leaves
    /// no handshake, silence follows.
    pub fn handshake() -> Self {
        Self::point(Point::Handshake)
    }

    /// At each line of the client in an exchange of AUTH: responses, and `*`. They are not commands. The n-th counts from
    /// 1 in each exchange, and an initial response is part of its AUTH command; the argument is the whole line.
    pub fn response() -> Self {
        Self::point(Point::Response)
    }

    /// At each command of this verb, in any case of letters. It need not be one that the server knows.
    pub fn verb(verb: &str) -> Self {
        Self::point(Point::Verb(verb.to_ascii_uppercase()))
    }

    /// At each command.
    pub fn any_command() -> Self {
        Self::point(Point::AnyCommand)
    }

    /// Only when this is everything behind the verb and its space.
    pub fn argument(self, argument: impl ToString) -> Self {
        Self { argument: Some(argument.to_string()), ..self }
    }

    /// Only at the n-th of such commands in its connection (of this verb, or of any), from 1.
    pub fn nth(self, nth: usize) -> Self {
        Self { nth: Some(nth), ..self }
    }

    /// Only in the n-th connection of the server, from 1.
    pub fn connection(self, connection: usize) -> Self {
        Self { connection: Some(connection), ..self }
    }

    /// Only the first `times` times, over all connections.
    pub fn times(self, times: usize) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Only the first time, over all connections.
    pub fn once(self) -> Self {
        self.times(1)
    }

    fn point(point: Point) -> Self {
        Self { point, argument: None, nth: None, connection: None, times: None }
    }

    fn matches(&self, moment: &Moment<'_>) -> bool {
        let nth = match &self.point {
            Point::Greeting if moment.occasion == Occasion::Greeting => 1,
            Point::Handshake if moment.occasion == Occasion::Handshake => 1,
            Point::Response if moment.occasion == Occasion::Response => moment.nth,
            Point::Verb(verb) if moment.occasion == Occasion::Command(verb) => moment.nth,
            Point::AnyCommand if matches!(moment.occasion, Occasion::Command(_)) => moment.nth_of_all,
            _ => return false,
        };
        self.nth.is_none_or(|wanted| wanted == nth)
            && self.connection.is_none_or(|wanted| wanted == moment.connection)
            && self.argument.as_deref().is_none_or(|wanted| wanted == moment.argument)
    }
}

#[derive(Clone, Debug)]
enum Point {
    Greeting,
    Handshake,
    Response,
    Verb(String),
    AnyCommand,
}

/// Where a session is.
pub(super) struct Moment<'a> {
    pub(super) occasion: Occasion<'a>,
    pub(super) argument: &'a str,
    /// Among those of the same verb, or of the same exchange, from 1.
    pub(super) nth: usize,
    /// Among all commands, from 1.
    pub(super) nth_of_all: usize,
    pub(super) connection: usize,
}

impl Moment<'_> {
    /// One that there is once in a connection, and which has no argument.
    pub(super) fn only(occasion: Occasion<'_>, connection: usize) -> Moment<'_> {
        Moment { occasion, argument: "", nth: 1, nth_of_all: 0, connection }
    }
}

/// What is to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion<'a> {
    Greeting,
    Handshake,
    /// A line in an exchange of AUTH.
    Response,
    /// With the verb in capitals.
    Command(&'a str),
}
