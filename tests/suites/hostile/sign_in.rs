//! Signing in: what a server may get out of a client, and what its refusals mean.

use popfetch_tests::{
    command::{PASSWORD, Tls},
    server::{At, Ending, Fault, Mechanism},
};

use crate::scene::{Outcome, Scene, server_of};

const TIMESTAMP: &str = "<1896.697170952@dbc.mtview.ca.us>";

#[test]
fn a_timestamp_that_is_no_message_id_is_not_used_for_apop() {
    for timestamp in [
        "<>",
        "<no-at-sign>",
        "<two@at@signs>",
        "<a blank@host>",
        "<unclosed@host",
        "<@host>",
        "<local@>",
        "<\u{e9}@host>",
        "<bell\u{7}@host>",
        "<nul\0@host>",
    ] {
        let scene = Scene::new(server_of(1).with_apop(timestamp));
        scene.fetch_by("apop").run().fails(77, "no valid timestamp");
        for verb in ["APOP", "USER", "PASS"] {
            scene.assert_never_sent(verb);
        }
        // Nor where APOP would be better than the other ways.
        let scene = Scene::secure(Tls::Implicit, server_of(1).with_apop(timestamp));
        scene.fetch_by("auto").run().succeeds();
        scene.assert_never_sent("APOP");
    }
}

#[test]
fn a_timestamp_of_octets_that_are_not_ascii_is_not_used_for_apop() {
    let greeting = b"+OK ready <\xff\xfe\x80.collide@host>".to_vec();
    let scene = Scene::new(server_of(1).with_apop(TIMESTAMP).fault(At::greeting(), Fault::Status(greeting)));
    scene.fetch_by("apop").run().fails(77, "no valid timestamp");
    scene.assert_never_sent("APOP");
}

#[test]
fn in_clear_auto_gives_neither_the_password_nor_a_quick_way_to_try_passwords() {
    let weak = [Mechanism::CramMd5, Mechanism::Plain, Mechanism::Login];
    let scene = Scene::new(server_of(1).with_apop(TIMESTAMP).with_mechanisms(weak));
    scene.fetch_by("auto").run().fails(77, "of SASL only CRAM-MD5 PLAIN LOGIN; --auth auto, the default, takes");
    assert_eq!(scene.server.commands_of(1)[0], "CAPA");
    for verb in ["APOP", "AUTH", "USER", "PASS"] {
        scene.assert_never_sent(verb);
    }
}

#[test]
fn when_apop_is_refused_auto_does_not_fall_to_the_password() {
    let script = server_of(1).with_apop(TIMESTAMP).fault(At::verb("APOP"), Fault::Refuse(b"use USER instead".to_vec()));
    let scene = Scene::secure(Tls::Implicit, script);
    scene.fetch_by("auto").run().fails(77, "-ERR use USER instead");
    scene.assert_never_sent("USER");
    scene.assert_never_sent("PASS");
}

/// RFC 2595 §4: what came before TLS may be anybody's. A timestamp is enough to make a sign-in fail.
#[test]
fn a_timestamp_from_before_tls_does_not_lead_to_apop() {
    let scene = Scene::secure(Tls::StartTls, server_of(1).with_apop("<anybody@else>"));
    scene.fetch_by("auto").run().succeeds();
    scene.assert_never_sent("APOP");
}

#[test]
fn when_apop_is_refused_the_password_goes_out_only_by_consent() {
    let script = server_of(1).with_apop(TIMESTAMP).fault(At::verb("APOP"), Fault::Refuse(b"no APOP here".to_vec()));
    let scene = Scene::new(script);
    let maildrop = scene.server.maildrop();
    scene.fetch_by("apop,user").run().succeeds();
    scene.assert_all_stored(&maildrop);
}

#[test]
fn trouble_of_the_server_at_apop_does_not_bring_out_the_password() {
    for code in ["[IN-USE]", "[LOGIN-DELAY]", "[SYS/TEMP]", "[SYS/PERM]"] {
        let refusal = Fault::Refuse(format!("{code} not now").into());
        let scene = Scene::new(server_of(1).with_apop(TIMESTAMP).fault(At::verb("APOP"), refusal));
        scene.fetch_by("apop,user").run().fails(if code == "[SYS/PERM]" { 69 } else { 75 }, code);
        scene.assert_never_sent("PASS");
    }
}

