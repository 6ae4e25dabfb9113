//! The scheduler of many operations, driven from Python.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use core::{Phase, Time};
use countermand_core as core;
use countermand_fleet::{JobProgress, Meter, Pace};
use countermand_scheduler::NextStep;
use http::Response;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::arguments::{Attempts, InFlight, QuotaText, Seed, Share};
use crate::clock::{Length, Reading};
use crate::lock::Lock;
use crate::names::OperationName;
use crate::once::Once;
use crate::progress::Now;
use crate::rate_limiter::{RateLimiter, Shared};
use crate::services::{Chosen, or_default};
use crate::wire::{self, Request};
use crate::{clock, errors, event, names, policy, progress, quota, sansio};

/// Many countermands under one quota and one limit of requests in flight.
#[pyclass(module = "countermand.sansio", frozen)]
pub(crate) struct Scheduler {
    scheduler: Shared,
    done: AtomicBool,
    service: &'static core::Service,
    pace: Pace,
    /// Measures from the first reading of the caller's clock on.
    meter: Lock<Option<Meter>>,
}

impl Scheduler {
    /// Measures what the scheduler tells at this time.
    fn meter<T>(&self, now: Time, measure: impl FnOnce(&mut Meter) -> T) -> T {
        let mut meter = self.meter.lock();
        measure(meter.get_or_insert_with(|| Meter::new(now, self.pace)))
    }
}

#[pymethods]
impl Scheduler {
    #[new]
    #[pyo3(signature = (*, seed, service=None, endpoint=None, deadline=None, attempt_timeout=None, max_attempts=None,
        backoff=None, poll_interval=None, verify=true, quota=None, share=None, in_flight=None))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        seed: Seed,
        service: Option<Chosen>,
        endpoint: Option<&str>,
        deadline: Option<Length>,
        attempt_timeout: Option<Length>,
        max_attempts: Option<Attempts>,
        backoff: Option<(Length, Length)>,
        poll_interval: Option<(Length, Length)>,
        verify: bool,
        quota: Option<QuotaText>,
        share: Option<Share>,
        in_flight: Option<InFlight>,
    ) -> PyResult<Self> {
        let policy = policy::policy(
            countermand_core::Policy::default(),
            deadline,
            attempt_timeout,
            max_attempts,
            backoff,
        )?;
        let policy = policy::polling(policy, poll_interval, verify)?;
        let service = or_default(service);
        let quota = quota::quota(quota, share, service)?;
        let pace = Pace::of(&quota, service);
        let mut scheduler = countermand_scheduler::Scheduler::new(seed.0)
            .endpoint(wire::endpoint(endpoint, service)?)
            .policy(policy)
            .quota(quota);
        if let Some(InFlight(requests)) = in_flight {
            scheduler = scheduler.in_flight(requests);
        }
        Ok(Self {
            scheduler: Arc::new(Lock::new(scheduler)),
            done: AtomicBool::new(false),
            service,
            pace,
            meter: Lock::default(),
        })
    }

    /// Takes a name; `False` if it was pushed before.
    #[pyo3(signature = (name, phase="unsent"))]
    fn push(&self, name: &Bound<'_, PyAny>, phase: &str) -> PyResult<bool> {
        let phase = match phase {
            "unsent" => Phase::Unsent,
            "maybe_sent" => Phase::MaybeSent,
            "accepted" => Phase::Accepted,
            _ => {
                return Err(PyValueError::new_err(format!(
                    "{phase:?} is no phase; expected unsent, maybe_sent or accepted"
                )));
            }
        };
        let name = names::operation(name, Some(self.service))?;
        Ok(self.scheduler.lock().push(name, phase))
    }

    /// No more names will come.
    fn close(&self) {
        self.scheduler.lock().close();
    }

    /// Sends nothing new: what is under way is awaited, the rest comes out with what is known.
    fn stop(&self, cause: String) {
        self.scheduler.lock().stop(cause);
    }

    /// The next step: send a ticket's request, or wait until a time, or for an answer or a name.
    fn next_step<'py>(&self, py: Python<'py>, now: Reading) -> PyResult<Option<Bound<'py, PyAny>>> {
        let now = clock::time(now)?;
        self.meter(now, |_| {});
        let step = self.scheduler.lock().next_step(now);
        self.done.store(matches!(step, NextStep::Done), Relaxed);
        match step {
            NextStep::Send(ticket, transmit) => {
                let name = ticket.resource().operation();
                let name = name.expect("a scheduler that searches nothing sends for operations");
                let ticket = Ticket {
                    scheduler: Arc::clone(&self.scheduler),
                    name: OperationName(name.clone()),
                    call: ticket.call().as_str(),
                    id: ticket.id(),
                    ticket: Once::new(ticket, "this ticket was spent already"),
                    request: Py::new(py, Request::from(transmit))?,
                };
                Ok(Some(Bound::new(py, ticket)?.into_any()))
            }
            NextStep::Wait(until) => Ok(Some(clock::reading(until).into_pyobject(py)?.into_any())),
            NextStep::Idle | NextStep::Done => Ok(None),
        }
    }

    /// True if every name is finished and none will come, as of the last `next_step`.
    #[getter]
    fn done(&self) -> bool {
        self.done.load(Relaxed)
    }

    /// Events since the last call, oldest first.
    fn events<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let events: Vec<_> = {
            let mut scheduler = self.scheduler.lock();
            std::iter::from_fn(|| scheduler.next_event()).collect()
        };
        events
            .into_iter()
            .filter_map(|event| event::event(py, event, clock::reading, errors::error).transpose())
            .collect()
    }

    /// Its rate limiter.
    #[getter]
    fn rate_limiter(&self) -> RateLimiter {
        RateLimiter::of(&self.scheduler)
    }

    /// Its progress.
    fn progress(&self, py: Python<'_>, now: Reading) -> PyResult<Py<PyAny>> {
        let time = clock::time(now)?;
        let state = {
            let scheduler = self.scheduler.lock();
            let standing = scheduler.progress(time);
            Now {
                standing,
                counted: JobProgress::of_scheduler(&standing, standing.pushed, None),
                outage: scheduler.outage(time),
            }
        };
        let figures = self.meter(time, |meter| progress::measured(meter, time, state));
        progress::progress(py, &figures, now.0, clock::reading)
    }

    fn __repr__(&self) -> PyResult<String> {
        let standing = self.scheduler.lock().progress(clock::time(Reading(0.0))?);
        Ok(format!(
            "<Scheduler pushed={} cancels_sent={} finished={} in_flight={}>",
            standing.pushed, standing.cancels_sent, standing.finished, standing.in_flight
        ))
    }
}

