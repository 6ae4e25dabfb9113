//! Countermands a batch: results as they come, and an orderly end when told to stop.

use std::collections::HashSet;
use std::time::Duration;

use countermand_core::campaign::Event;
use countermand_core::{Call, Error, ErrorKind, OperationName, Outcome, Phase, Resource};
use countermand_hyper::Client;
use futures_util::{StreamExt, stream};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::exit::Exit;
use crate::names::Batch;
use crate::report::Report;
use crate::signals::Signals;

/// How long operations under way may take to end after the first signal.
const DRAIN: Duration = Duration::from_secs(5);

/// How often the bars move.
const TICK: Duration = Duration::from_millis(200);

/// How the work on a batch ended.
pub(crate) enum Ending {
    /// Each name has its result.
    Finished,
    /// It was told to stop; these names have none.
    Stopped(Exit, Vec<Left>),
    /// It was told twice.
    Aborted(Exit),
}

/// A name without a result.
pub(crate) struct Left {
    pub(crate) name: OperationName,
    /// Whether a cancel may have been sent for it.
    pub(crate) started: bool,
}

/// Countermands each name once, and hands over each result after its line was printed. Tells as
/// well when, since the start, the last of the first cancels was sent.
pub(crate) async fn countermand(
    client: &Client,
    batch: Batch,
    report: &Report,
    signals: &mut Signals,
    mut ended: impl FnMut(OperationName, Result<Outcome, Error>),
) -> (Ending, Option<Duration>) {
    let Batch {
        names, mut open, ..
    } = batch;
    let mut asked = HashSet::new();
    let unsent = names.clone().into_iter().map(|name| (name, Phase::Unsent));
    let started = Instant::now();
    let mut running = client.campaign(client.scheduler(), stream::iter(unsent));
    let mut stop: Option<(Exit, Instant)> = None;
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let until = stop.map_or(started, |(_, until)| until);
        tokio::select! {
            biased;
            exit = signals.next() => {
                if stop.is_some() {
                    return (Ending::Aborted(exit), None);
                }
                running.stop("the run was stopped by a signal");
                stop = Some((exit, Instant::now() + DRAIN));
                report.output.note(
                    "stopping: nothing new is sent, what is under way has 5 s to end (once more: at once)",
                );
            }
            () = sleep_until(until), if stop.is_some() => break,
            _ = tick.tick(), if report.output.shows_progress() => {
                report.output.progress(&running.progress(), started.elapsed());
            }
            event = running.next() => match event {
                None => break,
                Some(Event::Sent { resource: Resource::Operation(name), call: Call::Cancel }) => {
                    asked.insert(name);
                }
                // What was cut short by the signal has no result.
                Some(Event::Finished { result, .. }) if stop.is_some() && is_left(&result) => {}
                Some(Event::Finished { name, result }) => {
                    open.remove(&name);
                    report.outcome(&name, &result);
                    ended(name, result);
                }
                Some(event) => tell(report, event),
            }
        }
    }
    let last_cancel = running.progress().last_cancel;
    let last_cancel = last_cancel.map(|at| at.saturating_duration_since(started.into_std()));
    let ending = match stop {
        None => Ending::Finished,
        Some((exit, _)) => {
            let left = names.into_iter().filter(|name| open.contains(name));
            let left = left.map(|name| Left {
                started: asked.contains(&name),
                name,
            });
            Ending::Stopped(exit, left.collect())
        }
    };
    (ending, last_cancel)
}

fn is_left(result: &Result<Outcome, Error>) -> bool {
    let error = match result {
        Ok(outcome) => outcome.error.as_ref(),
        Err(error) => Some(error),
    };
    error.is_some_and(|error| matches!(error.kind(), ErrorKind::NotAttempted { .. }))
}

/// Says what holds up everybody.
fn tell(report: &Report, event: Event) {
    let output = &report.output;
    match event {
        Event::Held { until, .. } => {
            let pause = until.saturating_duration_since(Instant::now().into_std());
            output.note(&format!(
                "the quota is used up: everything waits for {:.1} s",
                pause.as_secs_f64()
            ));
        }
        Event::CircuitOpened => {
            output.note("the server fails: only probes until it is back, nothing is given up");
        }
        Event::CircuitClosed => output.note("the server is back"),
        _ => {}
    }
}