#[test]
fn a_refused_password_is_a_refused_sign_in() {
    let scene = Scene::new(server_of(1).fault(At::verb("PASS"), Fault::Refuse(b"go away".to_vec())));
    scene.fetch().run().fails(77, "-ERR go away\"; check the user name and the password");
}

#[test]
fn a_connection_closed_instead_of_an_answer_is_no_wrong_password() {
    for (verb, ending) in [("USER", Ending::Close), ("PASS", Ending::Close), ("PASS", Ending::Reset)] {
        let scene = Scene::new(server_of(1).fault(At::verb(verb), Fault::End(ending)));
        scene.fetch().run().fails(74, "try again");
    }
}

#[test]
fn no_answer_to_the_password_ends_in_a_timeout() {
    let scene = Scene::new(server_of(1).fault(At::verb("PASS"), Fault::End(Ending::Silence)));
    scene.fetch().waits("0.5").run().fails(75, "silent for too long");
}

#[test]
fn response_codes_tell_trouble_of_the_server_from_a_wrong_password() {
    for (refusal, code, advice) in [
        ("[AUTH] no", 77, "check the user name and the password"),
        ("[IN-USE] locked", 75, "another session holds the mailbox"),
        ("[LOGIN-DELAY] slow down", 75, "a pause between sessions"),
        ("[SYS/TEMP] disk", 75, "try again later"),
        ("[SYS/PERM] account", 69, "ask who runs the server"),
        ("[X-UNHEARD-OF] no", 77, "check the user name and the password"),
        ("[in-use] lower case", 75, "another session holds the mailbox"),
        ("[IN-USE unclosed", 77, "check the user name and the password"),
    ] {
        let scene = Scene::new(server_of(1).fault(At::verb("PASS"), Fault::Refuse(refusal.into())));
        scene.fetch_and_delete().run().fails(code, advice);
    }
}

#[test]
fn response_codes_count_in_the_greeting_too() {
    for (refusal, code) in [("[SYS/TEMP] later", 75), ("[SYS/PERM] never", 69), ("closed", 69)] {
        let scene = Scene::new(server_of(1).fault(At::greeting(), Fault::Refuse(refusal.into())));
        scene.fetch().run().fails(code, "the server refused the connection");
    }
}

#[test]
fn a_password_that_the_server_says_aloud_is_not_repeated() {
    // That no output has the password in it is checked at every run.
    let aloud = format!("no such password: {PASSWORD}");
    let scene = Scene::new(server_of(1).fault(At::verb("PASS"), Fault::Refuse(aloud.clone().into())));
    scene.fetch().arg("-v").run().fails(77, "no such password: [password]");
    let scene = Scene::new(server_of(1).fault(At::verb("PASS"), Fault::Refuse(format!("[{PASSWORD}] {aloud}").into())));
    scene.fetch().arg("-v").run().fails(77, "no such password: [password]");
    let scene = Scene::new(server_of(1).fault(At::verb("PASS"), Fault::Raw(format!("{aloud}\r\n").into())));
    scene.fetch().arg("-v").run().fails(76, "no such password: [password]");
}

#[test]
fn half_a_password_that_the_server_says_aloud_is_not_repeated() {
    let (half, _) = PASSWORD.split_at(PASSWORD.len() / 2);
    // As much of such a line is shown.
    const SHOWN: usize = 120;
    for before in SHOWN - PASSWORD.len() + 1..SHOWN {
        let aloud = format!("{}{PASSWORD}\r\n", "-".repeat(before));
        let scene = Scene::new(server_of(1).fault(At::verb("PASS"), Fault::Raw(aloud.into())));
        let run = scene.fetch().run();
        assert!(!run.fails(76, "…").stderr.contains(half), "{run:?}");
    }
}
