//! The clock of the machines that this process drives.

use std::sync::OnceLock;

use countermand_core::Time;
use tokio::time::Instant;

/// The start of the process's clock: its first use.
static START: OnceLock<Instant> = OnceLock::new();

fn start() -> Instant {
    *START.get_or_init(Instant::now)
}

/// The time now, which machines and schedulers that run here are given.
///
/// By tokio's clock, so `tokio::time::pause` works.
#[must_use]
pub fn now() -> Time {
    // Another runtime, whose clock is paused, may be behind the start.
    let (start, now) = (start(), Instant::now());
    match now.checked_duration_since(start) {
        Some(elapsed) => Time::after(elapsed),
        None => Time::START - (start - now),
    }
}

/// The instant of a time, to sleep until then.
pub(crate) fn instant(time: Time) -> Instant {
    start() + time.elapsed()
}
