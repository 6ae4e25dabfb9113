//! Progress of a scheduler, and the rate at which a caller is told.

use std::sync::Arc;
use std::time::Duration;

use countermand_core::Time;
use countermand_fleet::{Failing, Meter, Progress, SearchProgress};
use countermand_scheduler::Outage;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;
use tokio::time::timeout;

use crate::call::Ready;
use crate::lock::Lock;
use crate::stream::Out;

/// Time between two reports: no person reads faster.
const PACE: Duration = Duration::from_millis(100);

/// The scheduler's own figures, and those that are measured of them.
#[derive(Clone)]
pub(crate) struct Figures {
    pub(crate) standing: countermand_scheduler::Progress,
    pub(crate) measured: Progress,
}

/// The `countermand.Progress` that says the same, with times as `read` tells them.
pub(crate) fn progress(
    py: Python<'_>,
    figures: &Figures,
    now: f64,
    read: impl Fn(Time) -> f64,
) -> PyResult<Py<PyAny>> {
    static PROGRESS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class = PROGRESS.import(py, "countermand.progress", "Progress")?;
    let Figures { standing, measured } = figures;
    let fields = [
        standing.pushed.into_pyobject(py)?.into_any(),
        standing.duplicates.into_pyobject(py)?.into_any(),
        standing.waiting.into_pyobject(py)?.into_any(),
        standing.finished.into_pyobject(py)?.into_any(),
        standing.sent.into_pyobject(py)?.into_any(),
        standing.in_flight.into_pyobject(py)?.into_any(),
        now.into_pyobject(py)?.into_any(),
        standing.last_cancel.map(&read).into_pyobject(py)?,
        standing.held_until.map(&read).into_pyobject(py)?,
    ];
    let fields = of_measured(py, measured)?.into_iter().chain(fields);
    let fields = PyTuple::new(py, fields.collect::<Vec<_>>())?;
    Ok(class.call1(fields)?.unbind())
}

/// The `countermand.JobProgress` that says the same.
pub(crate) fn of_job<'py>(py: Python<'py>, measured: &Progress) -> PyResult<Bound<'py, PyAny>> {
    let fields = [
        measured.operations.into_pyobject(py)?.into_any(),
        measured.cancels_maybe_sent.into_pyobject(py)?.into_any(),
        measured.cancels_accepted.into_pyobject(py)?.into_any(),
        measured.verdicts.into_pyobject(py)?.into_any(),
    ];
    let fields = of_measured(py, measured)?.into_iter().chain(fields);
    let fields = PyTuple::new(py, fields.collect::<Vec<_>>())?;
    made(py, "JobProgress")?.call1(fields)
}

/// The fields of `countermand.progress.Figures`, the first of both, in their order.
fn of_measured<'py>(py: Python<'py>, measured: &Progress) -> PyResult<[Bound<'py, PyAny>; 10]> {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64()).into_pyobject(py);
    let search = measured.search.map(|search| of_search(py, search));
    let outage = measured.failing.as_ref().map(|failing| outage(py, failing));
    Ok([
        measured.cancels_sent.into_pyobject(py)?.into_any(),
        measured.quota_left.into_pyobject(py)?,
        seconds(measured.quota_wait)?,
        measured.requests_per_second.into_pyobject(py)?,
        search.transpose()?.into_pyobject(py)?,
        seconds(measured.search_left)?,
        seconds(measured.last_cancel_left)?,
        seconds(measured.last_verdict_left)?,
        outage.transpose()?.into_pyobject(py)?,
        measured.line().into_pyobject(py)?.into_any(),
    ])
}

fn of_search<'py>(py: Python<'py>, search: SearchProgress) -> PyResult<Bound<'py, PyAny>> {
    made(py, "SearchProgress")?.call1((
        search.devices,
        search.all_listed,
        search.searched,
        search.pages,
        search.vanished,
        search.missed,
        search.not_attempted,
        search.found,
    ))
}

fn outage<'py>(py: Python<'py>, failing: &Failing) -> PyResult<Bound<'py, PyAny>> {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    made(py, "Outage")?.call1((
        failing.key,
        &*failing.cause,
        failing.lasting.as_secs_f64(),
        failing.failures,
        seconds(failing.next_try),
        seconds(failing.gives_up),
    ))
}

fn made<'py>(py: Python<'py>, class: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("countermand.progress")?.getattr(class)
}

/// Tells the progress of a scheduler among its results, if the caller watches it.
pub(crate) struct Watcher {
    reports: Option<(Reports, Out)>,
    /// Time of the next look at the progress.
    look: Time,
}

