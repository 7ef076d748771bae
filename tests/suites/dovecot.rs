//! The command against a real server: Dovecot, private to each test. It runs with the feature `dovecot` only, and fails
//! where Dovecot is not installed.

#[path = "dovecot/channel.rs"]
mod channel;
#[path = "dovecot/crash.rs"]
mod crash;
#[path = "dovecot/fetch.rs"]
mod fetch;
#[path = "dovecot/mailbox.rs"]
mod mailbox;
#[path = "dovecot/matrix.rs"]
mod matrix;
#[path = "dovecot/sign_in.rs"]
mod sign_in;
#[path = "dovecot/state.rs"]
mod state;
#[path = "dovecot/tls.rs"]
mod tls;
#[path = "dovecot/trace.rs"]
mod trace;
