//! SCRAM (RFC 5802): a server that wants much work, that does not know the password, or that does not keep to the rules.

use std::time::Duration;

use popfetch_tests::{
    command::Run,
    server::{Mechanism, Sasl, Scram, ScramFault, Script},
};

use crate::{
    sasl::{name, speaking},
    scene::{Outcome, Scene},
};

const BOTH_HASHES: [Mechanism; 2] = [Mechanism::ScramSha256, Mechanism::ScramSha1];

/// How long a sign-in may take that comes to nothing: a million iterations take longer than that in such a build only
/// where the machine has much else to do, and a billion everywhere.
const SOON: Duration = Duration::from_secs(8);

fn with(mechanism: Mechanism, scram: Scram) -> Scene {
    speaking(mechanism, |script| Script { sasl: Sasl { scram, ..script.sasl.clone() }, ..script })
}

fn faulty(mechanism: Mechanism, fault: ScramFault) -> Scene {
    with(mechanism, Scram { fault: Some(fault), ..Scram::default() })
}

/// It ends with 76, and neither another way to sign in nor the mailbox is tried.
#[track_caller]
fn distrust(scene: &Scene, mechanism: Mechanism, words: &str) -> Run {
    let run = scene.fetch_by(&format!("{},plain,user", name(mechanism))).within(SOON).run();
    run.fails(76, words);
    scene.assert_no_secret_sent();
    for verb in ["USER", "PASS"] {
        scene.assert_never_sent(verb);
    }
    scene.assert_never_in();
    run
}

/// The client has not said its proof, with which passwords could be tried.
#[track_caller]
fn assert_no_proof_sent(scene: &Scene) {
    let commands = scene.server.commands();
    let said = commands.iter().skip_while(|command| !command.starts_with("AUTH")).count();
    // AUTH, the client-first-message, and `*`.
    assert!(said == 3 && commands.last().is_some_and(|last| last == "*"), "{commands:#?}");
}

#[test]
fn a_server_that_wants_too_much_or_too_little_work_is_left_at_once() {
    for mechanism in BOTH_HASHES {
        for count in ["1", "4095", "1000001", "10000000", "4294967295"] {
            let scene = faulty(mechanism, ScramFault::ServerFirst(format!("r={{nonce}},s=c2FsdA==,i={count}")));
            let words = format!("a SCRAM iteration count of {count}; permitted are 4096 to 1000000");
            distrust(&scene, mechanism, &words);
            assert_no_proof_sent(&scene);
        }
        for count in
            ["", "0", "-1", "+4096", "4294967296", "18446744073709551616", "99999999999999999999999", "4096x", " 4096"]
        {
            let scene = faulty(mechanism, ScramFault::ServerFirst(format!("r={{nonce}},s=c2FsdA==,i={count}")));
            distrust(&scene, mechanism, "SCRAM");
            assert_no_proof_sent(&scene);
        }
    }
}

#[test]
fn the_user_says_how_much_work_is_too_much() {
    let scene = with(Mechanism::ScramSha256, Scram { iterations: 5000, ..Scram::default() });
    scene.fetch_by("auto").args(["--scram-iterations", "4096-4999"]).run().fails(76, "permitted are 4096 to 4999");
    scene.fetch_by("auto").args(["--scram-iterations", "5001-6000"]).run().fails(76, "permitted are 5001 to 6000");
    scene.fetch_by("auto").args(["--scram-iterations", "5000-5000"]).run().succeeds();
}

#[test]
fn a_nonce_that_does_not_go_on_from_the_clients_is_a_replay() {
    for mechanism in BOTH_HASHES {
        for fault in [
            ScramFault::ForeignNonce,
            ScramFault::SameNonce,
            ScramFault::ServerFirst("r=,s=c2FsdA==,i=4096".to_owned()),
            ScramFault::ServerFirst("r=x{nonce},s=c2FsdA==,i=4096".to_owned()),
        ] {
            let scene = faulty(mechanism, fault);
            distrust(&scene, mechanism, "SCRAM");
            assert_no_proof_sent(&scene);
        }
    }
}

