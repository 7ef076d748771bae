//! Plays stories that read like the examples of RFC 1939:
//!
//! ```text
//! S: +OK ready            the server sends this line with CRLF, or, with a \ at its end, without
//! -> greeting: ready      what the session says about it
//! C: USER mrose           the client enqueues this command, and exactly this line is the output
//! C! STAT                 the client must not be able to enqueue this command
//! -> not sent: ...
//! -> error: x ...         the session says this, and more that the story does not tell
//! C: dGlt                 no command: the response in an exchange of AUTH
//! C* dGlt                 a response, or an AUTH, with which the client has proved who it is
//! C: *                    the client gives up the exchange
//! TLS                     TLS is established
//! TLS!                    the session must not believe that
//! -> | Subject: x         one line of content, written like a server's line
//! = AUTHORIZATION         the state
//! EOF                     the server closes the connection
//! ```
//!
//! All that the session says must be in the story. `\r`, `\n`, `\t`, `\0`, `\\`, `\s` (a blank) and `\xNN` are octets;
//! `# ` is a comment.

use std::collections::VecDeque;

use base64ct::{Base64, Encoding};
use pop3_protocol::sasl::Mechanism;
use pop3_protocol::{Command, CommandError, Limits, Session, Trace};

use crate::events::{Heard, feed, quote};

/// How a story begins that is about TRANSACTION.
pub(crate) const SIGN_IN: &str = r"
    S: +OK
    -> greeting
    C: USER mrose
    S: +OK
    -> accepted USER
    C: PASS mvan99
    S: +OK
    -> accepted PASS
";

/// Plays a story, from TRANSACTION on.
#[track_caller]
pub(crate) fn play_signed_in(story: &str) {
    play(&(SIGN_IN.to_owned() + story));
}

/// Plays a story, with segments of many sizes.
#[track_caller]
pub(crate) fn play(story: &str) {
    play_with(Limits::default(), "", story);
}

/// Plays a story with limits, and the secret behind the digest of its `APOP`.
#[track_caller]
pub(crate) fn play_with(limits: Limits, secret: &str, story: &str) {
    trace_of(limits, secret, story);
}

/// Plays a story, and tells the trace that it leaves: lines that begin with `S: ` or `C: `.
#[track_caller]
pub(crate) fn trace_of(limits: Limits, secret: &str, story: &str) -> Vec<String> {
    let mut traced = None;
    for size in [usize::MAX, 1, 2, 3, 4, 5, 7, 16] {
        let mut player = Player::new(limits, secret, size);
        for (index, line) in story.lines().enumerate() {
            player.place = format!("line {} in segments of {size}: {}", index + 1, line.trim());
            player.line(line.trim_start());
        }
        player.place = format!("the end in segments of {size}");
        player.hear();
        player.assert_nothing_is_left();
        let line = |who: bool, text: &str| format!("{}: {text}", if who { 'S' } else { 'C' });
        let trace: Vec<_> = player.trace.take().iter().map(|taken| line(taken.from_server, &taken.text)).collect();
        assert_eq!(*traced.get_or_insert_with(|| trace.clone()), trace, "traced in segments of {size}");
    }
    traced.unwrap_or_default()
}

/// A story with one more line in front of the first that tells what the session says.
pub(crate) fn told_behind(story: &str, line: &str) -> String {
    let (server, told) = story.split_at(story.find("->").unwrap_or(story.len()));
    format!("{server}\n{line}\n{told}")
}

struct Player<'s> {
    session: Session,
    trace: Trace,
    secret: &'s str,
    /// Octets of a segment.
    size: usize,
    /// What the server has sent since the client was last heard.
    sent: Vec<u8>,
    heard: VecDeque<String>,
    /// Where in the story we are, for failures.
    place: String,
}

impl<'s> Player<'s> {
    fn new(limits: Limits, secret: &'s str, size: usize) -> Self {
        let (sent, heard, place, trace) = <(_, _, _, Trace)>::default();
        let mut session = Session::new(limits);
        session.trace_to(trace.clone());
        Player { session, trace, secret, size, sent, heard, place }
    }

