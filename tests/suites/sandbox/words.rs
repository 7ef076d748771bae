//! What a component says, as a person gets to see it. That all of it is printable is checked of each run.

use popfetch_tests::command::{Invocation, Popfetch, Run};

use crate::misbehaving;

/// The longest line about a failure, in characters: what is cut at 600, and some advice.
const LONGEST_LINE: usize = 800;

fn popfetch() -> Popfetch {
    Popfetch::new(env!("CARGO_BIN_EXE_popfetch-under-test"))
}

/// A run with the component that does as it is told. Nobody listens there, and nobody is asked.
fn telling(popfetch: &Popfetch, verb: &str, tale: &str) -> Invocation<'static> {
    let user: String = tale.bytes().map(|octet| format!("%{octet:02X}")).collect();
    let run = popfetch.run(verb).arg(format!("pop3://{user}@127.0.0.1:9")).arg("--component").arg(misbehaving());
    run.args(["--tls", "off", "--auth", "user", "--password-file"]).arg(popfetch.password_file())
}

fn fetch(popfetch: &Popfetch, tale: &str) -> Invocation<'static> {
    telling(popfetch, "fetch", tale).arg("--maildir").arg(popfetch.maildir().path())
}

#[track_caller]
fn assert_lines_are_short(run: &Run) {
    for line in run.stdout.lines().chain(run.stderr.lines()) {
        assert!(line.chars().count() <= LONGEST_LINE, "{} characters: {run:#?}", line.chars().count());
    }
}

#[test]
fn every_error_is_one_short_line() {
    let popfetch = popfetch();
    for (error, code) in [
        ("invalid-argument", 64),
        ("invalid-state", 70),
        ("not-supported", 69),
        ("connect-failed", 69),
        ("closed", 74),
        ("network", 74),
        ("refused", 69),
        ("sign-in-refused", 77),
        ("no-mechanism", 77),
        ("misbehaved", 76),
        ("limit-exceeded", 76),
    ] {
        // Each has millions of octets to say.
        let run = fetch(&popfetch, &format!("sign-in fail {error}")).run();
        run.assert_failure(code, &[r"\x1b[2J"]);
        assert_lines_are_short(&run);
    }
}

#[test]
fn a_component_that_is_stopped_is_one_line_too() {
    let popfetch = popfetch();
    for (tale, code, words) in [
        ("sign-in trap", 70, "the component failed in its sandbox"),
        ("stat 1; pieces end 9 9", 70, "the component broke its contract: the end of message 9"),
        ("stat 4000000000", 70, "the component broke its contract: a maildrop of 4000000000 messages"),
        ("sign-in allocate", 76, "memory"),
    ] {
        let run = fetch(&popfetch, tale).arg("--delete").run();
        run.assert_failure(code, &[words, "nothing was deleted"]);
        assert_lines_are_short(&run);
    }
    assert_eq!(popfetch.maildir().delivered(), []);
}

/// The greeting is a megabyte, capabilities and unique-ids are long.
#[test]
fn what_is_shown_on_the_way_is_harmless_too() {
    let popfetch = popfetch();
    let tale = "stat 1; capabilities 100000; pieces refused 1";
    for format in ["text", "json"] {
        let run = fetch(&popfetch, tale).args(["--output", format, "--verbose"]).run();
        assert_eq!(run.code, Some(69), "{run:#?}");
        assert!(run.stdout.contains("connected") && run.stdout.len() < 64 << 10, "{} octets", run.stdout.len());
    }
    let tale = "scan-listings 3; unique-ids 1=a 2=b; pieces begin 0, content 60000, end 0 60000, refused 1, refused 2";
    for format in ["text", "json"] {
        let run = telling(&popfetch, "list", tale).args(["--headers", "--output", format]).run();
        assert_eq!(run.code, Some(0), "{run:#?}");
    }
    let info =
        popfetch.run("info").args(["pop3://127.0.0.1:9", "--tls", "off", "--component"]).arg(misbehaving()).run();
    assert_eq!(info.code, Some(0), "{}", info.stderr);
    assert!(info.stdout.contains(r"\x1b[2J") && info.stdout.len() < 64 << 10, "{} octets", info.stdout.len());
}
