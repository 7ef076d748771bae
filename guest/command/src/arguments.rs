//! The command line.

use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};
use percent_encoding::percent_decode_str;
use popfetch_component::types::Mechanism;
use url::Url;

pub(crate) const HELP: &str = "\
Usage: popfetch-command pop3://USER@HOST[:PORT] --maildir DIR --password-file FILE
                        [--auth apop,user] [--delete] [--timeout SECONDS]

Fetches all messages into a Maildir, over a connection without TLS.

  --maildir DIR         where to deliver to, in a directory that the host has given
  --password-file FILE  the password and, perhaps, a line end
  --auth LIST           permitted ways to sign in, in this order: apop, user (default: apop)
  --delete              delete at the server what is stored
  --timeout SECONDS     how long to wait for the server each time (default: 60)";

pub(crate) struct Arguments {
    pub(crate) user: String,
    pub(crate) host: String,
    pub(crate) port: u16,
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
        let mut permitted = vec![Mechanism::Apop];
        let mut delete = false;
        let mut timeout = 60;
        let mut parser = Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Value(value) if url.is_none() => url = Some(value.string()?),
                Arg::Long("maildir") => maildir = Some(PathBuf::from(parser.value()?)),
                Arg::Long("password-file") => password_file = Some(PathBuf::from(parser.value()?)),
                Arg::Long("auth") => permitted = parser.value()?.parse_with(mechanisms)?,
                Arg::Long("delete") => delete = true,
                Arg::Long("timeout") => timeout = parser.value()?.parse()?,
                Arg::Short('h') | Arg::Long("help") => return Ok(None),
                other => return Err(other.unexpected()),
            }
        }
        let url = url.ok_or("the server is missing: pop3://USER@HOST[:PORT]")?;
        let (user, host, port) = server(&url)?;
        Ok(Some(Arguments {
            user,
            host,
            port,
            maildir: maildir.ok_or("--maildir is missing")?,
            password_file: password_file.ok_or("--password-file is missing")?,
            permitted,
            delete,
            timeout,
        }))
    }
}

fn mechanisms(list: &str) -> Result<Vec<Mechanism>, String> {
    let mechanism = |name| match name {
        "apop" => Ok(Mechanism::Apop),
        "user" => Ok(Mechanism::User),
        _ => Err("not a list of apop and user".to_owned()),
    };
    list.split(',').map(mechanism).collect()
}

/// User, host and port of the URL. No error repeats it: it may hold a password.
fn server(url: &str) -> Result<(String, String, u16), String> {
    let url = Url::parse(url).map_err(|error| format!("not a URL: {error}"))?;
    if url.scheme() != "pop3" {
        return Err("the URL begins with pop3://; this component has no TLS".to_owned());
    }
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
    Ok((user.into_owned(), host, url.port().unwrap_or(110)))
}
