//! A server whose octet counts are never those of its messages: what was stored is known all the same.

use popfetch_tests::{
    command::script,
    server::{Announced, At, Ending, Fault, Script},
    survival::{Damage, Mailbox},
};

use super::letters;

const ANNOUNCED: [Announced; 2] = [Announced { factor: 1.0, offset: 9 }, Announced { factor: 0.97, offset: 0 }];

fn mailbox(announced: Announced, delete: bool) -> Mailbox {
    let script = Script { announced, ..script(letters::mixed()) };
    Mailbox::new(env!("CARGO_BIN_EXE_popfetch-under-test"), script, delete)
}

#[track_caller]
fn assert_unharmed(damage: &Damage) {
    assert!(damage.is_none(), "{damage}");
}

#[test]
fn what_an_earlier_run_has_kept_is_deleted_and_not_fetched_again() {
    for announced in ANNOUNCED {
        let mailbox = mailbox(announced, true);
        mailbox.fetch_with("--keep").run().assert_success();
        let run = mailbox.fetch().run();
        assert_unharmed(&mailbox.after_the_end(&run));
    }
}

#[test]
fn what_was_stored_before_the_connection_broke_is_not_fetched_again() {
    for announced in ANNOUNCED {
        for delete in [false, true] {
            let mailbox = mailbox(announced, delete);
            mailbox.server.fault(At::verb("RETR").nth(7).once(), Fault::End(Ending::Close));
            let broken = mailbox.fetch().run();
            let run = if broken.code == Some(0) { broken } else { mailbox.fetch().run() };
            assert_unharmed(&mailbox.after_the_end(&run));
        }
    }
}
