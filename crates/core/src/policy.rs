//! Limits of time and of attempts.

use std::time::Duration;

/// Limits of one countermand. The default is what an operator wants at 3 a.m.
///
/// Setters clamp to what makes sense instead of failing.
///
/// ```
/// use std::time::Duration;
/// use countermand_core::Policy;
///
/// let policy = Policy::default().deadline(Duration::from_secs(30)).max_attempts(3);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub(crate) deadline: Duration,
    pub(crate) attempt_timeout: Duration,
    pub(crate) max_attempts: Option<u32>,
    pub(crate) backoff: Duration,
    pub(crate) backoff_cap: Duration,
    pub(crate) poll_interval: Duration,
    pub(crate) poll_interval_cap: Duration,
    pub(crate) quota_pause: Duration,
    pub(crate) expiry_margin: Duration,
    pub(crate) verify: bool,
}

/// The longest single wait or limit, so that no sum of them overflows a clock.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// Attempts of a failing call that a caller waits for.
const ATTEMPTS: u32 = 5;

impl Default for Policy {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(120),
            attempt_timeout: Duration::from_secs(10),
            max_attempts: None,
            backoff: Duration::from_secs(1),
            backoff_cap: Duration::from_secs(32),
            poll_interval: Duration::from_secs(1),
            poll_interval_cap: Duration::from_secs(30),
            quota_pause: Duration::from_secs(60),
            expiry_margin: Duration::from_secs(30),
            verify: true,
        }
    }
}

impl Policy {
    /// Time after which no attempt starts: 120 s by default, enough for a device that is online
    /// to be told. An attempt that is under way may end after it, and a timer that fires late may start
    /// one up to a second after it.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline.min(LONGEST);
        self
    }

    /// Time for one request with its answer: 10 s by default, at least 1 ms.
    #[must_use]
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout.clamp(Duration::from_millis(1), LONGEST);
        self
    }

    /// Attempts of a failing call before it is given up, 1 to 100: by default 5, and 10 in a
    /// scheduler, which is in no hurry with each of its operations.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts.clamp(1, 100));
        self
    }

    /// Longest first pause of a retry and the longest of all: 1 s and 32 s by default. It doubles
    /// in between, and each pause is drawn evenly from zero to it.
    #[must_use]
    pub fn backoff(mut self, first: Duration, cap: Duration) -> Self {
        self.backoff = first.clamp(Duration::from_millis(1), LONGEST);
        self.backoff_cap = cap.clamp(self.backoff, LONGEST);
        self
    }

    /// Time between looks at a pending operation, at first and at most: 1 s and 30 s by default.
    /// It doubles in between; each is drawn from its upper half. The first look is immediate.
    #[must_use]
    pub fn poll_interval(mut self, first: Duration, cap: Duration) -> Self {
        self.poll_interval = first.clamp(Duration::from_millis(1), LONGEST);
        self.poll_interval_cap = cap.clamp(self.poll_interval, LONGEST);
        self
    }

    /// Pause after an exhausted quota when the server names none: 60 s by default (the window of
    /// the documented quota), plus up to a tenth drawn at random.
    #[must_use]
    pub fn quota_pause(mut self, pause: Duration) -> Self {
        self.quota_pause = pause.min(LONGEST);
        self
    }

    /// Time after `createTime + duration` from which on an operation that is not done counts as expired:
    /// 30 s by default.
    #[must_use]
    pub fn expiry_margin(mut self, margin: Duration) -> Self {
        self.expiry_margin = margin.min(LONGEST);
        self
    }

    /// Verification of what became of the operation: `true` by default. `false` only asks;
    /// what the server accepted is then `Unverified`.
    #[must_use]
    pub const fn verify(mut self, verify: bool) -> Self {
        self.verify = verify;
        self
    }

    /// The time from the start after which no attempt starts.
    #[must_use]
    pub const fn get_deadline(&self) -> Duration {
        self.deadline
    }

    /// The time for one request with its answer.
    #[must_use]
    pub const fn get_attempt_timeout(&self) -> Duration {
        self.attempt_timeout
    }

    /// The attempts of a failing call; `None` unless they were set.
    #[must_use]
    pub const fn get_max_attempts(&self) -> Option<u32> {
        self.max_attempts
    }

    /// The longest first pause of a retry, and the longest of all.
    #[must_use]
    pub const fn get_backoff(&self) -> (Duration, Duration) {
        (self.backoff, self.backoff_cap)
    }

    /// The time between looks at a pending operation, at first and at most.
    #[must_use]
    pub const fn get_poll_interval(&self) -> (Duration, Duration) {
        (self.poll_interval, self.poll_interval_cap)
    }

    /// The pause after a refusal for the quota that names no delay.
    #[must_use]
    pub const fn get_quota_pause(&self) -> Duration {
        self.quota_pause
    }

    /// The time after which an operation that is past its validity counts as expired.
    #[must_use]
    pub const fn get_expiry_margin(&self) -> Duration {
        self.expiry_margin
    }

    /// True where the fate of the operation is verified.
    #[must_use]
    pub const fn get_verify(&self) -> bool {
        self.verify
    }

    /// The attempts of a failing call that a caller waits for.
    pub(crate) fn attempts_allowed(&self) -> u32 {
        self.max_attempts.unwrap_or(ATTEMPTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_is_taken_and_bounded() {
        let (second, year) = (Duration::from_secs(1), Duration::from_secs(31_622_400));
        let short = Policy::default()
            .deadline(second * 2)
            .quota_pause(second * 3)
            .expiry_margin(second * 4)
            .max_attempts(6);
        assert_eq!(short.get_deadline(), second * 2);
        assert_eq!(short.get_quota_pause(), second * 3);
        assert_eq!(short.get_expiry_margin(), second * 4);
        assert_eq!(
            (short.get_max_attempts(), short.attempts_allowed()),
            (Some(6), 6)
        );
        assert_eq!(Policy::default().get_max_attempts(), None);
        assert_eq!(Policy::default().attempts_allowed(), 5);
        assert_eq!(
            Policy::default().max_attempts(0).get_max_attempts(),
            Some(1)
        );
        assert_eq!(
            Policy::default().max_attempts(1000).get_max_attempts(),
            Some(100)
        );
        assert!(Policy::default().get_verify() && !Policy::default().verify(false).get_verify());

        let long = Policy::default()
            .deadline(Duration::MAX)
            .attempt_timeout(Duration::MAX)
            .backoff(Duration::MAX, Duration::MAX)
            .poll_interval(Duration::MAX, Duration::MAX)
            .quota_pause(Duration::MAX)
            .expiry_margin(Duration::MAX);
        let (backoff, poll_interval) = (long.get_backoff(), long.get_poll_interval());
        for each in [
            long.get_deadline(),
            long.get_attempt_timeout(),
            backoff.0,
            backoff.1,
            poll_interval.0,
            poll_interval.1,
            long.get_quota_pause(),
            long.get_expiry_margin(),
        ] {
            assert_eq!(each, year);
        }
    }
}
