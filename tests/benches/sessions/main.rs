//! Thousands of sessions open at a time in one process: what one costs in memory while it is idle, what it costs to open
//! it, and that each is of use.
//!
//! ```text
//! cargo bench --package popfetch-tests --bench sessions            # 10,000 in clear text, then 2,000 under TLS
//! cargo bench --package popfetch-tests --bench sessions -- 5000    # another number
//! cargo bench --package popfetch-tests --bench sessions -- --small # a check that takes a second
//! ```
//!
//! The server is a process of its own, so that memory and time are those of the client alone. What is wrong with a message
//! fails the run; time and memory do not.

mod process;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use popfetch::{
    Credentials, Mechanism, Piece, Sandbox, SandboxOptions, Secret, Security, Server, Session, SessionOptions, Tls,
    TlsOptions, TlsRoots,
};
use popfetch_tests::in_memory::{Bulk, InMemoryServer, serve_if_asked};
use tokio::task::JoinSet;

use process::Usage;

/// What is in the maildrop of each session.
const MAILDROP: Bulk = Bulk { messages: 3, octets: 4096 };

/// How many connect, or fetch, at the same moment.
const AT_A_TIME: usize = 64;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    serve_if_asked();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let small = arguments.iter().any(|argument| argument == "--small");
    let wanted = arguments.iter().find_map(|argument| argument.parse().ok());
    let cleartext: usize = wanted.unwrap_or(if small { 60 } else { 10_000 });
    let tls = cleartext.div_ceil(5);
    process::open_many_files();
    // One thread is enough for all of them.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    println!(
        "| sessions | KiB each, idle | KiB each, idle after a fetch | opening, CPU s | opening, s | fetching, s | mappings each |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (security, sessions) in [(Security::Cleartext, cleartext), (Security::ImplicitTls, tls)] {
        if let Err(failure) = runtime.block_on(measure(security, sessions)) {
            eprintln!("sessions: {failure}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Opens that many sessions, fetches all mail with each, ends them, and prints what it has cost.
async fn measure(security: Security, sessions: usize) -> Result<(), Failure> {
    let model = InMemoryServer::start(MAILDROP);
    let client = Arc::new(Client::new(&model, security)?);
    // What the first one costs once and for all is not counted.
    client.open().await?.quit().await?;

    let before = Usage::now();
    let begin = Instant::now();
    let mut open = all(sessions, |_| open(Arc::clone(&client))).await?;
    let opening = begin.elapsed();
    let opened = Usage::now();

    let begin = Instant::now();
    open = each(open, fetch).await?;
    let fetching = begin.elapsed();
    let fetched = Usage::now();
    each(open, |session| async { Ok(session.quit().await?) }).await?;

    let per_session = |usage: &Usage| (usage.resident_kib.saturating_sub(before.resident_kib)) as f64 / sessions as f64;
    println!(
        "| {sessions} {} | {:.1} | {:.1} | {:.2} | {:.2} | {:.2} | {:.1} |",
        if security == Security::Cleartext { "in clear text" } else { "under TLS" },
        per_session(&opened),
        per_session(&fetched),
        (opened.processor - before.processor).as_secs_f64(),
        opening.as_secs_f64(),
        fetching.as_secs_f64(),
        opened.mappings.saturating_sub(before.mappings) as f64 / sessions as f64,
    );
    Ok(())
}

/// What all sessions share.
struct Client {
    sandbox: Sandbox,
    server: Server,
    options: SessionOptions,
}

impl Client {
    fn new(model: &InMemoryServer, security: Security) -> Result<Self, Failure> {
        let (address, tls) = match security {
            Security::Cleartext => (model.cleartext(), None),
            _ => {
                let roots = TlsRoots::Files(vec![model.ca_file().to_owned()]);
                (model.implicit_tls(), Some(Tls::new(&TlsOptions { roots, ..TlsOptions::default() })?))
            }
        };
        Ok(Client {
            sandbox: Sandbox::load(SandboxOptions::default())?,
            server: Server { name: "localhost".to_owned(), addresses: vec![address], security },
            options: SessionOptions { tls, ..SessionOptions::default() },
        })
    }

    /// A session in TRANSACTION.
    async fn open(&self) -> Result<Session, Failure> {
        let mut session = Session::connect(&self.sandbox, &self.server, &self.options).await?;
        let credentials = Credentials { user: "alice".to_owned(), secret: Secret::new("secret") };
        session.sign_in(&credentials, &[Mechanism::User]).await?;
        Ok(session)
    }
}

async fn open(client: Arc<Client>) -> Result<Session, Failure> {
    client.open().await
}

/// Fetches all messages, and compares them.
async fn fetch(mut session: Session) -> Result<Session, Failure> {
    let numbers: Vec<u32> = (1..=session.stat().await?.messages).collect();
    if numbers.len() != MAILDROP.messages as usize {
        return Err(format!("{} messages in the maildrop", numbers.len()).into());
    }
    let mut transfer = session.retrieve(&numbers).await?;
    let mut content = Vec::new();
    let mut complete = Vec::new();
    loop {
        let pieces = transfer.next().await?;
        if pieces.is_empty() {
            break;
        }
        for piece in pieces {
            match piece {
                Piece::Begin(_) => content.clear(),
                Piece::Content(octets) => content.extend_from_slice(&octets),
                Piece::End(end) => {
                    if content != MAILDROP.pieces(end.number).collect::<Vec<_>>().concat() {
                        return Err(format!("message {} is not as it was sent", end.number).into());
                    }
                    complete.push(end.number);
                }
                Piece::Refused(refused) => return Err(refused.reply.text.into()),
            }
        }
    }
    if complete == numbers { Ok(session) } else { Err(format!("only messages {complete:?} have come").into()) }
}

/// Does something with each session, some at a time.
async fn each<T, F>(sessions: Vec<Session>, what: impl Fn(Session) -> F) -> Result<Vec<T>, Failure>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Failure>> + Send + 'static,
{
    let mut sessions = sessions.into_iter();
    all(sessions.len(), |_| what(sessions.next().expect("as many as there are"))).await
}

async fn all<T, F>(count: usize, mut what: impl FnMut(usize) -> F) -> Result<Vec<T>, Failure>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Failure>> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    let mut done = Vec::with_capacity(count);
    for number in 0..count {
        // What is done is taken at once, so that nothing but the session stays of it.
        if tasks.len() == AT_A_TIME
            && let Some(task) = tasks.join_next().await
        {
            done.push(task??);
        }
        tasks.spawn(what(number));
    }
    while let Some(task) = tasks.join_next().await {
        done.push(task??);
    }
    Ok(done)
}
