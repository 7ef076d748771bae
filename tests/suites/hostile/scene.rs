//! A server, a user with a home, and what must hold after each run of the command, whatever the server does.

use std::{
    cell::RefCell,
    collections::HashSet,
    os::unix::fs::PermissionsExt,
    sync::OnceLock,
    time::{Duration, Instant},
};

use popfetch_tests::{
    authority::{Authority, Identity},
    command::{Invocation, Popfetch, Run, Tls, script},
    fingerprint::Fingerprint,
    maildir::{Entry, Maildir},
    maildrop::{Maildrop, Message},
    server::{LineEnd, ModelServer, Script, ServerTls},
};

use crate::secrets;

/// How long a run may take unless a test says otherwise. It is generous: other tests have the processor too.
const BOUND: Duration = Duration::from_secs(20);

/// How much more memory than for an empty maildrop a run may have at its peak.
const MOST_MEMORY: u64 = 64 << 20;

/// How much output there may be.
const MOST_OUTPUT: usize = 1 << 20;

/// Both ways to TLS.
pub(crate) const BOTH: [Tls; 2] = [Tls::StartTls, Tls::Implicit];

/// How long the model server may take to see that a client is gone.
const PATIENCE: Duration = Duration::from_secs(20);

/// So many small letters.
pub(crate) fn letters(count: usize) -> Maildrop {
    Maildrop::of_octets((1..=count).map(|number| {
        format!("From: bob@example.org\r\nSubject: letter {number}\r\n\r\nThis is\r\n.\r\nletter {number}.\r\n")
    }))
}

/// A server with so many small letters.
pub(crate) fn server_of(count: usize) -> Script {
    script(letters(count))
}

/// A server with one message of these octets.
pub(crate) fn server_with(message: impl Into<Vec<u8>>) -> Script {
    script(Maildrop::of_octets([message]))
}

/// One server and one user.
pub(crate) struct Scene {
    pub(crate) server: ModelServer,
    pub(crate) user: Popfetch,
    /// How the user wants TLS, and whom he trusts.
    tls: Option<(Tls, Authority)>,
    line_end: LineEnd,
    /// The digests of all that may lie in the Maildir.
    genuine: RefCell<HashSet<[u8; 32]>>,
}

impl Scene {
    /// A server in clear text.
    pub(crate) fn new(script: Script) -> Self {
        let line_end = script.wire.line_end;
        let user = Popfetch::new(env!("CARGO_BIN_EXE_popfetch-under-test"));
        Self { server: ModelServer::start(script), user, tls: None, line_end, genuine: RefCell::default() }
    }

    /// A server with TLS and a good certificate.
    pub(crate) fn secure(tls: Tls, script: Script) -> Self {
        Self::showing(tls, script, Authority::server)
    }

    /// A server with TLS that shows this certificate to one who trusts this authority.
    pub(crate) fn showing(tls: Tls, script: Script, identity: impl FnOnce(&Authority) -> Identity) -> Self {
        let authority = Authority::new();
        let identity = identity(&authority);
        let script = script.with_tls(match tls {
            Tls::StartTls => ServerTls::stls(identity),
            Tls::Implicit => ServerTls::implicit(identity),
        });
        Self { tls: Some((tls, authority)), ..Self::new(script) }
    }

    /// A server with what the script has of TLS, and a user who demands it.
    pub(crate) fn demanding(tls: Tls, script: Script) -> Self {
        Self { tls: Some((tls, Authority::new())), ..Self::new(script) }
    }

