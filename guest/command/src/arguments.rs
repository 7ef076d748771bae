//! The command line.

use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};
use percent_encoding::percent_decode_str;
use popfetch_component::types::{Mechanism, Security};
use url::Url;

pub(crate) const HELP: &str = "\
Usage: popfetch-command pop3://USER@HOST[:PORT] --maildir DIR --password-file FILE
                        [--tls HOW] [--auth LIST] [--delete] [--timeout SECONDS]

Fetches all messages into a Maildir.

  --maildir DIR         where to deliver to, in a directory that the host has given
  --password-file FILE  the password or token and, perhaps, a line end
  --tls HOW             starttls, implicit, or off: everything in clear text
                        (default: starttls for pop3://, implicit for pop3s://)
  --auth LIST           permitted ways to sign in, in this order: scram-sha-256, scram-sha-1,
                        cram-md5, apop, plain, login, user, oauthbearer, xoauth2, external
                        (default: scram-sha-256,scram-sha-1)
  --delete              delete at the server what is stored
  --timeout SECONDS     how long to wait for the server each time (default: 60)";

/// The names of mechanisms.
const MECHANISMS: [(&str, Mechanism); 10] = [
    ("scram-sha-256", Mechanism::ScramShaTwoFiveSix),
    ("scram-sha-1", Mechanism::ScramShaOne),
    ("cram-md5", Mechanism::CramMd5),
    ("apop", Mechanism::Apop),
    ("plain", Mechanism::Plain),
    ("login", Mechanism::Login),
    ("user", Mechanism::User),
    ("oauthbearer", Mechanism::Oauthbearer),
    ("xoauth2", Mechanism::XoauthTwo),
    ("external", Mechanism::External),
];

pub(crate) struct Arguments {
    pub(crate) user: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) maildir: PathBuf,
    pub(crate) password_file: PathBuf,
    pub(crate) permitted: Vec<Mechanism>,
    pub(crate) delete: bool,
    pub(crate) timeout: u32,
}

impl Arguments {
    /// The arguments of this process, or nothing where help is asked for.
    pub(crate) fn from_command_line() -> Result<Option<Self>, lexopt::Error> {
        let mut url = None;
        let mut maildir = None;
        let mut password_file = None;
        let mut permitted = vec![Mechanism::ScramShaTwoFiveSix, Mechanism::ScramShaOne];
        let mut tls = None;
        let mut delete = false;
        let mut timeout = 60;
        let mut parser = Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Value(value) if url.is_none() => url = Some(value.string()?),
                Arg::Long("maildir") => maildir = Some(PathBuf::from(parser.value()?)),
                Arg::Long("password-file") => password_file = Some(PathBuf::from(parser.value()?)),
                Arg::Long("tls") => tls = Some(parser.value()?.parse_with(security)?),
                Arg::Long("auth") => permitted = parser.value()?.parse_with(mechanisms)?,
                Arg::Long("delete") => delete = true,
                Arg::Long("timeout") => timeout = parser.value()?.parse()?,
                Arg::Short('h') | Arg::Long("help") => return Ok(None),
                other => return Err(other.unexpected()),
            }
        }
        let url = url.ok_or("the server is missing: pop3://USER@HOST[:PORT]")?;
        let Server { is_pop3s, user, host, port } = server(&url)?;
        let security = match (is_pop3s, tls) {
            (false, tls) => tls.unwrap_or(Security::StartTls),
            (true, None | Some(Security::ImplicitTls)) => Security::ImplicitTls,
            (true, Some(_)) => return Err("pop3s:// is TLS from the start; for another --tls write pop3://".into()),
        };
        Ok(Some(Arguments {
            user,
            host,
            port,
            security,
            maildir: maildir.ok_or("--maildir is missing")?,
            password_file: password_file.ok_or("--password-file is missing")?,
            permitted,
            delete,
            timeout,
        }))
    }
}

fn mechanisms(list: &str) -> Result<Vec<Mechanism>, String> {
    let mechanism = |name: &str| {
        let known = MECHANISMS.iter().find(|(known, _)| *known == name);
        known.map(|(_, mechanism)| *mechanism).ok_or_else(|| "not a list of ways to sign in; see --help".to_owned())
    };
    list.split(',').map(mechanism).collect()
}

fn security(how: &str) -> Result<Security, String> {
    match how {
        "off" => Ok(Security::Cleartext),
        "starttls" => Ok(Security::StartTls),
        "implicit" => Ok(Security::ImplicitTls),
        _ => Err("not one of off, starttls and implicit".to_owned()),
    }
}

/// What the URL says.
struct Server {
    is_pop3s: bool,
    user: String,
    host: String,
    port: u16,
}

/// No error repeats the URL: it may hold a password.
fn server(url: &str) -> Result<Server, String> {
    let url = Url::parse(url).map_err(|error| format!("not a URL: {error}"))?;
    let is_pop3s = match url.scheme() {
        "pop3" => false,
        "pop3s" => true,
        _ => return Err("the URL begins with pop3:// or pop3s://".to_owned()),
    };
    if url.password().is_some() {
        return Err("a password in the URL shows to others; use --password-file".to_owned());
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err("the URL ends with the host and port".to_owned());
    }
    let user = percent_decode_str(url.username()).decode_utf8().map_err(|_| "the user is not UTF-8".to_owned())?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    if user.is_empty() || host.is_empty() {
        return Err("the URL needs a user and a host: pop3://USER@HOST[:PORT]".to_owned());
    }
    let port = url.port().unwrap_or(if is_pop3s { 995 } else { 110 });
    Ok(Server { is_pop3s, user: user.into_owned(), host, port })
}
