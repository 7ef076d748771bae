//! The journal beside a model of it: any sequence of notes, some of them broken off, with the file closed and opened in
//! between.

use std::collections::{BTreeMap, HashSet};

use super::{Entry, EntryState, FRED, Journal, JournalError, entry, message, place, sorted};

const IDS: [&[u8]; 5] = [b"a", b"b", b"c", b"\0d", b""];

#[derive(Clone, Copy, Debug)]
enum Note {
    Store(EntryState),
    DeletionSent,
    Absent,
    Present,
}

/// A small generator of numbers, the same for each seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn note(&mut self) -> Note {
        let states = [EntryState::Delivered, EntryState::MarkedSeen, EntryState::TooOld, EntryState::DeletionSent];
        match self.below(4) {
            0 => Note::Store(states[usize::try_from(self.below(4)).unwrap()]),
            1 => Note::DeletionSent,
            2 => Note::Absent,
            _ => Note::Present,
        }
    }
}

/// What the journal should know: the state of each message, and whether it is listed.
type Model = BTreeMap<Vec<u8>, (EntryState, bool)>;

fn apply(model: &mut Model, id: &[u8], note: Note) {
    match note {
        Note::Store(state) => drop(model.insert(id.to_vec(), (state, true))),
        // Nobody is told to delete what is not listed.
        Note::DeletionSent => {
            if let Some(known) = model.get_mut(id).filter(|known| known.1) {
                known.0 = EntryState::DeletionSent;
            }
        }
        Note::Present => drop(model.get_mut(id).map(|known| known.1 = true)),
        Note::Absent => {
            if let Some(known) = model.get_mut(id).filter(|known| known.1) {
                let is_told = known.0 == EntryState::DeletionSent;
                *known = (if is_told { EntryState::Gone } else { known.0 }, false);
            }
        }
    }
}

fn compare(journal: &Journal, model: &Model, seed: u64) {
    for id in IDS {
        let known = entry(journal, id).map(|known| (known.state, known.absent_since.is_none()));
        assert_eq!(known, model.get(id).copied(), "seed {seed}, message {id:?}");
    }
    let present: HashSet<Vec<u8>> = sorted(journal, FRED).into_iter().collect();
    let expected = model.iter().filter(|(_, (_, is_present))| *is_present).map(|(id, _)| id.clone());
    assert_eq!(present, expected.collect::<HashSet<_>>(), "seed {seed}");
}

#[test]
fn any_sequence_of_notes_leaves_what_the_model_says() {
    for seed in 0..150 {
        let mut random = Random(seed);
        let (_directory, path) = place();
        let mut journal = Journal::open(&path).unwrap();
        let mut model = Model::new();
        for _ in 0..20 {
            let notes: Vec<(&[u8], Note)> =
                (0..random.below(6)).map(|_| (IDS[usize::try_from(random.below(5)).unwrap()], random.note())).collect();
            let is_broken_off = random.below(4) == 0;
            let done = journal.note(FRED, |journal| {
                for (id, note) in &notes {
                    match note {
                        Note::Store(state) => journal.store(id, &Entry { state: *state, ..message() })?,
                        Note::DeletionSent => journal.deletion_sent(id)?,
                        Note::Absent => journal.absent(id)?,
                        Note::Present => journal.present(id)?,
                    }
                }
                let crash = JournalError::Held { mailbox: String::new(), holder: String::new() };
                if is_broken_off { Err(crash) } else { Ok(()) }
            });
            assert_eq!(done.is_err(), is_broken_off);
            if done.is_ok() {
                notes.iter().for_each(|(id, note)| apply(&mut model, id, *note));
            }
            if random.below(3) == 0 {
                drop(journal);
                journal = Journal::open(&path).unwrap();
            }
            compare(&journal, &model, seed);
        }
    }
}
