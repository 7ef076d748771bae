//! Challenges that are none, that are not the mechanism's, that are too many or too large.

use popfetch_tests::server::{Action, At, Ending, Fault, Mechanism, Sasl, Script};

use crate::{
    sasl::{name, speaking, takes_a_token},
    scene::{Outcome, Scene},
    secrets,
};

/// Those whose client speaks first and says all at once.
const AT_ONCE: [Mechanism; 4] = [Mechanism::Plain, Mechanism::Xoauth2, Mechanism::OauthBearer, Mechanism::External];

/// Those whose challenges have a meaning.
const READ: [Mechanism; 3] = [Mechanism::CramMd5, Mechanism::ScramSha1, Mechanism::ScramSha256];

fn with_sasl(script: Script, change: impl FnOnce(Sasl) -> Sasl) -> Script {
    Script { sasl: change(script.sasl.clone()), ..script }
}

/// Where the first challenge that is read comes.
fn first_challenge(mechanism: Mechanism) -> At {
    if mechanism == Mechanism::CramMd5 { At::verb("AUTH") } else { At::response().nth(1) }
}

#[track_caller]
fn assert_given_up(scene: &Scene, mechanism: Mechanism) {
    scene.fetch_by(&format!("{},plain,user", name(mechanism))).run().fails(76, "nothing was deleted");
    scene.assert_never_sent("USER");
    scene.assert_never_in();
    let sent = scene.server.commands();
    assert!(!sent.contains(&secrets::plain()), "{sent:#?}");
}

#[test]
fn what_is_not_base64_is_not_answered() {
    for mechanism in READ {
        for challenge in [
            "+ ???".as_bytes(),
            b"+ Zm9v=",
            b"+ Zm9vYg",
            b"+ =",
            b"+",
            b"+ ",
            b"+ Internal error: no challenge",
            b"+ -ERR no",
            b"+ PDE4OTY= PDE4OTY=",
            b"+ \x1b[2J\x07",
            b"+ \xff\xfe\x80",
            b"+ \0",
        ] {
            let scene = speaking(mechanism, |script| {
                script.fault(first_challenge(mechanism), Fault::Status(challenge.to_vec()))
            });
            assert_given_up(&scene, mechanism);
            assert_eq!(scene.server.commands().iter().filter(|line| *line == "*").count(), 1);
        }
    }
}

#[test]
fn a_challenge_of_any_length_up_to_a_line_is_answered() {
    for length in [1, 2, 3, 64, 2900] {
        let scene = speaking(Mechanism::CramMd5, |script| {
            with_sasl(script, |sasl| Sasl { cram_challenge: "c".repeat(length), ..sasl })
        });
        scene.fetch_by("cram-md5").run().succeeds();
    }
}

#[test]
fn a_challenge_of_more_than_a_line_ends_the_session() {
    for mechanism in Mechanism::ALL {
        let begin = Action::Send(b"+ ".to_vec());
        for actions in [
            vec![begin.clone(), Action::Send(b"QUJD".repeat(1100)), Action::Send(b"\r\n".to_vec())],
            vec![begin.clone(), Action::Send(b"QUJD".repeat(1_000_000)), Action::Send(b"\r\n".to_vec())],
            vec![begin.clone(), Action::Repeat(b"QUJD".repeat(1000))],
        ] {
            let scene = speaking(mechanism, |script| script.fault(At::verb("AUTH"), Fault::Play(actions)));
            scene.fetch_by(&format!("{},user", name(mechanism))).run().fails(76, "reply-line: 4096");
            scene.assert_never_sent("USER");
        }
    }
}

/// It only asks for what the client says first.
#[test]
fn any_first_challenge_asks_for_what_the_client_says_first() {
    for mechanism in AT_ONCE.into_iter().chain([Mechanism::ScramSha256, Mechanism::ScramSha1]) {
        for challenge in ["+", "+ ", "+  ", "+ go ahead", "+ VXNlcm5hbWU6", "+OK", "+OK go ahead", "+ \u{1b}[2J"] {
            let scene = speaking(mechanism, |script| {
                with_sasl(script, |sasl| Sasl { empty_challenge: challenge.to_owned(), ..sasl })
            });
            scene.fetch_by(&name(mechanism)).run().succeeds();
        }
    }
}

#[test]
fn the_prompts_of_login_may_say_anything() {
    for prompt in ["+", "+ ", "+ Username:", "+ VXNlciBOYW1lAA==", "+OK", "+ UGFzc3dvcmQ6"] {
        let scene = speaking(Mechanism::Login, |script| {
            let prompt = Fault::Status(prompt.into());
            script.fault(At::verb("AUTH"), prompt.clone()).fault(At::response().nth(1), prompt)
        });
        scene.fetch_by("login").run().succeeds();
    }
}

