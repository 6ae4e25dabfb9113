//! Rng as an argument: a small generator seeded by the caller.

use std::time::Duration;

/// SplitMix64: enough to spread retries, small enough to carry in every cancellation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng(u64);

impl Rng {
    /// The sequence of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A duration drawn evenly from zero to `longest`.
    pub fn up_to(&mut self, longest: Duration) -> Duration {
        // 53 bits make an exact fraction in [0, 1).
        let fraction = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        longest.mul_f64(fraction)
    }
}

/// `first` doubled `doublings` times, at most `cap`.
pub(crate) fn doubled(first: Duration, doublings: u32, cap: Duration) -> Duration {
    let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
    first.checked_mul(factor).unwrap_or(cap).min(cap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_in_range_and_repeat() {
        let longest = Duration::from_secs(10);
        let draw = |seed| {
            let mut rng = Rng::new(seed);
            (0..1000).map(|_| rng.up_to(longest)).collect::<Vec<_>>()
        };
        let drawn = draw(7);
        assert!(drawn.iter().all(|duration| *duration < longest));
        let mean = drawn.iter().sum::<Duration>() / 1000;
        assert!((4..6).contains(&mean.as_secs()), "{mean:?}");
        assert_eq!(drawn, draw(7));
        assert_ne!(drawn, draw(8));
    }

    /// The numbers of the published generator.
    #[test]
    fn it_is_splitmix64() {
        let mut rng = Rng::new(1_234_567);
        assert_eq!(rng.next(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next(), 3_203_168_211_198_807_973);
        assert_eq!(rng.next(), 9_817_491_932_198_370_423);
    }

    #[test]
    fn doubling_saturates() {
        let (first, cap) = (Duration::from_secs(1), Duration::from_secs(32));
        assert_eq!(doubled(first, 0, cap), first);
        assert_eq!(doubled(first, 4, cap), Duration::from_secs(16));
        assert_eq!(doubled(first, 5, cap), cap);
        assert_eq!(doubled(first, 40, cap), cap);
    }
}
