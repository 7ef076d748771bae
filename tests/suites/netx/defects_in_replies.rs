//! What NetX gets wrong about replies and messages: 3, 4, 5 and 6 of the list.

use popfetch::contract::Error;
use popfetch::{Mechanism, ProtocolLimits, Session, SessionOptions};
use popfetch_tests::command::{PASSWORD, Popfetch};
use popfetch_tests::fingerprint::Fingerprint;
use popfetch_tests::maildrop::Maildrop;
use popfetch_tests::server::{At, Fault, ModelServer, Replay, Row, Script, Segments};

use super::client::{Received, SANDBOX, connect, credentials, options, pop3, receive, server_at, signed_in};

/// Plays the reply to RETR in these segments to the library and to the command, and both must have this message.
async fn retrieved(segments: &[&str], message: &str) {
    let opening = |capa: &str, password: &str, stat: &str| {
        Replay::transcript(&format!("S: +OK\n{capa}C: USER alice\nS: +OK\nC: PASS {password}\nS: +OK\n{stat}"))
    };
    let announced = message.len() as u64;

    let server = opening("", "secret", "").expect("RETR 1\r\n").send_segments(segments);
    let server = server.expect("QUIT\r\n").send("+OK\r\n").start();
    let mut session = connect(server.address()).await;
    session.sign_in(&credentials("alice", "secret"), &[Mechanism::User]).await.unwrap();
    let received = receive(&mut session, 1).await.unwrap();
    assert_eq!(received, Received { announced: Some(announced), octets: message.into() }, "{segments:?}");
    session.quit().await.unwrap();
    assert_eq!(server.finish(), Ok(()), "{segments:?}");

    let server = opening("C: CAPA\nS: -ERR\n", PASSWORD, "C: STAT\nS: +OK 1 1\nC: UIDL\nS: +OK\nS: 1 a\nS: .");
    let server = server.expect("RETR 1\r\n").send_segments(segments);
    let server = server.expect("DELE 1\r\n").send("+OK\r\n").expect("QUIT\r\n").send("+OK\r\n").start();
    let popfetch = Popfetch::new(env!("CARGO_BIN_EXE_popfetch-under-test"));
    popfetch.fetch(&server).args(["--auth", "user", "--delete"]).run().assert_success();
    assert_eq!(server.finish(), Ok(()), "{segments:?}");
    popfetch.maildir().assert_holds([Fingerprint::of("the message", message.as_bytes())]);
}

/// Defect 3, first half: an end of the message that is split over segments is not found, and the client hangs.
#[tokio::test]
async fn defect_3_the_end_is_found_wherever_it_is_split() {
    let reply = "+OK 10 octets\r\na: b\r\n\r\nx\r\n.\r\n";
    let message = "a: b\r\n\r\nx\r\n";
    let reply = reply.replace("10", &message.len().to_string());
    let end = reply.len() - "\r\n.\r\n".len();
    for split in end - 1..reply.len() {
        let (first, second) = reply.split_at(split);
        retrieved(&[first, second], message).await;
    }
    let (text, end) = reply.split_at(end);
    let each: Vec<&str> = std::iter::once(text).chain(end.split("").filter(|octet| !octet.is_empty())).collect();
    assert_eq!(each[1..], ["\r", "\n", ".", "\r", "\n"]);
    retrieved(&each, message).await;
}

/// Defect 3, second half: a short segment `.\r\n` that ends a text line is taken for the end, and the rest of the
/// message is lost.
#[tokio::test]
async fn defect_3_a_segment_that_looks_like_the_end_is_text() {
    let message = "a: b\r\n\r\nThis is the end of a line, not of the message.\r\nMore text.\r\n";
    let status = format!("+OK {} octets\r\n", message.len());
    let (before, after) = message.split_once(".\r\n").unwrap();
    retrieved(&[&format!("{status}{before}"), ".\r\n", after, ".\r\n"], message).await;

    // The same with a dot line that is stuffed, and cut between its two dots.
    let message = "a: b\r\n\r\n.\r\nMore text.\r\n";
    let status = format!("+OK {} octets\r\n", message.len());
    retrieved(&[&format!("{status}a: b\r\n\r\n."), ".\r\n", "More text.\r\n", ".\r\n"], message).await;
}

/// Defect 4: no dot-unstuffing, and the terminator is handed to the caller as body.
#[tokio::test]
async fn defect_4_dots_are_unstuffed_and_the_terminator_is_not_content() {
    let message = "a: b\r\n\r\n.\r\n..\r\n...\r\n.text\r\n..text\r\ntext.\r\n . \r\n.\r\n";
    let stuffed = "a: b\r\n\r\n..\r\n...\r\n....\r\n..text\r\n...text\r\ntext.\r\n . \r\n..\r\n.\r\n";
    let reply = format!("+OK {} octets\r\n{stuffed}", message.len());
    retrieved(&[&reply], message).await;
    let each_line: Vec<&str> = reply.split_inclusive('\n').collect();
    retrieved(&each_line, message).await;
}

