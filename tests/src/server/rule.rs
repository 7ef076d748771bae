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
            Point::Greeting if moment.verb.is_none() => 1,
            Point::Verb(verb) if moment.verb == Some(verb.as_str()) => moment.nth_of_verb,
            Point::AnyCommand if moment.verb.is_some() => moment.nth_of_all,
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
    Verb(String),
    AnyCommand,
}

/// Where a session is.
pub(super) struct Moment<'a> {
    /// The verb in capitals; none for the greeting.
    pub(super) verb: Option<&'a str>,
    pub(super) argument: &'a str,
    pub(super) nth_of_verb: usize,
    pub(super) nth_of_all: usize,
    pub(super) connection: usize,
}
