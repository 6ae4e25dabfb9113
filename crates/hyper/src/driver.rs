//! The loop of the core ([`Step::run_with`]), with tokio's clock and a log.
//!
//! # Events
//!
//! [`tracing`](https://docs.rs/tracing) events with stable names, none of which holds a secret:
//!
//! | message | level | fields |
//! |---|---|---|
//! | `answered` | debug | `call`, `attempt`, `status`, `elapsed_ms` |
//! | `not answered` | debug | `call`, `attempt`, `error`, `elapsed_ms` |
//! | `pausing` | debug | `until_ms` (from now), `error` (empty between two looks) |
//! | `done` | info | `verdict`, `attempts` (both of a cancel or countermand only) |
//! | `failed` | warn; debug if it was not attempted | `error`, `attempts` |
//! | `token file unreadable, the last token stays` | warn | `path`, `problem` |
//! | `token not replaced, the last one stays` | warn | `error` |
//! | `secret exposed` | warn | `problem` |
//!
//! All but the last three (they concern every operation) are in a span `countermand` with the field
//! `operation`: the name of the operation, or of the resource that is listed.
//! [`Client`](crate::Client) makes it, also for each operation of a scheduler, which tells `done`
//! and `failed` when it hands out the event. The reasons for a scheduler's pauses are in its
//! [events](crate::scheduler::Event); it logs no `pausing`.

use countermand_core::text::chain;
use countermand_core::{Error, Step, Time};

use crate::clock::{instant, now};
use crate::log::{exchange, millis};
use crate::runtime;
use crate::transport::Transport;

/// Carries out the steps until the end.
///
/// Runs on tokio. The step is to be started at a time of [`now`].
///
/// ```no_run
/// # async fn example(hyper: countermand_hyper::Hyper) -> Result<(), Box<dyn std::error::Error>> {
/// use countermand_hyper::{core::Cancellation, drive, now};
///
/// let name = "enterprises/LC01/devices/3f/operations/17".parse()?;
/// let outcome = drive(Cancellation::new(name).start(now(), 7), &hyper).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Cancellation safety
/// Dropping the future drops the machine and the request under way, which may have been delivered or
/// not.
///
/// # Errors
/// The error that the machine ends with.
pub async fn drive<T>(step: Step<T>, transport: &dyn Transport) -> Result<T, Error> {
    drive_on(step, transport, now()).await
}

/// The same, a moment after the machine was started, at `started`: reading the clock is a part of what a
/// request costs.
pub(crate) fn drive_on<T>(
    step: Step<T>,
    transport: &dyn Transport,
    started: Time,
) -> impl Future<Output = Result<T, Error>> {
    let mut started = Some(started);
    step.run_with(
        move || started.take().unwrap_or_else(now),
        move |attempt, transmit| exchange(transport, transmit, attempt.call(), attempt.number()),
        |pause, left| {
            let error = pause.error().map(|error| chain(error)).unwrap_or_default();
            tracing::debug!(until_ms = millis(left), error, "pausing");
            let timer = runtime::sleep_until(instant(pause.until()));
            // On the heap: most calls have no pause, and would carry the room for its timer.
            Box::pin(async move {
                timer?.await;
                Ok(())
            })
        },
    )
}
