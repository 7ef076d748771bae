//! What is known of messages, and whether it is still true of them.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;

use popfetch::delivery::Maildir;
use popfetch::fetch::{Deletion, FetchOptions, Outcome, fetch_persistently};
use popfetch::journal::{Begun, Entry, Journal};
use popfetch_tests::maildir;
use popfetch_tests::maildrop::{Maildrop, Message};
use popfetch_tests::server::{Announced, At, Ending, Fault, ModelServer, Script};
use tempfile::TempDir;

use crate::signed_in;

const ACCOUNT: &str = "alice@pop.example.org:110";

/// A user with a Maildir and a journal.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    fn mail(&self) -> PathBuf {
        self.0.path().join("mail")
    }

    fn stored(&self) -> Vec<maildir::Entry> {
        maildir::Maildir::at(self.mail()).delivered()
    }

    fn journal(&self) -> Journal {
        Journal::open(&self.0.path().join("state")).unwrap()
    }

    /// A run, with something that happens before each further session.
    async fn fetch(&self, model: &ModelServer, deletion: Deletion, between: impl Fn(usize)) -> Outcome {
        let options = FetchOptions {
            deletion,
            journal: Some((self.journal(), ACCOUNT.to_owned())),
            ..FetchOptions::to(Maildir::open(&self.mail()).unwrap())
        };
        let sessions = Cell::new(1);
        let again = async |_| {
            sessions.set(sessions.get() + 1);
            between(sessions.get());
            Ok::<_, String>(signed_in(model).await)
        };
        fetch_persistently(signed_in(model).await, again, options, Arc::new(|_| ())).await
    }
}

fn letter(unique_id: &str, text: &str) -> Message {
    Message::new(unique_id, format!("Subject: {text}\r\n\r\n{text}\r\n"))
}

/// Messages of the same size, with their numbers as unique-ids.
fn numbered(texts: &[&str]) -> Maildrop {
    Maildrop::new(texts.iter().zip(1..).map(|(text, number): (_, u32)| letter(&number.to_string(), text)))
}

/// It has noted no beginning, and the server lists another size than it sends.
#[tokio::test]
async fn what_an_earlier_version_has_stored_is_not_stored_again() {
    let model = ModelServer::start(Script {
        announced: Announced { factor: 1.0, offset: 7 },
        ..Script::with(Maildrop::new([letter("a", "aaa")]))
    });
    let place = Place::new();
    let octets = model.maildrop().messages()[0].octets();
    let message = popfetch::Likeness { octets, ..popfetch::Likeness::of(b"") };
    let entry = Entry { fingerprint: None, content: None, ..Entry::delivered(message, None) };
    place.journal().note(ACCOUNT, |notes| notes.store(b"a", &entry)).unwrap();
    let outcome = place.fetch(&model, Deletion::AtOnce, |_| ()).await;
    outcome.result.unwrap();
    assert_eq!((outcome.summary.stored, outcome.summary.known, outcome.summary.deleted), (0, 1, 1));
    assert_eq!(place.stored(), []);
}

/// Another client deletes messages between two sessions of a run, so that numbers of what was stored stand for what was not.
#[tokio::test]
async fn a_number_that_stands_for_another_message_in_the_next_session_deletes_it_not() {
    let breaks = |number, connection| At::verb("RETR").argument(number).connection(connection);
    let model = ModelServer::start(
        Script::with(numbered(&["aaa", "bbb", "ccc", "ddd", "eee", "fff"]))
            // From here on messages are retrieved by one, two, four, and the first one last.
            .fault(breaks(1, 1), Fault::End(Ending::Close))
            .fault(breaks(5, 2), Fault::End(Ending::Close)),
    );
    let place = Place::new();
    let another_client = |session| {
        if session == 3 {
            model.edit_maildrop(|maildrop| *maildrop = numbered(&["ccc", "ddd", "eee", "fff"]));
        }
    };
    place.fetch(&model, Deletion::AtOnce, another_client).await.result.unwrap();
    let stored = maildir::Maildir::at(place.mail());
    stored.assert_holds(numbered(&["bbb", "ccc", "ddd", "eee", "fff"]).fingerprints());
    assert!(model.maildrop().is_empty());
}

/// A server that is one answer behind: what it says of the one message is the other one once more.
#[tokio::test]
async fn one_message_that_follows_another_is_not_taken_for_it() {
    let messages = ["first", "second"].map(|text| letter(text, text));
    let answer = |message: &Message| {
        let content = message.content.to_vec();
        [format!("+OK {} octets\r\n", content.len()).into_bytes(), content, b".\r\n".to_vec()].concat()
    };
    let [first, second] = [answer(&messages[0]), answer(&messages[1])];
    let model = ModelServer::start(
        Script::with(Maildrop::new(messages))
            // From here on messages are retrieved one by one, and the first one last.
            .fault(At::verb("RETR").argument(1).connection(1), Fault::End(Ending::Close))
            .fault(At::verb("RETR").argument(1).connection(2), Fault::Raw(second))
            .fault(At::verb("LIST").argument(1).connection(2), Fault::Raw(first)),
    );
    let place = Place::new();
    place.fetch(&model, Deletion::Never, |_| ()).await.result.unwrap();
    let first = model.maildrop().messages()[0].content.to_vec();
    assert!(place.stored().iter().any(|file| file.octets() == first), "{}", model.transcript());
}

/// The journal has a row of a run that was broken off, though all of its files are accounted for.
#[tokio::test]
async fn a_file_of_a_message_without_a_unique_id_is_settled() {
    let model =
        ModelServer::start(Script::with(Maildrop::new([letter("a", "aaa"), letter("b", "bbb")])).without_uidl());
    let place = Place::new();
    place.fetch(&model, Deletion::Never, |_| ()).await.result.unwrap();
    let mut journal = place.journal();
    let mut identities = Vec::new();
    journal.each_present(ACCOUNT, |identity, entry| identities.push((identity.to_vec(), entry))).unwrap();
    let files = place.stored();
    let begun: Vec<Begun> = identities
        .iter()
        .map(|(id, entry)| {
            let octets = entry.octets.unwrap();
            let is_its_own = |file: &&maildir::Entry| {
                let content = file.octets();
                content.len() as u64 == octets && Some(popfetch::Fingerprint::of(&content)) == entry.fingerprint
            };
            Begun { id: id.clone(), file: files.iter().find(is_its_own).unwrap().name.clone().into() }
        })
        .collect();
    assert_eq!(begun.len(), 2);
    journal.note(ACCOUNT, |notes| notes.begin(&begun)).unwrap();
    drop(journal);
    let outcome = place.fetch(&model, Deletion::Never, |_| ()).await;
    outcome.result.unwrap();
    assert_eq!((outcome.summary.stored, outcome.summary.known), (0, 2));
    assert_eq!(place.journal().under_way(ACCOUNT).unwrap(), []);
}
