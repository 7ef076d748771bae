//! The unique-ids of a maildrop.

/// The unique-ids that a server has listed (RFC 1939 §7, UIDL), in its order, in one piece of memory: there may be a quarter
/// of a million.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UniqueIds {
    octets: Vec<u8>,
    /// Each message, and how long its unique-id is.
    rows: Vec<(u32, u32)>,
}

impl UniqueIds {
    pub(super) fn push(&mut self, number: u32, unique_id: &[u8]) {
        self.octets.extend_from_slice(unique_id);
        self.rows.push((number, u32::try_from(unique_id.len()).unwrap_or(u32::MAX)));
    }

    /// How many messages are listed.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The messages and their unique-ids, which may have any octets, or none.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let mut start = 0;
        self.rows.iter().map(move |(number, length)| {
            let end = start + *length as usize;
            let unique_id = self.octets.get(start..end).unwrap_or_default();
            start = end;
            (*number, unique_id)
        })
    }

    /// All unique-ids, one behind the other.
    pub(crate) fn into_octets(self) -> Vec<u8> {
        self.octets
    }

    /// The length of all unique-ids together.
    pub(super) fn octets(&self) -> usize {
        self.octets.len()
    }
}

impl<'u> FromIterator<(u32, &'u [u8])> for UniqueIds {
    fn from_iter<T: IntoIterator<Item = (u32, &'u [u8])>>(rows: T) -> Self {
        let mut unique_ids = UniqueIds::default();
        rows.into_iter().for_each(|(number, unique_id)| unique_ids.push(number, unique_id));
        unique_ids
    }
}

impl std::fmt::Debug for UniqueIds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(number, unique_id)| (number, unique_id.escape_ascii().to_string())))
            .finish()
    }
}
