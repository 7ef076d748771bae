//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::auth::Auth;

const EXIT_CODES: &str = "\
Exit codes (sysexits.h):
   0  all done
  64  the command line is wrong
  69  unavailable: unknown host, connection refused, TLS or a way to sign in that this version
      lacks, or the server refuses what is needed
  70  internal error: the component failed in its sandbox
  73  cannot store in the Maildir, or cannot make the state file
  74  the connection broke, or reading or writing failed
  75  try again later: mailbox in use, trouble of the server that will pass, timeout,
      QUIT not confirmed
  76  the server does not speak POP3 as it must
  77  sign-in refused, or the server offers no permitted way to sign in
  78  configuration: no usable password, a file that is not what it should be
 129, 130, 143  ended by SIGHUP, SIGINT, SIGTERM";

/// Fetches mail over POP3. The protocol is parsed in a WebAssembly sandbox, and only there.
#[derive(Debug, Parser)]
#[command(name = "popfetch", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Fetch all messages into a Maildir
    Fetch(Fetch),
    /// Show what is in the maildrop: number, size, unique-id
    List(List),
    /// Show what the server can do and how popfetch would sign in; nobody is signed in
    Info(Info),
}

#[derive(Debug, Args)]
pub(super) struct Fetch {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(flatten)]
    pub(super) sign_in: SignIn,
    /// The Maildir to deliver to; made if it is missing
    #[arg(long, value_name = "DIR")]
    pub(super) maildir: PathBuf,
    /// Delete at the server what is durably stored
    #[arg(long, conflicts_with = "keep")]
    pub(super) delete: bool,
    /// Leave everything at the server (the default)
    #[arg(long)]
    keep: bool,
    /// Remember in this file (SQLite) what is stored, and do not fetch it again
    #[arg(long, value_name = "FILE")]
    pub(super) state: Option<PathBuf>,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(flatten)]
    pub(super) sign_in: SignIn,
    /// Show From, Subject and Date of each message, too (TOP)
    #[arg(long)]
    pub(super) headers: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Info {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(flatten)]
    pub(super) output: Output,
}

/// How to reach the server.
#[derive(Debug, Args)]
pub(super) struct Connection {
    /// pop3://[user@]host[:port] (110), or pop3s://… (995, TLS from the start; not in this version)
    //
    // A text still: what clap cannot parse it repeats, and this may hold a password.
    #[arg(value_name = "URL")]
    pub(super) url: String,
    /// Has to be "off" in this version [default: starttls for pop3://, implicit for pop3s://]
    #[arg(long, value_name = "HOW")]
    pub(super) tls: Option<Tls>,
    /// Certificate authorities for TLS (PEM); not used in this version, which has no TLS
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// Permitted ways to sign in, in the order to try: auto (nothing that gives the password away), apop, user
    #[arg(long, value_name = "LIST", default_value = "auto", value_delimiter = ',')]
    pub(super) auth: Vec<Auth>,
    /// How long to wait for the server each time
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(super) timeout: Duration,
    /// How long the session may take as a whole
    #[arg(long, value_name = "SECONDS", default_value = "86400", value_parser = seconds)]
    pub(super) deadline: Duration,
    /// Another build of the component
    #[arg(long, value_name = "FILE")]
    pub(super) component: Option<PathBuf>,
}

/// Who signs in.
#[derive(Debug, Args)]
pub(super) struct SignIn {
    /// The user, if the URL does not name one
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,
    /// A file that holds the password and, perhaps, a line end
    #[arg(long, value_name = "FILE", conflicts_with = "password_command")]
    pub(super) password_file: Option<PathBuf>,
    /// A command, run by sh, that prints the password
    #[arg(long, value_name = "CMD")]
    pub(super) password_command: Option<String>,
}

/// What is said, and how.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Output {
    /// Lines for people, or one JSON object for each event
    #[arg(long = "output", value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
    /// Say more: each message
    #[arg(short, long, conflicts_with = "quiet")]
    pub(super) verbose: bool,
    /// Say nothing but errors and warnings
    #[arg(short, long)]
    pub(super) quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Tls {
    Off,
    Starttls,
    Implicit,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("a number of seconds above 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
