//! Any sequence of commands, exchanges of `AUTH`, octets from the server, and ends of input.
#![no_main]

#[path = "../../tests/events/mod.rs"]
mod events;

use arbitrary::Arbitrary;
use base64ct::{Base64, Encoding};
use events::{Heard, feed};
use libfuzzer_sys::fuzz_target;
use pop3_protocol::sasl::{Exchange, Identity, Mechanism};
use pop3_protocol::{Command, Limits, Session, State, Trace};

/// Has blanks and a comma, which nothing has that a client may repeat of what a server says.
const PASSWORD: &[u8] = b"not, for you";

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
    Stls,
    TlsEstablished,
    Utf8,
    Lang(&'a str),
    LangAll,
    Auth(AuthBy, bool),
    /// Answers the challenge, by the mechanism's rules.
    Respond,
    Cancel,
    /// The server says `+` and the base64 of this.
    Challenge(&'a [u8]),
    /// The server refuses the oldest command.
    Err,
}

#[derive(Arbitrary, Debug)]
enum Numbered {
    List,
    Uidl,
    Retr,
    Top(u32),
    Dele,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum AuthBy {
    ScramSha256,
    ScramSha1,
    CramMd5,
    Plain,
    Login,
    OauthBearer,
    Xoauth2,
    External,
}

/// The exchange that was begun last, and the challenge in it that was not answered.
#[derive(Default)]
struct Asked {
    exchange: Option<(Mechanism, Exchange)>,
    challenge: Option<Vec<u8>>,
    /// The client has said what proves who it is, and has not given up.
    proved: bool,
}

fuzz_target!(|operations: Vec<Operation<'_>>| {
    let mut session = Session::new(Limits { reply_line: 64, listing_entries: 4, credential: 16 });
    let trace = Trace::default();
    session.trace_to(trace.clone());
    let mut asked = Asked::default();
    let mut failed = false;
    for operation in &operations {
        let before = session.state();
        match operation {
            Operation::Octets(octets) => failed |= hear(&mut session, octets, &mut asked),
            Operation::Ok => failed |= hear(&mut session, b"+OK 1 1\r\n", &mut asked),
            Operation::Err => failed |= hear(&mut session, b"-ERR\r\n", &mut asked),
            Operation::End => failed |= hear(&mut session, b".\r\n", &mut asked),
            Operation::Challenge(octets) => {
                let line = format!("+ {}\r\n", Base64::encode_string(octets));
                failed |= hear(&mut session, line.as_bytes(), &mut asked);
            }
            Operation::EndOfInput => {
                failed |= session.end_of_input().is_err();
                asked = Asked::default();
            }
            Operation::TlsEstablished => assert_eq!(session.tls_established().is_ok(), before == State::Handshake),
            Operation::Auth(mechanism, at_once) => begin(&mut session, mechanism.of_sasl(), *at_once, &mut asked),
            Operation::Respond => respond(&mut session, &mut asked),
            Operation::Cancel => {
                let given_up = asked.challenge.take().is_some();
                assert_eq!(session.cancel().is_ok(), given_up);
                asked.proved &= !given_up;
                session.take_output();
            }
            _ => enqueue(&mut session, &command(operation)),
        }
        let traced = trace.take();
        assert!(!traced.iter().any(|line| !line.from_server && line.text.contains("bm90LCBmb3IgeW91")), "{traced:?}");
        assert!(rank(before) <= rank(session.state()), "from {before} back to {}", session.state());
        // What failed stays failed.
        assert!(!failed || session.state() == State::Closed);
        assert_eq!(failed, failed && session.receive(&mut []).is_err());
    }
});

/// Hears what the session says to octets, and whether that is an error.
fn hear(session: &mut Session, octets: &[u8], asked: &mut Asked) -> bool {
    let before = session.state();
    let mut heard = Vec::new();
    let failed = feed(session, octets, &mut heard).is_err();
    assert!(before != State::Handshake || octets.is_empty() || failed, "clear text in the handshake");
    match heard.last() {
        Some(Heard::Challenge(text)) if !failed => asked.challenge = Some(text.clone()),
        Some(_) => asked.challenge = None,
        None => {}
    }
    let entered = session.state() == State::Transaction && before != State::Transaction;
    let accepted = |heard: &Heard| {
        let Heard::Said(text) = heard else { return false };
        let proved = asked.proved && text.starts_with("accepted AUTH");
        proved || text.starts_with("accepted PASS") || text.starts_with("accepted APOP")
    };
    assert!(!entered || heard.iter().any(accepted), "signed in by {heard:?}");
    failed
}

fn begin(session: &mut Session, mechanism: Mechanism, at_once: bool, asked: &mut Asked) {
    let token = matches!(mechanism, Mechanism::OauthBearer | Mechanism::Xoauth2);
    let secret = if token { b"token" } else { PASSWORD };
    let identity = Identity { user: "mrose", secret, prepared: None, host: "pop.example.org", port: 995 };
    let mut exchange = Exchange::begin(mechanism, &identity, &[0; 16], 1..=64).unwrap();
    let initial = if at_once { exchange.initial() } else { None };
    let (octets, proves) = initial.as_ref().map_or((None, false), |said| (Some(&**said.octets), said.complete));
    let before = (session.state(), session.in_flight());
    let result = session.enqueue(Command::Auth { mechanism, initial: octets, proves });
    assert_eq!(result.is_ok(), before == (State::Authorization, 0));
    check_said(session, mechanism);
    if result.is_ok() {
        *asked = Asked { exchange: Some((mechanism, exchange)), challenge: None, proved: proves };
    }
}

fn respond(session: &mut Session, asked: &mut Asked) {
    let Some(challenge) = asked.challenge.take() else {
        assert!(session.respond(PASSWORD, true).is_err());
        assert!(session.take_output().is_empty());
        return;
    };
    let (mechanism, exchange) = asked.exchange.as_mut().unwrap();
    match exchange.respond(&challenge) {
        Ok(response) => {
            asked.proved = response.complete;
            session.respond(&response.octets, response.complete).unwrap();
        }
        Err(_) => {
            asked.proved = false;
            session.cancel().unwrap();
        }
    }
    check_said(session, *mechanism);
}

/// What goes out is one line, which shows the password only if the mechanism does.
fn check_said(session: &mut Session, mechanism: Mechanism) {
    let output = session.take_output();
    let Some(line) = output.strip_suffix(b"\r\n") else { return assert!(output.is_empty()) };
    assert!(line.iter().all(|octet| matches!(octet, b' '..=b'~')));
    let word = std::str::from_utf8(line).unwrap().rsplit(' ').next().unwrap();
    let said = Base64::decode_vec(word).unwrap_or_default();
    let shown = said.windows(PASSWORD.len()).any(|window| window == PASSWORD);
    assert!(!shown || mechanism.shows_secret());
}

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
        Operation::Stls => Command::Stls,
        Operation::Utf8 => Command::Utf8,
        Operation::Lang(language) => Command::Lang(Some(language)),
        Operation::LangAll => Command::Lang(None),
        _ => Command::Quit,
    }
}

impl AuthBy {
    fn of_sasl(self) -> Mechanism {
        match self {
            Self::ScramSha256 => Mechanism::ScramSha256,
            Self::ScramSha1 => Mechanism::ScramSha1,
            Self::CramMd5 => Mechanism::CramMd5,
            Self::Plain => Mechanism::Plain,
            Self::Login => Mechanism::Login,
            Self::OauthBearer => Mechanism::OauthBearer,
            Self::Xoauth2 => Mechanism::Xoauth2,
            Self::External => Mechanism::External,
        }
    }
}

/// A session goes forward only, but for the handshake, which leads back; and a sign-in that is accepted behind a `QUIT` makes that one of TRANSACTION.
fn rank(state: State) -> u8 {
    match state {
        State::Greeting => 0,
        State::Authorization | State::Handshake => 1,
        State::Transaction => 2,
        State::Update | State::Closed => 3,
    }
}
