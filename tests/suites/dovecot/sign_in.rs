//! Lists of mechanisms, passwords that the server does not know in clear text, and names beyond ASCII.

use popfetch_tests::{
    command::{PASSWORD, USER},
    dovecot::Settings,
    fingerprint::Fingerprint,
};

use crate::{channel::Channel, mailbox::Mailbox, trace::sign_ins};

/// What `doveadm pw` makes of [`PASSWORD`].
const SHA512_CRYPT: &str = "{SHA512-CRYPT}$6$L3uVqzYsGVDKPsCz$\
    NliL9aiXJe8s0LF9nONBJMswG0DpU47bY4ytVJi2ep9gElsWWxOusTs1MO40IfvdRAbG8sixZq6yPUqynuvMX.";
const SCRAM_SHA_256: &str = "{SCRAM-SHA-256}4096,ECDHLigSKjRK+PHdDU9+Kg==,\
    GzImUeblTbKXsTLock87a88+esPKOryAPttVTOMsqNQ=,BUKhyU7PobKW28KYKoLxzoDyO2g+WSg2K339hGad6VM=";

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

/// A mailbox with one message, and with this line in the server's file of passwords.
fn mailbox_of(user: &str, password: &str) -> Mailbox {
    let users = vec![(user.to_owned(), password.to_owned())];
    let mut mailbox = Mailbox::at(|_| Settings { users, ..Settings::default() });
    let message = b"Subject: hello\r\n\r\n";
    mailbox.dovecot.fill(user, [message.to_vec()]);
    mailbox.messages.push(Fingerprint::of("the message", message));
    mailbox
}

/// Each of these gets the mail over TLS, or is refused.
#[track_caller]
fn assert_accepts(mailbox: &Mailbox, user: &str, accepted: &[&str], refused: &[&str]) {
    for (auth, is_accepted) in accepted.iter().map(|auth| (auth, true)).chain(refused.iter().map(|auth| (auth, false)))
    {
        let run = mailbox.fetch_as(user, Channel::ImplicitTls, auth).args(["-v", "--no-state"]).run();
        match is_accepted {
            true => assert!(run.assert_success().stdout.contains(&format!("signed in with {auth}\n")), "{run:#?}"),
            false => _ = run.assert_failure(77, &["the server refused the sign-in", "[AUTH]"]),
        }
    }
    mailbox.user.maildir().assert_holds(accepted.iter().flat_map(|_| mailbox.messages.clone()));
}

/// Dovecot offers SCRAM to everybody, also to one whose password it has only as a hash of another kind: that looks like
/// a wrong password. auto does not show the password because of a refusal; one has to say so.
#[test]
fn a_password_that_is_hashed_needs_a_mechanism_that_shows_it() {
    let mailbox = mailbox_of(USER, SHA512_CRYPT);
    let trace = mailbox.user.path("trace");
    let auto = mailbox.fetch_over(Channel::ImplicitTls, "auto").arg("--trace").arg(&trace).run();
    auto.assert_failure(77, &["AUTH SCRAM-SHA-256", "[AUTH]"]);
    assert_eq!(sign_ins(&trace), ["AUTH SCRAM-SHA-256"]);
    let challenged = ["scram-sha-256", "scram-sha-1", "cram-md5", "apop"];
    assert_accepts(&mailbox, USER, &["plain", "login", "user"], &challenged);

    let list =
        mailbox.fetch_over(Channel::ImplicitTls, "scram-sha-256,cram-md5,plain").args(["-v", "--no-state"]).run();
    assert!(list.assert_success().stdout.contains("signed in with plain\n"), "{list:#?}");
}

#[test]
fn a_password_that_is_stored_for_one_scram_is_good_for_that_one() {
    let mailbox = mailbox_of(USER, SCRAM_SHA_256);
    let auto = mailbox.fetch_over(Channel::ImplicitTls, "auto").args(["-v", "--no-state"]).run();
    assert!(auto.assert_success().stdout.contains("signed in with scram-sha-256\n"), "{auto:#?}");
    std::fs::remove_dir_all(mailbox.user.maildir().path()).unwrap();
    let shown = ["scram-sha-256", "plain", "login", "user"];
    assert_accepts(&mailbox, USER, &shown, &["scram-sha-1", "cram-md5", "apop"]);
}

/// A list is gone through in its order, and what shows the password is not tried again in another dress.
#[test]
fn a_list_is_tried_in_its_order() {
    let mailbox = mailbox_of(USER, &format!("{{PLAIN}}{PASSWORD}"));
    mailbox.user.write_password("wrong\n");
    let trace = mailbox.user.path("trace");
    let list = "external,oauthbearer,scram-sha-1,apop,login,plain,user,cram-md5";
    let run = mailbox.fetch_over(Channel::StartTls, list).arg("--trace").arg(&trace).run();
    run.assert_failure(77, &["[AUTH]"]);
    assert_eq!(sign_ins(&trace), ["AUTH SCRAM-SHA-1", "APOP", "AUTH LOGIN", "AUTH CRAM-MD5"]);
}

#[test]
fn names_and_passwords_beyond_ascii_sign_in() {
    const NAME: &str = "j\u{fc}rgen";
    let mailbox = mailbox_of(NAME, "{PLAIN}gr\u{fc}\u{df}e \u{2603} \u{65e5}\u{672c}");
    mailbox.user.write_password("gr\u{fc}\u{df}e \u{2603} \u{65e5}\u{672c}\n");
    let all = ["scram-sha-256", "scram-sha-1", "cram-md5", "apop", "plain", "login", "user"];
    assert_accepts(&mailbox, NAME, &all, &[]);
}

/// RFC 4013: whatever a keyboard makes of a password, it is the same one to SCRAM, PLAIN, CRAM-MD5 and APOP. The others
/// take it as it is.
#[test]
fn what_saslprep_makes_equal_is_equal() {
    const NAME: &str = "j\u{fc}rgen";
    let mailbox = mailbox_of(NAME, "{PLAIN}gr\u{fc}n IX");
    // A combining diaeresis, a no-break space, a Roman numeral, and a soft hyphen.
    mailbox.user.write_password("gru\u{308}n\u{a0}\u{2168}\u{ad}\n");
    let typed = "ju\u{308}rgen";
    assert_accepts(&mailbox, typed, &["scram-sha-256", "scram-sha-1", "plain", "cram-md5", "apop"], &["login", "user"]);
}
