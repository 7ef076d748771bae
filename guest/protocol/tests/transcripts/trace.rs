//! What a trace shows of a session, and what never.

use crate::play::{SIGN_IN, trace_of};
use pop3_protocol::{Command, Limits, Session, Trace};

/// The trace of a story is these lines.
#[track_caller]
fn assert_trace(secret: &str, story: &str, expected: &str) {
    let trace = trace_of(Limits::default(), secret, story);
    let expected: Vec<_> = expected.lines().map(str::trim_start).filter(|line| !line.is_empty()).collect();
    assert_eq!(trace, expected);
}

const GREETED: &str = "S: +OK\n-> greeting\n";

#[test]
fn every_command() {
    let mut story = SIGN_IN.to_owned();
    let commands = [
        "CAPA", "STAT", "LIST", "LIST 1", "UIDL", "UIDL 1", "RETR 1", "TOP 1 0", "DELE 1", "NOOP", "RSET", "LANG",
        "LANG en", "QUIT",
    ];
    let mut expected = "S: +OK\nC: USER mrose\nS: +OK\nC: PASS [password]\nS: +OK\n".to_owned();
    for command in commands {
        story += &format!("\nC: {command}");
        expected += &format!("C: {command}\n");
    }
    assert_trace("", &story, &expected);
}

