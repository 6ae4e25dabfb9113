//! The step machine, driven from Python.

use core::{Step, TransportErrorKind};
use countermand_core as core;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::arguments::Attempts;
use crate::once::Once;
use crate::wire::{self, Request};
use crate::{clock, errors, names, outcome};

/// A countermand that has not begun.
#[pyclass(module = "countermand.sansio", frozen)]
pub(crate) struct Cancellation(core::Cancellation);

#[pymethods]
impl Cancellation {
    #[new]
    #[pyo3(
        signature = (name, *, endpoint=None, deadline=120.0, attempt_timeout=10.0, attempts=Attempts(5),
            backoff=(1.0, 32.0), poll=(1.0, 30.0), verify=true),
        text_signature = "(name, *, endpoint=None, deadline=120.0, attempt_timeout=10.0, \
            attempts=5, backoff=(1.0, 32.0), poll=(1.0, 30.0), verify=True)"
    )]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        name: &Bound<'_, PyAny>,
        endpoint: Option<&str>,
        deadline: f64,
        attempt_timeout: f64,
        attempts: Attempts,
        backoff: (f64, f64),
        poll: (f64, f64),
        verify: bool,
    ) -> PyResult<Self> {
        let policy = policy(deadline, attempt_timeout, attempts, backoff, poll, verify)?;
        let cancellation = core::Cancellation::new(names::operation(name)?)
            .endpoint(wire::endpoint(endpoint)?)
            .policy(policy);
        Ok(Self(cancellation))
    }

    /// Begins at `now`: the first step. Same seed and same answers, same schedule.
    #[pyo3(signature = (now, seed))]
    fn start<'py>(&self, py: Python<'py>, now: f64, seed: u64) -> PyResult<Bound<'py, PyAny>> {
        step(py, self.0.clone().start(clock::instant(now)?, seed))
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.0)
    }
}

/// The Python object for a step.
fn step(py: Python<'_>, step: Step) -> PyResult<Bound<'_, PyAny>> {
    Ok(match step {
        Step::Send(attempt) => Bound::new(py, Send::from(attempt))?.into_any(),
        Step::Wait(pause) => Bound::new(py, Wait::new(py, pause))?.into_any(),
        Step::Done(result) => Bound::new(py, Done::new(py, result)?)?.into_any(),
    })
}

/// How patient to be, in Python's numbers.
pub(crate) fn policy(
    deadline: f64,
    attempt_timeout: f64,
    Attempts(attempts): Attempts,
    backoff: (f64, f64),
    poll: (f64, f64),
    verify: bool,
) -> PyResult<core::Policy> {
    Ok(core::Policy::default()
        .deadline(clock::seconds("deadline", deadline)?)
        .attempt_timeout(clock::seconds("attempt_timeout", attempt_timeout)?)
        .attempts(attempts)
        .backoff(
            clock::seconds("backoff", backoff.0)?,
            clock::seconds("backoff", backoff.1)?,
        )
        .poll(
            clock::seconds("poll", poll.0)?,
            clock::seconds("poll", poll.1)?,
        )
        .verify(verify))
}

/// What a transport that is Python's says of a request without an answer.
pub(crate) fn failure(kind: &str, message: String) -> PyResult<core::TransportError> {
    match TransportErrorKind::from_word(kind) {
        Some(kind) => Ok(core::TransportError::new(kind, message)),
        None => Err(PyValueError::new_err(format!(
            "{kind:?} is no kind of failure; expected connect, tls, refused, calm, lost, \
             timed_out, too_large, token, credentials or forbidden"
        ))),
    }
}

const USED: &str = "this step was done already; go on with the step that it gave";

/// Send a request and bring its answer.
#[pyclass(module = "countermand.sansio", frozen)]
pub(crate) struct Send {
    attempt: Once<core::Attempt>,
    /// `cancel`, `get` or `get_device`.
    #[pyo3(get)]
    call: &'static str,
    /// Which request it is, from 1.
    #[pyo3(get)]
    number: u32,
    /// The name of the resource it is about.
    #[pyo3(get)]
    name: String,
}

impl From<core::Attempt> for Send {
    fn from(attempt: core::Attempt) -> Self {
        Self {
            call: attempt.call().as_str(),
            number: attempt.number(),
            name: attempt.name().to_owned(),
            attempt: Once::new(attempt, USED),
        }
    }
}

#[pymethods]
impl Send {
    /// The request to be sent now.
    #[pyo3(signature = (now))]
    fn transmit(&self, now: f64) -> PyResult<Request> {
        let now = clock::instant(now)?;
        self.attempt
            .look(|attempt| Request::from(attempt.transmit(now)))
    }

    /// Goes on with the server's answer, whatever its status, complete with its body.
    #[pyo3(signature = (now, status, headers, body))]
    fn response<'py>(
        &self,
        py: Python<'py>,
        now: f64,
        status: u16,
        headers: &Bound<'py, PyAny>,
        body: PyBackedBytes,
    ) -> PyResult<Bound<'py, PyAny>> {
        let now = clock::instant(now)?;
        let response = wire::response(status, headers, body)?;
        step(py, self.attempt.take()?.response(now, &response))
    }

    /// Goes on without an answer; `kind` says what happened to the request.
    #[pyo3(signature = (now, kind, message))]
    fn failed<'py>(
        &self,
        py: Python<'py>,
        now: f64,
        kind: &str,
        message: String,
    ) -> PyResult<Bound<'py, PyAny>> {
        let now = clock::instant(now)?;
        let error = failure(kind, message)?;
        step(py, self.attempt.take()?.failed(now, error))
    }

    fn __repr__(&self) -> String {
        format!("<Send {} {} number={}>", self.call, self.name, self.number)
    }
}

