//! Operations as the server tells them, and outcomes.

use std::hash::{DefaultHasher, Hash, Hasher};

use countermand_core as core;
use http::Response;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDateTime, PyString};

use crate::names::{OperationName, quoted};
use crate::services::Chosen;
use crate::{clock, errors, names};

/// A long-running operation: one command sent to one device.
#[pyclass(module = "countermand", frozen, eq)]
#[derive(Clone, PartialEq)]
pub(crate) struct Operation(pub(crate) core::Operation);

#[pymethods]
impl Operation {
    /// Reads an operation from the API's JSON, as a Pub/Sub notification carries it.
    #[staticmethod]
    #[pyo3(signature = (data, /, *, service=None))]
    fn from_json(
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        service: Option<Chosen>,
    ) -> PyResult<Self> {
        let json = match data.cast::<PyString>() {
            Ok(text) => text.to_str()?.as_bytes().to_vec(),
            Err(_) => data.extract()?,
        };
        let value: serde_json::Value = serde_json::from_slice(&json)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let text = value["name"].as_str().unwrap_or_default();
        let name = PyString::new(py, text);
        let name = names::operation(&name, service.map(|Chosen(service)| service))?;
        // The API writes relative names.
        let operation = match text.starts_with("//") {
            true => core::Operation::read_back(name.service(), &value.to_string()),
            false => core::Operation::read(name, &Response::new(json)),
        };
        operation
            .map(Self)
            .map_err(|error| errors::error(py, &error))
    }

    /// Reads what `__reduce__` gave.
    #[staticmethod]
    #[pyo3(signature = (json, name, /))]
    fn _restore(py: Python<'_>, json: &str, name: &Bound<'_, PyAny>) -> PyResult<Self> {
        let name = names::operation(name, None)?;
        core::Operation::read_back(name.service(), json)
            .map(Self)
            .map_err(|error| errors::error(py, &error))
    }

    /// Its name.
    #[getter]
    fn name(&self) -> OperationName {
        OperationName(self.0.name.clone())
    }

    /// True if the server considers it finished.
    #[getter]
    fn done(&self) -> bool {
        self.0.done
    }

    /// The error that it ended with. Code 1, once it is done, proves a cancellation.
    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        static STATUS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let Some(status) = &self.0.error else {
            return Ok(None);
        };
        let class = STATUS.import(py, "countermand.outcome", "Status")?;
        class.call1((status.code, &status.message)).map(Some)
    }

    /// True if it also carried a `response`. With `error`, the error wins.
    #[getter]
    fn has_response(&self) -> bool {
        self.0.has_response
    }

    /// The state that it told, of a resource that is read by its state.
    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        static STATE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let Some(state) = &self.0.state else {
            return Ok(None);
        };
        let class = STATE.import(py, "countermand.outcome", "State")?;
        class.call1((&state.word, state.meaning.as_str())).map(Some)
    }

    /// The verdict that it proves; `None` while it is not done.
    #[getter]
    fn verdict<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.verdict().map(|it| verdict(py, it)).transpose()
    }

    /// `WIPE`, `LOCK` ...: an open set of words.
    #[getter]
    fn command_type(&self) -> Option<&str> {
        self.metadata()?.kind.as_deref()
    }

    /// Time at which the server created it, in UTC.
    #[getter]
    fn create_time<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDateTime>>> {
        clock::datetime(
            py,
            self.metadata().and_then(|metadata| metadata.create_time),
        )
    }

    /// Validity from then on, in seconds.
    #[getter]
    fn duration(&self) -> Option<f64> {
        Some(self.metadata()?.duration?.as_secs_f64())
    }

    /// Reason why the device did not do it: an open set of words.
    #[getter]
    fn error_code(&self) -> Option<&str> {
        self.metadata()?.error_code.as_deref()
    }

    /// True if its metadata says that a cancel was asked.
    #[getter]
    fn cancel_asked(&self) -> bool {
        self.metadata()
            .is_some_and(|metadata| metadata.cancel_asked)
    }

    /// The facts that were read of the operation, in one form for all services.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?.call_method1("loads", (self.json()?,))
    }

    /// The same as one line of JSON.
    fn to_json(&self) -> PyResult<String> {
        self.json()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let operation = &self.0;
        let mut text = format!("Operation({}", quoted(py, operation.name.as_str())?);
        if let Some(kind) = self.command_type() {
            text.push_str(&format!(", command_type={}", quoted(py, kind)?));
        }
        text.push_str(if operation.done {
            ", done=True"
        } else {
            ", done=False"
        });
        if let Some(status) = &operation.error {
            text.push_str(&format!(", error.code={}", status.code));
        }
        if let Some(state) = &operation.state {
            text.push_str(&format!(", state.word={}", quoted(py, &state.word)?));
        }
        text.push(')');
        Ok(text)
    }

    fn __hash__(&self) -> PyResult<u64> {
        let mut hasher = DefaultHasher::new();
        self.json()?.hash(&mut hasher);
        Ok(hasher.finish())
    }

    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, (String, OperationName))> {
        // The name knows its service, also where that is not built in.
        let facts = (self.json()?, OperationName(self.0.name.clone()));
        Ok((py.get_type::<Self>().getattr("_restore")?, facts))
    }
}

