//! The step machines, driven from Python.

use std::sync::Arc;

use core::{Error, Outcome, Step, Time, TransportError, TransportErrorKind};
use countermand_core as core;
use http::Response;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::arguments::{Attempts, Seed};
use crate::clock::{Length, Reading};
use crate::once::Once;
use crate::services::Chosen;
use crate::wire::{self, Request};
use crate::{clock, errors, names, outcome, policy};

/// A countermand that has not begun.
#[pyclass(module = "countermand.sansio", frozen)]
pub(crate) struct Cancellation {
    name: core::OperationName,
    machine: core::Cancellation,
}

#[pymethods]
impl Cancellation {
    #[new]
    #[pyo3(signature = (name, *, service=None, endpoint=None, deadline=None, attempt_timeout=None,
        max_attempts=None, backoff=None, poll_interval=None, verify=true))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        name: &Bound<'_, PyAny>,
        service: Option<Chosen>,
        endpoint: Option<&str>,
        deadline: Option<Length>,
        attempt_timeout: Option<Length>,
        max_attempts: Option<Attempts>,
        backoff: Option<(Length, Length)>,
        poll_interval: Option<(Length, Length)>,
        verify: bool,
    ) -> PyResult<Self> {
        let policy = policy::policy(
            countermand_core::Policy::default(),
            deadline,
            attempt_timeout,
            max_attempts,
            backoff,
        )?;
        let policy = policy::polling(policy, poll_interval, verify)?;
        let name = names::operation(name, service.map(|Chosen(service)| service))?;
        let machine = core::Cancellation::new(name.clone())
            .endpoint(wire::endpoint(endpoint, name.service())?)
            .policy(policy);
        Ok(Self { name, machine })
    }

    /// Begins at `now`: the first step. Same seed and same answers, same schedule.
    fn start<'py>(&self, py: Python<'py>, now: Reading, seed: Seed) -> PyResult<Bound<'py, PyAny>> {
        let name = self.name.clone();
        let finish: Finish<Outcome> = Arc::new(move |py, result| match result {
            Ok(outcome) => outcome::outcome(py, &name, outcome).map(Bound::unbind),
            Err(error) => Err(errors::error(py, &error)),
        });
        step(
            py,
            self.machine.clone().start(clock::time(now)?, seed.0),
            finish,
        )
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.machine)
    }
}

/// Makes a Python object of the end of a machine.
pub(crate) type Finish<T> =
    Arc<dyn Fn(Python<'_>, Result<T, Error>) -> PyResult<Py<PyAny>> + std::marker::Send + Sync>;

/// The Python object for a step.
pub(crate) fn step<T: 'static>(
    py: Python<'_>,
    step: Step<T>,
    finish: Finish<T>,
) -> PyResult<Bound<'_, PyAny>> {
    Ok(match step {
        Step::Send(attempt) => Bound::new(py, Send::new(attempt, finish))?.into_any(),
        Step::Wait(pause) => Bound::new(py, Wait::new(py, pause, finish))?.into_any(),
        Step::Done(result) => Bound::new(py, Done(finish(py, result)))?.into_any(),
    })
}

/// The error that a transport of Python's reports for a request without an answer.
pub(crate) fn failure(kind: &str, message: String) -> PyResult<TransportError> {
    match TransportErrorKind::from_word(kind) {
        Some(kind) => Ok(TransportError::new(kind, message)),
        None => {
            let words = TransportErrorKind::ALL.map(TransportErrorKind::as_str);
            Err(PyValueError::new_err(format!(
                "{kind:?} is no kind of failure; expected one of {}",
                words.join(", ")
            )))
        }
    }
}

const USED: &str = "this step was done already; go on with the step that it gave";

/// An attempt of a machine, with any end.
trait Attempt: std::marker::Send {
    fn transmit(&self, now: Time) -> core::Transmit;

    /// Goes on with the answer, or without one.
    fn answer<'py>(
        self: Box<Self>,
        py: Python<'py>,
        now: Time,
        answer: Result<Response<PyBackedBytes>, TransportError>,
    ) -> PyResult<Bound<'py, PyAny>>;
}

