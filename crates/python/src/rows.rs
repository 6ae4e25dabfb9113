//! The operations of a job and their outcomes as Python objects.

use countermand_core::{self as core, Endpoint};
use countermand_fleet::report::{COLUMNS, Row, Values};
use countermand_fleet::{Counts, JobRow, Target};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyDict, PyString, PyTuple};
use serde::Serialize;
use serde_json::json;

use crate::names::{self, OperationName};
use crate::outcome::{self, Operation};
use crate::{clock, errors};

/// The `countermand.FoundOperation` that says the same.
pub(crate) fn found<'py>(py: Python<'py>, target: &Target) -> PyResult<Bound<'py, PyAny>> {
    let command = &target.command;
    found_class(py)?.call1((
        OperationName(target.name.clone()),
        command.kind.as_deref(),
        clock::datetime(py, command.create_time)?,
        command.duration.map(|duration| duration.as_secs_f64()),
        clock::datetime(py, target.device_seen)?,
    ))
}

/// An operation to be cancelled, as it was given: a name, an operation, or an operation that was found.
pub(crate) fn planned(given: &Bound<'_, PyAny>, endpoint: &Endpoint) -> PyResult<Target> {
    let py = given.py();
    if given.is_instance_of::<PyString>() {
        // Most of a million names are texts: no class is looked up for them.
        return names::given(given, endpoint).map(Target::new);
    }
    if let Ok(operation) = given.cast::<Operation>() {
        let operation = &operation.get().0;
        let mut target = Target::new(names::told(py, &operation.name, endpoint.service())?);
        target.command = operation.metadata.clone().unwrap_or_default();
        return Ok(target);
    }
    if !given.is_instance(found_class(py)?)? {
        return names::given_among(given, endpoint).map(Target::new);
    }
    let field = |name: &str| {
        let value = given.getattr(name)?;
        Ok::<_, PyErr>((!value.is_none()).then_some(value))
    };
    let mut target = Target::new(names::given(&given.getattr("name")?, endpoint)?);
    target.command.kind = field("type")?.map(|kind| kind.extract()).transpose()?;
    target.command.create_time = field("create_time")?
        .map(|time| clock::timestamp(&time))
        .transpose()?;
    target.command.duration = field("duration")?
        .map(|duration| clock::seconds("duration", duration.extract::<f64>()?))
        .transpose()?;
    target.device_seen = field("device_seen")?
        .map(|time| clock::timestamp(&time))
        .transpose()?;
    Ok(target)
}

/// The name of any resource, or of an operation that is given as what a search or a list has found.
pub(crate) fn resource(given: &Bound<'_, PyAny>, endpoint: &Endpoint) -> PyResult<core::Resource> {
    match is_operation(given)? {
        true => planned(given, endpoint).map(|target| (&target.name).into()),
        false => names::given_resource(given, endpoint),
    }
}

/// The name of one operation, given as [`resource`] takes it.
pub(crate) fn one(given: &Bound<'_, PyAny>, endpoint: &Endpoint) -> PyResult<core::OperationName> {
    match is_operation(given)? {
        true => planned(given, endpoint).map(|target| target.name),
        false => names::given(given, endpoint),
    }
}

fn is_operation(given: &Bound<'_, PyAny>) -> PyResult<bool> {
    if given.is_instance_of::<PyString>() {
        return Ok(false);
    }
    Ok(given.is_instance_of::<Operation>() || given.is_instance(found_class(given.py())?)?)
}

/// JSON of what an operation that was found tells: `countermand.operation/1`, as the command prints it.
#[pyfunction]
pub(crate) fn found_json(found: &Bound<'_, PyAny>) -> PyResult<String> {
    let found = planned(found, &Endpoint::default())?;
    let mut line = json!({
        "schema": "countermand.operation/1",
        "name": found.name,
        "state": "pending",
        "operation": {"name": found.name, "metadata": found.command},
    });
    if let Some(seen) = found.device_seen {
        line["device_seen"] = json!(seen);
    }
    json(&line)
}

/// A value as JSON.
pub(crate) fn json(value: &impl Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// The `countermand.JobRow` that says the same.
pub(crate) fn row<'py>(py: Python<'py>, row: &JobRow) -> PyResult<Bound<'py, PyAny>> {
    static ROW: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let record = Row::of(row);
    let name = OperationName(row.target.name.clone());
    let error = record
        .error
        .map(|error| errors::kept(py, Some(name.clone()), None, error).into_value(py));
    let mut fields = Vec::with_capacity(COLUMNS.len() + 2);
    for column in &COLUMNS {
        fields.push(match column.name {
            "name" => name.clone().into_bound_py_any(py)?,
            "verdict" => record
                .verdict
                .map(|verdict| outcome::verdict(py, verdict))
                .transpose()?
                .into_bound_py_any(py)?,
            _ => value(py, column.values, &record)?,
        });
    }
    fields.push(operation(&row.target.name, record.operation).into_bound_py_any(py)?);
    fields.push(error.into_bound_py_any(py)?);
    ROW.import(py, "countermand.rows", "JobRow")?
        .call1(PyTuple::new(py, fields)?)
}

/// The value of a column.
fn value<'py>(py: Python<'py>, values: Values, row: &Row<'_>) -> PyResult<Bound<'py, PyAny>> {
    match values {
        Values::Positions(of) => of(row).into_bound_py_any(py),
        Values::Counts(of) => of(row).into_bound_py_any(py),
        Values::Names(of) => of(row).into_bound_py_any(py),
        Values::Levels(of) => of(row).into_bound_py_any(py),
        Values::Words(_, of) => of(row).into_bound_py_any(py),
        Values::Texts(of) => of(row).into_bound_py_any(py),
        Values::Digests(of) => of(row).map(|hash| hash.to_string()).into_bound_py_any(py),
        Values::Times(of) => clock::datetime(py, of(row))?.into_bound_py_any(py),
        Values::Codes(of) => of(row).into_bound_py_any(py),
        Values::Flags(of) => of(row).into_bound_py_any(py),
    }
}

/// An operation that was kept as its JSON.
fn operation(name: &core::OperationName, json: Option<&serde_json::Value>) -> Option<Operation> {
    // It was written by this library; a file by a later one may have what this one cannot read.
    core::Operation::read_back(name.service(), &json?.to_string())
        .ok()
        .map(Operation)
}

fn found_class<'py>(py: Python<'py>) -> PyResult<&'py Bound<'py, PyAny>> {
    static FOUND_OPERATION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    FOUND_OPERATION.import(py, "countermand.rows", "FoundOperation")
}

/// Number of rows in each state, the worst news first.
pub(crate) fn states<'py>(py: Python<'py>, counts: &Counts) -> PyResult<Bound<'py, PyDict>> {
    let states = counts.states.iter();
    states
        .map(|(state, count)| (state.as_str(), count))
        .into_py_dict(py)
}