    #[track_caller]
    fn line(&mut self, line: &str) {
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        if let Some(line) = line.strip_prefix("S:") {
            self.sent.extend(server_line(line));
            return;
        }
        self.hear();
        if let Some(expected) = line.strip_prefix("-> ") {
            let heard = self.heard.pop_front();
            let (heard, expected) = match (heard.as_deref(), expected.strip_suffix(" ...")) {
                (Some(heard), Some(beginning)) => (heard.get(..beginning.len()), beginning),
                (heard, _) => (heard, expected),
            };
            assert_eq!(heard, Some(expected), "{}", self.place);
            return;
        }
        self.assert_nothing_is_left();
        if let Some(line) = line.strip_prefix("C:") {
            self.client(&octets(line.strip_prefix(' ').unwrap_or(line)), false);
        } else if let Some(line) = line.strip_prefix("C* ") {
            self.client(&octets(line), true);
        } else if let Some(line) = line.strip_prefix("C! ") {
            self.client_must_not(|player| player.say(&octets(line), false));
        } else if line == "TLS" {
            self.session.tls_established().unwrap_or_else(|error| panic!("{error}; {}", self.place));
        } else if line == "TLS!" {
            self.client_must_not(|player| player.session.tls_established());
        } else if let Some(state) = line.strip_prefix("= ") {
            assert_eq!(self.session.state().to_string(), state, "{}", self.place);
        } else if line == "EOF" {
            self.close();
        } else {
            panic!("not a line of a story: {}", self.place);
        }
    }

    #[track_caller]
    fn client(&mut self, line: &[u8], proves: bool) {
        let in_flight = self.session.in_flight();
        let is_command = keyword_of(line).is_some();
        self.say(line, proves).unwrap_or_else(|error| panic!("{error}; {}", self.place));
        assert_eq!(quote(&self.session.take_output()), quote(&[line, b"\r\n"].concat()), "{}", self.place);
        assert_eq!(self.session.in_flight(), in_flight + usize::from(is_command), "{}", self.place);
    }

    #[track_caller]
    fn client_must_not(&mut self, act: impl FnOnce(&mut Self) -> Result<(), CommandError>) {
        let before = (self.session.in_flight(), self.session.state());
        let error = act(self).expect_err(&self.place);
        assert_eq!(self.session.take_output(), b"", "{}", self.place);
        assert_eq!((self.session.in_flight(), self.session.state()), before, "{}", self.place);
        self.heard.push_back(format!("not sent: {error}"));
    }

    /// Enqueues the command that a line is, or responds with it.
    fn say(&mut self, line: &[u8], proves: bool) -> Result<(), CommandError> {
        if line == b"*" {
            return self.session.cancel();
        }
        let Some((keyword, argument)) = keyword_of(line) else {
            return self.session.respond(&from_base64(line), proves);
        };
        if keyword != "AUTH" {
            return self.session.enqueue(command(keyword, argument, self.secret));
        }
        let mut words = argument.unwrap_or_default().split(|octet| *octet == b' ');
        let mechanism = mechanism(words.next().unwrap());
        let initial = words.next().map(|word| if word == b"=" { Vec::new() } else { from_base64(word) });
        self.session.enqueue(Command::Auth { mechanism, initial: initial.as_deref(), proves })
    }

    fn hear(&mut self) {
        let mut heard = Vec::new();
        for segment in self.sent.chunks(self.size) {
            if feed(&mut self.session, segment, &mut heard).is_err() {
                break;
            }
        }
        self.sent.clear();
        for said in heard {
            match said {
                Heard::Said(text) => self.heard.push_back(text),
                Heard::Challenge(text) => self.heard.push_back(format!("challenge '{}'", quote(&text))),
                Heard::Content(content) => {
                    self.heard.extend(content.split_inclusive(|octet| *octet == b'\n').map(shown))
                }
            }
        }
    }

    fn close(&mut self) {
        let result = self.session.end_of_input();
        if let Err(failure) = &result {
            assert_eq!(self.session.receive(&mut b"+OK\r\n".to_owned()), Err(failure.clone()), "{}", self.place);
        }
        assert_eq!(self.session.end_of_input(), result, "{}", self.place);
        let text = result.map_or_else(|failure| format!("error: {failure}"), |()| "closed".into());
        self.heard.push_back(text);
    }

    #[track_caller]
    fn assert_nothing_is_left(&self) {
        assert!(self.heard.is_empty(), "the story does not tell {:?} before {}", self.heard, self.place);
    }
}

/// A line of content, as a story has it.
fn shown(line: &[u8]) -> String {
    match line.strip_suffix(b"\r\n") {
        Some(b"") => "|".into(),
        Some(line) => format!("| {}", quote(line)),
        None => format!("| {}\\", quote(line)),
    }
}

