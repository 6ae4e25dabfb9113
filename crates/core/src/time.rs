//! Time as an argument.

use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A point in time, counted from a start that the caller chooses and keeps.
///
/// A type of its own, because [`std::time::Instant`] cannot be made where there is no clock
/// (`wasm32-unknown-unknown`, a simulation). With one it is made from what has elapsed. A time
/// saturates 292 years before or after the start; the difference of two times is never negative.
///
/// ```
/// use std::time::{Duration, Instant};
/// use countermand_core::Time;
///
/// let start = Instant::now();
/// let now = Time::after(start.elapsed());
/// assert!(now + Duration::from_secs(1) > now);
/// assert_eq!(now - (now + Duration::from_secs(1)), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Negative before the start: what is restored at the start happened before it.
    nanos: i64,
}

impl Time {
    /// The start.
    pub const START: Self = Self { nanos: 0 };

    /// The time that is so long after the start.
    #[must_use]
    pub const fn after(elapsed: Duration) -> Self {
        Self {
            nanos: nanos(elapsed),
        }
    }

    /// The time since the start; zero before it.
    #[must_use]
    pub fn since_start(self) -> Duration {
        self - Self::START
    }
}

const fn nanos(duration: Duration) -> i64 {
    let (seconds, rest) = (duration.as_secs(), duration.subsec_nanos() as i64);
    match seconds {
        0..=MOST_SECONDS => seconds as i64 * 1_000_000_000 + rest,
        _ => i64::MAX,
    }
}

/// One second less than all that have room.
const MOST_SECONDS: u64 = i64::MAX as u64 / 1_000_000_000 - 1;

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let nanos = self.nanos.saturating_add(nanos(duration));
        Self { nanos }
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        let nanos = self.nanos.saturating_sub(nanos(duration));
        Self { nanos }
    }
}

impl Sub for Time {
    type Output = Duration;

    /// The time since `earlier`; zero if it is not earlier.
    fn sub(self, earlier: Self) -> Duration {
        let nanos = self.nanos.saturating_sub(earlier.nanos);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_differences_saturate() {
        let second = Duration::from_secs(1);
        let early = Time::START - second;
        assert_eq!(early + second, Time::START);
        assert_eq!(
            (Time::START - early, early - Time::START),
            (second, Duration::ZERO)
        );
        assert_eq!(early.since_start(), Duration::ZERO);
        let last = Time::after(Duration::MAX);
        assert_eq!(last + second, last);
        assert_eq!(last.since_start().as_secs(), 9_223_372_036);
        let mut time = Time::START;
        time += second;
        assert_eq!(time, Time::after(second));
    }
}
