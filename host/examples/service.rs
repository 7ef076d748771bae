//! A tokio service that looks after several mailboxes at once: one sandbox and one setting of TLS for the process, a
//! session for each look.
//!
//! ```text
//! cargo run --example service -- pop.example.org:995 alice bob
//! ```
//!
//! The password of each is in the file `NAME.password`. Every minute it says what is new, and stays until interrupted.

use std::time::Duration;

use popfetch::{
    Credentials, Mailbox, Mechanism, Sandbox, SandboxOptions, Secret, Security, Server, SessionOptions, Timeouts, Tls,
    TlsOptions,
};
use tokio::task::JoinSet;

const PAUSE: Duration = Duration::from_secs(60);

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let host_and_port = arguments.next().ok_or("usage: service HOST:PORT USER…")?;
    let (host, _) = host_and_port.rsplit_once(':').ok_or("the port is missing")?;
    let addresses = tokio::net::lookup_host(&host_and_port).await?.collect();
    let server = Server { name: host.to_owned(), addresses, security: Security::ImplicitTls };
    let sandbox = Sandbox::load(SandboxOptions::default())?;
    // The system's roots are read once.
    let tls = Tls::new(&TlsOptions::default())?;
    let mut watchers = JoinSet::new();
    for user in arguments {
        let secret = Secret::new(std::fs::read_to_string(format!("{user}.password"))?.trim_end());
        let credentials = Credentials { user: user.clone(), secret };
        let mailbox = mailbox(&sandbox, server.clone(), tls.clone(), credentials);
        watchers.spawn(watch(user, mailbox));
    }
    while watchers.join_next().await.is_some() {}
    Ok(())
}

/// A mailbox whose server gets a proof of the password, or the password itself where it has nothing better: under TLS.
pub fn mailbox(sandbox: &Sandbox, server: Server, tls: Tls, credentials: Credentials) -> Mailbox {
    let options = SessionOptions {
        timeouts: Timeouts::all(Duration::from_secs(30)),
        deadline: Some(Duration::from_secs(300)),
        tls: Some(tls),
        ..SessionOptions::default()
    };
    Mailbox::new(
        sandbox.clone(),
        server,
        options,
        credentials,
        vec![Mechanism::ScramShaTwoFiveSix, Mechanism::Plain, Mechanism::User],
    )
}

/// One account's trouble is no other account's: an error is said, and the next look comes all the same.
async fn watch(user: String, mut mailbox: Mailbox) {
    loop {
        match look(&mut mailbox).await {
            Ok((messages, octets)) => println!("{user}: {messages} messages, {octets} octets"),
            Err(error) => println!("{user}: {error}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What is in the mailbox now. The session is ended, so that others can open the mailbox.
pub async fn look(mailbox: &mut Mailbox) -> Result<(u32, u64), popfetch::SessionError> {
    let maildrop = mailbox.new_mail().await?;
    mailbox.quit().await?;
    Ok((maildrop.messages, maildrop.octets))
}
