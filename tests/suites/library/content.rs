//! Messages arrive as they are.

use std::time::Duration;

use popfetch::Piece;
use popfetch_tests::maildrop::{Maildrop, Message, Profile, realistic};
use popfetch_tests::server::{ModelServer, Script, Segments, Wire};

use crate::{retrieved, signed_in, taken};

/// Every case of dot-stuffing and line end.
fn odd() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 18] = [
        b"",
        b"\r\n",
        b".\r\n",
        b"..\r\n",
        b"...\r\n",
        b".a\r\n.\r\n..\r\n.\r\n",
        b"a\r\n.\r\n",
        b"a\r\n\r\n.\r\n\r\n",
        b"a.\r\n.b.\r\n",
        b"a\n.\nb\n.\r\nc\r\n",
        b"a\r.\rb\r\r\n.\r\r\n",
        b"\n.\r\n",
        b"\r.\r\n",
        b"\0\0\r\n\0.\r\n",
        b"+OK\r\n-ERR\r\n.\r\n+OK 5 octets\r\n",
        b"\xff\xfe caf\xe9 \xc3\xa9\x1b[2J\r\n",
        b"no line end here but the one that is added",
        b"\r\r\n\n\n\r\n",
    ];
    let mut messages: Vec<Vec<u8>> = texts.map(<[u8]>::to_vec).into();
    // Lines and messages about as long as a read.
    for octets in [65_534, 65_535, 65_536, 65_537, 131_072, 300_000] {
        messages.push([vec![b'.'; octets], b"\r\n".to_vec()].concat());
        messages.push([vec![b'y'; octets - 3], b"\r\n.z\r\n".to_vec()].concat());
    }
    messages
}

/// What the model server keeps: it adds a line end where the last one is missing.
fn kept(maildrop: &Maildrop) -> Vec<(u32, Vec<u8>)> {
    (1..).zip(maildrop.messages()).map(|(number, message)| (number, message.content.to_vec())).collect()
}

#[tokio::test]
async fn octet_for_octet() {
    let maildrop = Maildrop::of_octets(odd());
    let model = ModelServer::start(Script::with(maildrop.clone()));
    for pipelined in [false, true] {
        let mut session = signed_in(&model).await;
        if pipelined {
            session.capabilities().await.unwrap();
        }
        let numbers: Vec<u32> = (1..).take(maildrop.len()).collect();
        let messages = retrieved(&mut session, &numbers).await;
        for (message, kept) in messages.iter().zip(kept(&maildrop)) {
            assert!(*message == kept, "message {} is another", kept.0);
        }
        assert_eq!(messages.len(), maildrop.len());
        session.quit().await.unwrap();
    }
}

#[tokio::test]
async fn however_it_is_cut_on_the_way() {
    let short: Vec<Vec<u8>> = odd().into_iter().filter(|message| message.len() < 1000).collect();
    let maildrop = Maildrop::of_octets(short);
    let numbers: Vec<u32> = (1..).take(maildrop.len()).collect();
    let slowly = Duration::from_micros(100);
    for (segments, pause) in [
        (Segments::Each(1), slowly),
        (Segments::Each(2), slowly),
        (Segments::Each(3), slowly),
        (Segments::Cycle(vec![1, 5, 2]), slowly),
        (Segments::Random { seed: 1, largest: 40 }, Duration::ZERO),
    ] {
        let wire = Wire { segments, pause, ..Wire::default() };
        let model = ModelServer::start(Script { wire, ..Script::with(maildrop.clone()) });
        let mut session = signed_in(&model).await;
        session.capabilities().await.unwrap();
        assert_eq!(retrieved(&mut session, &numbers).await, kept(&maildrop));
    }
}

#[tokio::test]
async fn realistic_mail() {
    let maildrop = Maildrop::of_octets(realistic(1939, 60, Profile::anything()));
    let model = ModelServer::start(Script::with(maildrop.clone()));
    let mut session = signed_in(&model).await;
    session.capabilities().await.unwrap();
    let numbers: Vec<u32> = (1..).take(maildrop.len()).collect();
    assert!(retrieved(&mut session, &numbers).await == kept(&maildrop));
}

#[tokio::test]
async fn what_is_announced_is_passed_on() {
    let model = ModelServer::start(Script::with(Maildrop::new([Message::new("u", "A: 1\r\n\r\n")])));
    let mut session = signed_in(&model).await;
    let mut transfer = session.retrieve(&[1]).await.unwrap();
    let pieces = transfer.next().await.unwrap();
    assert!(matches!(&pieces[0], Piece::Begin(begin) if (begin.number, begin.announced) == (1, Some(8))), "{pieces:?}");
}

#[tokio::test]
async fn the_top_of_messages() {
    let maildrop = Maildrop::of_octets(["A: 1\r\n\r\n.one\r\ntwo\r\n", "B: 2\r\n\r\n", "C: 3\r\n"]);
    let model = ModelServer::start(Script::with(maildrop));
    let mut session = signed_in(&model).await;
    for (lines, first) in [(0, "A: 1\r\n\r\n"), (1, "A: 1\r\n\r\n.one\r\n"), (u32::MAX, "A: 1\r\n\r\n.one\r\ntwo\r\n")]
    {
        let (messages, end) = taken(session.top(&[1, 2, 3], lines).await.unwrap()).await;
        end.unwrap();
        let expected = [(1, first.into()), (2, "B: 2\r\n\r\n".into()), (3, "C: 3\r\n".into())];
        assert_eq!(messages, expected);
    }
    assert!(!model.commands().iter().any(|command| command.starts_with("LIST")));
}
