//! Commands on their way out: which may go, and what stands in their lines.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64, Encoding};
use zeroize::{Zeroize, Zeroizing};

use super::{Exchange, Session, State};
use crate::command::{Command, Sent, write_line};
use crate::error::CommandError;
use crate::sasl::Mechanism;

impl Session {
    /// Checks a command and adds it to the output.
    ///
    /// # Errors
    ///
    /// The command must not be sent: its state is another, or an argument is wrong. Nothing has changed.
    pub fn enqueue(&mut self, command: Command<'_>) -> Result<(), CommandError> {
        self.check_state(&command)?;
        let sent = command.sent().ok_or(CommandError::MessageZero)?;
        match command {
            Command::User(user) => {
                self.check_argument("user name", user.as_bytes())?;
                self.write_secret_line(&[b"USER ", user.as_bytes()]);
                self.trace_sent(&[b"USER ", user.as_bytes()]);
            }
            Command::Pass(secret) => {
                if !self.user_accepted {
                    return Err(CommandError::PassWithoutUser);
                }
                self.check_argument("password", secret)?;
                self.write_secret_line(&[b"PASS ", secret]);
                self.trace_sent(&[b"PASS [password]"]);
            }
            Command::Apop { user, secret } => {
                self.check_argument("user name", user.as_bytes())?;
                self.check_argument("password", secret)?;
                let timestamp = self.timestamp.as_ref().ok_or(CommandError::NoTimestamp)?;
                let digest = timestamp.digest(secret);
                self.write_secret_line(&[b"APOP ", user.as_bytes(), b" ", &digest]);
                self.trace_sent(&[b"APOP ", user.as_bytes(), b" [digest]"]);
            }
            Command::Auth { mechanism, initial, proves } => {
                self.begin_exchange(mechanism, initial);
                self.exchange = Exchange::Server { proved: proves };
            }
            Command::Lang(Some(language)) => {
                self.check_argument("language", language.as_bytes())?;
                if !language.bytes().all(|octet| octet.is_ascii_graphic()) {
                    return Err(CommandError::NoLanguage);
                }
                self.write_secret_line(&[b"LANG ", language.as_bytes()]);
                self.trace_sent(&[b"LANG ", language.as_bytes()]);
            }
            Command::Top { message, lines } => self.write_line(format_args!("TOP {message} {lines}")),
            _ => self.write_line(format_args!("{sent}")),
        }
        self.user_accepted = false;
        self.awaited.push_back(sent);
        if command == Command::Quit {
            self.state = if self.state == State::Transaction { State::Update } else { State::Closed };
        }
        Ok(())
    }

    /// Answers the server's challenge in the exchange of `AUTH`. `response` is not yet in base64; `proves` says that with it
    /// the client has said what proves who it is, so that `+OK` is the end of the exchange.
    ///
    /// # Errors
    ///
    /// There is no challenge. Nothing has changed.
    pub fn respond(&mut self, response: &[u8], proves: bool) -> Result<(), CommandError> {
        self.check_challenged()?;
        let encoded = Zeroizing::new(Base64::encode_string(response));
        self.write_secret_line(&[encoded.as_bytes()]);
        self.trace_sent(&[if response.is_empty() { b"" } else { b"[response]" }]);
        self.exchange = Exchange::Server { proved: proves };
        Ok(())
    }

    /// Gives up the exchange of `AUTH` (RFC 5034 §4): the server's answer will be `-ERR`.
    ///
    /// # Errors
    ///
    /// There is no challenge. Nothing has changed.
    pub fn cancel(&mut self) -> Result<(), CommandError> {
        self.check_challenged()?;
        self.write_line(format_args!("*"));
        self.exchange = Exchange::Cancelled;
        Ok(())
    }

    /// Checks what both commands of a sign-in with `USER` and `PASS` need, so that none is sent where the other cannot be.
    ///
    /// # Errors
    ///
    /// An argument is wrong.
    pub fn check_credentials(&self, user: &str, secret: &[u8]) -> Result<(), CommandError> {
        self.check_argument("user name", user.as_bytes())?;
        self.check_argument("password", secret)
    }

