//! Properties of any sequence of what a client does and a server says: a secret goes only where its command or mechanism
//! sends it, and nobody is signed in whom the server has not accepted.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "functions they share fail a test by a panic, and the lint knows only functions that are tests themselves"
)]

use base64ct::{Base64, Encoding};
use pop3_protocol::sasl::{Exchange, Identity, Mechanism};
use pop3_protocol::{Command, Event, Limits, Sent, Session, State, Trace};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// What no server says. The password has a blank, which nothing has that goes out in base64 or as a digest.
const PASSWORD: &[u8] = b"not, for you";
const TOKEN: &[u8] = b"token-Zq9";
const MECHANISMS: [Mechanism; 8] = [
    Mechanism::ScramSha256,
    Mechanism::ScramSha1,
    Mechanism::CramMd5,
    Mechanism::Plain,
    Mechanism::Login,
    Mechanism::OauthBearer,
    Mechanism::Xoauth2,
    Mechanism::External,
];

#[derive(Clone, Debug)]
enum Step {
    Enqueue(Command<'static>),
    /// `AUTH`, with what the client can say first where `at_once`.
    Begin {
        mechanism: Mechanism,
        at_once: bool,
    },
    /// Answers the challenge by the mechanism's rules; or blurts out the password where there is none.
    Respond,
    Cancel,
    TlsEstablished,
    /// The server says this.
    Receive(Vec<u8>),
    EndOfInput,
}

/// A client that knows the rules by itself, and holds the session to them.
struct Client {
    session: Session,
    trace: Trace,
    exchange: Option<(Mechanism, Exchange)>,
    /// The challenge that was not answered.
    challenge: Option<Vec<u8>>,
    /// The client has said what proves who it is.
    proved: bool,
    /// The server has accepted a sign-in.
    is_signed_in: bool,
    /// The server has accepted `STLS`, and TLS is not established.
    is_shaking_hands: bool,
    /// An error, or the connection's end.
    is_over: bool,
}

impl Client {
    fn new() -> Self {
        let (trace, mut session) = (Trace::default(), Session::new(Limits::default()));
        session.trace_to(trace.clone());
        let (exchange, challenge) = (None, None);
        let (proved, is_signed_in, is_shaking_hands, is_over) = (false, false, false, false);
        Client { session, trace, exchange, challenge, proved, is_signed_in, is_shaking_hands, is_over }
    }

    fn take(&mut self, step: &Step) {
        let before = self.session.in_flight();
        match step {
            Step::Enqueue(command) => self.enqueue(*command),
            Step::Begin { mechanism, at_once } => self.begin(*mechanism, *at_once),
            Step::Respond => self.respond(),
            Step::Cancel => {
                let given_up = self.challenge.take().is_some();
                assert_eq!(self.session.cancel().is_ok(), given_up);
                let said: &[u8] = if given_up { b"*\r\n" } else { b"" };
                assert_eq!(self.session.take_output(), said);
                self.proved &= !given_up;
            }
            Step::TlsEstablished => {
                assert_eq!(self.session.tls_established().is_ok(), self.is_shaking_hands);
                self.is_shaking_hands = false;
            }
            Step::Receive(octets) => self.receive(octets),
            Step::EndOfInput => {
                let _ = self.session.end_of_input();
                self.end();
            }
        }
        assert_eq!(self.session.take_output(), b"", "what is sent was looked at");
        assert!(!self.is_over || self.session.in_flight() <= before, "more is in flight after the end");
        match self.session.state() {
            State::Handshake => assert!(self.is_shaking_hands),
            State::Transaction | State::Update => assert!(self.is_signed_in && !self.is_shaking_hands),
            State::Greeting | State::Authorization => assert!(!self.is_signed_in && !self.is_shaking_hands),
            _ => assert!(!self.is_shaking_hands),
        }
        let mut shown = format!("{:?}", self.session).into_bytes();
        for line in self.trace.take() {
            shown.extend(line.text.as_bytes());
            shown.push(b'\n');
        }
        assert!(!shows_secret(&shown) && !shows_encoded_secret(&shown), "{}", String::from_utf8_lossy(&shown));
    }

    fn enqueue(&mut self, command: Command<'_>) {
        let result = self.session.enqueue(command);
        let output = self.session.take_output();
        assert_eq!(output.is_empty(), result.is_err());
        assert!(result.is_err() || (self.challenge.is_none() && !self.is_shaking_hands && !self.is_over));
        assert_eq!(shows_secret(&output), result.is_ok() && matches!(command, Command::Pass(_)));
    }

