//! Follows work that is under way: shows what happens, and brings it to an orderly end when told to
//! stop.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use countermand::hyper::SchedulerStream;
use countermand::hyper::monotonic_now;
use countermand_core::{Error, ErrorKind, OperationName, Outcome, Phase};
use countermand_fleet::{JobProgress, Run};
use countermand_scheduler::Event;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, sleep_until};

use crate::exit::Exit;
use crate::output::progress::time_of_day;
use crate::output::results::Report;
use crate::output::writer::Output;
use crate::signals::Signals;

/// Time that operations in flight may take to end after the first signal.
const DRAIN: Duration = Duration::from_secs(5);

/// A scheduler of any kind.
pub(crate) trait Underway: Stream<Item = Event> + Unpin {
    /// Sends nothing new.
    fn stop(&mut self);
    /// Tells its progress.
    fn tell(&self, output: &Output);
    /// The name of the lane of the latest event, if it has one.
    fn lane(&self) -> Option<&str> {
        None
    }
}

const CAUSE: &str = "the run was stopped by a signal";

/// Operations that are cancelled without a job.
pub(crate) struct Cancelling<S> {
    pub(crate) operations: u64,
    pub(crate) running: SchedulerStream<S>,
}

impl<S: Stream<Item = (OperationName, Phase)>> Stream for Cancelling<S> {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().running.poll_next_unpin(context)
    }
}

impl<S: Stream<Item = (OperationName, Phase)>> Underway for Cancelling<S> {
    fn stop(&mut self) {
        self.running.stop(CAUSE);
    }

    fn tell(&self, output: &Output) {
        let standing = self.running.progress();
        let counted = JobProgress::of_scheduler(&standing, self.operations, None);
        output.progress(&standing, counted, self.running.outage());
    }
}

impl Underway for Run {
    fn stop(&mut self) {
        Self::stop(self, CAUSE);
    }

    fn tell(&self, output: &Output) {
        output.progress(&self.progress(), self.counted(), self.outage());
    }

    fn lane(&self) -> Option<&str> {
        Self::lane(self)
    }
}

/// End of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By itself.
    Finished,
    /// It was told to stop, and requests in flight have ended.
    Stopped(Exit),
    /// It was told twice.
    Aborted(Exit),
}

/// Follows it to its end, and hands over what happens.
pub(crate) async fn follow<U: Underway>(
    underway: &mut U,
    report: &Report,
    signals: &mut Signals,
    mut told: impl FnMut(&U, Event),
) -> Ending {
    let begun = Instant::now();
    let mut stop: Option<(Exit, Instant)> = None;
    let mut ticks = report.output.ticks();
    loop {
        let until = stop.map_or(begun, |(_, until)| until);
        tokio::select! {
            biased;
            exit = signals.next() => {
                if stop.is_some() {
                    return Ending::Aborted(exit);
                }
                underway.stop();
                stop = Some((exit, Instant::now() + DRAIN));
                report.output.note(
                    "stopping: nothing new is sent, what is under way has 5 s to end (once more: at once)",
                );
            }
            () = sleep_until(until), if stop.is_some() => break,
            () = ticks.next() => underway.tell(&report.output),
            event = underway.next() => match event {
                None => break,
                Some(event) => {
                    say(report, underway.lane(), &event);
                    told(underway, event);
                }
            }
        }
    }
    match stop {
        None => Ending::Finished,
        Some((exit, _)) => Ending::Stopped(exit),
    }
}

/// True if a result says only that a signal came before it.
pub(crate) fn is_left(result: &Result<Outcome, Error>) -> bool {
    let error = match result {
        Ok(outcome) => outcome.error.as_ref(),
        Err(error) => Some(error),
    };
    error.is_some_and(
        |error| matches!(error.kind(), ErrorKind::NotAttempted { cause } if !cause.is_failure()),
    )
}

/// Tells the events that hold up all operations, of a lane if it has a name.
fn say(report: &Report, lane: Option<&str>, event: &Event) {
    let output = &report.output;
    let of = lane.map_or_else(String::new, |lane| format!("lane {lane}: "));
    match event {
        _ if report.brief => {}
        Event::Paused { until, .. } => report.paused(lane, *until - monotonic_now()),
        Event::Failing { cause, .. } => report.failing(lane, cause),
        Event::CircuitOpened { cause } => output.note(&format!(
            "{} {of}every request fails ({cause}): only probes until one is answered",
            time_of_day()
        )),
        Event::CircuitClosed => {
            output.note(&format!("{} {of}the server is back", time_of_day()));
        }
        _ => {}
    }
}
