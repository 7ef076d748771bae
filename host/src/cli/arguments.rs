//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::auth::Auth;
use crate::session::ScramIterations;
use crate::tls::{Pin, PinError};

const EXIT_CODES: &str = "\
Exit codes (sysexits.h):
   0  all done
  64  the command line is wrong
  69  unavailable: unknown host, connection refused, no STLS, or the server refuses what is
      needed
  70  internal error: the component failed in its sandbox
  73  cannot store in the Maildir, or cannot make the state file or the trace
  74  the connection broke, or reading or writing failed
  75  try again later: mailbox in use, another run fetching it, trouble of the server that will
      pass, timeout, a message that could not be fetched, QUIT not confirmed
  76  the server does not speak POP3 or TLS as it must, or its certificate is not accepted
  77  sign-in refused, or the server offers no permitted way to sign in, or wants a certificate
  78  configuration: no usable password, a file that is not what it should be
 129, 130, 143  ended by SIGHUP, SIGINT, SIGTERM";

/// Headings of --help.
const MAIL: &str = "Mail";
const SIGNING_IN: &str = "Signing in";
const CONNECTION: &str = "Connection";

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
    /// Show, check or repair the journal of what became of each message
    Journal(Journal),
}

#[derive(Debug, Args)]
pub(super) struct Fetch {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(flatten)]
    pub(super) sign_in: SignIn,
    /// The Maildir to deliver to; made if it is missing. %u is the user of the account, %h its host
    #[arg(long, value_name = "DIR", help_heading = MAIL)]
    pub(super) maildir: PathBuf,
    /// How many accounts to fetch from at a time
    #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u16).range(1..), help_heading = MAIL)]
    pub(super) jobs: u16,
    /// Delete at the server what is durably stored
    #[arg(long, conflicts_with = "keep", help_heading = MAIL)]
    pub(super) delete: bool,
    /// Delete at the server what was stored so long ago, as 14d or 36h
    #[arg(long, value_name = "TIME", value_parser = age, conflicts_with_all = ["delete", "keep", "no_state"], help_heading = MAIL)]
    pub(super) delete_after: Option<Duration>,
    /// Leave everything at the server (the default)
    #[arg(long, help_heading = MAIL)]
    keep: bool,
    #[command(flatten)]
    pub(super) state: StateArguments,
    /// Take what is in the maildrop for known and fetch nothing; later runs fetch what has come since
    #[arg(long, conflicts_with_all = ["no_state", "delete", "delete_after", "max_size", "min_size", "limit", "limit_bytes"], help_heading = MAIL)]
    pub(super) mark_seen: bool,
    /// Leave larger messages at the server (k, M and G are 1024 octets, and so on)
    #[arg(long, value_name = "OCTETS", value_parser = octets, help_heading = MAIL)]
    pub(super) max_size: Option<u64>,
    /// Leave smaller messages at the server
    #[arg(long, value_name = "OCTETS", value_parser = octets, help_heading = MAIL)]
    pub(super) min_size: Option<u64>,
    /// Leave messages at the server that have come longer ago, as 30d or 12h
    #[arg(long, value_name = "TIME", value_parser = age, help_heading = MAIL)]
    pub(super) newer_than: Option<Duration>,
    /// Fetch so many messages at the most, the oldest first
    #[arg(long, value_name = "N", help_heading = MAIL)]
    pub(super) limit: Option<u32>,
    /// Fetch so many octets at the most, but one message in any case
    #[arg(long, value_name = "OCTETS", value_parser = octets, help_heading = MAIL)]
    pub(super) limit_bytes: Option<u64>,
    /// Only tell what would be fetched and deleted, and what not and why
    #[arg(long, help_heading = MAIL)]
    pub(super) dry_run: bool,
    /// How often in a row to connect again when the connection breaks and no message has come since
    #[arg(long, value_name = "N", default_value = "3", help_heading = CONNECTION)]
    pub(super) reconnect: u32,
    /// End the session when the server sends fewer octets a second, as an average over --timeout
    #[arg(long, value_name = "OCTETS", value_parser = octets, help_heading = CONNECTION)]
    pub(super) min_rate: Option<u64>,
    #[command(flatten)]
    pub(super) output: Output,
}

