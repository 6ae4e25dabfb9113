//! Now, by the two clocks of a machine.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// A point in time by both clocks: one stands still while the machine sleeps, the other one jumps
/// when it is set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) instant: Instant,
    pub(crate) wall: SystemTime,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self {
            instant: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// The moment after this much time, a few hours at most.
    pub(crate) fn after(self, time: Duration) -> Self {
        Self {
            instant: self.instant + time,
            wall: self.wall.checked_add(time).unwrap_or(self.wall),
        }
    }
}
