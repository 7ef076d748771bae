//! The servers, with mail in all maildrops that somebody will fetch.

use std::{collections::BTreeMap, error::Error, io, sync::Arc};

use popfetch_tests::{
    authority::Authority,
    dovecot::{Dovecot, ServerTls, Settings},
};

use crate::{
    delay::DelayProxy,
    memory_server::{MemoryServer, Replies},
    messages::Expected,
    programs::Peer,
    works::{Maildrop, Server, Work},
};

/// With which all users sign in.
pub(crate) const PASSWORD: &str = "tanstaaf";

/// Everything that the works need.
#[derive(Debug)]
pub(crate) struct Stage {
    authority: Authority,
    dovecot: Dovecot,
    /// In clear text, and with TLS; the same maildrop in each.
    in_memory: Option<[MemoryServer; 2]>,
    /// In front of Dovecot.
    delays: BTreeMap<u128, DelayProxy>,
    expected: BTreeMap<String, Expected>,
}

impl Stage {
    /// Prepares what these works need.
    pub(crate) fn set(works: &[Work]) -> Result<Self, Box<dyn Error>> {
        let authority = Authority::new();
        let mut maildrops: Vec<Maildrop> = works.iter().map(|work| work.maildrop).collect();
        maildrops.sort_by_key(|maildrop| maildrop.name);
        maildrops.dedup();
        let users: Vec<String> = maildrops.iter().flat_map(Maildrop::users).collect();
        let users: Vec<(&str, &str)> = users.iter().map(|user| (user.as_str(), PASSWORD)).collect();
        let tls = Some(ServerTls::with(authority.server()));
        let dovecot = Dovecot::start_with(&Settings { tls, ..Settings::new(&users) });
        let mut stage =
            Self { authority, dovecot, in_memory: None, delays: BTreeMap::new(), expected: BTreeMap::new() };
        for maildrop in maildrops {
            stage.fill(maildrop);
        }
        for work in works {
            stage.open(work)?;
        }
        Ok(stage)
    }

    /// Where a client finds the server of this work.
    pub(crate) fn peer(&self, work: &Work) -> Peer {
        let port = match (work.server, work.tls, &self.in_memory) {
            (Server::Dovecot, false, _) => self.dovecot.port(),
            (Server::Dovecot, true, _) => self.dovecot.tls_port(),
            (Server::InMemory, tls, servers) => {
                let [clear, over_tls] = servers.as_ref().expect("the server has been started");
                if tls { over_tls.port() } else { clear.port() }
            }
        };
        let port = self.delays.get(&work.round_trip.as_micros()).map_or(port, DelayProxy::port);
        Peer { port, ca_file: work.tls.then(|| self.authority.ca_file()) }
    }

    /// What this user has to get.
    pub(crate) fn expected(&self, user: &str) -> &Expected {
        &self.expected[user]
    }

    fn fill(&mut self, maildrop: Maildrop) {
        for user in maildrop.users() {
            let mut expected = Expected::default();
            let seed = self.expected.len() as u64;
            self.dovecot.fill(&user, maildrop.mail.messages(seed).inspect(|message| expected.add(message)));
            self.expected.insert(user, expected);
        }
    }

    fn open(&mut self, work: &Work) -> io::Result<()> {
        if work.server == Server::InMemory && self.in_memory.is_none() {
            let user = &work.users()[0];
            // Dovecot has it in the same order.
            let messages = self.dovecot.maildir(user).delivered().into_iter().map(|entry| entry.octets());
            let replies = Arc::new(Replies::to(messages));
            let over_tls = MemoryServer::start_tls(Arc::clone(&replies), &self.authority.server())?;
            self.in_memory = Some([MemoryServer::start(replies)?, over_tls]);
        }
        if !work.round_trip.is_zero() {
            let proxy = DelayProxy::start(self.dovecot.address(), work.round_trip / 2)?;
            self.delays.insert(work.round_trip.as_micros(), proxy);
        }
        Ok(())
    }
}
