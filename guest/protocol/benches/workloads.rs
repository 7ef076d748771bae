//! What the protocol core is measured with: whole answers of a server, in segments as the network gives them.
//!
//! Content, 1 MiB each in segments of 64 KiB, of which octets are counted:
//!
//! | name | lines | why |
//! | --- | --- | --- |
//! | `ordinary` | 76 octets, one of 500 begins with a dot | what mail is: prose and base64 |
//! | `dotted` | 76 octets, each begins with a dot | each line has to be moved |
//! | `empty` | no octets | nothing but line ends |
//! | `one octet` | `x` | the shortest lines with content |
//! | `one dot` | `..`, which is a dot | the worst case: of each four octets one is taken out |
//! | `messages` | 76 octets | 256 messages of 4 KiB, each behind its `+OK` |
//! | `octet by octet` | 76 octets | 128 KiB in segments of one octet: what a call costs |
//!
//! `lf` is a server that ends its lines with LF alone.
//!
//! Listings and replies, of which lines are counted: `LIST` and `UIDL` of 20,000 messages, with unique-ids of 20 and of 70
//! octets and with a cut in each row, `CAPA` of 20,000 rows, and the replies to 20,000 `DELE`.
//!
//! What was consumed is not looked at again, so that the cost of each is linear in its octets. A copy of each segment to where
//! the session unstuffs it is measured with it; in a sandbox, the host makes that copy when the component reads.

use pop3_protocol::{Command, Event, Limits, Session};

/// What one read of the network brings at most.
const SEGMENT: usize = 64 * 1024;

/// Octets of content. Little enough for a processor's cache, in which the network leaves it, too.
const CONTENT: usize = 1 << 20;

/// Rows of a listing, and replies.
const ROWS: u32 = 20_000;

/// What a server sends in answer to some commands.
#[derive(Debug)]
pub struct Workload {
    /// As in the documentation of this crate.
    pub name: &'static str,
    /// What is counted.
    pub amount: Amount,
    commands: Vec<Command<'static>>,
    sent: String,
    segment: usize,
    /// How many events the answers are, those of content not counted.
    events: usize,
}

/// How much there is in a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Octets that the server sends.
    Octets(usize),
    /// Lines that it sends.
    Lines(usize),
}

/// All workloads.
pub fn all() -> Vec<Workload> {
    let ordinary = ordinary_lines();
    let dotted = [stuffed_line()];
    let [empty, one_octet, one_dot] = ["", "x", ".."].map(|line| [line.to_owned()]);
    let message = |octets, lines: &[String], end| vec![(Command::Retr(1), content(octets, lines, end))];
    let small = |number| (Command::Retr(number), content(4096, &ordinary, "\r\n"));
    vec![
        octets("body/ordinary", SEGMENT, message(CONTENT, &ordinary, "\r\n")),
        octets("body/dotted", SEGMENT, message(CONTENT, &dotted, "\r\n")),
        octets("body/empty", SEGMENT, message(CONTENT, &empty, "\r\n")),
        octets("body/one octet", SEGMENT, message(CONTENT, &one_octet, "\r\n")),
        octets("body/one dot", SEGMENT, message(CONTENT, &one_dot, "\r\n")),
        octets("body/lf, ordinary", SEGMENT, message(CONTENT, &ordinary, "\n")),
        octets("body/lf, dotted", SEGMENT, message(CONTENT, &dotted, "\n")),
        octets("body/lf, empty", SEGMENT, message(CONTENT, &empty, "\n")),
        octets("body/lf, one dot", SEGMENT, message(CONTENT, &one_dot, "\n")),
        octets("body/messages", SEGMENT, (1..=256).map(small).collect()),
        octets("body/octet by octet", 1, message(1 << 17, &ordinary, "\r\n")),
        listing("listing/LIST", SEGMENT, Command::List(None), |row| {
            format!("{row} {}", u64::from(row) * 977 % 100_000)
        }),
        listing("listing/UIDL, 20 octets", SEGMENT, Command::Uidl(None), |row| format!("{row} {row:020x}")),
        listing("listing/UIDL, 70 octets", SEGMENT, Command::Uidl(None), |row| format!("{row} {row:070x}")),
        listing("listing/UIDL, rows cut", 17, Command::Uidl(None), |row| format!("{row} {row:020x}")),
        listing("listing/CAPA", SEGMENT, Command::Capa, |_| "SASL PLAIN LOGIN".to_owned()),
        replies("replies/+OK", |number| format!("+OK message {number} deleted")),
        replies("replies/-ERR", |number| format!("-ERR [SYS/TEMP] message {number} is locked")),
    ]
}

