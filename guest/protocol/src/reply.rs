//! Replies: `+OK` or `-ERR`, a response code, and words for people (RFC 1939 §3, RFC 2449 §8).

use nom::branch::alt;
use nom::bytes::complete::{is_not, tag_no_case, take_while};
use nom::character::complete::{char, one_of};
use nom::combinator::{eof, map, opt, peek, recognize, value};
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

/// What follows `+OK` or `-ERR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The response code, if the text begins with one.
    pub code: Option<ResponseCode<'a>>,
    /// The text behind the status and the response code, as sent; see [`escape`](crate::escape()).
    pub text: &'a [u8],
}

/// The machine-readable reason in brackets (RFC 2449 §8, RFC 3206).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseCode<'a> {
    /// `[IN-USE]`: another session holds the maildrop.
    InUse,
    /// `[LOGIN-DELAY]`: signed in again too soon.
    LoginDelay,
    /// `[SYS/TEMP]`: trouble of the server that will pass.
    SysTemp,
    /// `[SYS/PERM]`: trouble of the server that needs a person.
    SysPerm,
    /// `[AUTH]`: the credentials are wrong.
    Auth,
    /// Any other, without brackets, as sent.
    Other(&'a [u8]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Ok,
    Err,
}

/// The whole of a status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatusLine<'a> {
    pub(crate) status: Status,
    /// All behind the status, a response code too: where the numbers of `STAT`, `LIST n` and the like are.
    pub(crate) rest: &'a [u8],
    pub(crate) reply: Reply<'a>,
}

/// A line as a reply, if it is one. `+OKAY` is none; `+OK:`, which some servers say, is.
pub(crate) fn status_line(line: &[u8]) -> Option<StatusLine<'_>> {
    let (rest, status) = status(line).ok()?;
    let (text, code) = opt(response_code).parse(rest).ok()?;
    Some(StatusLine { status, rest, reply: Reply { code, text } })
}

/// Whether the line could go on so that it is a reply.
pub(crate) fn may_become_a_reply(beginning: &[u8]) -> bool {
    let begins = |status: &[u8]| status.iter().zip(beginning).all(|(one, other)| one.eq_ignore_ascii_case(other));
    begins(b"+OK") || begins(b"-ERR")
}

fn status(line: &[u8]) -> IResult<&[u8], Status> {
    let word = alt((value(Status::Ok, tag_no_case("+OK")), value(Status::Err, tag_no_case("-ERR"))));
    let boundary = alt((recognize(one_of(" \t:")), eof));
    terminated(word, (boundary, blanks)).parse(line)
}

fn response_code(text: &[u8]) -> IResult<&[u8], ResponseCode<'_>> {
    let code = preceded(peek(char('[')), delimited(char('['), is_not("[]"), char(']')));
    terminated(map(code, ResponseCode::of), blanks).parse(text)
}

pub(crate) fn blanks(text: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while(|octet| octet == b' ' || octet == b'\t').parse(text)
}

impl<'a> ResponseCode<'a> {
    fn of(code: &'a [u8]) -> Self {
        let known = [
            (&b"IN-USE"[..], Self::InUse),
            (b"LOGIN-DELAY", Self::LoginDelay),
            (b"SYS/TEMP", Self::SysTemp),
            (b"SYS/PERM", Self::SysPerm),
            (b"AUTH", Self::Auth),
        ];
        let found = known.into_iter().find(|(name, _)| code.eq_ignore_ascii_case(name));
        found.map_or(Self::Other(code), |(_, code)| code)
    }
}

#[cfg(test)]
mod tests {
    use super::{Reply, ResponseCode, Status, may_become_a_reply, status_line};

    #[track_caller]
    fn assert_reply(line: &[u8], status: Status, code: Option<ResponseCode<'_>>, text: &[u8]) {
        let parsed = status_line(line).expect("a reply");
        assert_eq!((parsed.status, parsed.reply), (status, Reply { code, text }));
    }

    #[test]
    fn replies() {
        assert_reply(b"+OK", Status::Ok, None, b"");
        assert_reply(b"+OK 2 320", Status::Ok, None, b"2 320");
        assert_reply(b"+ok\tdone", Status::Ok, None, b"done");
        assert_reply(b"+OK:", Status::Ok, None, b"");
        assert_reply(b"-ERR [IN-USE] locked", Status::Err, Some(ResponseCode::InUse), b"locked");
        assert_reply(b"-ERR [sys/temp]", Status::Err, Some(ResponseCode::SysTemp), b"");
        assert_reply(b"-ERR [X-NEW a b] why", Status::Err, Some(ResponseCode::Other(b"X-NEW a b")), b"why");
        assert_reply(b"-ERR [] empty", Status::Err, None, b"[] empty");
        assert_reply(b"-ERR [AUTH open", Status::Err, None, b"[AUTH open");
    }

    #[test]
    fn lines_that_are_no_replies() {
        for line in [&b""[..], b"+OKAY", b"+O", b"-ERROR", b" +OK", b"OK", b"-ERR\x00", b"* OK", b"SSH-2.0-x"] {
            assert_eq!(status_line(line), None, "{line:?}");
        }
    }

    #[test]
    fn beginnings_of_replies() {
        for beginning in [&b""[..], b"+", b"-", b"+o", b"-ER", b"+OK", b"+OK two", b"-err [IN-"] {
            assert!(may_become_a_reply(beginning), "{beginning:?}");
        }
        for beginning in [&b"\x15\x03\x01"[..], b" ", b"OK", b"+ER", b"-OK", b"SSH-2.0", b"220 "] {
            assert!(!may_become_a_reply(beginning), "{beginning:?}");
        }
    }
}
