//! A tokio service that looks after several mailboxes at once: one sandbox for the process, a session for each look.
//!
//! ```text
//! cargo run --example service -- 127.0.0.1:1110 alice bob
//! ```
//!
//! The password of each is in the file `NAME.password`. Every minute it says what is new, and stays until interrupted.

use std::net::SocketAddr;
use std::time::Duration;

use popfetch::{
    Credentials, Mailbox, Mechanism, Sandbox, SandboxOptions, Secret, Security, Server, SessionOptions, Timeouts,
};
use tokio::task::JoinSet;

const PAUSE: Duration = Duration::from_secs(60);

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().ok_or("usage: service ADDRESS:PORT USER…")?.parse()?;
    let sandbox = Sandbox::load(SandboxOptions::default())?;
    let mut watchers = JoinSet::new();
    for user in arguments {
        let secret = Secret::new(std::fs::read_to_string(format!("{user}.password"))?.trim_end());
        let mailbox = mailbox(&sandbox, address, Credentials { user: user.clone(), secret });
        watchers.spawn(watch(user, mailbox));
    }
    while watchers.join_next().await.is_some() {}
    Ok(())
}

/// A mailbox that is asked over an unprotected connection, and never gets the password in clear text.
fn mailbox(sandbox: &Sandbox, address: SocketAddr, credentials: Credentials) -> Mailbox {
    let server = Server { name: address.ip().to_string(), addresses: vec![address], security: Security::Cleartext };
    let options = SessionOptions {
        timeouts: Timeouts::all(Duration::from_secs(30)),
        deadline: Some(Duration::from_secs(300)),
        ..SessionOptions::default()
    };
    Mailbox::new(sandbox.clone(), server, options, credentials, vec![Mechanism::Apop])
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
async fn look(mailbox: &mut Mailbox) -> Result<(u32, u64), popfetch::SessionError> {
    let maildrop = mailbox.new_mail().await?;
    mailbox.quit().await?;
    Ok((maildrop.messages, maildrop.octets))
}