/// There are servers that write `+OK` for `+`; that a client is in, only the answer to its proof can mean.
#[test]
fn ok_in_place_of_a_challenge_is_a_challenge() {
    for mechanism in [Mechanism::CramMd5, Mechanism::Login, Mechanism::Plain, Mechanism::Xoauth2] {
        let scene = speaking(mechanism, |script| {
            with_sasl(script, |sasl| Sasl { mark: "+OK".to_owned(), empty_challenge: "+OK".to_owned(), ..sasl })
        });
        scene.fetch_by(&name(mechanism)).run().succeeds();
    }
    // And where it cannot be one of the mechanism, it is nothing.
    for mechanism in READ {
        let signed_in = Fault::Raw(b"+OK signed in\r\n".to_vec());
        let scene = speaking(mechanism, |script| script.fault(first_challenge(mechanism), signed_in));
        assert_given_up(&scene, mechanism);
    }
}

#[test]
fn more_challenges_than_the_mechanism_has_are_not_answered() {
    for mechanism in Mechanism::ALL {
        for excess in [2, 5, usize::MAX] {
            let scene =
                speaking(mechanism, |script| with_sasl(script, |sasl| Sasl { excess_challenges: excess, ..sasl }));
            let run = scene.fetch_by(&name(mechanism)).run();
            // To the first one OAUTHBEARER says what it has for the reason of a refusal, which this server does not like.
            let refused = mechanism == Mechanism::OauthBearer && run.code == Some(77);
            assert!(run.code == Some(76) || refused, "{run:?}");
            scene.assert_never_in();
            assert!(scene.server.commands().len() < 10, "{}", scene.server.transcript());
        }
    }
}

/// Only the answer to what the client has said counts: nothing may come with a challenge.
#[test]
fn what_comes_with_a_challenge_ends_the_session_and_brings_out_nothing() {
    for mechanism in Mechanism::ALL {
        for behind in [
            "-ERR no\r\n",
            "+OK signed in\r\n",
            "+ VXNlcm5hbWU6\r\n",
            "+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\n+OK\r\n",
            "+",
            "\r\n",
        ] {
            let both = format!("+ PDE4OTY=\r\n{behind}");
            let scene = speaking(mechanism, |script| script.fault(At::verb("AUTH"), Fault::Raw(both.into())));
            scene.fetch_by(&format!("{},user", name(mechanism))).run().fails(76, "a line that nothing asked for");
            scene.assert_no_secret_sent();
            scene.assert_never_sent("USER");
            let auths = scene.server.commands().iter().filter(|command| command.starts_with("AUTH")).count();
            assert_eq!((auths, scene.server.commands().len()), (1, 2), "CAPA and AUTH, and nothing more");
        }
    }
}

#[test]
fn what_comes_before_it_was_asked_for_is_no_challenge() {
    for early in ["+ \r\n", "+OK\r\n", "-ERR no\r\n", "+ VXNlcm5hbWU6\r\n"] {
        for mechanism in [Mechanism::Plain, Mechanism::Login, Mechanism::ScramSha256] {
            let scene = speaking(mechanism, |script| script.fault(At::verb("CAPA"), Fault::Append(early.into())));
            scene.fetch_by(&name(mechanism)).run().fails(76, "a line that nothing asked for");
            scene.assert_no_secret_sent();
            scene.assert_never_sent("AUTH");
        }
    }
}

#[test]
fn challenges_without_end_end() {
    for mechanism in Mechanism::ALL {
        let challenges = Fault::Play(vec![Action::Repeat(b"+ PDE4OTY=\r\n".repeat(100))]);
        let scene = speaking(mechanism, |script| script.fault(At::verb("AUTH"), challenges));
        scene.fetch_by(&name(mechanism)).run().fails(76, "");
        scene.assert_no_secret_sent();
        // One at a time, to whatever is said.
        let challenge = Fault::Raw(b"+ PDE4OTY=\r\n".to_vec());
        let scene = speaking(mechanism, |script| {
            script.fault(At::verb("AUTH"), challenge.clone()).fault(At::response(), challenge)
        });
        let run = scene.fetch_by(&name(mechanism)).run();
        // Where a challenge may be the reason of a refusal, the server's last word is that a token is refused.
        assert!(run.code == Some(76) || takes_a_token(mechanism) && run.code == Some(77), "{run:?}");
        scene.assert_never_in();
        assert!(scene.server.commands().len() < 10, "{}", scene.server.transcript());
    }
}

#[test]
fn a_connection_that_is_reset_behind_a_challenge_is_lost() {
    for mechanism in Mechanism::ALL {
        let reset = Fault::Play(vec![Action::Honest, Action::End(Ending::Reset)]);
        let scene = speaking(mechanism, |script| script.fault(At::verb("AUTH"), reset));
        scene.fetch_by(&name(mechanism)).run().fails(74, "");
        scene.assert_never_in();
    }
}
