//! A server that must never be what a client waits for: each reply is there before it is asked for, the replies to
//! pipelined commands go out in one write, and there is a thread for each connection.

use std::{
    fmt::Write as _,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    ops::Range,
    sync::Arc,
    thread,
};

use memchr::{memchr, memchr_iter};
use popfetch_tests::authority::Identity;
use rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::ring};

/// More than a client pipelines.
const COMMANDS: usize = 64 << 10;

/// A running server with one maildrop, which it shows to everybody. It runs for as long as the process does.
#[derive(Debug)]
pub(crate) struct MemoryServer {
    address: SocketAddr,
}

impl MemoryServer {
    /// In clear text.
    pub(crate) fn start(replies: Arc<Replies>) -> io::Result<Self> {
        Self::serve(move |tcp| converse(tcp, &replies))
    }

    /// With TLS from the start.
    pub(crate) fn start_tls(replies: Arc<Replies>, identity: &Identity) -> io::Result<Self> {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                config.with_no_client_auth().with_single_cert(vec![identity.certificate()], identity.key())
            })
            .map(Arc::new)
            .map_err(io::Error::other)?;
        Self::serve(move |tcp| {
            let connection = ServerConnection::new(Arc::clone(&config)).map_err(io::Error::other)?;
            converse(StreamOwned::new(connection, tcp), &replies)
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    fn serve(conversation: impl Fn(TcpStream) -> io::Result<()> + Clone + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let conversation = conversation.clone();
                thread::spawn(move || {
                    // A client that goes without QUIT has its own reasons; its Maildir shows what it got.
                    let _ = tcp.set_nodelay(true).and_then(|()| conversation(tcp));
                });
            }
        });
        Ok(Self { address })
    }
}

/// All that the server says about a maildrop.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    /// The replies to RETR 1, RETR 2, …
    messages: Vec<u8>,
    /// Where each begins, and the end of the last.
    bounds: Vec<usize>,
    octets: Vec<usize>,
    scan_listing: String,
    unique_ids: String,
}

impl Replies {
    /// Those for these messages.
    pub(crate) fn to(messages: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut replies = Self { scan_listing: "+OK\r\n".into(), unique_ids: "+OK\r\n".into(), ..Self::default() };
        for message in messages {
            replies.add(&message);
        }
        replies.bounds.push(replies.messages.len());
        replies.scan_listing.push_str(".\r\n");
        replies.unique_ids.push_str(".\r\n");
        replies
    }

    fn add(&mut self, message: &[u8]) {
        self.bounds.push(self.messages.len());
        self.octets.push(message.len());
        let number = self.octets.len();
        let _ = write!(self.scan_listing, "{number} {}\r\n", message.len());
        let _ = write!(self.unique_ids, "{number} {}\r\n", unique_id(number));
        self.messages.extend_from_slice(format!("+OK {} octets\r\n", message.len()).as_bytes());
        let mut rest = message;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest).map_or(rest.len(), |feed| feed + 1);
            if rest[0] == b'.' {
                self.messages.push(b'.');
            }
            self.messages.extend_from_slice(&rest[..end]);
            rest = &rest[end..];
        }
        self.messages.extend_from_slice(b".\r\n");
    }

    fn retrieved(&self, number: usize) -> Option<Range<usize>> {
        let start = *self.bounds.get(number.checked_sub(1)?)?;
        Some(start..*self.bounds.get(number)?)
    }
}

fn unique_id(number: usize) -> String {
    format!("{number:08x}.67257ad9")
}

/// One session, to its end.
fn converse(mut stream: impl Read + Write, replies: &Replies) -> io::Result<()> {
    stream.write_all(b"+OK ready\r\n")?;
    stream.flush()?;
    let (mut commands, mut filled) = (vec![0; COMMANDS], 0);
    loop {
        let read = stream.read(&mut commands[filled..])?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        let mut answers = Answers::default();
        let mut parsed = 0;
        for feed in memchr_iter(b'\n', &commands[..filled]) {
            let line = commands[parsed..feed].trim_ascii_end();
            parsed = feed + 1;
            if line.eq_ignore_ascii_case(b"QUIT") {
                answers.say(&mut stream, replies, "+OK bye\r\n")?;
                answers.send(&mut stream, replies)?;
                return stream.flush();
            }
            answer(line, replies, &mut answers, &mut stream)?;
        }
        answers.send(&mut stream, replies)?;
        stream.flush()?;
        commands.copy_within(parsed..filled, 0);
        filled -= parsed;
        if filled == commands.len() {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

fn answer(line: &[u8], replies: &Replies, answers: &mut Answers, stream: &mut impl Write) -> io::Result<()> {
    let line = String::from_utf8_lossy(line);
    let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
    let number = argument.parse().ok().filter(|number| (1..=replies.octets.len()).contains(number));
    let text = match (verb.to_ascii_uppercase().as_str(), number) {
        ("RETR", Some(number)) => return answers.retrieve(stream, replies, number),
        ("CAPA", _) => "+OK\r\nUSER\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\n.\r\n".to_owned(),
        ("USER" | "PASS" | "NOOP" | "RSET", _) => "+OK\r\n".to_owned(),
        ("STAT", _) => format!("+OK {} {}\r\n", replies.octets.len(), replies.octets.iter().sum::<usize>()),
        ("LIST", Some(number)) => format!("+OK {number} {}\r\n", replies.octets[number - 1]),
        ("UIDL", Some(number)) => format!("+OK {number} {}\r\n", unique_id(number)),
        ("LIST", None) if argument.is_empty() => return answers.say(stream, replies, &replies.scan_listing),
        ("UIDL", None) if argument.is_empty() => return answers.say(stream, replies, &replies.unique_ids),
        _ => "-ERR\r\n".to_owned(),
    };
    answers.say(stream, replies, &text)
}

/// What is to be sent: lines, or else the replies to RETR of messages that follow one another.
#[derive(Default)]
struct Answers {
    text: String,
    messages: Range<usize>,
}

impl Answers {
    fn say(&mut self, stream: &mut impl Write, replies: &Replies, text: &str) -> io::Result<()> {
        if !self.messages.is_empty() {
            self.send(stream, replies)?;
        }
        self.text.push_str(text);
        Ok(())
    }

    fn retrieve(&mut self, stream: &mut impl Write, replies: &Replies, number: usize) -> io::Result<()> {
        let Some(message) = replies.retrieved(number) else { return self.say(stream, replies, "-ERR\r\n") };
        if !self.messages.is_empty() && self.messages.end == message.start {
            self.messages.end = message.end;
            return Ok(());
        }
        self.send(stream, replies)?;
        self.messages = message;
        Ok(())
    }

    fn send(&mut self, stream: &mut impl Write, replies: &Replies) -> io::Result<()> {
        stream.write_all(self.text.as_bytes())?;
        stream.write_all(&replies.messages[self.messages.clone()])?;
        *self = Self::default();
        Ok(())
    }
}