    /// A fetch with USER/PASS.
    pub(crate) fn fetch(&self) -> Play<'_> {
        self.fetch_by("user")
    }

    /// A fetch with these ways to sign in.
    pub(crate) fn fetch_by(&self, auth: &str) -> Play<'_> {
        let fetch = match &self.tls {
            None => self.user.fetch(&self.server),
            Some((tls, authority)) => self.user.fetch_tls(&self.server, *tls, authority.ca_file()),
        };
        self.play(fetch).args(["--auth", auth])
    }

    /// A fetch from this server with TLS by one who trusts another authority.
    pub(crate) fn fetch_trusting(&self, authority: &Authority) -> Play<'_> {
        let (tls, _) = self.tls.as_ref().expect("a user who wants TLS");
        self.play(self.user.fetch_tls(&self.server, *tls, authority.ca_file())).args(["--auth", "user"])
    }

    /// A fetch over TLS with a token from this source, such as `["--token-file", …]`, and no password.
    pub(crate) fn fetch_with_token(&self, auth: &str, source: [&str; 2]) -> Play<'_> {
        let (tls, authority) = self.tls.as_ref().expect("a user who wants TLS");
        let scheme = if *tls == Tls::Implicit { "pop3s" } else { "pop3" };
        let url = format!("{scheme}://alice@localhost:{}", self.server.port());
        let fetch = self.user.run("fetch").arg(url).arg("--ca-file").arg(authority.ca_file());
        self.play(fetch.arg("--maildir").arg(self.maildir().path())).args(source).args(["--auth", auth])
    }

    /// A fetch that deletes.
    pub(crate) fn fetch_and_delete(&self) -> Play<'_> {
        self.fetch().arg("--delete")
    }

    /// A fetch that keeps everything and remembers what it has.
    pub(crate) fn fetch_new(&self) -> Play<'_> {
        self.fetch().arg("--state").arg(self.user.path("state").to_str().expect("a path in UTF-8"))
    }

    pub(crate) fn list(&self) -> Play<'_> {
        self.play(self.user.list(&self.server)).args(["--auth", "user"])
    }

    pub(crate) fn info(&self) -> Play<'_> {
        self.play(self.user.info(&self.server))
    }

    /// A run that the user's own words make.
    pub(crate) fn play<'s>(&'s self, invocation: Invocation<'s>) -> Play<'s> {
        Play { scene: self, invocation, timeout: "20", bound: BOUND, memory: MOST_MEMORY }
    }

    pub(crate) fn maildir(&self) -> Maildir {
        self.user.maildir()
    }

    /// These octets may be delivered too, though no message of the server has them.
    pub(crate) fn also_genuine(self, octets: &[u8]) -> Self {
        self.genuine.borrow_mut().insert(Fingerprint::of("", octets).sha256);
        self
    }

    /// Everything that the server had at first is in the Maildir, once.
    #[track_caller]
    pub(crate) fn assert_all_stored(&self, maildrop: &Maildrop) {
        self.maildir().assert_holds(maildrop.messages().iter().map(|message| self.as_stored(message)));
    }

    #[track_caller]
    pub(crate) fn assert_nothing_stored(&self) {
        assert_eq!(self.maildir().delivered(), []);
    }

    /// No command of this verb has reached the server.
    #[track_caller]
    pub(crate) fn assert_never_sent(&self, verb: &str) {
        let commands = self.server.commands();
        assert!(!commands.iter().any(|command| command.split(' ').next() == Some(verb)), "{commands:#?}");
    }

    /// No password and no token has reached the server, raw or in base64.
    #[track_caller]
    pub(crate) fn assert_no_secret_sent(&self) {
        secrets::assert_not_in("what was sent", &self.server.commands().join("\n"));
    }

    /// The sign-in came to nothing: there was no command of TRANSACTION.
    #[track_caller]
    pub(crate) fn assert_never_in(&self) {
        for verb in ["STAT", "LIST", "UIDL", "RETR", "DELE"] {
            self.assert_never_sent(verb);
        }
    }

    /// What was said before TLS would have stood: nothing of a sign-in, and nothing under TLS.
    #[track_caller]
    pub(crate) fn assert_stopped_before_tls(&self) {
        let stls = self.tls.as_ref().is_some_and(|(tls, _)| *tls == Tls::StartTls);
        let said = self.server.commands();
        let only_stls = said.iter().all(|command| stls && command == "STLS");
        assert!(only_stls, "{said:#?}");
    }

    /// Nothing secret can be read on the way: under TLS no command goes out in clear but STLS, and QUIT.
    #[track_caller]
    fn assert_nothing_in_clear(&self) {
        if self.tls.is_none() {
            return;
        }
        let in_clear = self.server.commands_in_clear();
        secrets::assert_not_in("what was sent in clear", &in_clear.join("\n"));
        let mut has_tls = false;
        self.server.change(|script| has_tls = script.tls.is_some());
        // To a server without TLS a handshake is a command, or several.
        let is_harmless = |command: &String| !has_tls || ["STLS", "QUIT"].contains(&command.as_str());
        assert!(in_clear.iter().all(is_harmless), "{}", self.server.transcript());
    }

    /// No secret is in any output and in the trace, in no form in which it was sent.
    #[track_caller]
    fn assert_nothing_told(&self, run: &Run) {
        let trace = self.user.path("trace");
        let told = std::fs::read_to_string(&trace).unwrap_or_default();
        if let Ok(trace) = std::fs::metadata(&trace) {
            assert_eq!(trace.permissions().mode() & 0o777, 0o600, "the trace is for its owner alone");
        }
        let raw = told.chars().find(|character| character.is_control() && *character != '\n');
        assert_eq!(raw, None, "the trace has it raw");
        let proofs = secrets::proofs(&self.server.commands());
        for (place, text) in [("standard output", &run.stdout), ("standard error", &run.stderr), ("the trace", &told)] {
            secrets::assert_not_in(place, text);
            for proof in &proofs {
                assert!(!text.contains(proof), "\"{proof}\" is in {place}: {text}");
            }
        }
    }

    fn as_stored(&self, message: &Message) -> Fingerprint {
        match self.line_end {
            LineEnd::Crlf => message.fingerprint(),
            LineEnd::Lf => message.fingerprint_lf(),
        }
    }

    /// What is in the Maildir is a whole message each; what is gone at the server, or was to go, is in the Maildir.
    #[track_caller]
    fn assert_mail_is_safe(&self, before: &Maildrop, connections_before: usize) {
        self.server.wait_idle(PATIENCE).expect("the client is gone");
        let maildir = self.maildir();
        assert_eq!(maildir.unfinished(), [], "the run left something in tmp");
        let stored: Vec<Fingerprint> = maildir.delivered().iter().map(Entry::fingerprint).collect();
        let digests: HashSet<[u8; 32]> = stored.iter().map(|fingerprint| fingerprint.sha256).collect();
        let transcript = self.server.transcript();

        let mut genuine = self.genuine.borrow_mut();
        genuine.extend(before.messages().iter().map(|message| self.as_stored(message).sha256));
        for fingerprint in &stored {
            assert!(genuine.contains(&fingerprint.sha256), "no message of the server: {fingerprint}\n{transcript}");
        }

        let is_stored = |message: &Message| digests.contains(&self.as_stored(message).sha256);
        for connection in connections_before + 1..=transcript.connections() {
            for command in transcript.commands_of(connection) {
                let Some(number) = command.strip_prefix("DELE ") else { continue };
                let message = number.parse::<usize>().ok().and_then(|number| before.messages().get(number - 1));
                let message = message.unwrap_or_else(|| panic!("{command}: there is no such message\n{transcript}"));
                assert!(is_stored(message), "{command}, which is not in the Maildir\n{transcript}");
            }
        }
        let left = self.server.maildrop();
        // Where nothing was deleted, there is no need to compare each with all.
        let is_as_before = left.messages() == before.messages();
        let is_gone = |message: &&Message| !is_as_before && !left.messages().contains(message);
        for gone in before.messages().iter().filter(is_gone) {
            assert!(is_stored(gone), "deleted and not in the Maildir: {gone:?}\n{transcript}");
        }
    }
}

