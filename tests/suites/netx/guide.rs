//! The two sessions of NetX's guide, octet for octet.

use popfetch::{Mechanism, Session};
use popfetch_tests::server::Replay;

use super::client::{Received, connect, credentials, receive};

/// The sizes of the two messages of the guide, as RFC 1939 §10 has them.
const SIZES: [usize; 2] = [120, 200];

/// A message of exactly so many octets, so that its announced size is the true one.
fn message(octets: usize) -> String {
    let header = format!("Subject: {octets} octets\r\n\r\n");
    let body = "x".repeat(octets - header.len() - "\r\n".len());
    format!("{header}{body}\r\n")
}

/// `RETR 1`, `DELE 1`, `RETR 2`, `DELE 2`, `QUIT` and their replies, as both sessions end.
fn to_the_end(mut replay: Replay) -> Replay {
    for (number, octets) in (1..).zip(SIZES) {
        replay = replay
            .expect(format!("RETR {number}\r\n"))
            .send(format!("+OK {octets} octets\r\n{}.\r\n", message(octets)))
            .expect(format!("DELE {number}\r\n"))
            .send(format!("+OK message {number} deleted\r\n"));
    }
    replay.expect("QUIT\r\n").send("+OK POP3 server signing off (maildrop empty)\r\n")
}

async fn retrieve_and_delete_both(mut session: Session) {
    for (number, octets) in (1..).zip(SIZES) {
        let received = receive(&mut session, number).await.unwrap();
        assert_eq!(received, Received { announced: Some(octets as u64), octets: message(octets).into_bytes() });
        let deleted = session.delete(&[number]).await.unwrap();
        assert_eq!(deleted.len(), 1);
        assert!(deleted[0].number == number && deleted[0].refused.is_none());
    }
    session.quit().await.unwrap();
}

/// Every octet alone, a few at a time, and each reply at once.
const SEGMENTS: [usize; 3] = [1, 7, 1000];

#[tokio::test]
async fn the_session_with_user_and_pass() {
    for segment in SEGMENTS {
        let opening = Replay::transcript(
            "S: +OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>
             C: USER mrose
             S: +OK mrose is valid
             C: PASS mvan99
             S: +OK mrose is logged in
             C: STAT
             S: +OK 2 320",
        );
        let server = to_the_end(opening).in_segments_of(segment).start();

        let mut session = connect(server.address()).await;
        session.sign_in(&credentials("mrose", "mvan99"), &[Mechanism::User]).await.unwrap();
        let maildrop = session.stat().await.unwrap();
        assert_eq!((maildrop.messages, maildrop.octets), (2, 320));
        retrieve_and_delete_both(session).await;

        assert_eq!(server.finish(), Ok(()));
    }
}

#[tokio::test]
async fn the_session_with_apop() {
    for segment in SEGMENTS {
        let opening = Replay::transcript(
            "S: +OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>
             C: APOP mrose c4c9334bac560ecc979e58001b3e22fb
             S: +OK mrose's maildrop has 2 messages (320 octets)
             C: LIST
             S: +OK 2 messages (320 octets)
             S: 1 120
             S: 2 200
             S: .",
        );
        let server = to_the_end(opening).in_segments_of(segment).start();

        let mut session = connect(server.address()).await;
        assert_eq!(session.greeting().await.unwrap().timestamp.as_deref(), Some("<1896.697170952@dbc.mtview.ca.us>"));
        let used = session.sign_in(&credentials("mrose", "tanstaaf"), &[Mechanism::Apop]).await.unwrap();
        assert_eq!(used, Mechanism::Apop);
        let sizes: Vec<(u32, u64)> =
            session.scan_listings().await.unwrap().iter().map(|row| (row.number, row.octets)).collect();
        assert_eq!(sizes, [(1, 120), (2, 200)]);
        retrieve_and_delete_both(session).await;

        assert_eq!(server.finish(), Ok(()));
    }
}
