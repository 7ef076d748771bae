//! Killed between the delivery of new mail and its record; and in the next session the unique-ids are of no use.

use popfetch_tests::{
    command::script,
    maildrop::Message,
    recording::{Event, Moment, Operation},
    server::{Announced, At, Fault, Script},
    survival::Mailbox,
    tracer::{Order, trace},
};

use super::letters;

/// What the server does in the session after the kill.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// It refuses UIDL, this once.
    Refuses,
    /// All its unique-ids are new.
    Renews,
}

fn is_delivered(event: &Event) -> bool {
    let to = match &event.operation {
        Operation::Rename { to, .. } | Operation::Link { to, .. } => to,
        _ => return false,
    };
    matches!(event.moment, Moment::After(Ok(_))) && to.components().any(|part| part.as_os_str() == "new")
}

fn delivered_and_not_recorded(announced: Announced, delete: bool, then: Then) {
    let script = Script { announced, ..script(letters::mixed()) };
    let mut mailbox = Mailbox::new(env!("CARGO_BIN_EXE_popfetch-under-test"), script, delete);
    mailbox.fetch_with("--keep").run().assert_success();
    mailbox.append(Message::new("uid-new", "Subject: new\r\n\r\nnew mail\r\n"));
    let killed =
        trace(
            mailbox.fetch(),
            mailbox.popfetch.home(),
            |event| {
                if is_delivered(event) { Order::Kill } else { Order::Go }
            },
        );
    assert_eq!(killed.signal, Some(9));
    let case = format!("{announced:?}, delete {delete}, {then:?}");
    let damage = mailbox.after_a_break();
    assert!(damage.is_none(), "{case}\n{damage}");
    assert_eq!(mailbox.delivered().len(), mailbox.messages(), "{case}");

    match then {
        Then::Refuses => mailbox.server.fault(At::verb("UIDL").once(), Fault::Refuse(b"not now".to_vec())),
        Then::Renews => mailbox.server.edit_maildrop(|maildrop| {
            maildrop.messages_mut().iter_mut().for_each(|message| message.uid.extend_from_slice(b"-renewed"));
        }),
    }
    let run = mailbox.fetch().run();
    let damage = mailbox.after_the_end(&run);
    assert!(damage.is_none(), "{case}\n{damage}");
}

fn whatever_becomes_of_the_unique_ids(announced: Announced) {
    for delete in [false, true] {
        for then in [Then::Refuses, Then::Renews] {
            delivered_and_not_recorded(announced, delete, then);
        }
    }
}

#[test]
fn new_mail_that_was_delivered_and_not_recorded_is_recognised_without_its_unique_id() {
    whatever_becomes_of_the_unique_ids(Announced::default());
}

#[test]
fn new_mail_that_was_delivered_and_not_recorded_is_recognised_where_its_size_is_wrong_too() {
    whatever_becomes_of_the_unique_ids(Announced { factor: 1.0, offset: 9 });
}

#[test]
fn what_was_stored_in_a_session_without_unique_ids_is_known_in_one_with_them() {
    for delete in [false, true] {
        let mut mailbox = super::mailbox(letters::mixed(), delete);
        mailbox.fetch_with("--keep").run().assert_success();
        mailbox.append(Message::new("uid-new", "Subject: new\r\n\r\nnew mail\r\n"));
        mailbox.server.fault(At::verb("UIDL").once(), Fault::Refuse(b"not now".to_vec()));
        let without = mailbox.fetch_with("--keep").run();
        assert_eq!(without.code, Some(0), "{without:?}");
        assert_eq!(mailbox.delivered().len(), mailbox.messages());
        let run = mailbox.fetch().run();
        let damage = mailbox.after_the_end(&run);
        assert!(damage.is_none(), "delete {delete}\n{damage}");
    }
}
