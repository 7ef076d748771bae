//! A small pseudo-random number generator, so that a seed means the same octets on every machine and for ever.

/// SplitMix64: the same seed always gives the same sequence. Not for secrets.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator that starts at `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both included.
    ///
    /// # Panics
    /// When `low` is over `high`.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        assert!(low <= high, "an empty range: {low} to {high}");
        let span = (high - low) as u64 + 1;
        low + (self.next_u64() % span) as usize
    }

    /// A number from `low` to `high` whose logarithm is evenly spread: small ones are as likely to be drawn from as
    /// large ones.
    pub fn between_logarithmic(&mut self, low: usize, high: usize) -> usize {
        let (from, to) = ((low.max(1) as f64).ln(), (high.max(1) as f64).ln());
        let drawn = (from + (to - from) * self.fraction()).exp() as usize;
        drawn.clamp(low, high)
    }

    /// True `percent` times of a hundred.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.between(1, 100) <= percent
    }

    /// One of `choices`.
    ///
    /// # Panics
    /// When there is no choice.
    pub fn choose<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.between(0, choices.len() - 1)]
    }

    /// `count` octets of any value.
    pub fn octets(&mut self, count: usize) -> Vec<u8> {
        let mut octets = Vec::with_capacity(count + 8);
        while octets.len() < count {
            octets.extend_from_slice(&self.next_u64().to_le_bytes());
        }
        octets.truncate(count);
        octets
    }

    /// A number from 0 up to, but without, 1.
    fn fraction(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_of_a_seed_never_changes() {
        let mut random = Random::new(1234567);
        // The reference values of SplitMix64.
        assert_eq!(random.next_u64(), 6457827717110365317);
        assert_eq!(random.next_u64(), 3203168211198807973);
    }

    #[test]
    fn ranges_include_both_ends() {
        let mut random = Random::new(7);
        let drawn: Vec<usize> = (0..200).map(|_| random.between(3, 5)).collect();
        assert!((3..=5).all(|number| drawn.contains(&number)));
        assert!((0..200).all(|_| (10..=1000).contains(&random.between_logarithmic(10, 1000))));
    }
}