    fn begin(&mut self, mechanism: Mechanism, at_once: bool) {
        let secret = if is_for_tokens(mechanism) { TOKEN } else { PASSWORD };
        let identity = Identity { user: "mrose", secret, prepared: None, host: "pop.example.org", port: 995 };
        let mut exchange = Exchange::begin(mechanism, &identity, &[0; 16], 1..=64).unwrap();
        let initial = if at_once { exchange.initial() } else { None };
        let (octets, proves) = initial.as_ref().map_or((None, false), |said| (Some(&**said.octets), said.complete));
        let result = self.session.enqueue(Command::Auth { mechanism, initial: octets, proves });
        let output = self.session.take_output();
        self.check_said(mechanism, &output);
        if result.is_err() {
            assert!(output.is_empty());
            return;
        }
        assert!(self.exchange.is_none() && !self.is_over && !self.is_shaking_hands && !self.is_signed_in);
        (self.exchange, self.proved) = (Some((mechanism, exchange)), proves);
    }

    fn respond(&mut self) {
        let Some(challenge) = self.challenge.take() else {
            self.session.respond(PASSWORD, true).unwrap_err();
            return;
        };
        let (mechanism, exchange) = self.exchange.as_mut().unwrap();
        match exchange.respond(&challenge) {
            Ok(response) => {
                self.proved = response.complete;
                self.session.respond(&response.octets, response.complete).unwrap();
            }
            Err(_) => {
                self.proved = false;
                self.session.cancel().unwrap();
            }
        }
        let mechanism = *mechanism;
        let output = self.session.take_output();
        self.check_said(mechanism, &output);
    }

    /// What goes out in an exchange is one line, which shows the secret only if the mechanism does.
    fn check_said(&self, mechanism: Mechanism, output: &[u8]) {
        assert!(!shows_secret(output), "not in base64");
        let Some(line) = output.strip_suffix(b"\r\n") else {
            return assert!(output.is_empty());
        };
        assert!(!line.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)));
        let word = std::str::from_utf8(line).unwrap().rsplit(' ').next().unwrap();
        let shown = Base64::decode_vec(word).is_ok_and(|octets| shows_secret(&octets));
        assert!(!shown || mechanism.shows_secret(), "{mechanism} shows the secret");
    }

    fn receive(&mut self, octets: &[u8]) {
        let mut octets = octets.to_vec();
        let mut rest = &mut octets[..];
        loop {
            let was_shaking_hands = self.is_shaking_hands;
            let length = rest.len();
            let Ok(step) = self.session.receive(rest) else {
                return self.end();
            };
            assert!(!was_shaking_hands || length == 0, "clear text in the handshake");
            let consumed = step.consumed;
            let Some(event) = step.event else {
                assert_eq!(consumed, length);
                return;
            };
            assert!(!self.is_over, "{event:?} after the end");
            assert!(self.challenge.is_none(), "{event:?} before the response");
            match event {
                Event::Challenge { text } => self.challenge = Some(text.to_vec()),
                Event::Accepted { sent: Sent::Auth(mechanism), .. } => {
                    assert_eq!(self.exchange.take().map(|(mechanism, _)| mechanism), Some(mechanism));
                    assert!(self.proved, "success before the client has proved anything");
                    self.is_signed_in = true;
                }
                Event::Refused { sent: Sent::Auth(_), .. } => assert!(self.exchange.take().is_some()),
                Event::Accepted { sent: Sent::Pass | Sent::Apop, .. } => self.is_signed_in = true,
                Event::Accepted { sent: Sent::Stls, .. } => self.is_shaking_hands = true,
                _ => {}
            }
            rest = &mut rest[consumed..];
        }
    }

    fn end(&mut self) {
        self.is_over = true;
        self.challenge = None;
        self.is_shaking_hands = false;
    }
}

fn is_for_tokens(mechanism: Mechanism) -> bool {
    matches!(mechanism, Mechanism::OauthBearer | Mechanism::Xoauth2)
}

fn shows_secret(octets: &[u8]) -> bool {
    [PASSWORD, TOKEN].iter().any(|secret| memchr::memmem::find(octets, secret).is_some())
}

/// In base64, as the second answer of LOGIN is.
fn shows_encoded_secret(octets: &[u8]) -> bool {
    let encoded = [PASSWORD, TOKEN].map(Base64::encode_string);
    encoded.iter().any(|secret| memchr::memmem::find(octets, secret.as_bytes()).is_some())
}

