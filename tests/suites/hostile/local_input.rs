//! What users, or those who write their configuration, hand in: nothing of it may become a command or a path, and no
//! secret may be seen.

use std::{
    fs,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
};

use popfetch_tests::{
    command::{PASSWORD, Running},
    server::{At, Ending, Fault, Mechanism},
};

use crate::{
    scene::{Outcome, Scene, server_of},
    secrets::{self, TOKEN},
};

/// Nobody has connected.
#[track_caller]
fn assert_untouched(scene: &Scene) {
    assert_eq!(scene.server.connections(), 0, "{}", scene.server.transcript());
}

#[test]
fn line_ends_and_nul_in_a_url_are_refused_before_anything_is_sent() {
    let scene = Scene::new(server_of(1));
    let address = scene.server.address();
    for url in [
        format!("pop3://alice%0D%0ADELE%201@{address}"),
        format!("pop3://alice%0A@{address}"),
        format!("pop3://alice%00@{address}"),
        format!("pop3://alice\r\nDELE 1@{address}"),
        format!("pop3://alice@{address}%0D%0A"),
        format!("pop3://alice@local%0D%0Ahost:{}", address.port()),
        format!("pop3://alice@local\r\nhost:{}", address.port()),
    ] {
        let invocation = scene.user.run("list").args([&url, "--tls", "off", "--auth", "user", "--password-file"]);
        let run = scene.play(invocation.arg(scene.user.password_file())).run();
        assert_eq!(run.code, Some(64), "{url:?}: {run:?}");
        assert_untouched(&scene);
    }
}

#[test]
fn line_ends_in_a_user_name_are_refused_before_anything_is_sent() {
    let scene = Scene::new(server_of(1));
    let url = format!("pop3://{}", scene.server.address());
    for user in ["alice\r\nDELE 1", "alice\n", "\r"] {
        let invocation = scene.user.run("list").args([&url, "--user", user, "--tls", "off", "--auth", "user"]);
        scene.play(invocation.arg("--password-file").arg(scene.user.password_file())).run().fails(64, "");
        assert_untouched(&scene);
    }
}

#[test]
fn line_ends_and_nul_in_a_password_are_refused_before_anything_is_sent() {
    let scene = Scene::new(server_of(1));
    for password in ["one\r\nDELE 1\r\n", "one\ntwo", "one\rtwo", "nul\0inside", "two\n\n"] {
        scene.user.write_password(password);
        scene.fetch().run().fails(78, "a password with a line end or NUL in it");
        assert_untouched(&scene);
    }
}

#[test]
fn a_password_in_a_url_is_refused_and_not_repeated() {
    let scene = Scene::new(server_of(1));
    let url = format!("pop3://alice:opensesame@{}", scene.server.address());
    let invocation = scene.user.run("list").args([&url, "--tls", "off", "--auth", "user"]);
    let run = scene.play(invocation).run();
    assert!(!run.fails(64, "use --password-file").stderr.contains("opensesame"), "{run:?}");
    assert_untouched(&scene);
}

#[test]
fn a_password_file_that_others_can_read_is_warned_of() {
    let scene = Scene::new(server_of(1));
    fs::set_permissions(scene.user.password_file(), fs::Permissions::from_mode(0o644)).unwrap();
    scene.fetch().run().succeeds().warns("is open to other users (mode 0644)");
}

#[test]
fn what_is_stored_is_for_its_owner_alone() {
    let scene = Scene::new(server_of(1));
    scene.fetch_new().run().succeeds();
    let stored = scene.maildir().delivered();
    let paths =
        [scene.user.path("state"), scene.user.path("mail"), scene.user.path("mail/new"), stored[0].path.clone()];
    for path in paths {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
    }
}

/// That the password is in no output is checked at every run; here are those that say the most.
#[test]
fn no_secret_is_said_at_any_verbosity() {
    let scene = Scene::new(server_of(2).with_apop("<1896.697170952@dbc.mtview.ca.us>"));
    for auth in ["apop", "user"] {
        for format in ["text", "json"] {
            let run = scene.fetch_by(auth).args(["-v", "--output", format]).run();
            run.succeeds();
            let digest = scene
                .server
                .commands()
                .into_iter()
                .find_map(|command| command.strip_prefix("APOP alice ").map(str::to_owned));
            let digest = digest.expect("APOP comes first");
            assert!(!run.stdout.contains(&digest), "{run:?}");
        }
    }
    let scene = Scene::new(server_of(2).fault(At::verb("PASS"), Fault::End(Ending::Close)));
    scene.fetch().args(["-v", "--output", "json"]).run().fails(74, "instead of answering PASS");
}

#[test]
fn no_secret_is_seen_in_the_list_of_processes() {
    // A server that says nothing keeps the command running while it is looked at.
    let scene = Scene::new(server_of(1).fault(At::verb("PASS"), Fault::End(Ending::Silence)));
    let fetch = scene.user.fetch(&scene.server).args(["--auth", "user", "--timeout", "30"]);
    assert_unseen_while_running(&scene, fetch.start());

    let silent = server_of(1).fault(At::response(), Fault::End(Ending::Silence));
    for mechanism in [Mechanism::Plain, Mechanism::Xoauth2] {
        let scene = Scene::new(silent.clone().with_mechanisms([mechanism]));
        scene.user.write_password(if mechanism == Mechanism::Plain { PASSWORD } else { TOKEN });
        let auth = mechanism.name().to_lowercase();
        let fetch = scene.user.fetch(&scene.server).args(["--auth", &auth, "--timeout", "30"]);
        assert_unseen_while_running(&scene, fetch.start());
    }
}

/// Neither arguments nor environment of the command have a secret in them when the server has been told it.
#[track_caller]
fn assert_unseen_while_running(scene: &Scene, mut running: Running<'_>) {
    running.until(|| !secrets::proofs(&scene.server.commands()).is_empty());
    let mut seen = 0;
    for process in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let Ok(line) = fs::read(process.path().join("cmdline")) else { continue };
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        if line.windows(19).any(|window| window == b"popfetch-under-test") {
            seen += 1;
            for octets in [line, environment] {
                secrets::assert_not_in("/proc", &String::from_utf8_lossy(&octets));
            }
        }
    }
    assert!(seen > 0, "the command is running");
}

#[test]
fn a_path_with_escapes_is_shown_and_not_obeyed() {
    let scene = Scene::new(server_of(1));
    let odd = scene.user.home().join(std::ffi::OsStr::from_bytes(b"esc\x1b[2J"));
    let url = format!("pop3://alice@{}", scene.server.address());
    let fetch = || {
        let run = scene.user.run("fetch").args([&url, "--tls", "off", "--auth", "user", "--password-file"]);
        run.arg(scene.user.password_file()).arg("--maildir")
    };
    scene.play(fetch().arg(&odd)).arg("-v").run().succeeds();
    assert_eq!(popfetch_tests::maildir::Maildir::at(&odd).delivered().len(), 1);
    scene.play(fetch().arg(odd.join("missing/deeper"))).run().fails(73, r"esc\x1b[2J");
}