/// Where it is kept what became of each message.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = MAIL)]
pub(super) struct StateArguments {
    /// The journal of what becomes of each message (SQLite); what is stored is not fetched again
    /// [default: popfetch/journal in $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, value_name = "FILE")]
    pub(super) state: Option<PathBuf>,
    /// Keep no journal: each run fetches everything
    #[arg(long, conflicts_with = "state")]
    pub(super) no_state: bool,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(flatten)]
    pub(super) sign_in: SignIn,
    /// Show From, Subject and Date of each message, too (TOP)
    #[arg(long, help_heading = MAIL)]
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

#[derive(Debug, Args)]
pub(super) struct Journal {
    #[command(subcommand)]
    pub(super) command: JournalCommand,
    /// The journal, if not that of this user
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) state: Option<PathBuf>,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Subcommand)]
pub(super) enum JournalCommand {
    /// Show the accounts, and the messages that could not be fetched
    List {
        /// Show each message
        #[arg(long)]
        messages: bool,
    },
    /// Look through the whole file for damage
    Check,
    /// Set a damaged journal aside, and take over what can be read of it
    Repair,
}

/// How to reach the server.
#[derive(Debug, Args)]
#[command(next_help_heading = CONNECTION)]
pub(super) struct Connection {
    /// pop3://[user@]host[:port] (110), or pop3s://… (995, TLS from the start); fetch takes several
    //
    // A text still: what clap cannot parse it repeats, and this may hold a password.
    #[arg(value_name = "URL", required = true, help_heading = "Arguments")]
    pub(super) urls: Vec<String>,
    /// Permitted ways to sign in, in the order to try: auto, scram-sha-256, scram-sha-1, cram-md5, apop, plain, login,
    /// user, oauthbearer, xoauth2, external. auto is the strongest that the server offers; without TLS only scram
    #[arg(long, value_name = "LIST", default_value = "auto", value_delimiter = ',', help_heading = SIGNING_IN)]
    pub(super) auth: Vec<Auth>,
    /// How often SCRAM may hash the password
    #[arg(long, value_name = "MIN-MAX", default_value = "4096-1000000", value_parser = iterations, help_heading = SIGNING_IN)]
    pub(super) scram_iterations: ScramIterations,
    /// The language of the server's words, as de or fr-CA; * for the best that it has (RFC 6856)
    #[arg(long, value_name = "TAG")]
    pub(super) lang: Option<String>,
    /// Write each line of the session to this file, for a bug report: without secrets and contents of messages
    #[arg(long, value_name = "FILE")]
    pub(super) trace: Option<PathBuf>,
    /// How long to wait for the server each time
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(super) timeout: Duration,
    /// How long the run may take as a whole
    #[arg(long, value_name = "SECONDS", default_value = "86400", value_parser = seconds)]
    pub(super) deadline: Duration,
    /// Another build of the component
    #[arg(long, value_name = "FILE")]
    pub(super) component: Option<PathBuf>,
    #[command(flatten)]
    pub(super) security: SecurityArguments,
}

/// How the connection is protected.
#[derive(Debug, Args)]
#[command(next_help_heading = "TLS")]
pub(super) struct SecurityArguments {
    /// starttls, implicit, or off: everything in clear text [default: starttls for pop3://, implicit for pop3s://]
    #[arg(long, value_name = "HOW", hide_possible_values = true)]
    pub(super) tls: Option<TlsMode>,
    /// Certificate authorities to trust instead of the system's (PEM); may be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Vec<PathBuf>,
    /// The server's key has to be this one: sha256/BASE64, as info shows it. With a pin, any CA will do; may be repeated
    #[arg(long, value_name = "PIN", value_parser = pin)]
    pub(super) tls_pin: Vec<Pin>,
    /// A certificate of one's own (PEM), for servers that want one
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(super) tls_cert: Option<PathBuf>,
    /// The key of that certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(super) tls_key: Option<PathBuf>,
    /// The oldest version that is accepted: 1.2 or 1.3
    #[arg(long, value_name = "VERSION", default_value = "1.2", hide_possible_values = true)]
    pub(super) tls_min: TlsMinimum,
    /// The name that the certificate has to be for, if not the host of the URL
    #[arg(long, value_name = "NAME")]
    pub(super) tls_name: Option<String>,
}