/// Wait until a point in time.
#[pyclass(module = "countermand.sansio", frozen)]
pub(crate) struct Wait {
    pause: Once<core::Pause>,
    /// When to resume, on the clock that gave every `now`.
    #[pyo3(get)]
    until: f64,
    error: Option<PyErr>,
}

impl Wait {
    fn new(py: Python<'_>, pause: core::Pause) -> Self {
        Self {
            until: clock::reading(pause.until()),
            error: pause.error().map(|error| errors::error(py, error)),
            pause: Once::new(pause, USED),
        }
    }
}

#[pymethods]
impl Wait {
    /// Why it waits; `None` between two looks at a pending operation.
    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> Option<Bound<'py, pyo3::exceptions::PyBaseException>> {
        self.error.as_ref().map(|error| error.value(py).clone())
    }

    /// Goes on; too early, it gives the same wait again.
    #[pyo3(signature = (now))]
    fn resume<'py>(&self, py: Python<'py>, now: f64) -> PyResult<Bound<'py, PyAny>> {
        let now = clock::instant(now)?;
        step(py, self.pause.take()?.resume(now))
    }

    fn __repr__(&self) -> String {
        format!("<Wait until={}>", self.until)
    }
}

/// The end.
#[pyclass(module = "countermand.sansio", frozen)]
pub(crate) struct Done(PyResult<Py<PyAny>>);

impl Done {
    fn new(py: Python<'_>, result: Result<core::Outcome, core::Error>) -> PyResult<Self> {
        Ok(Self(match result {
            Ok(outcome) => Ok(outcome::outcome(py, outcome)?.unbind()),
            Err(error) => Err(errors::error(py, &error)),
        }))
    }
}

#[pymethods]
impl Done {
    /// The outcome; raises the error if there is none.
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match &self.0 {
            Ok(outcome) => Ok(outcome.clone_ref(py)),
            Err(error) => Err(error.clone_ref(py)),
        }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(match &self.0 {
            Ok(outcome) => format!("<Done {}>", outcome.bind(py).repr()?),
            Err(error) => format!("<Done {}>", error.value(py).repr()?),
        })
    }
}
