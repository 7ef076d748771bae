//! What is to be done: which maildrop, from which server, over what, to where.

use std::{fmt, time::Duration};

use crate::{messages::Mail, options::Options};

/// One line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// What `--only` chooses it by.
    pub(crate) key: &'static str,
    pub(crate) maildrop: Maildrop,
    pub(crate) server: Server,
    pub(crate) tls: bool,
    pub(crate) place: Place,
    /// How long a round trip takes, if more than nothing.
    pub(crate) round_trip: Duration,
}

/// One or several maildrops of the same kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Maildrop {
    /// What its users are called.
    pub(crate) name: &'static str,
    pub(crate) accounts: usize,
    pub(crate) mail: Mail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Dovecot,
    InMemory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Memory,
    /// On a disk, where a program has to make durable what it delivers.
    Disk,
}

/// The sizes of the maildrops.
struct Sizes {
    small: Mail,
    medium: Mail,
    large: Mail,
    few: Mail,
    accounts: usize,
    each: Mail,
}

const FULL: Sizes = Sizes {
    small: Mail { count: 10_000, octets: 4 << 10 },
    medium: Mail { count: 1_000, octets: 74 << 10 },
    large: Mail { count: 20, octets: 25 << 20 },
    few: Mail { count: 1_000, octets: 4 << 10 },
    accounts: 50,
    each: Mail { count: 200, octets: 4 << 10 },
};

const SMALL: Sizes = Sizes {
    small: Mail { count: 400, octets: 4 << 10 },
    medium: Mail { count: 40, octets: 74 << 10 },
    large: Mail { count: 2, octets: 5 << 20 },
    few: Mail { count: 20, octets: 4 << 10 },
    accounts: 5,
    each: Mail { count: 40, octets: 4 << 10 },
};

const ROUND_TRIP: Duration = Duration::from_millis(40);

/// The works that the options ask for.
pub(crate) fn chosen(options: &Options) -> Vec<Work> {
    let sizes = if options.small { &SMALL } else { &FULL };
    all(sizes).into_iter().filter(|work| options.chooses(work.key)).collect()
}

fn all(sizes: &Sizes) -> Vec<Work> {
    let maildrop = |name, mail| Maildrop { name, accounts: 1, mail };
    let small = maildrop("small", sizes.small);
    let medium = maildrop("medium", sizes.medium);
    let large = maildrop("large", sizes.large);
    let few = maildrop("few", sizes.few);
    let many = Maildrop { name: "many", accounts: sizes.accounts, mail: sizes.each };
    let work = |key, maildrop| Work {
        key,
        maildrop,
        server: Server::Dovecot,
        tls: false,
        place: Place::Memory,
        round_trip: Duration::ZERO,
    };
    vec![
        work("small", small),
        work("medium", medium),
        work("large", large),
        Work { tls: true, ..work("tls-small", small) },
        Work { tls: true, ..work("tls-medium", medium) },
        Work { tls: true, ..work("tls-large", large) },
        Work { server: Server::InMemory, ..work("in-memory", small) },
        Work { server: Server::InMemory, tls: true, ..work("tls-in-memory", small) },
        Work { place: Place::Disk, ..work("durable", small) },
        Work { round_trip: ROUND_TRIP, ..work("round-trip", few) },
        work("accounts", many),
        Work { round_trip: ROUND_TRIP, ..work("accounts-round-trip", many) },
    ]
}

impl Work {
    /// The password is the same for all.
    pub(crate) fn users(&self) -> Vec<String> {
        self.maildrop.users()
    }
}

impl Maildrop {
    pub(crate) fn users(&self) -> Vec<String> {
        match self.accounts {
            1 => vec![self.name.to_owned()],
            accounts => (1..=accounts).map(|number| format!("{}-{number:02}", self.name)).collect(),
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Maildrop { accounts, mail, .. } = self.maildrop;
        if accounts > 1 {
            write!(f, "{accounts} accounts × ")?;
        }
        write!(f, "{mail}, {}", if self.server == Server::Dovecot { "Dovecot" } else { "in-memory server" })?;
        if self.tls {
            f.write_str(", TLS")?;
        }
        if self.place == Place::Disk {
            f.write_str(", onto a disk, durable")?;
        }
        if !self.round_trip.is_zero() {
            write!(f, ", {} ms round trip", self.round_trip.as_millis())?;
        }
        Ok(())
    }
}