impl SecurityArguments {
    /// An option that is there and demands something of TLS. Which CAs are trusted is no demand: it may stand in every command
    /// of a machine.
    pub(super) fn first_that_needs_tls(&self) -> Option<&'static str> {
        let given = [
            ("--tls-pin", !self.tls_pin.is_empty()),
            ("--tls-cert", self.tls_cert.is_some()),
            ("--tls-min 1.3", self.tls_min == TlsMinimum::Tls13),
            ("--tls-name", self.tls_name.is_some()),
        ];
        given.into_iter().find_map(|(option, is_given)| is_given.then_some(option))
    }
}

/// Who signs in.
#[derive(Debug, Args)]
#[command(next_help_heading = SIGNING_IN)]
pub(super) struct SignIn {
    /// The user, if the URL does not name one
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,
    /// A file that holds the password and, perhaps, a line end; %u and %h as for --maildir
    #[arg(long, value_name = "FILE", group = "secret")]
    pub(super) password_file: Option<PathBuf>,
    /// A command, run by sh, that prints the password; $POPFETCH_USER and $POPFETCH_HOST say whose
    #[arg(long, value_name = "CMD", group = "secret")]
    pub(super) password_command: Option<String>,
    /// A file that holds a token for oauthbearer or xoauth2
    #[arg(long, value_name = "FILE", group = "secret")]
    pub(super) token_file: Option<PathBuf>,
    /// A command, run by sh, that prints the token; run once more when the server refuses it
    #[arg(long, value_name = "CMD", group = "secret")]
    pub(super) token_command: Option<String>,
}

/// What is said, and how.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct Output {
    /// Lines for people, or one JSON object for each event
    #[arg(long = "output", value_name = "FORMAT", default_value = "text", global = true)]
    pub(super) format: Format,
    /// Say more: each message
    #[arg(short, long, conflicts_with = "quiet", global = true)]
    pub(super) verbose: bool,
    /// Say nothing but errors and warnings
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TlsMode {
    Off,
    Starttls,
    Implicit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TlsMinimum {
    #[value(name = "1.2")]
    Tls12,
    #[value(name = "1.3")]
    Tls13,
}

/// A number of days or hours.
fn age(text: &str) -> Result<Duration, String> {
    const HOUR: u64 = 3600;
    let (digits, unit) = match (text.strip_suffix('d'), text.strip_suffix('h')) {
        (Some(digits), _) => (digits, 24 * HOUR),
        (None, Some(digits)) => (digits, HOUR),
        (None, None) => return Err("a time as 14d or 36h".to_owned()),
    };
    let number = digits.parse::<u64>().ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_digit()));
    let seconds = number.and_then(|number| number.checked_mul(unit));
    seconds.map(Duration::from_secs).ok_or_else(|| "a time as 14d or 36h".to_owned())
}

/// A number of octets, with `k`, `M` or `G` behind it for multiples of 1024.
fn octets(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1 << 10),
        None => match (text.strip_suffix('M'), text.strip_suffix('G')) {
            (Some(digits), _) => (digits, 1 << 20),
            (None, Some(digits)) => (digits, 1 << 30),
            (None, None) => (text, 1),
        },
    };
    let number = digits.parse::<u64>().ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_digit()));
    number
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| "a number of octets, as 500k, 20M or 1G".to_owned())
}

fn pin(text: &str) -> Result<Pin, String> {
    text.parse().map_err(|error: PinError| error.to_string())
}

fn iterations(text: &str) -> Result<ScramIterations, String> {
    let range = || {
        let (least, most) = text.split_once('-')?;
        Some(ScramIterations { least: least.parse().ok()?, most: most.parse().ok()? })
    };
    range()
        .filter(|range| (1..=range.most).contains(&range.least))
        .ok_or_else(|| "two numbers, as 4096-1000000".to_owned())
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
