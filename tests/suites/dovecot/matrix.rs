//! Every mechanism over every channel, with what is right and with what is wrong.

use std::{fs, thread};

use base64ct::{Base64, Encoding};
use popfetch_tests::{
    command::{Invocation, PASSWORD, Popfetch, Run, USER},
    dovecot::{ClientCertificates, Introspection, ServerTls, Settings},
    fingerprint::compare,
    maildrop::{Profile, realistic},
};

use crate::{
    channel::Channel,
    mailbox::{Mailbox, popfetch, settings},
    trace::sign_ins,
};

const WRONG_PASSWORD: &str = "another password";
const TOKEN: &str = "good-token.0123456789_~abcdef";
const WRONG_TOKEN: &str = "withdrawn-token.9876543210";

/// What signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    Password,
    Token,
    Certificate,
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Everything was fetched.
    In,
    /// The server has seen it and refused: exit code 77.
    Refused,
    /// The server does not offer it, and nothing was tried: exit code 77.
    Missing,
    /// The command does not do that: exit code 64, and nobody was asked.
    Usage,
}

/// One value of `--auth`: what is tried then, and what comes of it when everything is right.
struct Row {
    auth: &'static str,
    proof: Proof,
    tried: &'static str,
    /// In clear text by way of 127.0.0.1, in clear text from afar, and over TLS.
    right: [Outcome; 3],
}

impl Row {
    /// With the mechanism that is named.
    const fn named(auth: &'static str, proof: Proof, right: [Outcome; 3]) -> Self {
        Self { auth, proof, tried: auth, right }
    }

    fn expected(&self, channel: Channel, right: bool) -> Outcome {
        let [clear, from_afar, tls] = self.right;
        let outcome = match channel {
            Channel::Cleartext => clear,
            Channel::CleartextFromAfar => from_afar,
            Channel::StartTls | Channel::ImplicitTls => tls,
        };
        if outcome == Outcome::In && !right { Outcome::Refused } else { outcome }
    }
}

/// A Dovecot that lets passwords and tokens through in clear text only where it trusts the way.
const MATRIX: [Row; 12] = {
    use Outcome::{In, Missing, Refused, Usage};
    use Proof::{Certificate, Password, Token};
    [
        Row { auth: "auto", proof: Password, tried: "scram-sha-256", right: [In, In, In] },
        Row::named("scram-sha-256", Password, [In, In, In]),
        Row::named("scram-sha-1", Password, [In, In, In]),
        Row::named("cram-md5", Password, [In, In, In]),
        Row::named("apop", Password, [In, In, In]),
        Row::named("plain", Password, [In, Missing, In]),
        Row::named("login", Password, [In, Missing, In]),
        // Nobody but the server can say that it has no USER, and it does so before PASS.
        Row::named("user", Password, [In, Refused, In]),
        // Without TLS there is nobody to show a certificate to.
        Row::named("external", Certificate, [Usage, Usage, In]),
        Row::named("oauthbearer", Token, [In, Missing, In]),
        Row::named("xoauth2", Token, [In, Missing, In]),
        Row { auth: "auto", proof: Token, tried: "oauthbearer", right: [Usage, Usage, In] },
    ]
};

const CHANNELS: [Channel; 4] =
    [Channel::Cleartext, Channel::CleartextFromAfar, Channel::StartTls, Channel::ImplicitTls];

#[test]
fn each_mechanism_over_each_channel_with_right_and_wrong() {
    let tokens = Introspection::start(&[(TOKEN, USER)]);
    let mut mailbox = Mailbox::at(|authority| Settings {
        tls: Some(ServerTls {
            clients: Some(ClientCertificates { authority: authority.pem(), required: false }),
            ..ServerTls::with(authority.server())
        }),
        passwords_need_tls: true,
        introspection: Some(tokens.address()),
        ..settings()
    });
    mailbox.receive(realistic(5034, 5, Profile::crlf_clean().largest(50_000)));
    let mailbox = &mailbox;

    // Dovecot answers what is wrong not at once: the channels wait at the same time.
    let columns = thread::scope(|scope| {
        let columns = CHANNELS.map(|channel| scope.spawn(move || column(mailbox, channel)));
        columns.map(|column| column.join().expect("every run is decent"))
    });

    let mut table = format!("{:28}", "");
    CHANNELS.iter().for_each(|channel| table += &format!("{:30}", format!("{channel:?}")));
    for (row, at) in MATRIX.iter().zip(0..) {
        table += &format!("\n{:28}", format!("{} ({:?})", row.auth, row.proof));
        columns.iter().for_each(|column| table += &format!("{:30}", column.cells[at]));
    }
    println!("{table}");
    let faults: Vec<String> = columns.into_iter().flat_map(|column| column.faults).collect();
    assert!(faults.is_empty(), "\n{table}\n\n{}\n\n{}", faults.join("\n"), mailbox.dovecot.log());
    assert_eq!(mailbox.at_the_server(), mailbox.messages.len());
}

struct Column {
    /// What was seen, with what is right and with what is wrong.
    cells: Vec<String>,
    /// What should not have been seen.
    faults: Vec<String>,
}

