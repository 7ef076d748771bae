//! The connection ends after any octet of a session: what was deleted is stored whole, and nothing is stored in part.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use popfetch::{
    Credentials, Mechanism, Sandbox, SandboxOptions, Secret, Security, Server, Session, SessionOptions, Timeouts,
    delivery::Maildir as Destination,
    fetch::{Deletion, FetchOptions, fetch},
};
use popfetch_tests::{
    command::{PASSWORD, USER, script},
    maildir::{Entry, Maildir},
    maildrop::Maildrop,
    server::{At, Ending, Fault, ModelServer, Pipelining, Script, Wire},
};

use crate::scene::{Outcome, Scene, server_of};

/// How many sessions are played at a time.
const AT_A_TIME: u64 = 8;

fn maildrop() -> Maildrop {
    Maildrop::of_octets(["A: 1\r\n\r\n.one\r\n", "", "A: 3\r\n\r\n.\r\n\r\n"])
}

fn cut_after(octets: u64, ending: Ending) -> Script {
    Script { wire: Wire { cut_after: Some((octets, ending)), ..Wire::default() }, ..script(maildrop()) }
}

/// How many octets the server says in a session that nothing disturbs.
fn octets_of_a_session(script: Script) -> u64 {
    let server = ModelServer::start(script);
    let directory = tempfile::tempdir().unwrap();
    assert!(play(&server, directory.path()), "an honest session");
    let commands: String = server.commands().iter().map(|command| format!("{command}\r\n")).collect();
    server.edit_maildrop(|emptied| *emptied = maildrop());
    server.change(|script| script.pipelining = Pipelining::Proper);

    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(commands.as_bytes()).unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    assert!(said.ends_with(b"signing off\r\n"));
    said.len() as u64
}

/// A run with `--delete` as the command has it, without a process of its own. Whether it says that all is done.
fn play(server: &ModelServer, directory: &Path) -> bool {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let Ok(session) = session(server).await else { return false };
        let maildir = Destination::open(&directory.join("mail")).unwrap();
        let options = FetchOptions { deletion: Deletion::AtOnce, ..FetchOptions::to(maildir) };
        fetch(session, options, Arc::new(|_| {})).await.result.is_ok()
    })
}

async fn session(server: &ModelServer) -> Result<Session, popfetch::SessionError> {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    let sandbox = SANDBOX.get_or_init(|| Sandbox::load(SandboxOptions::default()).unwrap());
    let peer =
        Server { name: "localhost".to_owned(), addresses: vec![server.address()], security: Security::Cleartext };
    let options = SessionOptions { timeouts: Timeouts::all(Duration::from_millis(500)), ..SessionOptions::default() };
    let mut session = Session::connect(sandbox, &peer, &options).await?;
    let credentials = Credentials { user: USER.to_owned(), secret: Secret::new(PASSWORD) };
    session.sign_in(&credentials, &[Mechanism::User]).await?;
    Ok(session)
}

/// Plays a session that is cut there, and checks what it has left behind.
fn check(octets: u64, script: Script) {
    let directory = tempfile::tempdir().unwrap();
    let server = ModelServer::start(script);
    let complete = play(&server, directory.path());
    server.wait_idle(Duration::from_secs(20)).expect("the client is gone");
    let maildir = Maildir::at(directory.path().join("mail"));
    let case = || format!("cut after {octets} octets\n{}", server.transcript());

    assert_eq!(maildir.unfinished(), [], "{}", case());
    let stored: Vec<_> = maildir.delivered().iter().map(Entry::fingerprint).collect();
    let (all, left) = (maildrop(), server.maildrop());
    for fingerprint in &stored {
        let genuine = all.messages().iter().any(|message| message.fingerprint().sha256 == fingerprint.sha256);
        assert!(genuine, "{fingerprint} is no message of the server, {}", case());
    }
    for gone in all.messages().iter().filter(|message| !left.messages().contains(message)) {
        let is_stored = stored.iter().any(|fingerprint| fingerprint.sha256 == gone.fingerprint().sha256);
        assert!(is_stored, "{gone:?} is gone, {}", case());
    }
    if complete {
        assert!(left.is_empty() && stored.len() == all.len(), "not complete, {}", case());
    }
}

/// Every so many octets, some at a time.
fn check_all(script: fn(Script) -> Script, ending: Ending, step: u64) {
    let octets = octets_of_a_session(script(cut_after(u64::MAX, ending)));
    std::thread::scope(|scope| {
        for worker in 0..AT_A_TIME {
            scope.spawn(move || {
                for cut in
                    (0..=octets).step_by(usize::try_from(step).unwrap()).filter(|cut| cut / step % AT_A_TIME == worker)
                {
                    check(cut, script(cut_after(cut, ending)));
                }
            });
        }
    });
}

#[test]
fn a_close_after_any_octet_loses_nothing() {
    check_all(|script| script, Ending::Close, 1);
}

#[test]
fn a_close_after_any_octet_loses_nothing_without_pipelining() {
    check_all(Script::without_pipelining, Ending::Close, 1);
}

#[test]
fn a_reset_after_any_octet_loses_nothing() {
    check_all(|script| script, Ending::Reset, 1);
}

#[test]
fn silence_after_an_octet_loses_nothing() {
    check_all(|script| script, Ending::Silence, 11);
}

/// The same with the command, and with an honest server the next time.
#[test]
fn the_run_after_a_cut_brings_the_rest() {
    let octets = octets_of_a_session(cut_after(u64::MAX, Ending::Close));
    for cut in (3..octets).step_by(47) {
        let scene = Scene::new(cut_after(cut, Ending::Close));
        let run = scene.fetch_new().arg("--delete").once().run();
        assert!(matches!(run.code, Some(74 | 75)), "cut after {cut} octets: {run:?}");
        scene.server.change(|script| script.wire.cut_after = None);
        scene.fetch_new().arg("--delete").run().succeeds();
        scene.assert_all_stored(&maildrop());
        assert!(scene.server.maildrop().is_empty());
    }
}

/// The pauses between sessions grow, and the run has one deadline for all of it.
#[test]
fn the_deadline_ends_the_pauses_between_sessions() {
    let scene = Scene::new(server_of(3).fault(At::verb("RETR"), Fault::End(Ending::Close)));
    let run = scene.fetch_new().args(["--deadline", "2", "--reconnect", "30"]).within(Duration::from_secs(6)).run();
    assert!(matches!(run.code, Some(74 | 75)), "{run:?}");
}
