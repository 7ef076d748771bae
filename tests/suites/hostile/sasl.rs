//! AUTH: which mechanism is taken and which never, and what each step of an exchange may meet.

use std::time::Duration;

use popfetch_tests::{
    command::Tls,
    server::{At, Ending, Fault, Mechanism, Sasl, Script},
};

use crate::{
    scene::{BOTH, Outcome, Scene, server_of},
    secrets::TOKEN,
};

/// What `auto` may take of SASL for a password, the strongest first.
const BY_STRENGTH: [Mechanism; 5] =
    [Mechanism::ScramSha256, Mechanism::ScramSha1, Mechanism::CramMd5, Mechanism::Plain, Mechanism::Login];

/// A server that has this mechanism, and a user who has what it takes.
pub(crate) fn speaking(mechanism: Mechanism, change: impl FnOnce(Script) -> Script) -> Scene {
    speaking_over(Some(Tls::Implicit), mechanism, change)
}

fn speaking_over(tls: Option<Tls>, mechanism: Mechanism, change: impl FnOnce(Script) -> Script) -> Scene {
    let sasl = Sasl { tokens: vec![TOKEN.to_owned()], external_without_certificate: true, ..Sasl::default() };
    let script = Script { sasl, ..server_of(1).with_mechanisms([mechanism]) };
    let scene = match tls {
        None => Scene::new(change(script)),
        Some(tls) => Scene::secure(tls, change(script)),
    };
    if takes_a_token(mechanism) {
        scene.user.write_password(TOKEN);
    }
    scene
}

/// As `--auth` names it.
pub(crate) fn name(mechanism: Mechanism) -> String {
    mechanism.name().to_lowercase()
}

pub(crate) fn takes_a_token(mechanism: Mechanism) -> bool {
    matches!(mechanism, Mechanism::Xoauth2 | Mechanism::OauthBearer)
}

/// How many lines the client says in an exchange, besides AUTH.
fn lines(mechanism: Mechanism) -> usize {
    match mechanism {
        Mechanism::ScramSha256 | Mechanism::ScramSha1 => 3,
        Mechanism::Login => 2,
        _ => 1,
    }
}

/// All points of an exchange at which the server says something.
pub(crate) fn steps(mechanism: Mechanism) -> Vec<At> {
    let responses = (1..=lines(mechanism)).map(|nth| At::response().nth(nth));
    [At::verb("AUTH")].into_iter().chain(responses).collect()
}