/// A run to be.
#[must_use = "nothing has been started yet"]
pub(crate) struct Play<'s> {
    scene: &'s Scene,
    invocation: Invocation<'s>,
    timeout: &'static str,
    bound: Duration,
    memory: u64,
}

impl<'s> Play<'s> {
    pub(crate) fn arg(self, argument: &str) -> Self {
        Self { invocation: self.invocation.arg(argument), ..self }
    }

    /// By one connection only.
    pub(crate) fn once(self) -> Self {
        self.args(["--reconnect", "0"])
    }

    pub(crate) fn args<const N: usize>(self, arguments: [&str; N]) -> Self {
        Self { invocation: self.invocation.args(arguments), ..self }
    }

    /// Waits for the server for so many seconds, and not for twenty.
    pub(crate) fn waits(self, seconds: &'static str) -> Self {
        Self { timeout: seconds, ..self }
    }

    /// Must be done within this time.
    pub(crate) fn within(self, bound: Duration) -> Self {
        Self { bound, ..self }
    }

    /// Takes no more octets of memory over a run with nothing to do.
    pub(crate) fn takes_at_most(self, memory: u64) -> Self {
        Self { memory, ..self }
    }

    /// Runs the command, and checks what holds for every run.
    #[track_caller]
    pub(crate) fn run(self) -> Run {
        let Self { scene, invocation, timeout, bound, memory } = self;
        let (before, connections) = (scene.server.maildrop(), scene.server.connections());
        let start = Instant::now();
        let run = invocation.args(["--timeout", timeout]).arg("--trace").arg(scene.user.path("trace")).run();
        let took = start.elapsed();
        assert!(took <= bound, "took {took:?}: {run:?}");
        assert_survived(&run);
        let most = idle_memory() + memory;
        assert!(run.peak_memory <= most, "{} octets of memory, more than {most}", run.peak_memory);
        scene.assert_mail_is_safe(&before, connections);
        scene.assert_nothing_in_clear();
        scene.assert_nothing_told(&run);
        run
    }
}

