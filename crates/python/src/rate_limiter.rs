//! The rate limiter, which Python asks, saves and restores.

use std::sync::Arc;
use std::time::Duration;

use countermand_core::Call;
use countermand_scheduler::{self as scheduler, PastCall, Scheduler, Window};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PySequence;

use crate::arguments::{QuotaText, Share};
use crate::clock::{Length, Reading};
use crate::lock::Lock;
use crate::services::{Chosen, or_default};
use crate::{arguments, clock, quota};

/// A log of the calls that count against a quota.
#[pyclass(module = "countermand.sansio", frozen)]
pub(crate) struct RateLimiter(Owner);

/// A scheduler, which its tickets and its rate limiter know.
pub(crate) type Shared = Arc<Lock<Scheduler>>;

enum Owner {
    Nothing(Lock<scheduler::RateLimiter>),
    Scheduler(Shared),
}

impl RateLimiter {
    pub(crate) fn of(scheduler: &Shared) -> Self {
        Self(Owner::Scheduler(Arc::clone(scheduler)))
    }

    /// No Python code may run in `act`: the rate limiter is locked.
    fn with<R>(&self, act: impl FnOnce(&mut scheduler::RateLimiter) -> R) -> R {
        match &self.0 {
            Owner::Nothing(limiter) => act(&mut limiter.lock()),
            Owner::Scheduler(scheduler) => act(scheduler.lock().rate_limiter()),
        }
    }
}

#[pymethods]
impl RateLimiter {
    #[new]
    #[pyo3(signature = (*, quota=None, share=None, service=None))]
    fn new(
        quota: Option<QuotaText>,
        share: Option<Share>,
        service: Option<Chosen>,
    ) -> PyResult<Self> {
        let quota = quota::quota(quota, share, or_default(service))?;
        let limiter = scheduler::RateLimiter::new(quota);
        Ok(Self(Owner::Nothing(Lock::new(limiter))))
    }

    /// The earliest time, `now` at the soonest, at which the windows allow this call.
    fn allowed(&self, now: Reading, call: &str, resource: &str) -> PyResult<f64> {
        let (now, call) = (clock::time(now)?, method(call)?);
        let allowed = self.with(|limiter| limiter.allowed(now, call, resource));
        Ok(clock::reading(allowed))
    }

    /// Records a call that leaves at once, whatever the windows say of it.
    fn record_call(&self, now: Reading, call: &str, resource: &str) -> PyResult<()> {
        let (now, call) = (clock::time(now)?, method(call)?);
        self.with(|limiter| limiter.record_call(now, call, resource));
        Ok(())
    }

    /// Lets no call leave before `until`.
    fn pause_until(&self, until: Reading) -> PyResult<()> {
        let until = clock::time(until)?;
        self.with(|limiter| limiter.pause_until(until));
        Ok(())
    }

    /// The end of a pause, if that is after `now`.
    fn paused_until(&self, now: Reading) -> PyResult<Option<f64>> {
        let now = clock::time(now)?;
        let until = self.with(|limiter| limiter.paused_until(now));
        Ok(until.map(clock::reading))
    }

    /// Adopts a limit that the server names for a window of `span` seconds, unless ours is lower.
    fn lower(&self, limit: &Bound<'_, PyAny>, span: Length) -> PyResult<()> {
        let limit = arguments::whole("limit", limit, 0..=u64::from(u32::MAX))?;
        let span = clock::seconds("span", span)?;
        self.with(|limiter| limiter.lower(limit as u32, span));
        Ok(())
    }

    /// The windows of the project: calls and seconds.
    #[getter]
    fn windows(&self) -> Vec<(u32, f64)> {
        let windows = self.with(|limiter| limiter.quota().get_windows().to_vec());
        let window = |window: &Window| (window.limit(), window.span().as_secs_f64());
        windows.iter().map(window).collect()
    }

    /// Calls that the windows of the project allow from `now` on without waiting.
    fn remaining(&self, now: Reading) -> PyResult<Option<u32>> {
        let now = clock::time(now)?;
        Ok(self.with(|limiter| limiter.remaining(now)))
    }

    /// Seconds for which a call counts.
    #[getter]
    fn horizon(&self) -> f64 {
        self.with(|limiter| limiter.horizon()).as_secs_f64()
    }

    /// The calls that still count, oldest first.
    fn save<'py>(&self, py: Python<'py>, now: Reading) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let now = clock::time(now)?;
        let calls = self.with(|limiter| limiter.save(now));
        let class = py.import("countermand.sansio")?.getattr("PastCall")?;
        let calls = calls
            .iter()
            .map(|one| class.call1((one.age.as_secs_f64(), one.call.as_str(), &*one.resource)));
        calls.collect()
    }

    /// Takes over the calls that left before a restart.
    fn restore(&self, now: Reading, calls: &Bound<'_, PyAny>) -> PyResult<()> {
        let now = clock::time(now)?;
        let calls = calls.try_iter()?.map(|call| past_call(&call?));
        let calls = calls.collect::<PyResult<Vec<_>>>()?;
        self.with(|limiter| limiter.restore(now, calls));
        Ok(())
    }
}

fn past_call(call: &Bound<'_, PyAny>) -> PyResult<PastCall> {
    let fields = call.cast::<PySequence>()?.to_tuple()?;
    let (age, call, resource): (f64, String, String) = fields.extract()?;
    // What left a moment ago by a clock that was set back counts from now.
    let age = if age < 0.0 {
        Duration::ZERO
    } else {
        clock::seconds("age", age)?
    };
    Ok(PastCall::new(age, method(&call)?, resource))
}

fn method(word: &str) -> PyResult<Call> {
    Call::from_word(word).ok_or_else(|| {
        let words = Call::ALL.map(Call::as_str).join(", ");
        PyValueError::new_err(format!("{word:?} is no call; expected one of {words}"))
    })
}
