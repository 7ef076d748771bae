//! Each verb, what it gives, and what it sends.

use popfetch::{Mechanism, ResponseCode, Survey};
use popfetch_tests::server::{At, Fault, ModelServer};

use crate::{PATIENCE, alice, connected, pop3, retrieved, server_with, signed_in, taken};

const MAIL: [&str; 2] = ["A: 1\r\n\r\none\r\n", "B: 2\r\n\r\n.two\r\nand more\r\n"];

#[tokio::test]
async fn a_session_with_every_verb() {
    let model = ModelServer::start(server_with(&MAIL).with_capability("EXPIRE 60"));
    let mut session = connected(&model).await;
    let greeting = session.greeting().await.unwrap();
    assert_eq!((greeting.text.as_str(), greeting.timestamp), ("model server ready", None));

    let capabilities = session.capabilities().await.unwrap();
    let names: Vec<&str> = capabilities.iter().map(|capability| capability.name.as_str()).collect();
    assert_eq!(names, ["TOP", "UIDL", "USER", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", "EXPIRE"]);
    assert_eq!(capabilities[6].parameters, ["60"]);

    assert_eq!(session.sign_in(&alice(), &[Mechanism::User]).await.unwrap(), Mechanism::User);
    let maildrop = session.stat().await.unwrap();
    assert_eq!((maildrop.messages, maildrop.octets), (2, 13 + 24));

    let listing = session.scan_listing(2).await.unwrap();
    assert_eq!((listing.number, listing.octets), (2, 24));
    let listings = session.scan_listings().await.unwrap();
    assert_eq!(listings.iter().map(|row| (row.number, row.octets)).collect::<Vec<_>>(), [(1, 13), (2, 24)]);

    let unique_id = session.unique_id(1).await.unwrap();
    assert_eq!((unique_id.number, unique_id.unique_id.as_slice()), (1, b"uid-1".as_slice()));
    let unique_ids = session.unique_ids().await.unwrap();
    let unique_ids: Vec<_> = unique_ids.into_iter().map(|row| (row.number, row.unique_id)).collect();
    assert_eq!(unique_ids, [(1, b"uid-1".to_vec()), (2, b"uid-2".to_vec())]);

    assert_eq!(retrieved(&mut session, &[2, 1]).await, [(2, MAIL[1].into()), (1, MAIL[0].into())]);
    let (tops, end) = taken(session.top(&[2], 1).await.unwrap()).await;
    end.unwrap();
    assert_eq!(tops, [(2, b"B: 2\r\n\r\n.two\r\n".to_vec())]);

    session.noop().await.unwrap();
    let deletions = session.delete(&[2, 1]).await.unwrap();
    assert_eq!(deletions.iter().map(|deletion| deletion.number).collect::<Vec<_>>(), [2, 1]);
    session.reset().await.unwrap();
    assert!(session.delete(&[2]).await.unwrap()[0].refused.is_none());
    assert!(session.is_usable());
    session.quit().await.unwrap();

    assert_eq!(model.maildrop().uids(), ["uid-1"]);
    let commands = [
        "CAPA",
        "USER alice",
        "PASS secret",
        "STAT",
        "LIST 2",
        "LIST",
        "UIDL 1",
        "UIDL",
        "RETR 2",
        "RETR 1",
        "LIST 1",
        "TOP 2 1",
        "NOOP",
        "DELE 2",
        "DELE 1",
        "RSET",
        "DELE 2",
        "QUIT",
    ];
    assert_eq!(model.commands(), commands);
    model.wait_idle(PATIENCE).unwrap();
}

/// One message that the server does not give or delete is no reason not to get the others.
#[tokio::test]
async fn refusals_of_single_messages_are_results() {
    let refuse = |text: &str| Fault::Refuse(text.as_bytes().to_vec());
    let model = ModelServer::start(
        server_with(&["one", "two", "three"])
            .fault(At::verb("RETR").argument(2), refuse("[SYS/TEMP] not now"))
            .fault(At::verb("TOP"), refuse("no"))
            .fault(At::verb("DELE").argument(1), refuse("[READ-ONLY] locked \x1b[2J")),
    );
    let mut session = signed_in(&model).await;
    let mut transfer = session.retrieve(&[1, 2, 3]).await.unwrap();
    let mut kinds = Vec::new();
    loop {
        let pieces = transfer.next().await.unwrap();
        if pieces.is_empty() {
            break;
        }
        kinds.extend(pieces.into_iter().filter_map(|piece| match piece {
            popfetch::Piece::Refused(refused) => Some((refused.number, Some(refused.reply))),
            popfetch::Piece::End(end) => Some((end.number, None)),
            _ => None,
        }));
    }
    let [(1, None), (2, Some(reply)), (3, None)] = kinds.as_slice() else { panic!("{kinds:?}") };
    assert!(matches!(reply.code, Some(ResponseCode::SysTemp)));
    assert_eq!(reply.text, "not now");

    let deletions = session.delete(&[1, 2]).await.unwrap();
    let refused = deletions[0].refused.as_ref().unwrap();
    assert!(matches!(&refused.code, Some(ResponseCode::Other(code)) if code == "READ-ONLY"));
    assert_eq!(refused.text, r"locked \x1b[2J", "what the server says is safe to print");
    assert!(deletions[1].refused.is_none());
    session.quit().await.unwrap();
    assert_eq!(model.maildrop().uids(), ["uid-1", "uid-3"]);
}

#[tokio::test]
async fn lists_of_no_messages_send_nothing() {
    let model = ModelServer::start(server_with(&MAIL));
    let mut session = signed_in(&model).await;
    assert_eq!(retrieved(&mut session, &[]).await, []);
    assert_eq!(taken(session.top(&[], 5).await.unwrap()).await.0, []);
    assert_eq!(session.delete(&[]).await.unwrap().len(), 0);
    assert!(session.is_usable());
    assert_eq!(model.commands(), ["USER alice", "PASS secret"]);
    session.quit().await.unwrap();
}

#[tokio::test]
async fn the_same_message_can_be_had_twice() {
    let model = ModelServer::start(server_with(&MAIL));
    let mut session = signed_in(&model).await;
    let one = (1, MAIL[0].as_bytes().to_vec());
    assert_eq!(retrieved(&mut session, &[1, 1]).await, [one.clone(), one]);
}

#[tokio::test]
async fn a_server_without_a_verb_refuses_it() {
    let model = ModelServer::start(server_with(&MAIL).without_uidl().without_top().without_capa());
    let mut session = signed_in(&model).await;
    for error in
        [pop3(session.capabilities().await), pop3(session.unique_ids().await), pop3(session.unique_id(1).await)]
    {
        assert!(matches!(error, popfetch::contract::Error::Refused(_)), "{error:?}");
    }
    let mut transfer = session.top(&[1], 0).await.unwrap();
    assert!(matches!(transfer.next().await.unwrap()[..], [popfetch::Piece::Refused(_)]));
    assert!(transfer.next().await.unwrap().is_empty());
    // None of that is the end of the session.
    session.stat().await.unwrap();
    session.quit().await.unwrap();
}

#[tokio::test]
async fn a_survey_is_stat_and_uidl() {
    let numbered = |rows: popfetch::UniqueIds| -> Vec<_> {
        rows.iter().map(|(number, unique_id)| (number, unique_id.to_vec())).collect()
    };
    let both = [(1, b"uid-1".to_vec()), (2, b"uid-2".to_vec())];
    // Ahead, and one after the other.
    for script in [server_with(&MAIL), server_with(&MAIL).without_pipelining()] {
        let model = ModelServer::start(script);
        let mut session = signed_in(&model).await;
        session.capabilities().await.unwrap();
        let Survey { maildrop, unique_ids } = session.survey().await.unwrap();
        assert_eq!((maildrop.messages, maildrop.octets), (2, 13 + 24));
        assert_eq!(numbered(unique_ids.unwrap()), both);
        assert_eq!(retrieved(&mut session, &[1]).await.len(), 1);
        session.quit().await.unwrap();
    }

    // That UIDL is refused is an answer.
    for script in [server_with(&MAIL).without_uidl(), server_with(&MAIL).without_uidl().without_pipelining()] {
        let model = ModelServer::start(script);
        let mut session = signed_in(&model).await;
        session.capabilities().await.unwrap();
        let Survey { maildrop, unique_ids } = session.survey().await.unwrap();
        assert_eq!(maildrop.messages, 2);
        assert!(matches!(pop3(unique_ids), popfetch::contract::Error::Refused(_)));
        session.quit().await.unwrap();
    }

    // That STAT is refused is none, and leaves no answer to be taken for that of the next command.
    for script in [server_with(&MAIL), server_with(&MAIL).without_pipelining()] {
        let model = ModelServer::start(script.fault(At::verb("STAT").once(), Fault::Refuse(b"not now".to_vec())));
        let mut session = signed_in(&model).await;
        session.capabilities().await.unwrap();
        assert!(matches!(pop3(session.survey().await), popfetch::contract::Error::Refused(_)));
        assert_eq!(session.survey().await.unwrap().maildrop.messages, 2);
        session.quit().await.unwrap();
    }

    // An empty maildrop is not asked for more, unless that is on its way.
    let model = ModelServer::start(server_with(&[]).without_pipelining());
    let mut session = signed_in(&model).await;
    let Survey { maildrop, unique_ids } = session.survey().await.unwrap();
    assert_eq!((maildrop.messages, numbered(unique_ids.unwrap())), (0, Vec::new()));
    session.quit().await.unwrap();
    assert_eq!(model.commands(), ["USER alice", "PASS secret", "STAT", "QUIT"]);
}