impl Operation {
    fn metadata(&self) -> Option<&core::Metadata> {
        self.0.metadata.as_ref()
    }

    fn json(&self) -> PyResult<String> {
        serde_json::to_string(&self.0).map_err(|error| PyValueError::new_err(error.to_string()))
    }
}

/// An outcome, or the exception that was not raised.
pub(crate) fn result<'py>(
    py: Python<'py>,
    name: &core::OperationName,
    result: Result<core::Outcome, core::Error>,
    raise: impl FnOnce(Python<'py>, &core::Error) -> PyErr,
) -> PyResult<Bound<'py, PyAny>> {
    match result {
        Ok(outcome) => self::outcome(py, name, outcome),
        Err(error) => raise(py, &error).into_value(py).into_bound_py_any(py),
    }
}

/// The `countermand.Outcome` that says the same.
pub(crate) fn outcome<'py>(
    py: Python<'py>,
    name: &core::OperationName,
    outcome: core::Outcome,
) -> PyResult<Bound<'py, PyAny>> {
    static MAKER: PyOnceLock<Maker> = PyOnceLock::new();
    let maker = MAKER.get_or_try_init(py, || Maker::of_outcomes(py))?;
    let new = maker.new.bind(py).call1((&maker.class,))?;
    let set = |field: usize, value: Bound<'py, PyAny>| {
        let setter = maker.setters[field].bind(py);
        setter.call1((&new, value)).map(drop)
    };
    set(0, OperationName(name.clone()).into_pyobject(py)?)?;
    set(1, verdict(py, outcome.verdict)?)?;
    set(2, outcome.attempts.into_bound_py_any(py)?)?;
    set(3, outcome.operation.map(Operation).into_bound_py_any(py)?)?;
    let error = outcome.error.map(|error| errors::error(py, &error));
    set(4, error.into_bound_py_any(py)?)?;
    set(5, outcome.parent_exists.into_bound_py_any(py)?)?;
    Ok(new)
}

/// Makes objects of a frozen dataclass with slots by setting the slots: its `__init__`, which is
/// Python, and looking a verdict up by its word took a tenth of what a scheduler does for an operation.
struct Maker {
    class: Py<PyAny>,
    new: Py<PyAny>,
    /// In the order of the fields.
    setters: Vec<Py<PyAny>>,
}

impl Maker {
    fn of_outcomes(py: Python<'_>) -> PyResult<Self> {
        let class = py.import("countermand.outcome")?.getattr("Outcome")?;
        let setters = class.getattr("__slots__")?.try_iter()?.map(|slot| {
            let descriptor = class.getattr(slot?.cast::<PyString>()?)?;
            Ok(descriptor.getattr("__set__")?.unbind())
        });
        Ok(Self {
            setters: setters.collect::<PyResult<_>>()?,
            new: class.getattr("__new__")?.unbind(),
            class: class.unbind(),
        })
    }
}

pub(crate) fn verdict(py: Python<'_>, verdict: core::Verdict) -> PyResult<Bound<'_, PyAny>> {
    static MEMBERS: PyOnceLock<Vec<Py<PyAny>>> = PyOnceLock::new();
    let members = MEMBERS.get_or_try_init(py, || {
        let class = py.import("countermand.outcome")?.getattr("Verdict")?;
        let member = |it: &core::Verdict| Ok(class.call1((it.as_str(),))?.unbind());
        core::Verdict::ALL
            .iter()
            .map(member)
            .collect::<PyResult<_>>()
    })?;
    let mut members = core::Verdict::ALL.iter().zip(members);
    let (_, member) = members
        .find(|(it, _)| **it == verdict)
        .expect("every verdict is in the list of all");
    Ok(member.bind(py).clone())
}
