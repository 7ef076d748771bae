//! A session in TRANSACTION, and a message retrieved in it.
#![allow(dead_code, reason = "of the test crates that share this, not each has a use for all")]

use pop3_protocol::{Command, Event, Limits, Session};

/// What octets from a server mean while it sends a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// All content that is certain.
    pub(crate) content: Vec<u8>,
    /// Where the message ends, if it does.
    pub(crate) end: Option<usize>,
}

/// Greeted and signed in.
pub(crate) fn signed_in(limits: Limits) -> Session {
    let mut session = Session::new(limits);
    for command in [None, Some(Command::User("mrose")), Some(Command::Pass(b"mvan99"))] {
        if let Some(command) = command {
            session.enqueue(command).unwrap();
        }
        session.receive(&mut b"+OK\r\n".to_owned()).unwrap();
    }
    session.take_output();
    session
}

/// Retrieves a message from a server that ends its lines so, in segments of these sizes; of one octet where they run out.
pub(crate) fn retrieve(line_end: &[u8], octets: &[u8], sizes: impl IntoIterator<Item = usize>) -> Decoded {
    let mut session = signed_in(Limits::default());
    session.enqueue(Command::Retr(1)).unwrap();
    session.receive(&mut [b"+OK", line_end].concat()).unwrap();
    let mut decoded = Decoded { content: Vec::new(), end: None };
    let mut sizes = sizes.into_iter();
    let mut position = 0;
    while position < octets.len() {
        let size = sizes.next().unwrap_or(1);
        let segment = &octets[position..][..size.min(octets.len() - position)];
        let taken = receive_content(&mut session, segment, &mut decoded.content);
        position += taken;
        if session.in_flight() == 0 {
            decoded.end = Some(position);
            break;
        }
        assert_eq!(taken, segment.len(), "octets are left over");
    }
    decoded
}

/// Gives a session a segment of a message, up to the end of the message; how much of it that was.
fn receive_content(session: &mut Session, segment: &[u8], content: &mut Vec<u8>) -> usize {
    let mut buffer = segment.to_vec();
    let mut start = 0;
    loop {
        let step = session.receive(&mut buffer[start..]).unwrap();
        let consumed = step.consumed;
        match step.event {
            Some(Event::Content { held, at }) => {
                assert!(at.end <= consumed, "content at {at:?} of {consumed} octets");
                content.extend(held);
                content.extend(&buffer[start..][at]);
            }
            Some(Event::MessageEnd { octets, .. }) => {
                assert_eq!(octets, content.len() as u64);
                return start + consumed;
            }
            Some(event) => panic!("{event:?} inside of a message"),
            None => return start + consumed,
        }
        start += consumed;
    }
}
