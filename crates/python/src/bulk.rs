//! Many countermands, whose results come one by one.

use countermand::Client;
use countermand::hyper::SchedulerStream;
use countermand_core::{Endpoint, Error, OperationName, Outcome, Phase};
use countermand_fleet::{JobProgress, Lane, Pace};
use countermand_scheduler::Event;
use futures_util::StreamExt;
use pyo3::prelude::*;

use crate::call::Ready;
use crate::feed::Feed;
use crate::journal::Journal;
use crate::progress::Now;
use crate::raiser::Raiser;
use crate::run::{self, Run};
use crate::stream::Stream;
use crate::watcher::Watcher;
use crate::{names, outcome};

/// Begins a scheduler. Its results are pairs of a name and an outcome, and among them is what else
/// the caller has to know: progress, if it is `watched`, and that the feed is hungry.
pub(crate) fn begin(
    py: Python<'_>,
    client: &Client,
    (endpoint, lane): (&Endpoint, Option<Lane>),
    watched: bool,
    pace: Pace,
    journal: Option<Py<PyAny>>,
    raiser: Raiser,
) -> PyResult<(Stream, Feed)> {
    let mut feed = None;
    let results = Stream::of_work(py, |out, mut stopped| {
        let (taken, names) = Feed::new(out.clone(), endpoint.clone(), lane);
        feed = Some(taken);
        let names = names.map(|target| (target.name, Phase::Unsent));
        let mut running = client.run(client.scheduler(), names);
        let journal = journal.map(|call| Journal::new(call, raiser.clone()));
        if let Some(journal) = journal.clone() {
            running = running.journal(move |events: &[Event]| journal.commit(events));
        }
        let watcher = Watcher::new(watched, pace, &out);
        async move {
            let take = |event| {
                if let Some(error) = journal.as_ref().and_then(Journal::failure) {
                    let _ = out.send(Box::new(move |_| Err(error)));
                    return false;
                }
                let Event::Finished { name, result } = event else {
                    return true;
                };
                let raiser = raiser.clone();
                let ready: Ready = Box::new(move |py| finished(py, name, result, &raiser));
                out.send(ready).is_ok()
            };
            run::follow(&mut running, watcher, &mut stopped, take).await;
        }
    })?;
    let feed = feed.expect("the work was made with its feed");
    Ok((results, feed))
}

impl<S: futures_util::Stream<Item = (OperationName, Phase)>> Run for SchedulerStream<S> {
    fn now(&self) -> Now {
        let standing = self.progress();
        Now {
            standing,
            counted: JobProgress::of_scheduler(&standing, standing.pushed, None),
            outage: self.outage(),
        }
    }
}

fn finished(
    py: Python<'_>,
    name: OperationName,
    result: Result<Outcome, Error>,
    raiser: &Raiser,
) -> PyResult<Py<PyAny>> {
    let result = outcome::result(py, &name, result, |py, error| raiser.raise(py, error))?;
    let name = names::OperationName(name);
    Ok((name, result).into_pyobject(py)?.into_any().unbind())
}
