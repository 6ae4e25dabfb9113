//! Countermands a batch: results as they come, and an orderly end when told to stop.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use countermand_core::{Error, OperationName, Outcome};
use countermand_hyper::Client;
use futures_util::StreamExt;
use tokio::time::{Instant, sleep_until};

use crate::exit::Exit;
use crate::names::Batch;
use crate::report::Report;
use crate::signals::Signals;

/// How long operations under way may take to end after the first signal.
const DRAIN: Duration = Duration::from_secs(5);

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

/// Countermands each name once, and hands over each result after its line was printed.
pub(crate) async fn countermand(
    client: &Client,
    batch: Batch,
    report: &Report,
    signals: &mut Signals,
    mut ended: impl FnMut(OperationName, Result<Outcome, Error>),
) -> Ending {
    let names: Arc<[OperationName]> = batch.names.into();
    let mut open = batch.open;
    let feed = Feed::new(Arc::clone(&names));
    let mut results = pin!(client.countermand_all(feed.clone()));
    let mut stop: Option<(Exit, Instant)> = None;
    let never = Instant::now();
    loop {
        let until = stop.map_or(never, |(_, until)| until);
        tokio::select! {
            biased;
            exit = signals.next() => {
                if stop.is_some() {
                    return Ending::Aborted(exit);
                }
                feed.stop();
                stop = Some((exit, Instant::now() + DRAIN));
                report.output.note(
                    "stopping: nothing new is sent, what is under way has 5 s to end (once more: at once)",
                );
            }
            () = sleep_until(until), if stop.is_some() => break,
            next = results.next() => {
                let Some((name, result)) = next else { break };
                open.remove(&name);
                report.outcome(&name, &result);
                ended(name, result);
            }
        }
    }
    match stop {
        None => Ending::Finished,
        Some((exit, _)) => Ending::Stopped(exit, left(&names, &open, feed.pulled())),
    }
}

/// The names without a result, in their order.
fn left(names: &[OperationName], open: &HashSet<OperationName>, pulled: usize) -> Vec<Left> {
    names
        .iter()
        .enumerate()
        .filter(|(_, name)| open.contains(*name))
        .map(|(index, name)| Left {
            name: name.clone(),
            started: index < pulled,
        })
        .collect()
}

/// The names, until somebody says stop.
#[derive(Clone)]
struct Feed {
    names: Arc<[OperationName]>,
    pulled: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
}

impl Feed {
    fn new(names: Arc<[OperationName]>) -> Self {
        Self {
            names,
            pulled: Arc::default(),
            stopped: Arc::default(),
        }
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn pulled(&self) -> usize {
        self.pulled.load(Ordering::Relaxed)
    }
}

impl Iterator for Feed {
    type Item = OperationName;

    fn next(&mut self) -> Option<OperationName> {
        if self.stopped.load(Ordering::Relaxed) {
            return None;
        }
        let name = self.names.get(self.pulled())?.clone();
        self.pulled.fetch_add(1, Ordering::Relaxed);
        Some(name)
    }
}