impl Workload {
    /// Plays it in a new session that is signed in. `segment` is where the octets of one read are put. Gives the octets of
    /// content.
    ///
    /// # Panics
    ///
    /// The session does not say what it must: a figure for something else would be worse than none.
    pub fn play(&self, segment: &mut Vec<u8>) -> usize {
        let mut session = signed_in();
        for command in &self.commands {
            session.enqueue(*command).expect("a command of TRANSACTION");
        }
        drop(session.take_output());
        let (mut events, mut octets) = (0, 0);
        for read in self.sent.as_bytes().chunks(self.segment) {
            segment.clear();
            segment.extend_from_slice(read);
            let mut rest = segment.as_mut_slice();
            loop {
                let step = session.receive(rest).expect("an answer");
                let consumed = step.consumed;
                match step.event {
                    None => break,
                    Some(Event::Content { held, at }) => octets += held.len() + at.len(),
                    Some(_) => events += 1,
                }
                rest = &mut rest[consumed..];
            }
        }
        assert_eq!((events, session.in_flight()), (self.events, 0), "{}", self.name);
        octets
    }
}

fn signed_in() -> Session {
    let mut session = Session::new(Limits::default());
    for command in [None, Some(Command::User("mrose")), Some(Command::Pass(b"mvan99"))] {
        command.map(|command| session.enqueue(command)).transpose().expect("a command of AUTHORIZATION");
        session.receive(&mut b"+OK\r\n".to_owned()).expect("a reply");
    }
    session
}

fn octets(name: &'static str, segment: usize, messages: Vec<(Command<'static>, String)>) -> Workload {
    let events = 2 * messages.len();
    let (commands, answers): (_, Vec<_>) = messages.into_iter().unzip();
    let sent = answers.concat();
    Workload { name, amount: Amount::Octets(sent.len()), commands, sent, segment, events }
}

fn listing(name: &'static str, segment: usize, command: Command<'static>, row: impl Fn(u32) -> String) -> Workload {
    let rows: String = (1..=ROWS).map(|number| row(number) + "\r\n").collect();
    let sent = format!("+OK\r\n{rows}.\r\n");
    let lines = sent.lines().count();
    Workload { name, amount: Amount::Lines(lines), commands: vec![command], sent, segment, events: lines }
}

fn replies(name: &'static str, reply: impl Fn(u32) -> String) -> Workload {
    let commands: Vec<_> = (1..=ROWS).map(Command::Dele).collect();
    let sent = (1..=ROWS).map(|number| reply(number) + "\r\n").collect();
    let lines = commands.len();
    Workload { name, amount: Amount::Lines(lines), commands, sent, segment: SEGMENT, events: lines }
}

/// The answer to a `RETR`: content of these lines in turn, at least so many octets.
fn content(octets: usize, lines: &[String], line_end: &str) -> String {
    let mut answer = format!("+OK {octets} octets{line_end}");
    for line in lines.iter().cycle() {
        if answer.len() >= octets {
            break;
        }
        answer += line;
        answer += line_end;
    }
    answer + "." + line_end
}

/// 500 lines of 76 octets out of prose and base64, of which one begins with a dot.
fn ordinary_lines() -> Vec<String> {
    const TEXT: &str =
        "the maildrop holds 2 messages (320 octets). Yours, M. Rose+/9j/4AAQSkZJRgABAQEAYABgAAD012345678==; ";
    let line = |number: usize| TEXT.chars().cycle().skip(number % 40).take(76).collect();
    (0..500).map(|number| if number == 250 { stuffed_line() } else { line(number) }).collect()
}

/// A line of 76 octets that begins with a dot, as it is sent.
fn stuffed_line() -> String {
    format!("..{}", "x".repeat(75))
}
