//! What NetX Duo's POP3 client does, does wrong and says in its guide, played through the whole stack: host, component,
//! TCP.

#[path = "netx/calls.rs"]
mod calls;
#[path = "netx/client.rs"]
mod client;
#[path = "netx/defects.rs"]
mod defects;
#[path = "netx/defects_in_replies.rs"]
mod defects_in_replies;
#[path = "netx/guide.rs"]
mod guide;
#[path = "netx/new_mail.rs"]
mod new_mail;
#[path = "netx/regression.rs"]
mod regression;
