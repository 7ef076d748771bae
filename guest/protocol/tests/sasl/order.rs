//! Who speaks when: initial responses, challenges too many, and where success may come.

use pop3_protocol::sasl::{CHALLENGE_LIMIT, Exchange, Mechanism, SaslError};

use crate::{MECHANISMS, begin, said};

const CLIENT_FIRST: [Mechanism; 6] = [
    Mechanism::ScramSha256,
    Mechanism::ScramSha1,
    Mechanism::Plain,
    Mechanism::OauthBearer,
    Mechanism::Xoauth2,
    Mechanism::External,
];

#[test]
fn the_initial_response_is_the_same_on_the_line_of_auth_and_behind_a_challenge() {
    for mechanism in CLIENT_FIRST {
        let on_the_line = said(Ok(begin(mechanism, "user", b"pencil").initial().unwrap()));
        for text in [&b""[..], b"Go ahead", b"====", b"\xff\0", b"dGVzdA==", b"r=x,s=,i=0"] {
            let mut exchange = begin(mechanism, "user", b"pencil");
            assert_eq!(said(exchange.respond(text)), on_the_line, "{mechanism} {text:?}");
            assert!(exchange.initial().is_none(), "said twice: {mechanism}");
        }
    }
}

#[test]
fn the_initial_response_is_given_once() {
    for mechanism in CLIENT_FIRST {
        let mut exchange = begin(mechanism, "user", b"pencil");
        assert!(exchange.initial().is_some());
        assert!(exchange.initial().is_none(), "{mechanism}");
    }
}

#[test]
fn servers_speak_first_in_the_others() {
    for mechanism in [Mechanism::CramMd5, Mechanism::Login] {
        assert!(begin(mechanism, "user", b"pencil").initial().is_none(), "{mechanism}");
    }
}

/// An exchange that went on for as long as the mechanism lets it without a server that knows anything, and how many
/// challenges that were.
fn exhausted(mechanism: Mechanism) -> (Exchange, usize) {
    let mut exchange = begin(mechanism, "user", b"pencil");
    for count in 0..10 {
        if exchange.respond(b"PDFAaG9zdD4=").is_err() {
            return (exchange, count);
        }
    }
    panic!("{mechanism} goes on and on");
}

#[test]
fn challenges_are_counted() {
    let counts = MECHANISMS.map(|mechanism| exhausted(mechanism).1);
    // In SCRAM the second is not as it should be.
    assert_eq!(counts, [1, 1, 1, 1, 2, 2, 2, 1]);
}

#[test]
fn nothing_comes_after_an_error() {
    for mechanism in MECHANISMS {
        let (mut exchange, _) = exhausted(mechanism);
        let unexpected = SaslError::ChallengeUnexpected { mechanism };
        assert_eq!(exchange.respond(b"PDFAaG9zdD4=").unwrap_err(), unexpected);
        assert!(exchange.initial().is_none());
        let error = exchange.succeed(b"welcome").unwrap_err();
        assert_eq!(error, SaslError::SuccessUnexpected { mechanism });
        assert!(error.is_servers() && unexpected.is_servers());
    }
}

#[test]
fn success_before_anything_was_said_is_none() {
    for mechanism in MECHANISMS {
        let mut exchange = begin(mechanism, "user", b"pencil");
        assert_eq!(exchange.succeed(b""), Err(SaslError::SuccessUnexpected { mechanism }));
        // And the exchange is over.
        assert!(exchange.initial().is_none());
        assert!(exchange.respond(b"").is_err());
    }
}

#[test]
fn success_before_the_last_response_is_none() {
    for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha1, Mechanism::Login] {
        let mut exchange = begin(mechanism, "user", b"pencil");
        assert!(!exchange.respond(b"").unwrap().complete);
        assert_eq!(exchange.succeed(b""), Err(SaslError::SuccessUnexpected { mechanism }));
    }
}

#[test]
fn success_is_said_once() {
    for mechanism in [Mechanism::Plain, Mechanism::OauthBearer, Mechanism::Xoauth2, Mechanism::External] {
        let mut exchange = begin(mechanism, "user", b"pencil");
        assert!(exchange.initial().unwrap().complete);
        assert_eq!(exchange.succeed(b"[whatever] it \xff says"), Ok(()), "{mechanism}");
        assert_eq!(exchange.succeed(b""), Err(SaslError::SuccessUnexpected { mechanism }));
        assert_eq!(exchange.respond(b"").unwrap_err(), SaslError::ChallengeUnexpected { mechanism });
    }
}

#[test]
fn huge_challenges_end_any_exchange() {
    for mechanism in MECHANISMS {
        let mut exchange = begin(mechanism, "user", b"pencil");
        let huge = vec![b'A'; CHALLENGE_LIMIT + 1];
        assert_eq!(exchange.respond(&huge).unwrap_err(), SaslError::ChallengeTooLong { limit: CHALLENGE_LIMIT });
        assert!(exchange.respond(b"PDFAaG9zdD4=").is_err());
        assert!(exchange.initial().is_none());
        begin(mechanism, "user", b"pencil").respond(&huge[1..]).unwrap();
    }
}
