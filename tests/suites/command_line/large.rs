//! A message far larger than the memory that it takes.

use popfetch_tests::command::{Popfetch, script};
use popfetch_tests::maildrop::{Content, Maildrop, Message};
use popfetch_tests::server::{At, Ending, Fault, ModelServer, Transcript};

use super::{PATIENCE, fetch, popfetch};

const MIB: u64 = 1 << 20;

/// Fetches this one message, and gives the most memory that it took. The server does not answer QUIT, so that there is
/// still somebody to look at.
fn peak_memory(popfetch: &Popfetch, content: Content) -> u64 {
    let silent = Fault::End(Ending::Silence);
    let maildrop = Maildrop::new([Message::with_content("uid", content)]);
    let server = ModelServer::start(script(maildrop.clone()).fault(At::verb("QUIT"), silent));
    let running = fetch(popfetch, &server).start();
    let at_quit = |transcript: &Transcript| transcript.commands().contains(&"QUIT".into());
    server.wait_until(PATIENCE, at_quit).expect("the message is stored");
    let peak = running.peak_memory();
    running.interrupt();
    assert_eq!(running.finish().code, Some(130));
    popfetch.maildir().assert_holds(maildrop.fingerprints());
    peak
}

#[test]
fn a_message_of_40_mb_takes_hardly_more_memory_than_a_small_one() {
    let small = peak_memory(&popfetch(), Content::generated(1, 1000));
    let large = peak_memory(&popfetch(), Content::generated(2, 40_000_000));
    // Far less than the message, so that it cannot be held as a whole.
    assert!(large < small + 24 * MIB, "{} MiB for the small message, {} MiB for the large", small / MIB, large / MIB);
}