/// The mechanisms of AUTH that were begun, in order.
fn begun(scene: &Scene) -> Vec<String> {
    let commands = scene.server.commands();
    let auth = commands.iter().filter_map(|command| command.strip_prefix("AUTH "));
    auth.map(|argument| argument.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn each_mechanism_signs_in() {
    for mechanism in Mechanism::ALL {
        let scene = speaking(mechanism, |script| script);
        scene.fetch_by(&name(mechanism)).run().succeeds();
        assert_eq!(begun(&scene), [mechanism.name()]);
        let responses = scene.server.commands().iter().filter(|line| line.is_empty() || line.ends_with('=')).count();
        assert!(responses <= lines(mechanism), "{}", scene.server.transcript());
    }
}

#[test]
fn auto_takes_the_strongest_that_is_offered() {
    for (from, mechanism) in BY_STRENGTH.iter().enumerate() {
        let mut offered = BY_STRENGTH[from..].to_vec();
        offered.reverse();
        for tls in BOTH {
            let scene = Scene::secure(tls, server_of(1).with_mechanisms(offered.clone()));
            scene.fetch_by("auto").run().succeeds();
            assert_eq!(begun(&scene), [mechanism.name()]);
        }
    }
}

#[test]
fn what_auto_took_and_the_server_refused_leads_to_nothing_weaker() {
    let refusals = ["[AUTH] no", "use PLAIN instead", "[SYS/PERM] no", "[IN-USE] no"];
    for (from, mechanism) in BY_STRENGTH.iter().enumerate() {
        for refusal in refusals {
            for at in [At::verb("AUTH"), At::response().nth(1), At::response().nth(lines(*mechanism))] {
                let script = server_of(1).with_mechanisms(&BY_STRENGTH[from..]);
                // APOP stands between CRAM-MD5 and PLAIN.
                let script = if from < 3 { script.with_apop("<1896.697170952@host>") } else { script };
                let script = script.fault(at, Fault::Refuse(refusal.into()));
                let scene = Scene::secure(Tls::Implicit, script.clone());
                let run = scene.fetch_by("auto").run();
                assert!([Some(69), Some(75), Some(77)].contains(&run.code), "{run:?}");
                assert!(begun(&scene).iter().all(|name| name == mechanism.name()), "{}", scene.server.transcript());
                assert!(begun(&scene).len() <= 2, "{}", scene.server.transcript());
                for verb in ["USER", "PASS", "APOP"] {
                    scene.assert_never_sent(verb);
                }
                // In clear there is no third way.
                if from < 2 {
                    let scene = Scene::new(script);
                    scene.fetch_by("auto").run();
                    assert!(begun(&scene).iter().all(|name| name == mechanism.name()), "{}", scene.server.transcript());
                    scene.assert_no_secret_sent();
                    scene.assert_never_sent("APOP");
                }
            }
        }
    }
}

/// Somebody in between takes from CAPA, or from the server's answers, what would not help them.
#[test]
fn in_clear_what_is_withheld_brings_out_no_password() {
    for sasl in
        ["SASL", "SASL PLAIN", "SASL PLAIN LOGIN CRAM-MD5", "SASL XOAUTH2 OAUTHBEARER EXTERNAL", "SASL SCRAM-SHA-512"]
    {
        let script = server_of(1).with_mechanisms(Mechanism::ALL).with_apop("<1896.697170952@host>");
        let scene = Scene::new(script.with_capability(sasl));
        scene.fetch_by("auto").run().fails(77, "offers none of the permitted mechanisms");
        assert_eq!(scene.server.commands()[0], "CAPA");
        for verb in ["AUTH", "APOP", "USER", "PASS"] {
            scene.assert_never_sent(verb);
        }
    }
    for fault in [Fault::Refuse(b"unknown command".to_vec()), Fault::Refuse(b"[AUTH] no".to_vec())] {
        let script = server_of(1).with_mechanisms([Mechanism::ScramSha256]).fault(At::verb("CAPA"), fault.clone());
        // Whoever does not say what he has is asked for what is strong, and for nothing else.
        let scene = Scene::new(script);
        scene.fetch_by("auto").run().succeeds();
        assert_eq!(begun(&scene), ["SCRAM-SHA-256"]);
        let scene = Scene::new(server_of(1).fault(At::verb("CAPA"), fault));
        scene.fetch_by("auto").run().fails(77, "SCRAM");
        assert!(begun(&scene).iter().all(|name| name.starts_with("SCRAM")), "{}", scene.server.transcript());
        scene.assert_no_secret_sent();
        scene.assert_never_sent("USER");
    }
}

#[test]
fn names_of_mechanisms_are_shown_and_not_obeyed() {
    for sasl in ["SASL \x1b[2J\x07 \u{9b}31m", "SASL %s%n", "SASL PLAIN\r"] {
        let scene = Scene::new(server_of(1).with_capability(sasl));
        scene.fetch_by("auto").run().fails(77, "offers none of the permitted mechanisms");
    }
    let many = format!("SASL {}", "X-MECHANISM ".repeat(300));
    let scene = Scene::new(server_of(1).with_capability(&many));
    scene.fetch_by("auto").run().fails(77, "offers none of the permitted mechanisms");
}

#[test]
fn a_named_list_is_consent_to_all_of_it() {
    for refusal in ["no", "[AUTH] no", "[X-UNHEARD-OF] no"] {
        let script = server_of(1).with_mechanisms(BY_STRENGTH);
        let script = script.fault(At::verb("AUTH").argument("SCRAM-SHA-256"), Fault::Refuse(refusal.into()));
        let script = script.fault(At::response().nth(1).once(), Fault::Refuse(refusal.into()));
        let scene = Scene::new(script);
        scene.fetch_by("scram-sha-256,cram-md5,user").run().succeeds();
        assert_eq!(begun(&scene).last().map(String::as_str), Some("CRAM-MD5"));
    }
}

#[test]
fn a_password_that_was_wrong_once_is_not_shown_in_other_ways() {
    for (list, first) in [("plain,login,user", "PLAIN"), ("login,user,plain", "LOGIN")] {
        let script = Script { password: "another".to_owned(), ..server_of(1).with_mechanisms(BY_STRENGTH) };
        let scene = Scene::secure(Tls::Implicit, script);
        scene.fetch_by(list).run().fails(77, "check the user name and the password");
        assert_eq!(begun(&scene), [first]);
        scene.assert_never_sent("USER");
    }
}

#[test]
fn response_codes_count_at_each_step() {
    for mechanism in Mechanism::ALL {
        for at in steps(mechanism) {
            for (code, exit, advice) in [
                ("[IN-USE]", 75, "another session holds the mailbox"),
                ("[LOGIN-DELAY]", 75, "a pause between sessions"),
                ("[SYS/TEMP]", 75, "try again later"),
                ("[SYS/PERM]", 69, "ask who runs the server"),
            ] {
                let scene =
                    speaking(mechanism, |script| script.fault(at.clone(), Fault::Refuse(format!("{code} no").into())));
                // What else is permitted would meet it too, and is not tried.
                let run = scene.fetch_by(&format!("{},user", name(mechanism))).run();
                run.fails(exit, advice);
                assert_eq!(begun(&scene), [mechanism.name()]);
                scene.assert_never_sent("USER");
                scene.assert_never_in();
            }
        }
    }
}

#[test]
fn a_refusal_at_each_step_is_a_refused_sign_in() {
    for mechanism in Mechanism::ALL {
        for at in steps(mechanism) {
            let scene = speaking(mechanism, |script| script.fault(at, Fault::Refuse(b"[AUTH] go away".to_vec())));
            let words = format!("the sign-in with AUTH {}: \"-ERR [AUTH] go away\"", mechanism.name());
            scene.fetch_by(&name(mechanism)).run().fails(77, &words);
            scene.assert_never_in();
        }
    }
}

#[test]
fn a_connection_that_ends_at_a_step_is_no_wrong_password() {
    for mechanism in Mechanism::ALL {
        for at in steps(mechanism) {
            for ending in [Ending::Close, Ending::Truncate, Ending::Reset] {
                let scene = speaking(mechanism, |script| script.fault(at.clone(), Fault::End(ending)));
                scene.fetch_by(&format!("{},user", name(mechanism))).run().fails(74, "try again");
                scene.assert_never_sent("USER");
                assert_eq!(scene.server.connections(), 1);
            }
            // In the middle of its line.
            let cut = Fault::CutReply { after: 2, ending: Ending::Close };
            let scene = speaking(mechanism, |script| script.fault(at, cut));
            scene.fetch_by(&name(mechanism)).run().fails(74, "try again");
        }
    }
}

#[test]
fn silence_at_a_step_ends_in_time() {
    for mechanism in Mechanism::ALL {
        for at in steps(mechanism) {
            // In clear, where no handshake has to be done in so short a time.
            let silence = Fault::CutReply { after: 2, ending: Ending::Silence };
            let scene = speaking_over(None, mechanism, |script| script.fault(at, silence));
            let run = scene.fetch_by(&name(mechanism)).waits("0.5").within(Duration::from_secs(6)).run();
            run.fails(75, "the server was silent for too long");
        }
    }
}

#[test]
fn what_is_no_answer_at_a_step_ends_the_session() {
    for mechanism in Mechanism::ALL {
        for at in steps(mechanism) {
            for fault in [
                Fault::Raw(b"\r\n".to_vec()),
                Fault::Raw(b"334 VXNlcm5hbWU6\r\n".to_vec()),
                Fault::Raw(b"* OK\r\n".to_vec()),
                Fault::EndlessLine,
            ] {
                let scene = speaking(mechanism, |script| script.fault(at.clone(), fault));
                scene.fetch_by(&format!("{},user", name(mechanism))).run().fails(76, "nothing was deleted");
                scene.assert_never_sent("USER");
                scene.assert_never_in();
            }
        }
    }
}

/// `*` is said where the server does not lead the exchange by its rules, and whatever comes of that does not matter.
#[test]
fn giving_up_ends_whatever_the_server_says_to_it() {
    for fault in [
        Fault::End(Ending::Close),
        Fault::End(Ending::Reset),
        Fault::End(Ending::Silence),
        Fault::Raw(b"+ QUJD\r\n".to_vec()),
        Fault::Raw(b"+OK signed in\r\n".to_vec()),
        Fault::EndlessLine,
        Fault::EndlessLines,
    ] {
        let scene = speaking(Mechanism::CramMd5, |script| {
            let challenge = Fault::Status(b"+ not base64".to_vec());
            script.fault(At::verb("AUTH"), challenge).fault(At::response().argument("*"), fault)
        });
        let run = scene.fetch_by("cram-md5,user").waits("1").within(Duration::from_secs(6)).run();
        run.fails(76, "not base64");
        scene.assert_never_sent("USER");
        scene.assert_never_in();
    }
}