fn column(mailbox: &Mailbox, channel: Channel) -> Column {
    let mut column = Column { cells: Vec::new(), faults: Vec::new() };
    for row in &MATRIX {
        let seen = [true, false].map(|right| {
            let (user, expected) = (popfetch(), row.expected(channel, right));
            let (run, secret) = attempt(mailbox, channel, row, right, &user);
            let run = run.run();
            let mut faults = faults(mailbox, row, expected, &user, &run);
            let trace = fs::read_to_string(user.path("trace")).unwrap_or_default();
            if [&trace, &run.stdout, &run.stderr].iter().any(|said| tells(said, &secret)) {
                faults.push("it tells the secret".to_owned());
            }
            let place =
                format!("{channel:?}, {} ({:?}), {}", row.auth, row.proof, if right { "right" } else { "wrong" });
            column.faults.extend(faults.iter().map(|fault| format!("{place}: {fault}\n{run:#?}\n{trace}")));
            if faults.is_empty() { format!("{expected:?}") } else { format!("NOT {expected:?}") }
        });
        column.cells.push(seen.join(" / "));
    }
    column
}

/// A run with what is right or wrong, and the secret in it.
fn attempt(
    mailbox: &Mailbox,
    channel: Channel,
    row: &Row,
    right: bool,
    user: &Popfetch,
) -> (Invocation<'static>, String) {
    let run = channel.run(user, "fetch", &mailbox.dovecot).args(["--user", USER, "--auth", row.auth, "-v"]);
    let run = run.arg("--trace").arg(user.path("trace")).arg("--maildir").arg(user.maildir().path());
    let run = mailbox.trusting(channel, run);
    let of = |good: &str, bad: &str| String::from(if right { good } else { bad });
    match row.proof {
        Proof::Password => {
            let secret = of(PASSWORD, WRONG_PASSWORD);
            user.write_password(&secret);
            (run.arg("--password-file").arg(user.password_file()), secret)
        }
        Proof::Token => {
            let secret = of(TOKEN, WRONG_TOKEN);
            user.write_password(&secret);
            (run.arg("--token-file").arg(user.password_file()), secret)
        }
        Proof::Certificate => {
            // The name of another user is a good certificate, but not this user's.
            let identity = mailbox.authority.client(&of(USER, "bob"));
            let (certificate, key) = identity.write(user.home(), "client");
            (run.arg("--tls-cert").arg(certificate).arg("--tls-key").arg(key), identity.key_pem().to_owned())
        }
    }
}

/// What is not as it should be.
fn faults(mailbox: &Mailbox, row: &Row, expected: Outcome, user: &Popfetch, run: &Run) -> Vec<String> {
    let mut faults = Vec::new();
    let seen = outcome(run, row.proof);
    if seen != Some(expected) {
        faults.push(format!("{seen:?} and not {expected:?}"));
    }
    let is_in = expected == Outcome::In;
    if run.stdout.contains(&format!("signed in with {}\n", row.tried)) != is_in {
        faults.push(format!("not what is said of one who signs in with {}", row.tried));
    }
    let stored = if is_in { mailbox.messages.clone() } else { Vec::new() };
    let delivered = user.maildir().delivered();
    if let Err(difference) = compare(stored, delivered.iter().map(|entry| entry.fingerprint())) {
        faults.push(difference.to_string());
    }
    let tried = sign_ins(&user.path("trace"));
    let should = match expected {
        Outcome::In | Outcome::Refused => vec![command(row.tried)],
        Outcome::Missing | Outcome::Usage => Vec::new(),
    };
    if tried != should {
        faults.push(format!("it has tried {tried:?} and not {should:?}"));
    }
    faults
}

fn outcome(run: &Run, proof: Proof) -> Option<Outcome> {
    let advice = match proof {
        Proof::Password => "check the user name and the password",
        Proof::Token => "check the user name and the token (its scope, and whether it has expired)\n",
        Proof::Certificate => "check the user name and the certificate\n",
    };
    let says = |words: &str| run.stderr.lines().count() == 1 && run.stderr.contains(words);
    match run.code {
        Some(0) if run.stderr.is_empty() => Some(Outcome::In),
        Some(77) if ["popfetch: the server refused the sign-in with ", "-ERR [AUTH]", advice].into_iter().all(says) => {
            Some(Outcome::Refused)
        }
        Some(77) if says("popfetch: the server offers none of the permitted mechanisms") => Some(Outcome::Missing),
        Some(64) if says("a token travels as it is") || says("--tls-cert has no meaning with --tls off") => {
            Some(Outcome::Usage)
        }
        _ => None,
    }
}

/// The command of POP3 that begins it.
fn command(mechanism: &str) -> String {
    match mechanism {
        "apop" | "user" => mechanism.to_uppercase(),
        sasl => format!("AUTH {}", sasl.to_uppercase()),
    }
}

/// Whether one can read the secret there, or what PLAIN, LOGIN and XOAUTH2 make of it.
fn tells(text: &str, secret: &str) -> bool {
    let plain = format!("\0{USER}\0{secret}");
    let xoauth2 = format!("user={USER}\u{1}auth=Bearer {secret}\u{1}\u{1}");
    let encoded = [secret, &plain, &xoauth2].map(|form| Base64::encode_string(form.as_bytes()));
    text.contains(secret) || encoded.iter().any(|form| text.contains(form))
}
