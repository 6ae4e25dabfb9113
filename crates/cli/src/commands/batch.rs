//! Countermands a batch: each name once, results as they come.

use std::collections::HashSet;
use std::time::Duration;

use countermand::Client;
use countermand_core::{Call, Error, OperationName, Outcome, Phase, Resource};
use countermand_scheduler::Event;
use futures_util::stream;

use crate::commands::follow::{self, follow};
use crate::commands::stop::Stop;
use crate::exit::Exit;
use crate::output::results::Report;
use crate::signals::Signals;

/// End of the work on a batch.
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
    /// True if a cancel may have been sent for it.
    pub(crate) started: bool,
}

/// Countermands each name once, and hands over each result after its line was printed. Tells as
/// well when, since the start, the last of the first cancels was sent.
pub(crate) async fn countermand(
    client: &Client,
    names: Vec<OperationName>,
    report: &Report,
    json: bool,
    signals: &mut Signals,
    mut ended: impl FnMut(OperationName, Result<Outcome, Error>),
) -> (Ending, Option<Duration>) {
    let mut open: HashSet<OperationName> = names.iter().cloned().collect();
    let mut asked = HashSet::new();
    let mut stop = Stop::default();
    let unsent = names.clone().into_iter().map(|name| (name, Phase::Unsent));
    let mut running = client.scheduler().run(stream::iter(unsent));
    let told = |_: &_, event| match event {
        Event::Sending {
            resource: Resource::Operation(name),
            call: Call::Cancel,
        } => {
            asked.insert(name);
        }
        Event::NotSent {
            resource: Resource::Operation(name),
            phase: Phase::Unsent,
            ..
        } => {
            asked.remove(&name);
        }
        Event::Finished { name, result } => {
            open.remove(&name);
            let told = matches!(&result, Err(error) if stop.covers(error));
            if json || !told {
                report.outcome(&name, &result);
            }
            ended(name, result);
        }
        Event::Stopped { cause } => stop.stopped(cause),
        _ => {}
    };
    let (ending, last_cancel) = follow(&mut running, report, signals, told).await;
    stop.tell(report, json);
    let ending = match ending {
        follow::Ending::Finished => Ending::Finished,
        follow::Ending::Aborted(exit) => Ending::Aborted(exit),
        follow::Ending::Stopped(exit) => {
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
