//! What stands for messages that have no unique-id of their own.

use std::collections::BTreeMap;

use crate::fingerprint::Fingerprint;

/// Gives messages identities by their beginnings. Of several that begin alike, each has its own, by their order.
#[derive(Debug, Default)]
pub(super) struct Identities {
    /// A table would need twice the memory while it grows: this may be of all messages.
    seen: BTreeMap<Fingerprint, u32>,
}

impl Identities {
    /// The identity of the next message that begins so: NUL, which begins no unique-id, the fingerprint, and how many of them
    /// came before.
    pub(super) fn next(&mut self, fingerprint: Fingerprint) -> Vec<u8> {
        let before = self.seen.entry(fingerprint).or_default();
        let identity = [&[0], &fingerprint.0[..], &before.to_be_bytes()].concat();
        *before = before.saturating_add(1);
        identity
    }
}

#[cfg(test)]
mod tests {
    use super::{Fingerprint, Identities};

    #[test]
    fn messages_that_begin_alike_are_counted() {
        let (one, other) = (Fingerprint::of(b"a"), Fingerprint::of(b"b"));
        let mut identities = Identities::default();
        let given = [identities.next(one), identities.next(other), identities.next(one)];
        assert_eq!(given.iter().collect::<std::collections::HashSet<_>>().len(), 3);
        let mut again = Identities::default();
        assert_eq!(
            [again.next(other), again.next(one), again.next(one)],
            [given[1].clone(), given[0].clone(), given[2].clone()]
        );
    }
}
