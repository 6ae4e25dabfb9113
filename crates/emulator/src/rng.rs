//! The chance of an emulator: a seed is a fleet and a schedule.

/// Draws from the sequence of a seed.
#[derive(Debug, Clone)]
pub(crate) struct Rng(countermand_core::Rng);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(countermand_core::Rng::new(seed))
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0.next()
    }

    /// A number below `n`; 0 when `n` is 0.
    pub(crate) const fn below(&mut self, n: u64) -> u64 {
        let draw = self.next();
        if n == 0 { 0 } else { draw % n }
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        // An f64 holds 53 bits exactly.
        let unit = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        unit < probability
    }

    /// `length` characters of `alphabet`.
    pub(crate) fn word(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length)
            .map(|_| char::from(alphabet[self.below(alphabet.len() as u64) as usize]))
            .collect()
    }
}
