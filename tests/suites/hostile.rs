//! What broken and hostile servers do, through the whole stack: the command as a child process against the model server.
//!
//! `HOSTILE.md` beside this file says which test answers which row of the list of such servers. Whatever a test asks
//! for, [`scene`] checks at every run: no crash and no panic, one clear line, nothing raw on the terminal, bounded time,
//! memory and output, no password or token shown, nothing in clear where TLS was wanted, nothing cut short in `new/`, and no
//! `DELE` for what is not stored whole.

#[path = "hostile/alike.rs"]
mod alike;
#[path = "hostile/certificates.rs"]
mod certificates;
#[path = "hostile/challenges.rs"]
mod challenges;
#[path = "hostile/cuts.rs"]
mod cuts;
#[path = "hostile/data.rs"]
mod data;
#[path = "hostile/endless.rs"]
mod endless;
#[path = "hostile/goodbye.rs"]
mod goodbye;
#[path = "hostile/listings.rs"]
mod listings;
#[path = "hostile/local_input.rs"]
mod local_input;
#[path = "hostile/memory.rs"]
mod memory;
#[path = "hostile/messages.rs"]
mod messages;
#[path = "hostile/oauth.rs"]
mod oauth;
#[path = "hostile/out_of_step.rs"]
mod out_of_step;
#[path = "hostile/repeated.rs"]
mod repeated;
#[path = "hostile/sasl.rs"]
mod sasl;
#[path = "hostile/scene.rs"]
mod scene;
#[path = "hostile/scram.rs"]
mod scram;
#[path = "hostile/secrets.rs"]
mod secrets;
#[path = "hostile/sign_in.rs"]
mod sign_in;
#[path = "hostile/stls.rs"]
mod stls;
#[path = "hostile/terminal.rs"]
mod terminal;
#[path = "hostile/tls.rs"]
mod tls;
#[path = "hostile/twins.rs"]
mod twins;
#[path = "hostile/unseen.rs"]
mod unseen;
