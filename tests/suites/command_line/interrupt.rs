//! Ctrl-C, wherever the run is.

use popfetch_tests::command::script;
use popfetch_tests::maildrop::{Content, Maildrop, Message};
use popfetch_tests::server::{At, Ending, Fault, ModelServer, Transcript};
use rustix::process::Signal;

use super::{PATIENCE, commands, fetch, popfetch, three_messages};

#[test]
fn in_the_middle_of_a_message() {
    let maildrop = Maildrop::new([
        Message::new("uid-1", "Subject: one\r\n\r\nfirst\r\n"),
        Message::with_content("uid-2", Content::generated(1, 1_000_000)),
        Message::new("uid-3", "Subject: three\r\n\r\nthird\r\n"),
    ]);
    let stops = Fault::CutContent { after: 700_000, ending: Ending::Silence };
    let server = ModelServer::start(script(maildrop.clone()).fault(At::verb("RETR").argument(2), stops));
    let popfetch = popfetch();
    let maildir = popfetch.maildir();
    let mut running = fetch(&popfetch, &server).arg("--delete").start();
    // Half a message is on the disk.
    running.until_it_has_written(maildir.path(), 500_000);
    running.interrupt();

    running.finish().assert_failure(130, &["interrupted"]);
    assert_eq!(maildir.unfinished(), []);
    for entry in maildir.delivered() {
        let delivered = entry.fingerprint();
        assert_eq!(delivered.sha256, maildrop.messages()[0].fingerprint().sha256, "{delivered}");
    }
    server.wait_idle(PATIENCE).unwrap();
    assert_eq!(server.maildrop().len(), 3);
    assert_eq!((commands(&server, "DELE").len(), commands(&server, "QUIT").len()), (0, 0));
}

/// The server hangs at each of these, and whoever waits for it gives up.
#[test]
fn at_every_step() {
    for verb in ["CAPA", "USER", "PASS", "STAT", "UIDL", "RETR", "DELE"] {
        let server = ModelServer::start(script(three_messages()).fault(At::verb(verb), Fault::End(Ending::Silence)));
        let popfetch = popfetch();
        let running = fetch(&popfetch, &server).args(["--delete", "--state", "state"]).start();
        let there = |transcript: &Transcript| transcript.commands().iter().any(|command| command.starts_with(verb));
        server.wait_until(PATIENCE, there).expect(verb);
        running.interrupt();
        let run = running.finish();
        run.assert_failure(130, &["interrupted"]);
        server.wait_idle(PATIENCE).unwrap();
        assert_eq!(server.maildrop().len(), 3, "{verb}");
        assert_eq!(popfetch.maildir().unfinished(), [], "{verb}");
        assert_eq!(commands(&server, "QUIT").len(), 0, "{verb}");
    }
}

#[test]
fn before_the_greeting_and_in_a_list() {
    let server = ModelServer::start(script(three_messages()).fault(At::greeting(), Fault::End(Ending::Silence)));
    let popfetch = popfetch();
    for invocation in [popfetch.info(&server), popfetch.list(&server), fetch(&popfetch, &server)] {
        let before = server.connections();
        let running = invocation.start();
        server.wait_until(PATIENCE, |transcript| transcript.connections() > before).unwrap();
        running.interrupt();
        running.finish().assert_failure(130, &["interrupted"]);
    }
}

/// The run after it takes up where it left.
#[test]
fn and_run_again() {
    let silent = Fault::End(Ending::Silence);
    let script = script(three_messages()).without_pipelining().fault(At::verb("RETR").argument(3).once(), silent);
    let server = ModelServer::start(script);
    let popfetch = popfetch();
    let mut running = fetch(&popfetch, &server).args(["--state", "state"]).start();
    running.until(|| popfetch.maildir().delivered().len() == 2);
    running.interrupt();
    running.finish().assert_failure(130, &["interrupted"]);

    server.wait_idle(PATIENCE).unwrap();
    fetch(&popfetch, &server).args(["--state", "state"]).run().assert_success();
    popfetch.maildir().assert_holds(three_messages().fingerprints());
}

/// What a service manager and a closed terminal send ends a run as tidily.
#[test]
fn other_signals_that_end_a_program() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let silence = Fault::CutContent { after: 10, ending: Ending::Silence };
        let server = ModelServer::start(script(three_messages()).fault(At::verb("RETR").argument(2), silence));
        let popfetch = popfetch();
        let maildir = popfetch.maildir();
        let mut running = fetch(&popfetch, &server).arg("--delete").start();
        running.until_it_has_written(maildir.path(), 0);
        running.signal(signal);
        running.finish().assert_failure(code, &["interrupted"]);
        assert_eq!(maildir.unfinished(), [], "{signal:?}");
        server.wait_idle(PATIENCE).unwrap();
        assert_eq!(server.maildrop().len(), 3, "{signal:?}");
    }
}

/// As `nohup` starts it, and a shell what runs in the background.
#[test]
fn a_signal_that_is_ignored_stays_so() {
    let server = ModelServer::start(script(three_messages()).fault(At::greeting(), Fault::End(Ending::Silence)));
    for signal in ["HUP", "INT"] {
        let before = server.connections();
        let mut running = std::process::Command::new("sh")
            .args(["-c", &format!("trap '' {signal}; exec \"$0\" \"$@\"")])
            .args([env!("CARGO_BIN_EXE_popfetch-under-test"), "info", "--tls", "off", "--timeout", "2"])
            .arg(format!("pop3://{}", server.address()))
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        server.wait_until(PATIENCE, |transcript| transcript.connections() > before).unwrap();
        let process = rustix::process::Pid::from_child(&running);
        let signal = if signal == "HUP" { Signal::HUP } else { Signal::INT };
        rustix::process::kill_process(process, signal).unwrap();
        assert_eq!(running.wait().unwrap().code(), Some(75), "it waits for the server all the same");
    }
}
