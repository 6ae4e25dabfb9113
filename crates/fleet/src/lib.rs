//! Countermand for fleets: from "which are they?" to "here is the proof for each".
//!
//! - [`Search`] finds the pending operations of enterprises and devices that a [`Filter`] means.
//! - [`Job`] is a file that holds what is to be cancelled and what has become of it.
//! - [`Authorization`] starts a run only where job and caller agree on the server and on what is
//!   cancelled.
//! - [`Run`] applies a job, resumes it after a crash, and, for a rescue, searches and cancels at
//!   once.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod authorize;
mod clock;
mod estimate;
mod filter;
pub mod input;
mod item;
pub mod job;
mod journal;
pub mod order;
mod outline;
mod plan;
mod progress;
pub mod report;
mod run;
mod search;
mod seconds;
mod shell;

pub use authorize::{Authorization, Confirmed, Refusal, apply_command, confirm, phrases};
pub use estimate::Estimate;
pub use filter::{Excluded, Filter, FilterError, KNOWN_TYPES};
pub use item::{Finding, Item, Row, Standing};
pub use job::{Job, JobError, Settings};
pub use outline::{Age, Outline};
pub use plan::Plan;
pub use progress::{Failing, Meter, Progress, SearchProgress, pace};
pub use run::{Ended, Options, Run};
pub use search::{Found, Search, SearchCost, refusal};
pub use shell::quoted;

use countermand_core::Timestamp;

/// The time by this machine's clock.
#[must_use]
pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    Timestamp::from_unix_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}
