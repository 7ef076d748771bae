//! A mailbox at a Dovecot, and the user whose it is.

use popfetch_tests::{
    command::{Invocation, PASSWORD, Popfetch, USER},
    dovecot::Dovecot,
    fingerprint::Fingerprint,
    maildrop::{Profile, realistic},
};

/// A Dovecot with one mailbox, whose user has the command.
pub(crate) struct Mailbox {
    pub(crate) dovecot: Dovecot,
    pub(crate) user: Popfetch,
    /// What was put into it.
    pub(crate) messages: Vec<Fingerprint>,
}

impl Mailbox {
    /// With so many messages, the largest of about this size in octets.
    pub(crate) fn with(count: usize, largest: usize) -> Self {
        let dovecot = Dovecot::start(&[(USER, PASSWORD)]);
        let user = Popfetch::new(env!("CARGO_BIN_EXE_popfetch-under-test"));
        let mut mailbox = Self { dovecot, user, messages: Vec::new() };
        mailbox.receive(realistic(1939, count, Profile::crlf_clean().largest(largest)));
        mailbox
    }

    /// New mail comes.
    pub(crate) fn receive(&mut self, messages: impl IntoIterator<Item = Vec<u8>>) {
        let known = &mut self.messages;
        let noted = messages.into_iter().inspect(|octets| {
            let label = format!("message {}", known.len() + 1);
            known.push(Fingerprint::of(label, octets));
        });
        self.dovecot.fill(USER, noted);
    }

    /// A fetch with these ways to sign in.
    pub(crate) fn fetch(&self, auth: &str) -> Invocation<'static> {
        self.user.fetch(self.dovecot.port()).args(["--auth", auth])
    }

    pub(crate) fn list(&self) -> Invocation<'static> {
        self.user.list(self.dovecot.port()).args(["--auth", "user"])
    }

    /// How many messages the server has.
    pub(crate) fn at_the_server(&self) -> usize {
        self.dovecot.maildir(USER).delivered().len()
    }

    /// The Maildir holds exactly what was put into the mailbox, octet for octet.
    #[track_caller]
    pub(crate) fn assert_all_stored(&self) {
        self.user.maildir().assert_holds(self.messages.clone());
        assert_eq!(self.user.maildir().unfinished(), []);
    }
}