/// What a server says that knows the rules, and one that nearly does.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let base64 = |text: &str| Base64::encode_string(text.as_bytes());
    let mut lines: Vec<String> =
        ["+OK", "+OK words", "-ERR", "-ERR [AUTH] no", "+", "+ ", "+OK 1 1", ".", "en English"]
            .into_iter()
            .map(String::from)
            .collect();
    lines.push("+OK <1896.697170952@dbc.mtview.ca.us>".into());
    lines.push(format!("+ {}", base64("<1896.697170952@dbc.mtview.ca.us>")));
    lines.push(format!("+ {}", base64("r=AAAAAAAAAAAAAAAAAAAAAAx,s=AAAA,i=2")));
    lines.push(format!("+OK {}", base64("r=AAAAAAAAAAAAAAAAAAAAAAx,s=AAAA,i=2")));
    lines.push(format!("+ {}", base64("v=AAAA")));
    lines.push(format!("+ {}", base64("{\"status\":\"400\"}")));
    select(lines).prop_map(|line| line.into_bytes())
}

fn commands() -> impl Strategy<Value = Command<'static>> {
    select(vec![
        Command::User("mrose"),
        Command::Pass(PASSWORD),
        Command::Apop { user: "mrose", secret: PASSWORD },
        Command::Stls,
        Command::Utf8,
        Command::Lang(Some("en")),
        Command::Lang(None),
        Command::Capa,
        Command::Stat,
        Command::List(None),
        Command::List(Some(1)),
        Command::Uidl(None),
        Command::Retr(1),
        Command::Dele(1),
        Command::Noop,
        Command::Rset,
        Command::Quit,
    ])
}

fn begin() -> impl Strategy<Value = Step> {
    (select(MECHANISMS.to_vec()), any::<bool>()).prop_map(|(mechanism, at_once)| Step::Begin { mechanism, at_once })
}

fn says(line: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Step> {
    line.prop_map(|line| Step::Receive([&line[..], b"\r\n"].concat()))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let any_step = prop_oneof![
        12 => says(lines()),
        6 => Just(Step::Respond),
        4 => begin(),
        4 => commands().prop_map(Step::Enqueue),
        1 => Just(Step::Cancel),
        1 => Just(Step::TlsEstablished),
        1 => vec(any::<u8>(), 0..20).prop_map(Step::Receive),
        1 => vec(lines(), 1..3).prop_map(|lines| Step::Receive(lines.join(&b"\r\n"[..]))),
    ];
    let greeting = Step::Receive(b"+OK <1896.697170952@dbc.mtview.ca.us>\r\n".to_vec());
    let greets = prop_oneof![1 => Just(None), 7 => Just(Some(greeting))];
    let ends = prop_oneof![7 => Just(None), 1 => Just(Some(Step::EndOfInput))];
    (greets, vec(any_step.clone(), 0..20), ends, vec(any_step, 0..4))
        .prop_map(|(greeting, steps, end, behind)| greeting.into_iter().chain(steps).chain(end).chain(behind).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_sequence(steps in steps()) {
        let mut client = Client::new();
        steps.iter().for_each(|step| client.take(step));
    }

    /// With a greeting in front, and an exchange, more of the sequences go far.
    #[test]
    fn any_exchange(begin in begin(), steps in vec(prop_oneof![3 => says(lines()), 2 => Just(Step::Respond)], 0..8)) {
        let mut client = Client::new();
        client.take(&Step::Receive(b"+OK\r\n".to_vec()));
        client.take(&begin);
        assert!(client.exchange.is_some());
        steps.iter().for_each(|step| client.take(step));
    }

    #[test]
    fn any_handshake(steps in vec(
        prop_oneof![
            4 => says(lines()),
            1 => vec(any::<u8>(), 0..4).prop_map(Step::Receive),
            2 => Just(Step::TlsEstablished),
            2 => commands().prop_map(Step::Enqueue),
            1 => begin(),
            1 => Just(Step::Respond),
        ],
        0..8,
    )) {
        let mut client = Client::new();
        client.take(&Step::Receive(b"+OK\r\n".to_vec()));
        client.take(&Step::Enqueue(Command::Stls));
        client.take(&Step::Receive(b"+OK\r\n".to_vec()));
        assert!(client.is_shaking_hands);
        steps.iter().for_each(|step| client.take(step));
    }
}

/// The properties above are about something: these go to the end.
#[test]
fn every_mechanism_gets_there() {
    for mechanism in MECHANISMS {
        for at_once in [false, true] {
            let mut client = Client::new();
            client.take(&Step::Receive(b"+OK\r\n".to_vec()));
            client.take(&Step::Begin { mechanism, at_once });
            let server_first = Base64::encode_string(b"r=AAAAAAAAAAAAAAAAAAAAAAx,s=AAAA,i=2");
            while !client.proved {
                client.take(&Step::Receive(format!("+ {server_first}\r\n").into_bytes()));
                client.take(&Step::Respond);
            }
            assert_eq!(client.session.state(), State::Authorization);
            client.take(&Step::Receive(b"+OK\r\n".to_vec()));
            assert!(client.is_signed_in && client.session.state() == State::Transaction, "{mechanism}");
        }
    }
}