/// Defect 4, at every split of the stream at once.
#[tokio::test]
async fn defect_4_dots_are_unstuffed_octet_by_octet() {
    let message = "a: b\r\n\r\n.\r\n..\r\n.\r.\n\r\n.\r\r\n.text\r\n";
    let mut script = Script::with(Maildrop::of_octets([message]));
    script.wire.segments = Segments::Each(1);
    let server = ModelServer::start(script);
    let mut session = signed_in(server.address()).await;
    assert_eq!(receive(&mut session, 1).await.unwrap().octets, message.as_bytes());
}

/// Defect 5: `+OK` to RETR with no CRLF in the first segment underflows the length.
#[tokio::test]
async fn defect_5_the_status_line_may_come_in_parts() {
    let message = "a: b\r\n\r\nx\r\n";
    let status = format!("+OK {} octets", message.len());
    let rest = format!("\r\n{message}.\r\n");
    for split in 1..=status.len() {
        let (first, second) = status.split_at(split);
        retrieved_by_the_library(&[first, &format!("{second}{rest}")], message).await;
    }
    retrieved(&[&status, "\r", &rest[1..]], message).await;
}

/// As [`retrieved`], where a process for each split would take long.
async fn retrieved_by_the_library(segments: &[&str], message: &str) {
    let server = Replay::transcript("S: +OK\nC: USER alice\nS: +OK\nC: PASS secret\nS: +OK");
    let server = server.expect("RETR 1\r\n").send_segments(segments).start();
    let mut session = connect(server.address()).await;
    session.sign_in(&credentials("alice", "secret"), &[Mechanism::User]).await.unwrap();
    assert_eq!(receive(&mut session, 1).await.unwrap().octets, message.as_bytes(), "{segments:?}");
    drop(session);
    assert_eq!(server.finish(), Ok(()), "{segments:?}");
}

/// What `STAT` gives where the server answers it so: messages and octets.
async fn stat(answer: &str) -> Result<(u32, u64), Error> {
    let server = ModelServer::start(Script::default().fault(At::verb("STAT"), Fault::Status(answer.into())));
    // As many messages as a number can say are more than what is borne otherwise.
    let limits = ProtocolLimits { listing_entries: u32::MAX, ..ProtocolLimits::default() };
    let options = SessionOptions { limits, ..options() };
    let mut session = Session::connect(&SANDBOX, &server_at(server.address()), &options).await.unwrap();
    session.sign_in(&credentials("alice", "secret"), &[Mechanism::User]).await.unwrap();
    let maildrop = session.stat().await.map_err(pop3)?;
    Ok((maildrop.messages, maildrop.octets))
}

/// Defect 6: `+OK 10 8` reads as 80, `+OK 123 45` as 453; ten digits are cut; `+OKAY` passes as `+OK`.
#[tokio::test]
async fn defect_6_numbers_are_what_they_say() {
    for (answer, expected) in [
        ("+OK 10 8", (10, 8)),
        ("+OK 123 45", (123, 45)),
        ("+OK 0 0", (0, 0)),
        ("+OK 2 320 and some words 7", (2, 320)),
        ("+OK 1234567890 1234567890123", (1_234_567_890, 1_234_567_890_123)),
        ("+OK 4294967295 18446744073709551615", (u32::MAX, u64::MAX)),
    ] {
        assert_eq!(stat(answer).await.expect(answer), expected, "{answer}");
    }
    for answer in [
        "+OKAY 1 2",
        "+OK10 8",
        "+OK",
        "+OK 1",
        "+OK -1 8",
        "+OK 1 -8",
        "+OK 0x10 8",
        "+OK ten eight",
        "+OK 4294967296 8",
        "+OK 1 18446744073709551616",
        "+OK 99999999999999999999999999 8",
    ] {
        let error = stat(answer).await.expect_err(answer);
        assert!(matches!(error, Error::Misbehaved(_)), "{answer}: {error:?}");
    }
}

/// Defect 6, in the rows of a listing.
#[tokio::test]
async fn defect_6_numbers_in_rows_are_what_they_say() {
    let server = |row: &str| {
        let script = Script::with(Maildrop::of_octets(["a: b\r\n\r\n"]));
        ModelServer::start(script.fault(At::verb("LIST"), Fault::Row(Row::Replace(1, row.into()))))
    };
    for (row, expected) in
        [("10 8", (10, 8)), ("123 45", (123, 45)), ("1234567890 12345678901", (1_234_567_890, 12_345_678_901))]
    {
        let server = server(row);
        let rows = signed_in(server.address()).await.scan_listings().await.unwrap();
        assert_eq!(rows.iter().map(|row| (row.number, row.octets)).collect::<Vec<_>>(), [expected]);
    }
    for row in ["1", "x 8", "1 x", "0 8", "-1 8", "4294967297 8", "1 18446744073709551616"] {
        let server = server(row);
        let error = pop3(signed_in(server.address()).await.scan_listings().await.expect_err(row));
        assert!(matches!(error, Error::Misbehaved(_)), "{row}: {error:?}");
    }
}
