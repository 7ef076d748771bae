//! The raw reader: what can be reached. It pipelines RETR, reads as much as there is, finds the ends of messages,
//! unstuffs dots, and writes a Maildir; it checks nothing, remembers nothing, and gives up at the first surprise. One
//! thread for each account; CAPA and UIDL are asked for and not looked at.

mod connection;
mod maildir;
mod session;

use std::{error::Error, ffi::OsString, path::Path, thread};

use connection::Server;
use maildir::Maildir;

pub(crate) const ROLE: &str = "raw";
/// One syncfs for many messages before they are renamed.
pub(crate) const DURABLE: &str = "durable";
pub(crate) const FAST: &str = "fast";

/// PORT PASSWORD CA-FILE|"" DURABLE|FAST, and then USER MAILDIR for each account.
pub(crate) fn main(arguments: &[OsString]) -> Result<(), Box<dyn Error>> {
    let [port, password, ca_file, durable, accounts @ ..] = arguments else {
        return Err("not the arguments of the raw reader".into());
    };
    let text = |word: &OsString| word.to_string_lossy().into_owned();
    let server = Server::new(text(port).parse()?, (!ca_file.is_empty()).then_some(Path::new(ca_file)))?;
    let fetch = |account: &[OsString]| -> Result<(), String> {
        let [user, maildir] = account else { return Err("a user without a Maildir".to_owned()) };
        Maildir::new(Path::new(maildir), durable == DURABLE)
            .and_then(|maildir| session::fetch(server.connect()?, &text(user), &text(password), maildir))
            .map_err(|error| error.to_string())
    };
    let accounts: Vec<&[OsString]> = accounts.chunks(2).collect();
    if let [account] = accounts.as_slice() {
        return Ok(fetch(account)?);
    }
    thread::scope(|scope| {
        let threads: Vec<_> = accounts.iter().map(|account| scope.spawn(|| fetch(account))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "panicked".to_owned())?)
    })?;
    Ok(())
}