/// One request to be sent, spent by its answer or its failure.
#[pyclass(module = "countermand.sansio", frozen)]
pub(crate) struct Ticket {
    scheduler: Shared,
    id: core::TicketId,
    ticket: Once<countermand_scheduler::Ticket>,
    /// The request to be sent now.
    #[pyo3(get)]
    request: Py<Request>,
    /// The operation it is for.
    #[pyo3(get)]
    name: OperationName,
    /// `cancel`, `get` or `get_device`.
    #[pyo3(get)]
    call: &'static str,
}

#[pymethods]
impl Ticket {
    /// Takes note that the request leaves now: the quota counts from then.
    fn sent(&self, now: Reading) -> PyResult<()> {
        let now = clock::time(now)?;
        self.scheduler.lock().sent(self.id, now);
        Ok(())
    }

    /// Brings the server's answer, whatever its status, complete with its body.
    fn answer(
        &self,
        now: Reading,
        status: u16,
        headers: &Bound<'_, PyAny>,
        body: PyBackedBytes,
    ) -> PyResult<()> {
        let now = clock::time(now)?;
        let response = wire::response(status, headers, body)?;
        self.record_call(now, Ok(&response))
    }

    /// Brings no answer; `kind` says what happened to the request.
    fn failed(&self, now: Reading, kind: &str, message: String) -> PyResult<()> {
        let now = clock::time(now)?;
        let error = sansio::failure(kind, message)?;
        self.record_call(now, Err(error))
    }

    fn __repr__(&self) -> String {
        format!("<Ticket {} {}>", self.call, self.name.0)
    }
}

impl Ticket {
    fn record_call(
        &self,
        now: Time,
        result: Result<&Response<PyBackedBytes>, core::TransportError>,
    ) -> PyResult<()> {
        let ticket = self.ticket.take()?;
        self.scheduler.lock().answer(ticket, now, result);
        Ok(())
    }
}