impl<T: 'static> Attempt for (core::Attempt<T>, Finish<T>) {
    fn transmit(&self, now: Time) -> core::Transmit {
        self.0.transmit(now)
    }

    fn answer<'py>(
        self: Box<Self>,
        py: Python<'py>,
        now: Time,
        answer: Result<Response<PyBackedBytes>, TransportError>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (attempt, finish) = *self;
        let next = match answer {
            Ok(response) => attempt.response(now, &response),
            Err(error) => attempt.failed(now, error),
        };
        step(py, next, finish)
    }
}

/// Send a request and bring its answer.
#[pyclass(module = "countermand.sansio", frozen, generic)]
pub(crate) struct Send {
    attempt: Once<Box<dyn Attempt>>,
    /// The method: `cancel`, `get`, `get_device`, `list` or `list_devices`.
    #[pyo3(get)]
    call: &'static str,
    /// Number of the request, from 1.
    #[pyo3(get)]
    number: u32,
    /// The name of the resource it is about.
    #[pyo3(get)]
    name: String,
}

impl Send {
    fn new<T: 'static>(attempt: core::Attempt<T>, finish: Finish<T>) -> Self {
        Self {
            call: attempt.call().as_str(),
            number: attempt.number(),
            name: attempt.name().to_owned(),
            attempt: Once::new(Box::new((attempt, finish)), USED),
        }
    }
}

#[pymethods]
impl Send {
    /// The request to be sent now.
    fn transmit(&self, now: Reading) -> PyResult<Request> {
        let now = clock::time(now)?;
        self.attempt
            .look(|attempt| Request::from(attempt.transmit(now)))
    }

    /// Goes on with the server's answer, whatever its status, complete with its body.
    fn response<'py>(
        &self,
        py: Python<'py>,
        now: Reading,
        status: u16,
        headers: &Bound<'py, PyAny>,
        body: PyBackedBytes,
    ) -> PyResult<Bound<'py, PyAny>> {
        let now = clock::time(now)?;
        let response = wire::response(status, headers, body)?;
        self.attempt.take()?.answer(py, now, Ok(response))
    }

    /// Goes on without an answer; `kind` says what happened to the request.
    fn failed<'py>(
        &self,
        py: Python<'py>,
        now: Reading,
        kind: &str,
        message: String,
    ) -> PyResult<Bound<'py, PyAny>> {
        let now = clock::time(now)?;
        let error = failure(kind, message)?;
        self.attempt.take()?.answer(py, now, Err(error))
    }

    fn __repr__(&self) -> String {
        format!("<Send {} {} number={}>", self.call, self.name, self.number)
    }
}

type Resume =
    dyn for<'py> FnOnce(Python<'py>, Time) -> PyResult<Bound<'py, PyAny>> + std::marker::Send;

/// Wait until a point in time.
#[pyclass(module = "countermand.sansio", frozen, generic)]
pub(crate) struct Wait {
    resume: Once<Box<Resume>>,
    /// The time to resume at, on the clock that gave every `now`.
    #[pyo3(get)]
    until: f64,
    error: Option<PyErr>,
}

impl Wait {
    fn new<T: 'static>(py: Python<'_>, pause: core::Pause<T>, finish: Finish<T>) -> Self {
        Self {
            until: clock::reading(pause.until()),
            error: pause.error().map(|error| errors::error(py, error)),
            resume: Once::new(
                Box::new(move |py, now| step(py, pause.resume(now), finish)),
                USED,
            ),
        }
    }
}

#[pymethods]
impl Wait {
    /// The error that is waited for; `None` between two looks at a pending operation.
    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> Option<Bound<'py, pyo3::exceptions::PyBaseException>> {
        self.error.as_ref().map(|error| error.value(py).clone())
    }

    /// Goes on; too early, it gives the same wait again.
    fn resume<'py>(&self, py: Python<'py>, now: Reading) -> PyResult<Bound<'py, PyAny>> {
        let now = clock::time(now)?;
        self.resume.take()?(py, now)
    }

    fn __repr__(&self) -> String {
        format!("<Wait until={}>", self.until)
    }
}

/// The end.
#[pyclass(module = "countermand.sansio", frozen, generic)]
pub(crate) struct Done(PyResult<Py<PyAny>>);

#[pymethods]
impl Done {
    /// The result; raises the error if there is none.
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match &self.0 {
            Ok(result) => Ok(result.clone_ref(py)),
            Err(error) => Err(error.clone_ref(py)),
        }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(match &self.0 {
            Ok(result) => format!("<Done {}>", result.bind(py).repr()?),
            Err(error) => format!("<Done {}>", error.value(py).repr()?),
        })
    }
}