#[test]
fn an_extension_that_has_to_be_understood_is_not() {
    for mechanism in BOTH_HASHES {
        let scene = faulty(mechanism, ScramFault::MandatoryExtension);
        distrust(&scene, mechanism, "SCRAM extension that is not known");
        assert_no_proof_sent(&scene);
    }
}

#[test]
fn a_message_that_makes_no_sense_is_not_answered() {
    for message in [
        "x",
        ",",
        ",,,,",
        "r={nonce}",
        "r={nonce},s=c2FsdA==",
        "s=c2FsdA==,r={nonce},i=4096",
        "r={nonce},i=4096,s=c2FsdA==",
        "r={nonce},s=,i=4096",
        "r={nonce},s=???,i=4096",
        "r={nonce},s=c2FsdA,i=4096",
        "R={nonce},S=c2FsdA==,I=4096",
        "v=c2FsdA==",
        "r={nonce}\0,s=c2FsdA==,i=4096",
        "\u{1b}[2J",
    ] {
        let scene = faulty(Mechanism::ScramSha256, ScramFault::ServerFirst(message.to_owned()));
        distrust(&scene, Mechanism::ScramSha256, "SCRAM");
        assert_no_proof_sent(&scene);
    }
}

#[test]
fn a_long_salt_and_a_long_nonce_are_no_matter() {
    let scram = Scram { salt: vec![b's'; 1000], nonce: "n".repeat(500), ..Scram::default() };
    let scene = with(Mechanism::ScramSha256, scram);
    scene.fetch_by("auto").run().succeeds();
}

#[test]
fn a_server_that_does_not_know_the_password_is_not_believed() {
    for mechanism in BOTH_HASHES {
        for (fault, words) in [
            (ScramFault::WrongSignature, "it does not know the password, and is not to be trusted"),
            (ScramFault::NoServerFinal, "without the SCRAM signature that proves that it knows the password"),
            (ScramFault::ServerFinal("v=".to_owned()), "SCRAM"),
            (ScramFault::ServerFinal("v=AAAA".to_owned()), "SCRAM"),
            (ScramFault::ServerFinal("v=???".to_owned()), "SCRAM"),
            (ScramFault::ServerFinal("x=AAAA".to_owned()), "SCRAM"),
            (ScramFault::ServerFinal("m=x,v=AAAA".to_owned()), "SCRAM"),
            (ScramFault::ServerFinal(" ".to_owned()), "SCRAM"),
        ] {
            let scene = faulty(mechanism, fault);
            distrust(&scene, mechanism, words);
        }
    }
}

#[test]
fn a_signature_behind_ok_is_one() {
    for mechanism in BOTH_HASHES {
        faulty(mechanism, ScramFault::ServerFinalInSuccess).fetch_by("auto").run().succeeds();
    }
}

#[test]
fn scrams_own_word_for_a_wrong_password_is_a_refused_sign_in() {
    for mechanism in BOTH_HASHES {
        for error in ["invalid-proof", "unknown-user", "other-error", "x\u{1b}[2J"] {
            let scene = faulty(mechanism, ScramFault::Error(error.to_owned()));
            let shown = error.replace('\u{1b}', "\\x1b");
            scene.fetch_by(&name(mechanism)).run().fails(77, &format!("({shown})"));
            scene.assert_no_secret_sent();
            scene.assert_never_in();
            // Also before there is a proof; and `auto` takes nothing else.
            let scene = faulty(mechanism, ScramFault::ServerFirst(format!("e={error}")));
            scene.fetch_by("auto").run().fails(77, &format!("({shown})"));
            scene.assert_no_secret_sent();
            scene.assert_never_sent("USER");
        }
    }
}