#[test]
fn listings_and_content() {
    let story = SIGN_IN.to_owned()
        + r"
    C: UIDL
    S: +OK
    S: 1 \xe4\x1b[2J
    S: .
    -> accepted UIDL
    -> message 1 is '\xe4\x1b[2J'
    -> end of listing
    C: RETR 1
    S: +OK 9 octets
    S: secret words
    S: ..
    S: .
    -> message 1, 9 octets announced
    -> | secret words
    -> | .
    -> end of message 1, 17 octets
    C: RETR 2
    S: -ERR \xff
    -> refused RETR 2: \xff
    C: STAT
    S: what?
    -> error: answered STAT with neither +OK nor -ERR: what?";
    let expected = r"
    S: +OK
    C: USER mrose
    S: +OK
    C: PASS [password]
    S: +OK
    C: UIDL
    S: +OK
    S: 1 \xe4\x1b[2J
    S: .
    C: RETR 1
    S: +OK 9 octets
    S: [17 octets of content]
    S: .
    C: RETR 2
    S: -ERR \xff
    C: STAT
    S: what?";
    assert_trace("", &story, expected);
}

#[test]
fn signing_in() {
    let story = r"
    S: +OK <1896.697170952@dbc.mtview.ca.us>
    -> greeting: <1896.697170952@dbc.mtview.ca.us>
    C: APOP mrose c4c9334bac560ecc979e58001b3e22fb
    S: -ERR [AUTH] no
    -> refused APOP (credentials): no
    C: UTF8
    S: -ERR
    -> refused UTF8
    C: USER mr\xc3\xb6se
    S: +OK
    -> accepted USER
    C: PASS tanstaaf
    S: +OK
    -> accepted PASS";
    let expected = r"
    S: +OK <1896.697170952@dbc.mtview.ca.us>
    C: APOP mrose [digest]
    S: -ERR [AUTH] no
    C: UTF8
    S: -ERR
    C: USER mröse
    S: +OK
    C: PASS [password]
    S: +OK";
    assert_trace("tanstaaf", story, expected);
}

#[test]
fn exchanges_that_say_the_password() {
    let story = format!(
        r"{GREETED}
    C* AUTH PLAIN AHRpbQB0YW5zdGFhZg==
    S: -ERR not here
    -> refused AUTH PLAIN: not here
    C: AUTH PLAIN
    S: + go ahead
    -> challenge 'go ahead'
    C* AHRpbQB0YW5zdGFhZg==
    S: -ERR
    -> refused AUTH PLAIN
    C* AUTH XOAUTH2 dXNlcj0=
    S: + eyJzdGF0dXMiOiI0MDAifQ==
    -> challenge 'eyJzdGF0dXMiOiI0MDAifQ=='
    C*\s
    S: -ERR
    -> refused AUTH XOAUTH2
    C: AUTH LOGIN
    S: + VXNlcm5hbWU6
    -> challenge 'VXNlcm5hbWU6'
    C: dGlt
    S: +OK UGFzc3dvcmQ6
    -> challenge 'UGFzc3dvcmQ6'
    C* dGFuc3RhYWY=
    S: +OK in
    -> accepted AUTH LOGIN: in"
    )
    .replace(r"C*\s", "C* ");
    let expected = "
    S: +OK
    C: AUTH PLAIN [initial response]
    S: -ERR not here
    C: AUTH PLAIN
    S: + go ahead
    C: [response]
    S: -ERR
    C: AUTH XOAUTH2 [initial response]
    S: + eyJzdGF0dXMiOiI0MDAifQ==
    C: \n    S: -ERR
    C: AUTH LOGIN
    S: + VXNlcm5hbWU6
    C: [response]
    S: +OK UGFzc3dvcmQ6
    C: [response]
    S: +OK in";
    assert_trace("", &story, expected);
}

/// Who has a challenge and its answer can try passwords on them.
#[test]
fn exchanges_that_only_prove_it() {
    for mechanism in ["CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "EXTERNAL"] {
        let story = format!(
            r"{GREETED}
    C: AUTH {mechanism} biwsbj0=
    S: +OK cj1hLHM9YixpPTE=
    -> challenge 'cj1hLHM9YixpPTE='
    C: *
    S: -ERR given up
    -> refused AUTH {mechanism}: given up
    C: AUTH {mechanism}
    S: +\s
    -> challenge ''
    C: biwsbj0=
    S: +cj1hLHM9YixpPTE=
    -> challenge 'cj1hLHM9YixpPTE='
    C* Yz1iaXdzLHI9YSxwPWI=
    S: +OK dj1j
    -> accepted AUTH {mechanism}: dj1j"
        );
        let expected = format!(
            r"
    S: +OK
    C: AUTH {mechanism} [initial response]
    S: +OK [words]
    C: *
    S: -ERR given up
    C: AUTH {mechanism}
    S: +
    C: [response]
    S: + [challenge]
    C: [response]
    S: +OK [words]"
        );
        assert_trace("", &story, &expected);
    }
}

/// Who looks for a fault wants to see what is no challenge.
#[test]
fn lines_of_an_exchange_that_are_no_challenges() {
    let story = format!(
        "{GREETED}C: AUTH CRAM-MD5\nS: what?\n-> error: answered AUTH CRAM-MD5 with neither +OK nor -ERR: what?"
    );
    assert_trace("", &story, "S: +OK\nC: AUTH CRAM-MD5\nS: what?");
}

#[test]
fn tls() {
    let story = format!("{GREETED}C: STLS\nS: +OK\n-> accepted STLS\nTLS\nC: CAPA");
    assert_trace("", &story, "S: +OK\nC: STLS\nS: +OK\nS: [TLS is established]\nC: CAPA");
}

#[test]
fn commands_that_were_not_sent_are_not_traced() {
    let story = format!(
        "{GREETED}C! PASS x\n-> not sent: PASS needs a USER that was accepted right before it
        C! USER \\r\n-> not sent: the user name has CR, LF or NUL in it
        C! RETR 1\n-> not sent: RETR is not a command of the AUTHORIZATION state
        C! dGlt\n-> not sent: there is no challenge to respond to
        TLS!\n-> not sent: STLS is not a command of the AUTHORIZATION state"
    );
    assert_trace("", &story, "S: +OK");
}

#[test]
fn what_nobody_takes_is_bounded() {
    let trace = Trace::default();
    let mut session = Session::new(Limits::default());
    session.trace_to(trace.clone());
    let line = [b"+OK ".to_vec(), vec![b'x'; 996]].concat();
    let say = |session: &mut Session| {
        let mut ended = [&line[..], b"\r\n"].concat();
        session.receive(&mut ended).unwrap();
    };
    say(&mut session);
    // 2 MiB in lines of 1000 octets and such of 4.
    for _ in 0..2000 {
        session.enqueue(Command::Capa).unwrap();
        session.receive(&mut b"-ERR\r\n".to_owned()).unwrap();
        session.enqueue(Command::Lang(Some("en"))).unwrap();
        say(&mut session);
    }
    let lines = trace.take();
    let (last, kept) = lines.split_last().unwrap();
    let octets: usize = kept.iter().map(|line| line.text.len()).sum();
    assert!(octets <= 1 << 20, "{octets}");
    assert!(octets > 900_000, "{octets}");
    assert_eq!(last.text, format!("[{} lines left out]", 8001 - kept.len()));
    // What was taken makes room, and nothing is left out from then on.
    session.enqueue(Command::Quit).unwrap();
    let lines: Vec<_> = trace.take().into_iter().map(|line| (line.from_server, line.text)).collect();
    assert_eq!(lines, [(false, "QUIT".to_owned())]);
    assert_eq!(trace.take(), []);
}