impl Watcher {
    /// Begins before the first request; `pace` is what the quota allows in a second in the long run.
    pub(crate) fn new(watched: bool, pace: Option<f64>, out: &Out) -> Self {
        let look = countermand::hyper::now();
        let reports = watched.then(|| (Reports::new(look, pace), out.clone()));
        Self { reports, look }
    }

    /// Waits for the next event, or until the next look.
    pub(crate) async fn wait<T>(&self, next: impl Future<Output = T>) -> Option<T> {
        // Without a watcher there is nothing to wake for.
        let look_each = match self.reports {
            Some(_) => PACE / 2,
            None => Duration::MAX,
        };
        timeout(look_each, next).await.ok()
    }

    /// Tells the progress, if it is time for it.
    pub(crate) fn look(&mut self, scheduler: impl FnOnce() -> Now) {
        let Some((reports, out)) = &self.reports else {
            return;
        };
        let now = countermand::hyper::now();
        if now < self.look {
            return;
        }
        self.look = now + PACE / 2;
        if let Some(ready) = reports.due(now, scheduler()) {
            let _ = out.send(ready);
        }
    }

    /// Tells the progress at the end.
    pub(crate) fn end(self, scheduler: impl FnOnce() -> Now) {
        if let Some((reports, out)) = self.reports {
            let _ = out.send(reports.last(countermand::hyper::now(), scheduler()));
        }
    }
}

/// The latest standing, of which at most one waits to be taken: a caller who is slow finds the
/// newest one and no backlog.
#[derive(Clone)]
struct Reports(Arc<Inner>);

struct Inner {
    began: Time,
    state: Lock<State>,
}

struct State {
    meter: Meter,
    waiting: Option<(Figures, Time)>,
    /// The last progress told: figures, and the second, where the time itself is news.
    last: Option<(countermand_scheduler::Progress, Option<SearchProgress>, u64)>,
    taken: Option<Time>,
}

/// The state of a scheduler at one time.
pub(crate) struct Now {
    pub(crate) standing: countermand_scheduler::Progress,
    /// Operations that are to come out.
    pub(crate) operations: u64,
    pub(crate) search: Option<SearchProgress>,
    pub(crate) outage: Option<Outage>,
}

impl Reports {
    fn new(began: Time, pace: Option<f64>) -> Self {
        let state = State {
            meter: Meter::new(began, pace),
            waiting: None,
            last: None,
            taken: None,
        };
        Self(Arc::new(Inner {
            began,
            state: Lock::new(state),
        }))
    }

    /// The progress to tell the caller, if it is time and something has changed. While everything waits, for
    /// the quota or for a server that fails, each second is a change.
    fn due(&self, now: Time, scheduler: Now) -> Option<Ready> {
        let mut state = self.0.state.lock();
        let waits = state.waiting.is_some();
        let early = state.taken.is_some_and(|taken| now < taken + PACE);
        let figures = measured(&mut state.meter, now, scheduler);
        let Figures { standing, measured } = &figures;
        let waiting = measured.failing.is_some() || standing.held_until.is_some();
        let second = (now - self.0.began).as_secs();
        let news = (*standing, measured.search, if waiting { second } else { 0 });
        if !waits && (early || state.last == Some(news)) {
            return None;
        }
        state.last = Some(news);
        state.waiting = Some((figures, now));
        let reports = self.clone();
        let ready: Ready = Box::new(move |py| reports.take(py));
        (!waits).then_some(ready)
    }

    /// The last report, after everything else, also where nothing has changed.
    fn last(self, now: Time, scheduler: Now) -> Ready {
        let figures = measured(&mut self.0.state.lock().meter, now, scheduler);
        Box::new(move |py| self.tell(py, &figures, now))
    }

    /// The one that waits; there is one for each time that this is called.
    fn take(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let waiting = {
            let mut state = self.0.state.lock();
            state.taken = Some(countermand::hyper::now());
            state.waiting.take()
        };
        match waiting {
            Some((figures, now)) => self.tell(py, &figures, now),
            None => Ok(py.None()),
        }
    }

    fn tell(&self, py: Python<'_>, figures: &Figures, now: Time) -> PyResult<Py<PyAny>> {
        let read = |at: Time| (at - self.0.began).as_secs_f64();
        progress(py, figures, read(now), read)
    }
}

/// The figures of a time.
pub(crate) fn measured(meter: &mut Meter, now: Time, scheduler: Now) -> Figures {
    let Now {
        standing,
        operations,
        search,
        outage,
    } = scheduler;
    Figures {
        standing,
        measured: meter.measure(now, &standing, operations, search, outage),
    }
}
