//! One run: sign in, retrieve, deliver, delete.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use popfetch_component::Session;
use popfetch_component::types::{
    Capability, Credentials, Endpoint, Error, Limits, Misbehaviour, Options, Piece, PreparedCredentials, Refusal,
    ScramIterations, Timeouts,
};
use stringprep::saslprep;
use wasi::sockets::network::{IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress};

use crate::arguments::Arguments;
use crate::maildir::{Incoming, Maildir};

pub(crate) struct Fetched {
    pub(crate) stored: usize,
    pub(crate) deleted: usize,
}

/// What a transfer has brought.
struct Retrieved {
    /// The messages that are durable.
    stored: Vec<u32>,
    /// How many the server would not give.
    refused: usize,
}

/// Fetches everything. An error is one line.
pub(crate) fn fetch(arguments: &Arguments) -> Result<Fetched, String> {
    let mut maildir = Maildir::open(&arguments.maildir).map_err(cannot_store)?;
    let credentials = credentials(arguments)?;
    let addresses = (arguments.host.as_str(), arguments.port)
        .to_socket_addrs()
        .map_err(|error| format!("cannot find the host: {error}"))?
        .map(socket_address)
        .collect();
    let endpoint = Endpoint { server_name: arguments.host.clone(), addresses, security: arguments.security };
    let mut session = Session::connect(&endpoint, options(arguments.timeout), None).map_err(describe)?;
    // Messages then come as they are (RFC 6856 §2.1).
    if capabilities(&mut session)?.iter().any(|capability| capability.name == "UTF8") {
        match session.utf8() {
            Ok(()) | Err(Error::Refused(_)) => {}
            Err(error) => return Err(describe(error)),
        }
    }
    session.sign_in(credentials, &arguments.permitted).map_err(describe)?;
    capabilities(&mut session)?;

    let maildrop = session.stat().map_err(describe)?;
    let Retrieved { stored, refused } = retrieve(&mut session, maildrop.messages, &mut maildir)?;
    let mut deleted = 0;
    if arguments.delete {
        let deletions = session.delete(&stored).map_err(describe)?;
        deleted = deletions.iter().filter(|deletion| deletion.refused.is_none()).count();
    }
    session.quit().map_err(describe)?;
    let not_deleted = if arguments.delete { stored.len() - deleted } else { 0 };
    if refused + not_deleted > 0 {
        return Err(format!(
            "{} messages stored, the server refused to give {refused} and to delete {not_deleted}",
            stored.len()
        ));
    }
    Ok(Fetched { stored: stored.len(), deleted })
}

/// What the server can do, as far as it says.
fn capabilities(session: &mut Session) -> Result<Vec<Capability>, String> {
    match session.capabilities() {
        Ok(capabilities) => Ok(capabilities),
        Err(Error::Refused(_)) => Ok(Vec::new()),
        Err(error) => Err(describe(error)),
    }
}

fn retrieve(session: &mut Session, messages: u32, maildir: &mut Maildir) -> Result<Retrieved, String> {
    let mut transfer = session.retrieve((1..=messages).collect()).map_err(describe)?;
    let mut stored = Vec::new();
    let mut refusals = 0;
    let mut current: Option<Incoming> = None;
    loop {
        let pieces = transfer.next(session).map_err(describe)?;
        if pieces.is_empty() {
            break;
        }
        for piece in pieces {
            match piece {
                Piece::Begin(_) => current = Some(maildir.begin().map_err(cannot_store)?),
                Piece::Content(octets) => {
                    if let Some(message) = &mut current {
                        message.write(&octets).map_err(cannot_store)?;
                    }
                }
                Piece::End(end) => {
                    if let Some(message) = current.take() {
                        maildir.deliver(message).map_err(cannot_store)?;
                        stored.push(end.number);
                    }
                }
                Piece::Refused(refused) => {
                    refusals += 1;
                    eprintln!("popfetch-command: message {} was refused: {}", refused.number, refused.reply.text);
                }
            }
        }
    }
    maildir.flush().map_err(cannot_store)?;
    Ok(Retrieved { stored, refused: refusals })
}

fn credentials(arguments: &Arguments) -> Result<Credentials, String> {
    let (user, secret) = (arguments.user.clone(), password(arguments)?);
    // What SASLprep forbids is left as it is.
    let prepared = std::str::from_utf8(&secret).ok().and_then(|secret| {
        let (user, secret) = (saslprep(&user).ok()?.into_owned(), saslprep(secret).ok()?.into_owned().into_bytes());
        Some(PreparedCredentials { user, secret })
    });
    Ok(Credentials { user, secret, prepared })
}

fn password(arguments: &Arguments) -> Result<Vec<u8>, String> {
    let mut password =
        std::fs::read(&arguments.password_file).map_err(|error| format!("cannot read the password file: {error}"))?;
    if password.ends_with(b"\n") {
        password.pop();
        if password.ends_with(b"\r") {
            password.pop();
        }
    }
    Ok(password)
}

fn options(timeout: u32) -> Options {
    let wait = u64::from(timeout) * 1_000_000_000;
    Options {
        timeouts: Timeouts { connect: wait, reply: wait, send: wait, quit: wait, session: None },
        limits: Limits {
            reply_line: 4096,
            listing_entries: 250_000,
            listing_octets: 16 << 20,
            credential: 16 << 10,
            in_flight: 128,
        },
        scram_iterations: ScramIterations { least: 4096, most: 1_000_000 },
    }
}

fn socket_address(address: SocketAddr) -> IpSocketAddress {
    match address {
        SocketAddr::V4(v4) => {
            IpSocketAddress::Ipv4(Ipv4SocketAddress { port: v4.port(), address: v4.ip().octets().into() })
        }
        SocketAddr::V6(v6) => IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port: v6.port(),
            flow_info: v6.flowinfo(),
            address: v6.ip().segments().into(),
            scope_id: v6.scope_id(),
        }),
    }
}

fn cannot_store(error: io::Error) -> String {
    format!("cannot store: {error}")
}

/// One line. The server's words in it are escaped by the session.
fn describe(error: Error) -> String {
    match error {
        Error::InvalidArgument(why) | Error::InvalidState(why) => why,
        Error::NotSupported(what) => format!("{what}; --tls off goes on without, with everything in clear text"),
        Error::ConnectFailed(causes) => format!("cannot connect: {causes}"),
        Error::Timeout(wait) => format!("timed out ({wait:?})"),
        Error::Closed(_) => "the server closed the connection".to_owned(),
        Error::TlsFailed(cause) => format!("no TLS: {cause}"),
        Error::Network(cause) => format!("the connection broke: {cause}"),
        Error::Refused(Refusal { command, reply, .. }) => format!("the server refused {command}: {}", reply.text),
        Error::SignInRefused(Refusal { reply, .. }) => format!("the server refused the sign-in: {}", reply.text),
        Error::NoMechanism(why) => format!("no permitted way to sign in ({why}); see --auth"),
        Error::Misbehaved(Misbehaviour { problem, line, .. }) => {
            format!("the server does not speak POP3: {problem} {line}")
        }
        Error::LimitExceeded(excess) => format!("the server answers with too much ({})", excess.limit),
    }
}
