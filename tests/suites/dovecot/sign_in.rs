//! APOP, USER/PASS, and what Dovecot says to a wrong password.

use crate::mailbox::Mailbox;

#[test]
fn each_way_to_sign_in_works() {
    let mailbox = Mailbox::with(3, 1000);
    for (auth, mechanism) in [("apop", "apop"), ("user", "user"), ("auto", "scram-sha-256"), ("user,apop", "user")] {
        let run = mailbox.fetch(auth).arg("-v").run();
        assert!(run.assert_success().stdout.contains(&format!("signed in with {mechanism}\n")), "{run:?}");
    }
}

#[test]
fn a_wrong_password_is_refused() {
    let mailbox = Mailbox::with(3, 1000);
    mailbox.user.write_password("wrong\n");
    for auth in ["apop", "user", "auto"] {
        mailbox
            .fetch(auth)
            .arg("--delete")
            .run()
            .assert_failure(77, &["sign-in", "check the user name and the password"]);
        assert_eq!(mailbox.at_the_server(), 3);
        assert_eq!(mailbox.user.maildir().delivered(), []);
    }
}
