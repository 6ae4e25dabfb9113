//! The clock of the machines that this process drives.

use std::sync::OnceLock;

use countermand_core::Time;
use tokio::time::Instant;

/// The start of the process's clock: its first use.
static START: OnceLock<Instant> = OnceLock::new();

/// The time now, which machines and schedulers that run here are given.
///
/// By tokio's clock, so `tokio::time::pause` works.
#[must_use]
pub fn monotonic_now() -> Time {
    let now = Instant::now();
    let start = *START.get_or_init(|| now);
    match now.checked_duration_since(start) {
        Some(since) => Time::after(since),
        // Another runtime, whose clock is paused, may be behind the start.
        None => Time::START - (start - now),
    }
}

/// The instant of a time, to sleep until then.
pub(crate) fn instant(time: Time) -> Instant {
    *START.get_or_init(Instant::now) + time.since_start()
}
