//! Tells a caller the progress of a run among its results, no faster than a person reads.

use std::sync::Arc;
use std::time::Duration;

use countermand::hyper::monotonic_now;
use countermand_core::Time;
use countermand_fleet::{Meter, Pace, SearchProgress};
use pyo3::prelude::*;
use tokio::time::timeout;

use crate::lock::Lock;
use crate::progress::{self, Figures, Now};
use crate::stream::Out;

/// Time between two reports.
const PACE: Duration = Duration::from_millis(100);

/// Tells the progress; `None` where the caller does not watch it.
pub(crate) struct Watcher(Option<Watched>);

struct Watched {
    began: Time,
    meter: Meter,
    /// Time of the next look at the progress.
    look: Time,
    /// The last progress told: figures, and the second, where the time itself is news.
    last: Option<(countermand_scheduler::Progress, Option<SearchProgress>, u64)>,
    slot: Arc<Lock<Slot>>,
    out: Out,
}

/// The latest progress, of which at most one waits to be taken: a caller who is slow finds the
/// newest one and no backlog.
#[derive(Default)]
struct Slot {
    waiting: Option<(Figures, Time)>,
    taken: Option<Time>,
}

impl Watcher {
    /// Begins before the first request.
    pub(crate) fn new(watched: bool, pace: Pace, out: &Out) -> Self {
        let began = monotonic_now();
        Self(watched.then(|| Watched {
            began,
            meter: Meter::new(began, pace),
            look: began,
            last: None,
            slot: Arc::default(),
            out: out.clone(),
        }))
    }

    /// Waits for the next event, or until the next look.
    pub(crate) async fn wait<T>(&self, next: impl Future<Output = T>) -> Option<T> {
        // Without a watcher there is nothing to wake for.
        let most = self.0.as_ref().map_or(Duration::MAX, |_| PACE / 2);
        timeout(most, next).await.ok()
    }

    /// Tells the progress, if it is time and something has changed. While everything waits, for the
    /// quota or for a server that fails, each second is a change.
    pub(crate) fn look(&mut self, run: impl FnOnce() -> Now) {
        let Some(this) = &mut self.0 else {
            return;
        };
        let now = monotonic_now();
        if now < this.look {
            return;
        }
        this.look = now + PACE / 2;
        let figures = progress::measured(&mut this.meter, now, run());
        let Figures { standing, measured } = &figures;
        let holds = measured.failing.is_some() || standing.allowed_at.is_some();
        let second = if holds {
            (now - this.began).as_secs()
        } else {
            0
        };
        let news = (*standing, measured.search, second);
        let waits = {
            let mut slot = this.slot.lock();
            let waits = slot.waiting.is_some();
            let early = slot.taken.is_some_and(|taken| now < taken + PACE);
            if !waits && (early || this.last == Some(news)) {
                return;
            }
            slot.waiting = Some((figures, now));
            waits
        };
        this.last = Some(news);
        if !waits {
            let (slot, began) = (Arc::clone(&this.slot), this.began);
            let _ = this.out.send(Box::new(move |py| take(py, &slot, began)));
        }
    }

    /// Tells the progress at the end, after everything else, also where nothing has changed.
    pub(crate) fn end(self, run: impl FnOnce() -> Now) {
        if let Some(mut this) = self.0 {
            let now = monotonic_now();
            let figures = progress::measured(&mut this.meter, now, run());
            let ready = move |py: Python<'_>| tell(py, &figures, now, this.began);
            let _ = this.out.send(Box::new(ready));
        }
    }
}

/// The progress that waits; there is one for each time that this is called.
fn take(py: Python<'_>, slot: &Lock<Slot>, began: Time) -> PyResult<Py<PyAny>> {
    let waiting = {
        let mut slot = slot.lock();
        slot.taken = Some(monotonic_now());
        slot.waiting.take()
    };
    match waiting {
        Some((figures, now)) => tell(py, &figures, now, began),
        None => Ok(py.None()),
    }
}

fn tell(py: Python<'_>, figures: &Figures, now: Time, began: Time) -> PyResult<Py<PyAny>> {
    let read = |at: Time| (at - began).as_secs_f64();
    progress::progress(py, figures, read(now), read)
}
