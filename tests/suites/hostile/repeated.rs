//! Servers that say aloud what they were told, as it was said or in base64. That no output and no trace has it is checked at
//! every run.

use popfetch_tests::{
    command::PASSWORD,
    server::{At, Fault, Mechanism, Sasl, Scram, ScramFault, Script},
};

use crate::{
    sasl::{name, speaking, steps, takes_a_token},
    scene::{Outcome, Scene, server_of},
    secrets::{self, TOKEN, base64},
};

/// What a client of this mechanism has to hide: the secret alone, and as it can be said.
fn repetitions(scene: &Scene, mechanism: Mechanism) -> Vec<String> {
    if takes_a_token(mechanism) {
        return vec![TOKEN.to_owned(), base64(TOKEN), secrets::xoauth2(), secrets::oauthbearer(scene.server.port())];
    }
    vec![PASSWORD.to_owned(), base64(PASSWORD), secrets::plain()]
}

/// Runs once for each form of the secret, of which `fault` makes something that the server says there.
fn repeat(mechanism: Mechanism, at: &At, fault: impl Fn(&str) -> Fault) {
    let scene = speaking(mechanism, |script| script);
    for form in repetitions(&scene, mechanism) {
        scene.server.without_faults();
        scene.server.fault(at.clone(), fault(&form));
        let run = scene.fetch_by(&name(mechanism)).args(["-v", "--delete"]).run();
        assert_ne!(run.code, Some(0), "nothing went wrong: {run:?}");
    }
}

/// All mechanisms that have a secret.
fn mechanisms() -> impl Iterator<Item = Mechanism> {
    Mechanism::ALL.into_iter().filter(|mechanism| *mechanism != Mechanism::External)
}

#[test]
fn in_a_refusal() {
    for mechanism in mechanisms() {
        for at in steps(mechanism) {
            repeat(mechanism, &at, |form| Fault::Refuse(format!("[{form}] no such: {form}{form}").into()));
        }
    }
}

#[test]
fn in_what_is_no_answer() {
    for mechanism in mechanisms() {
        let last = steps(mechanism).pop().unwrap();
        repeat(mechanism, &last, |form| Fault::Raw(format!("{form}\r\n").into()));
        repeat(mechanism, &last, |form| Fault::Append(format!("{form}\r\n").into()));
    }
}

#[test]
fn in_a_challenge() {
    for mechanism in mechanisms() {
        let last = steps(mechanism).pop().unwrap();
        repeat(mechanism, &last, |form| Fault::Raw(format!("+ {form}\r\n+ {form}\r\n").into()));
        let scene = speaking(mechanism, |script| script);
        for form in repetitions(&scene, mechanism) {
            for at in steps(mechanism) {
                // It may be taken for a prompt, and the sign-in goes on.
                scene.server.without_faults();
                scene.server.fault(at, Fault::Status(format!("+ {form}").into()));
                scene.fetch_by(&name(mechanism)).arg("-v").run();
            }
        }
    }
}

#[test]
fn in_what_comes_with_success() {
    for mechanism in mechanisms() {
        let scene = speaking(mechanism, |script| script);
        for form in repetitions(&scene, mechanism) {
            scene.server.without_faults();
            let last = steps(mechanism).pop().unwrap();
            scene.server.fault(last, Fault::Status(format!("+OK {form}").into()));
            scene.fetch_by(&name(mechanism)).arg("-v").run().succeeds();
        }
    }
}

#[test]
fn in_the_words_of_scram() {
    for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha1] {
        for fault in [
            ScramFault::Error(PASSWORD.to_owned()),
            ScramFault::ServerFirst(format!("e={PASSWORD}")),
            ScramFault::ServerFirst(format!("{PASSWORD},s=c2FsdA==,i=4096")),
            ScramFault::ServerFinal(PASSWORD.to_owned()),
        ] {
            let scene = speaking(mechanism, |script| {
                let scram = Scram { fault: Some(fault), ..Scram::default() };
                Script { sasl: Sasl { scram, ..script.sasl.clone() }, ..script }
            });
            let run = scene.fetch_by("auto").run();
            assert!(run.stderr.contains("[password]"), "{run:?}");
        }
    }
}

#[test]
fn in_the_reason_for_a_refused_token() {
    for mechanism in [Mechanism::OauthBearer, Mechanism::Xoauth2] {
        let scene = speaking(mechanism, |script| script);
        for form in repetitions(&scene, mechanism) {
            scene.server.change(|script| {
                script.sasl.tokens = vec!["another".to_owned()];
                script.sasl.token_error = Some(format!("{{\"token\":\"{form}\"}}"));
            });
            scene.fetch_by(&name(mechanism)).run().fails(77, "({\"token\":\"[password]\"})");
        }
    }
}

#[test]
fn in_the_list_of_mechanisms() {
    let capability = format!("SASL {}", base64(PASSWORD));
    let scene = Scene::new(server_of(1).with_capability(&capability));
    scene.fetch_by("plain").run().fails(77, "of SASL only [password]");
}

#[test]
fn after_the_sign_in() {
    for verb in ["STAT", "UIDL", "LIST", "RETR", "DELE", "QUIT"] {
        for form in [PASSWORD.to_owned(), base64(PASSWORD), secrets::plain()] {
            for fault in [
                Fault::Refuse(form.clone().into()),
                Fault::Raw(format!("{form}\r\n").into()),
                Fault::Status(format!("+OK {form}").into()),
            ] {
                let scene = Scene::new(server_of(2).fault(At::verb(verb), fault));
                scene.fetch_and_delete().arg("-v").run();
                scene.fetch_new().args(["-v", "--output", "json"]).run();
            }
        }
    }
}
