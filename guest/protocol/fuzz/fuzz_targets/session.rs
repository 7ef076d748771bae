//! Any sequence of commands, octets from the server, and ends of input.
#![no_main]

#[path = "../../tests/events/mod.rs"]
mod events;

use arbitrary::Arbitrary;
use events::feed;
use libfuzzer_sys::fuzz_target;
use pop3_protocol::{Command, Limits, Session, State};

#[derive(Arbitrary, Debug)]
enum Operation<'a> {
    User(&'a str),
    Pass(&'a [u8]),
    Apop(&'a str, &'a [u8]),
    Numbered(Numbered, u32),
    Capa,
    Stat,
    List,
    Uidl,
    Noop,
    Rset,
    Quit,
    /// The server says this.
    Octets(&'a [u8]),
    /// The server accepts the oldest command.
    Ok,
    /// A line of a lone dot.
    End,
    EndOfInput,
}

#[derive(Arbitrary, Debug)]
enum Numbered {
    List,
    Uidl,
    Retr,
    Top(u32),
    Dele,
}

fuzz_target!(|operations: Vec<Operation<'_>>| {
    let mut session = Session::new(Limits { reply_line: 64, listing_entries: 4, credential: 16 });
    let mut failed = false;
    for operation in &operations {
        let before = session.state();
        match operation {
            Operation::Octets(octets) => failed |= feed(&mut session, octets, &mut Vec::new()).is_err(),
            Operation::Ok => failed |= feed(&mut session, b"+OK 1 1\r\n", &mut Vec::new()).is_err(),
            Operation::End => failed |= feed(&mut session, b".\r\n", &mut Vec::new()).is_err(),
            Operation::EndOfInput => failed |= session.end_of_input().is_err(),
            _ => enqueue(&mut session, &command(operation)),
        }
        assert!(rank(before) <= rank(session.state()), "from {before} back to {}", session.state());
        // What failed stays failed.
        assert!(!failed || session.state() == State::Closed);
        assert_eq!(failed, failed && session.receive(&mut []).is_err());
    }
});

/// Enqueues a command. It is either refused and leaves no trace, or becomes one line.
fn enqueue(session: &mut Session, command: &Command<'_>) {
    let before = (session.state(), session.in_flight());
    let result = session.enqueue(*command);
    let output = session.take_output();
    if result.is_err() {
        assert_eq!((session.state(), session.in_flight(), output), (before.0, before.1, Vec::new()));
        return;
    }
    assert!(matches!(before.0, State::Authorization | State::Transaction), "{command:?} in {}", before.0);
    assert_eq!(session.in_flight(), before.1 + 1);
    let line = output.strip_suffix(b"\r\n").unwrap();
    assert!(!line.is_empty() && !line.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)));
}

fn command<'a>(operation: &Operation<'a>) -> Command<'a> {
    match *operation {
        Operation::User(user) => Command::User(user),
        Operation::Pass(secret) => Command::Pass(secret),
        Operation::Apop(user, secret) => Command::Apop { user, secret },
        Operation::Numbered(Numbered::List, message) => Command::List(Some(message)),
        Operation::Numbered(Numbered::Uidl, message) => Command::Uidl(Some(message)),
        Operation::Numbered(Numbered::Retr, message) => Command::Retr(message),
        Operation::Numbered(Numbered::Top(lines), message) => Command::Top { message, lines },
        Operation::Numbered(Numbered::Dele, message) => Command::Dele(message),
        Operation::Capa => Command::Capa,
        Operation::Stat => Command::Stat,
        Operation::List => Command::List(None),
        Operation::Uidl => Command::Uidl(None),
        Operation::Noop => Command::Noop,
        Operation::Rset => Command::Rset,
        Operation::Quit | Operation::Octets(_) | Operation::Ok | Operation::End | Operation::EndOfInput => {
            Command::Quit
        }
    }
}

/// A session goes forward only; but a sign-in that is accepted behind a `QUIT` makes that one of TRANSACTION.
fn rank(state: State) -> u8 {
    match state {
        State::Greeting => 0,
        State::Authorization => 1,
        State::Transaction => 2,
        State::Update | State::Closed => 3,
    }
}
