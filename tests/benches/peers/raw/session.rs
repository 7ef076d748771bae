//! One session: sign in, ask for everything, take it as it comes.

use std::{fmt::Write as _, io};

use memchr::memmem;

use super::{connection::Connection, maildir::Maildir};

/// So many messages are asked for ahead.
const WINDOW: usize = 256;
/// So many commands go out at once, if as many are left.
const BATCH: usize = WINDOW / 4;

pub(super) fn fetch(mut connection: Connection, user: &str, password: &str, maildir: Maildir) -> io::Result<()> {
    connection.ok()?;
    connection.send("CAPA\r\n")?;
    connection.listing()?;
    connection.send(&format!("USER {user}\r\n"))?;
    connection.ok()?;
    connection.send(&format!("PASS {password}\r\n"))?;
    connection.ok()?;
    connection.send("STAT\r\nUIDL\r\n")?;
    let stat = connection.ok()?;
    let count = stat.split_whitespace().next().and_then(|count| count.parse().ok());
    connection.listing()?;
    Retrieval { connection: &mut connection, maildir, state: State::Reply }
        .run(count.ok_or(io::ErrorKind::InvalidData)?)?;
    connection.send("QUIT\r\n")?;
    connection.ok().map(drop)
}

struct Retrieval<'c> {
    connection: &'c mut Connection,
    maildir: Maildir,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before `+OK`.
    Reply,
    /// In a message, at the beginning of a line.
    Line,
    /// In a message, behind something in a line.
    Inside,
}

impl Retrieval<'_> {
    fn run(&mut self, count: usize) -> io::Result<()> {
        let (mut asked, mut done) = (0, 0);
        while done < count {
            let up_to = count.min(done + WINDOW);
            if up_to - asked >= BATCH || up_to == count {
                let mut commands = String::new();
                for number in asked + 1..=up_to {
                    let _ = write!(commands, "RETR {number}\r\n");
                }
                self.connection.send(&commands)?;
                asked = up_to;
            }
            self.connection.fill()?;
            while self.step(&mut done)? {}
        }
        self.maildir.finish()
    }

    /// Takes what has come of a line, a message or the end of one; false when more has to come first.
    fn step(&mut self, done: &mut usize) -> io::Result<bool> {
        let octets = self.connection.octets();
        match self.state {
            State::Reply => {
                if memmem::find(octets, b"\r\n").is_none() {
                    return Ok(false);
                }
                self.connection.ok()?;
                self.maildir.begin()?;
                self.state = State::Line;
            }
            State::Line if octets.starts_with(b".\r\n") => {
                self.connection.take(3);
                self.maildir.end()?;
                *done += 1;
                self.state = State::Reply;
            }
            // More has to come to know what this dot is.
            State::Line if b".\r\n".starts_with(octets) => return Ok(false),
            State::Line => {
                // The dot in front of another is not the message's.
                let stuffed = usize::from(octets[0] == b'.');
                self.connection.take(stuffed);
                self.state = State::Inside;
            }
            State::Inside => {
                let (taken, state) = match memmem::find(octets, b"\r\n.") {
                    Some(end) => (end + 2, State::Line),
                    None if octets.ends_with(b"\r\n") => (octets.len(), State::Line),
                    None if octets.ends_with(b"\r") => (octets.len() - 1, State::Inside),
                    None => (octets.len(), State::Inside),
                };
                self.maildir.write(&octets[..taken])?;
                self.connection.take(taken);
                self.state = state;
                return Ok(taken > 0);
            }
        }
        Ok(true)
    }
}
