//! The loop that carries out the steps of a machine ([`Step::run_async`]), with tokio's clock and a log.
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

use crate::clock::{instant, monotonic_now};
use crate::log::{exchange, millis};
use crate::runtime;
use crate::transport::Transport;

/// Carries out the steps until the end.
///
/// Runs on tokio. The step is to be started at a time of [`monotonic_now`].
///
/// ```no_run
/// # async fn example(hyper: countermand_hyper::Hyper) -> Result<(), Box<dyn std::error::Error>> {
/// use countermand_hyper::{core::Cancellation, drive, monotonic_now};
///
/// let name = "enterprises/LC01/devices/3f/operations/17".parse()?;
/// let outcome = drive(Cancellation::new(name).start(monotonic_now(), 7), &hyper).await?;
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
    drive_on(step, transport, monotonic_now(), |_| {}).await
}

/// The same, a moment after the machine was started; `ended` gets the result first. The clock is read
/// once for each exchange: that is a part of what a request costs. So is the size of this future.
#[expect(
    clippy::manual_async_fn,
    reason = "an async fn would hold what it is given twice"
)]
pub(crate) fn drive_on<T>(
    mut step: Step<T>,
    transport: &dyn Transport,
    mut time: Time,
    ended: impl FnOnce(&Result<T, Error>),
) -> impl Future<Output = Result<T, Error>> {
    async move {
        loop {
            step = match step {
                Step::Send(attempt) => {
                    let transmit = attempt.transmit(time);
                    let (call, number) = (attempt.call(), attempt.number());
                    let answer = exchange(transport, transmit, call, number).await;
                    time = monotonic_now();
                    match answer {
                        Ok(response) => attempt.response(time, &response),
                        Err(error) => attempt.failed(time, error),
                    }
                }
                Step::Wait(pause) => {
                    let until_ms = millis(pause.until() - time);
                    let error = pause.error().map(|error| chain(error)).unwrap_or_default();
                    tracing::debug!(until_ms, error, "pausing");
                    match runtime::sleep_until(instant(pause.until())) {
                        Ok(timer) => {
                            // On the heap: most calls have no pause, and would carry the room for its timer.
                            Box::pin(timer).await;
                            time = monotonic_now();
                            pause.resume(time)
                        }
                        Err(error) => pause.abandon(error.into()),
                    }
                }
                Step::Done(result) => {
                    ended(&result);
                    return result;
                }
            }
        }
    }
}
