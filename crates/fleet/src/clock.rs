//! Time for evidence: one line of time for a run, however the machine's clock is set meanwhile.

use std::time::{Duration, Instant};

use countermand_core::{Time, Timestamp};

use crate::store::Uptime;

/// A smaller difference is a clock that is being disciplined.
const JUMP: Duration = Duration::from_secs(2);

/// The clock of a run. It begins with the machine's clock and goes on by the monotonic one, with
/// the time in which the machine was suspended: no row is verified before it was sent because the
/// machine's clock was set.
pub(crate) struct Clock {
    wall: Wall,
    begun: Timestamp,
    /// The same moment by the clock of the driver, and by the one that tests cannot pause.
    driver: Time,
    real: Instant,
    uptime: Option<Uptime>,
    /// The milliseconds by which the machine's clock has been set since the begin.
    jumped: i64,
}

/// The time by this machine's clock.
#[must_use]
pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    Timestamp::from_unix_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// The machine's clock.
pub(crate) type Wall = fn() -> Timestamp;

impl Clock {
    pub(crate) fn start(wall: Wall) -> Self {
        Self {
            wall,
            begun: wall(),
            driver: countermand::hyper::monotonic_now(),
            real: Instant::now(),
            uptime: Uptime::now(),
            jumped: 0,
        }
    }

    /// The time at which the run began.
    pub(crate) const fn begun(&self) -> Timestamp {
        self.begun
    }

    /// The machine's uptime then.
    pub(crate) const fn uptime(&self) -> Option<&Uptime> {
        self.uptime.as_ref()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.at(countermand::hyper::monotonic_now())
    }

    /// A moment of the driver's clock.
    pub(crate) fn at(&self, moment: Time) -> Timestamp {
        let since = moment - self.driver;
        self.begun.saturating_add(since + self.suspended())
    }

    /// The milliseconds by which the machine's clock was set since the last call: forward if positive.
    pub(crate) fn jump(&mut self) -> Option<i64> {
        let expected = self
            .begun
            .saturating_add(self.real.elapsed() + self.suspended());
        let jumped = (self.wall)().unix_millis() - expected.unix_millis();
        let new = jumped - self.jumped;
        let is_jump = u128::from(new.unsigned_abs()) >= JUMP.as_millis();
        is_jump.then(|| {
            self.jumped = jumped;
            new
        })
    }

    /// The time for which the machine has slept since the begin: the monotonic clock leaves that out.
    fn suspended(&self) -> Duration {
        let up = match (&self.uptime, Uptime::now()) {
            (Some(begun), Some(now)) => now.since(begun),
            _ => None,
        };
        let slept = up.unwrap_or_default().saturating_sub(self.real.elapsed());
        // Two clocks are not read at one moment.
        if slept < Duration::from_millis(50) {
            Duration::ZERO
        } else {
            slept
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    static SET: AtomicI64 = AtomicI64::new(0);

    fn wall() -> Timestamp {
        let now = now().unix_millis();
        Timestamp::from_unix_millis(now + SET.load(Ordering::SeqCst))
    }

    #[test]
    fn fault_36_evidence_follows_one_line_of_time() {
        let mut clock = Clock::start(wall);
        assert_eq!(clock.jump(), None);
        let before = clock.now();
        for (set, moved) in [(3_600_000, 3600), (-60_000, -3660), (0, 60)] {
            SET.store(set, Ordering::SeqCst);
            let jump = clock.jump().unwrap();
            assert_eq!((jump as f64 / 1000.0).round() as i64, moved);
            assert_eq!(clock.jump(), None, "told once");
            let passed = clock.now().since(before);
            assert!(passed < Duration::from_secs(60), "{passed:?}");
            assert!(clock.now() >= before);
        }
    }
}