/// Neither a crash nor a defect; one line about a failure, none but warnings about a success; little output.
#[track_caller]
fn assert_survived(run: &Run) {
    assert_eq!(run.signal, None, "{run:?}");
    let code = run.code.expect("an exit code");
    assert!(![70, 101].contains(&code), "a defect, not an answer: {run:?}");
    let octets = run.stdout.len() + run.stderr.len();
    assert!(octets <= MOST_OUTPUT, "{octets} octets of output");
    let (warnings, errors): (Vec<&str>, Vec<&str>) =
        run.stderr.lines().partition(|line| line.starts_with("popfetch: warning: "));
    assert_eq!(errors.len(), usize::from(code != 0), "{run:?}");
    for line in warnings.iter().chain(&errors) {
        assert!(line.starts_with("popfetch: ") && line.chars().count() < 1000, "{run:?}");
    }
}

/// The peak memory of a run with nothing to do.
fn idle_memory() -> u64 {
    static IDLE: OnceLock<u64> = OnceLock::new();
    *IDLE.get_or_init(|| {
        let server = ModelServer::start(server_of(0));
        let user = Popfetch::new(env!("CARGO_BIN_EXE_popfetch-under-test"));
        user.fetch(&server).args(["--auth", "user"]).run().assert_success().peak_memory
    })
}

/// What the end of a run says.
pub(crate) trait Outcome {
    /// It failed with this code, and its last line has these words in it.
    fn fails(&self, code: i32, words: &str) -> &Self;
    /// It succeeded. It may have warned.
    fn succeeds(&self) -> &Self;
    /// It warned in these words.
    fn warns(&self, words: &str) -> &Self;
}

impl Outcome for Run {
    #[track_caller]
    fn fails(&self, code: i32, words: &str) -> &Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        let line = self.stderr.lines().last().unwrap_or_default();
        assert!(line.contains(words), "\"{words}\" is not in the line: {self:?}");
        self
    }

    #[track_caller]
    fn succeeds(&self) -> &Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    #[track_caller]
    fn warns(&self, words: &str) -> &Self {
        let warned = self.stderr.lines().any(|line| line.starts_with("popfetch: warning: ") && line.contains(words));
        assert!(warned, "no such warning: {self:?}");
        self
    }
}