fn server_line(line: &str) -> Vec<u8> {
    let line = line.strip_prefix(' ').unwrap_or(line);
    let backslashes = line.bytes().rev().take_while(|octet| *octet == b'\\').count();
    match line.strip_suffix('\\') {
        Some(unended) if backslashes % 2 == 1 => octets(unended),
        _ => [&octets(line)[..], b"\r\n"].concat(),
    }
}

fn octets(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        octets.extend(plain.as_bytes());
        let (kind, behind) = escape.split_at(1);
        rest = behind;
        match kind {
            "r" => octets.push(b'\r'),
            "n" => octets.push(b'\n'),
            "0" => octets.push(0),
            "s" => octets.push(b' '),
            "t" => octets.push(b'\t'),
            "\\" => octets.push(b'\\'),
            "x" => {
                let (digits, behind) = behind.split_at(2);
                octets.push(u8::from_str_radix(digits, 16).unwrap());
                rest = behind;
            }
            _ => panic!("an escape that stories do not have: {text}"),
        }
    }
    octets.extend(rest.as_bytes());
    octets
}

fn from_base64(text: &[u8]) -> Vec<u8> {
    Base64::decode_vec(std::str::from_utf8(text).unwrap()).unwrap()
}

fn mechanism(name: &[u8]) -> Mechanism {
    match name {
        b"SCRAM-SHA-256" => Mechanism::ScramSha256,
        b"SCRAM-SHA-1" => Mechanism::ScramSha1,
        b"CRAM-MD5" => Mechanism::CramMd5,
        b"PLAIN" => Mechanism::Plain,
        b"LOGIN" => Mechanism::Login,
        b"OAUTHBEARER" => Mechanism::OauthBearer,
        b"XOAUTH2" => Mechanism::Xoauth2,
        b"EXTERNAL" => Mechanism::External,
        _ => panic!("no mechanism: {}", quote(name)),
    }
}

const KEYWORDS: [&str; 17] = [
    "USER", "PASS", "APOP", "AUTH", "STLS", "UTF8", "LANG", "CAPA", "STAT", "LIST", "UIDL", "RETR", "TOP", "DELE",
    "NOOP", "RSET", "QUIT",
];

/// The keyword of a line that is a command, and what stands behind it.
fn keyword_of(line: &[u8]) -> Option<(&'static str, Option<&[u8]>)> {
    let blank = line.iter().position(|octet| *octet == b' ').unwrap_or(line.len());
    let keyword = KEYWORDS.into_iter().find(|keyword| keyword.as_bytes() == &line[..blank])?;
    Some((keyword, line.get(blank + 1..)))
}

/// The command that a line is. For `APOP`, the line has the digest, and the secret comes from elsewhere.
fn command<'a>(keyword: &str, argument: Option<&'a [u8]>, secret: &'a str) -> Command<'a> {
    let text = |octets| std::str::from_utf8(octets).unwrap();
    let number = |octets| text(octets).parse().unwrap();
    match (keyword, argument) {
        ("USER", Some(user)) => Command::User(text(user)),
        ("PASS", Some(password)) => Command::Pass(password),
        ("APOP", Some(arguments)) => {
            let (user, _digest) = text(arguments).rsplit_once(' ').unwrap();
            Command::Apop { user, secret: secret.as_bytes() }
        }
        ("STLS", None) => Command::Stls,
        ("UTF8", None) => Command::Utf8,
        ("LANG", language) => Command::Lang(language.map(text)),
        ("CAPA", None) => Command::Capa,
        ("STAT", None) => Command::Stat,
        ("LIST", message) => Command::List(message.map(number)),
        ("UIDL", message) => Command::Uidl(message.map(number)),
        ("RETR", Some(message)) => Command::Retr(number(message)),
        ("TOP", Some(arguments)) => {
            let (message, lines) = text(arguments).split_once(' ').unwrap();
            Command::Top { message: message.parse().unwrap(), lines: lines.parse().unwrap() }
        }
        ("DELE", Some(message)) => Command::Dele(number(message)),
        ("NOOP", None) => Command::Noop,
        ("RSET", None) => Command::Rset,
        ("QUIT", None) => Command::Quit,
        _ => panic!("a line that is no command: {keyword}"),
    }
}
