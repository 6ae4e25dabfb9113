//! The scheduler of a job: its quota, and how it is shared.

use countermand_core::{Policy, Timestamp};
use countermand_scheduler::{PastCall, Scheduler};

use crate::store::{Contents, JobError, LEAVING, Uptime};

/// Options of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "each of them is the caller's to set"
)]
pub struct Options {
    /// Requests in flight at a time: 100 by default.
    pub in_flight: usize,
    /// Only looks again at operations whose cancel was sent and that are not settled; cancels nothing.
    pub recheck: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            in_flight: 100,
            recheck: false,
        }
    }
}

/// The scheduler of a job, which knows the calls of earlier runs.
pub(crate) fn scheduler(
    job: &Contents,
    options: Options,
    wall: Timestamp,
    uptime: Option<&Uptime>,
) -> Result<Scheduler, JobError> {
    let settings = job.settings();
    let spent = job.spent(wall, uptime)?;
    let clock = countermand::hyper::monotonic_now();
    let mut scheduler = Scheduler::new(wall.unix_millis().unsigned_abs())
        .policy(Policy::default().deadline(settings.deadline))
        .quota(settings.quota())
        .in_flight(options.in_flight)
        .probe_on();
    let limiter = scheduler.rate_limiter();
    for window in &spent.lowered {
        limiter.lower(window.limit(), window.span());
    }
    limiter.restore(clock, spent.calls.into_iter().map(sent_later));
    if let Some(left) = spent.pause {
        limiter.pause_until(clock + left);
    }
    Ok(scheduler)
}

/// A call of an earlier run was written down before it left, at most so long: beside windows of
/// minutes it costs nothing.
fn sent_later(mut spent: PastCall) -> PastCall {
    spent.age = spent.age.saturating_sub(LEAVING);
    spent
}
