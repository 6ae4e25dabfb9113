//! Where a campaign stands, and how often a caller is told.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use countermand_core::campaign;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::call::Ready;

/// Nobody reads faster than this.
pub(crate) const PACE: Duration = Duration::from_millis(100);

/// The `countermand.Progress` that says the same, with times as `read` tells them.
pub(crate) fn progress(
    py: Python<'_>,
    progress: &campaign::Progress,
    now: f64,
    read: impl Fn(Instant) -> f64,
) -> PyResult<Py<PyAny>> {
    static PROGRESS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class = PROGRESS.import(py, "countermand._progress", "Progress")?;
    let made = class.call1((
        progress.pushed,
        progress.duplicates,
        progress.asked,
        progress.waiting,
        progress.finished,
        progress.sent,
        progress.in_flight,
        progress.quota_left,
        now,
        progress.last_cancel.map(&read),
        progress.held_until.map(&read),
    ))?;
    Ok(made.unbind())
}

/// The latest standing, of which at most one waits to be taken: a caller who is slow finds the
/// newest one and no backlog.
#[derive(Clone)]
pub(crate) struct Reports(Arc<Inner>);

struct Inner {
    began: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Option<(campaign::Progress, Instant)>,
    last: Option<campaign::Progress>,
    taken: Option<Instant>,
}

impl Reports {
    pub(crate) fn new(began: Instant) -> Self {
        Self(Arc::new(Inner {
            began,
            state: Mutex::default(),
        }))
    }

    /// What to tell the caller, if it is time and something has changed.
    pub(crate) fn due(&self, now: Instant, progress: campaign::Progress) -> Option<Ready> {
        let mut state = self.state();
        let waits = state.waiting.is_some();
        let early = state.taken.is_some_and(|taken| now < taken + PACE);
        if !waits && (early || state.last == Some(progress)) {
            return None;
        }
        state.last = Some(progress);
        state.waiting = Some((progress, now));
        let reports = self.clone();
        let ready: Ready = Box::new(move |py| reports.take(py));
        (!waits).then_some(ready)
    }

    /// What to tell the caller after everything else, whether anything has changed or not.
    pub(crate) fn last(self, now: Instant, progress: campaign::Progress) -> Ready {
        Box::new(move |py| self.tell(py, progress, now))
    }

    /// The one that waits; there is one for each time that this is called.
    fn take(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let waiting = {
            let mut state = self.state();
            state.taken = Some(Instant::now());
            state.waiting.take()
        };
        match waiting {
            Some((progress, now)) => self.tell(py, progress, now),
            None => Ok(py.None()),
        }
    }

    fn tell(
        &self,
        py: Python<'_>,
        standing: campaign::Progress,
        now: Instant,
    ) -> PyResult<Py<PyAny>> {
        let read = |at: Instant| at.saturating_duration_since(self.0.began).as_secs_f64();
        progress(py, &standing, read(now), read)
    }

    /// No Python code may run while this is locked.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