    fn check_state(&self, command: &Command<'_>) -> Result<(), CommandError> {
        use Command::{Apop, Auth, Capa, Lang, Pass, Quit, Stls, User, Utf8};
        if self.state == State::Authorization {
            // Where the next line of the client, or of the server, is not one of POP3.
            let is_alone = |sent: &&Sent| matches!(sent, Sent::Auth(_) | Sent::Stls);
            let in_the_way = match command {
                Auth { .. } | Stls => self.awaited.front(),
                _ => self.awaited.iter().find(is_alone),
            };
            if let Some(awaited) = in_the_way {
                return Err(CommandError::Busy { awaited: *awaited });
            }
        }
        let allowed = match command {
            User(_) | Pass(_) | Apop { .. } | Utf8 | Auth { .. } | Stls => self.state == State::Authorization,
            Capa | Lang(_) | Quit => matches!(self.state, State::Authorization | State::Transaction),
            _ => self.state == State::Transaction,
        };
        if allowed { Ok(()) } else { Err(CommandError::State { command: command.keyword(), state: self.state }) }
    }

    fn check_challenged(&self) -> Result<(), CommandError> {
        // In an exchange that an error has ended, the next octets would be a secret for nobody.
        let is_open = self.state == State::Authorization && matches!(self.awaited(), Some(Sent::Auth(_)));
        if is_open && self.exchange == Exchange::Client { Ok(()) } else { Err(CommandError::NoChallenge) }
    }

    /// Adds the line of `AUTH`. An initial response of no octets is a `=` (RFC 5034 §4).
    fn begin_exchange(&mut self, mechanism: Mechanism, initial: Option<&[u8]>) {
        let name = mechanism.name().as_bytes();
        let Some(initial) = initial else {
            self.write_secret_line(&[b"AUTH ", name]);
            self.trace_sent(&[b"AUTH ", name]);
            return;
        };
        let encoded = match initial {
            [] => Zeroizing::new("=".to_owned()),
            initial => Zeroizing::new(Base64::encode_string(initial)),
        };
        self.write_secret_line(&[b"AUTH ", name, b" ", encoded.as_bytes()]);
        self.trace_sent(&[b"AUTH ", name, b" [initial response]"]);
    }

    fn check_argument(&self, argument: &'static str, octets: &[u8]) -> Result<(), CommandError> {
        let limit = self.limits.credential;
        if octets.is_empty() {
            Err(CommandError::Empty { argument })
        } else if octets.len() > limit {
            Err(CommandError::TooLong { argument, limit })
        } else if octets.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)) {
            Err(CommandError::ControlOctet { argument })
        } else {
            Ok(())
        }
    }

    fn trace_sent(&self, parts: &[&[u8]]) {
        if let Some(trace) = &self.trace {
            trace.sent(parts);
        }
    }

    /// Adds a line of a keyword and numbers.
    fn write_line(&mut self, line: fmt::Arguments<'_>) {
        self.make_room("TOP 4294967295 4294967295\r\n".len());
        let begin = self.output.len();
        write_line(&mut self.output, line);
        if let Some(trace) = &self.trace {
            trace.sent(&[self.output.get(begin..).unwrap_or_default().trim_ascii_end()]);
        }
    }

    /// Adds a line that may hold a secret.
    fn write_secret_line(&mut self, parts: &[&[u8]]) {
        self.make_room(parts.iter().map(|part| part.len()).sum::<usize>() + 2);
        for part in parts {
            self.output.extend_from_slice(part);
        }
        self.output.extend_from_slice(b"\r\n");
    }

    /// Lets the output grow. Left to itself, it would leave behind in memory what it has held, which may be a secret.
    fn make_room(&mut self, octets: usize) {
        let needed = self.output.len() + octets;
        if needed > self.output.capacity() {
            let mut output = Vec::with_capacity(needed.max(2 * self.output.capacity()));
            output.extend_from_slice(&self.output);
            self.output.zeroize();
            self.output = output;
        }
    }
}
