//! A mailbox at a Dovecot, and the user whose it is.

use popfetch_tests::{
    authority::Authority,
    command::{Invocation, PASSWORD, Popfetch, USER},
    dovecot::{Dovecot, ServerTls, Settings},
    fingerprint::Fingerprint,
    maildrop::{Profile, realistic},
};

use crate::channel::Channel;

/// A Dovecot with one mailbox, whose user has the command.
pub(crate) struct Mailbox {
    pub(crate) dovecot: Dovecot,
    pub(crate) user: Popfetch,
    /// What was put into it.
    pub(crate) messages: Vec<Fingerprint>,
    /// Who has signed the server's certificate.
    pub(crate) authority: Authority,
}

impl Mailbox {
    /// With so many messages, the largest of about this size in octets.
    pub(crate) fn with(count: usize, largest: usize) -> Self {
        let mut mailbox = Self::at(|_| settings());
        mailbox.receive(realistic(1939, count, Profile::crlf_clean().largest(largest)));
        mailbox
    }

    /// With nothing in it, at a server of these settings; a certificate that they lack is made.
    pub(crate) fn at(settings: impl FnOnce(&Authority) -> Settings) -> Self {
        let authority = Authority::new();
        let mut settings = settings(&authority);
        settings.tls.get_or_insert_with(|| ServerTls::with(authority.server()));
        let dovecot = Dovecot::start_with(&settings);
        Self { dovecot, user: popfetch(), messages: Vec::new(), authority }
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

    /// A fetch in clear text with these ways to sign in.
    pub(crate) fn fetch(&self, auth: &str) -> Invocation<'static> {
        self.fetch_over(Channel::Cleartext, auth)
    }

    /// A fetch with these ways to sign in.
    pub(crate) fn fetch_over(&self, channel: Channel, auth: &str) -> Invocation<'static> {
        self.fetch_as(USER, channel, auth)
    }

    /// A fetch from the mailbox of somebody else at this server, with his ways to sign in.
    pub(crate) fn fetch_as(&self, user: &str, channel: Channel, auth: &str) -> Invocation<'static> {
        self.signed_in(user, channel, "fetch").args(["--auth", auth, "--maildir"]).arg(self.user.maildir().path())
    }

    pub(crate) fn list(&self) -> Invocation<'static> {
        self.signed_in(USER, Channel::Cleartext, "list").args(["--auth", "user"])
    }

    pub(crate) fn info_over(&self, channel: Channel) -> Invocation<'static> {
        self.trusting(channel, channel.run(&self.user, "info", &self.dovecot))
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

    fn signed_in(&self, user: &str, channel: Channel, verb: &str) -> Invocation<'static> {
        let run = channel.run(&self.user, verb, &self.dovecot).args(["--user", user]);
        self.trusting(channel, run.arg("--password-file").arg(self.user.password_file()))
    }

    /// Where there are certificates, those of the server's authority are good.
    pub(crate) fn trusting(&self, channel: Channel, run: Invocation<'static>) -> Invocation<'static> {
        if channel.is_tls() { run.arg("--ca-file").arg(self.authority.ca_file()) } else { run }
    }
}

/// A server where the user signs in with his password.
pub(crate) fn settings() -> Settings {
    Settings::new(&[(USER, PASSWORD)])
}

/// The command, for one who has a home of his own.
pub(crate) fn popfetch() -> Popfetch {
    Popfetch::new(env!("CARGO_BIN_EXE_popfetch-under-test"))
}
