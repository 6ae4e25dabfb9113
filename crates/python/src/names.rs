//! Names: checked once, on the way in.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;

use core::NameError;
use countermand_core as core;
use pyo3::exceptions::{PyTypeError, PyUnicodeEncodeError};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyString};

use crate::exception;

/// The name of an operation, `enterprises/{enterprise}/devices/{device}/operations/{operation}`.
#[pyclass(module = "countermand", frozen, eq, ord, str = "{0}")]
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OperationName(pub(crate) core::OperationName);

#[pymethods]
impl OperationName {
    #[new]
    #[pyo3(signature = (name, /))]
    fn new(name: &Bound<'_, PyAny>) -> PyResult<Self> {
        operation(name).map(Self)
    }

    /// The name of the enterprise, `enterprises/{enterprise}`.
    #[getter]
    fn enterprise(&self) -> String {
        self.0.prefix(1).to_owned()
    }

    /// The name of the device, `enterprises/{enterprise}/devices/{device}`.
    #[getter]
    fn device(&self) -> String {
        self.0.parent().to_string()
    }

    /// The operation's id: the last segment.
    #[getter]
    fn operation(&self) -> &str {
        self.0.id()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("OperationName({})", quoted(py, self.0.as_str())?))
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        hasher.finish()
    }

    fn __getnewargs__(&self) -> (&str,) {
        (self.0.as_str(),)
    }
}

/// An operation's name, given as one or as a text.
pub(crate) fn operation(name: &Bound<'_, PyAny>) -> PyResult<core::OperationName> {
    match name.cast::<OperationName>() {
        Ok(name) => Ok(name.get().0.clone()),
        Err(_) => parse(name, "an OperationName or a str", str::parse),
    }
}

/// As [`operation`], also as the command takes it: with blanks around it, or as its URL at this endpoint.
pub(crate) fn given_operation(
    name: &Bound<'_, PyAny>,
    endpoint: &core::Endpoint,
) -> PyResult<core::OperationName> {
    match name.cast::<OperationName>() {
        Ok(name) => Ok(name.get().0.clone()),
        Err(_) => parse(name, "an OperationName or a str", |text| {
            endpoint.parse_given(text)
        }),
    }
}

/// The name of a parent, given as the command takes it.
pub(crate) fn given<T: FromStr<Err = NameError>>(
    name: &Bound<'_, PyAny>,
    endpoint: &core::Endpoint,
) -> PyResult<T> {
    parse(name, "a str", |text| endpoint.parse_given(text))
}

/// The name of an operation, a device or an enterprise, given as the command takes it.
pub(crate) fn given_resource(
    name: &Bound<'_, PyAny>,
    endpoint: &core::Endpoint,
) -> PyResult<core::Resource> {
    match name.cast::<OperationName>() {
        Ok(name) => Ok(core::Resource::Operation(name.get().0.clone())),
        Err(_) => parse(name, "an OperationName or a str", |text| {
            endpoint.parse_given_resource(text)
        }),
    }
}

/// The name of a parent, given as a text.
pub(crate) fn text<T: FromStr<Err = NameError>>(name: &Bound<'_, PyAny>) -> PyResult<T> {
    parse(name, "a str", str::parse)
}

fn parse<T>(
    name: &Bound<'_, PyAny>,
    expected: &str,
    read: impl Fn(&str) -> Result<T, NameError>,
) -> PyResult<T> {
    let py = name.py();
    let Ok(text) = name.cast::<PyString>() else {
        let found = name.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "a name is {expected}, not {found}"
        )));
    };
    match text.to_str() {
        Ok(text) => read(text).map_err(|error| invalid_name(py, &error)),
        Err(error) if error.is_instance_of::<PyUnicodeEncodeError>(py) => {
            let expected = read("")
                .err()
                .map_or(String::new(), |error| error.expected().to_owned());
            Err(surrogate(text, &error, &expected)?)
        }
        Err(error) => Err(error),
    }
}

/// The exception for a refused name.
fn invalid_name(py: Python<'_>, error: &NameError) -> PyErr {
    let attributes = || {
        let kwargs = [("kind", error.kind().as_str())].into_py_dict(py)?;
        kwargs.set_item("input", error.input())?;
        kwargs.set_item("at", error.at())?;
        kwargs.set_item("expected", error.expected())?;
        Ok(kwargs)
    };
    exception::make(
        &py.get_type::<exception::InvalidName>(),
        &error.to_string(),
        attributes(),
    )
}

/// The exception for half a character: a `str` can hold one, UTF-8 and so the API's URLs cannot.
fn surrogate(text: &Bound<'_, PyString>, error: &PyErr, expected: &str) -> PyResult<PyErr> {
    let py = text.py();
    let ascii: String = py
        .import("builtins")?
        .call_method1("ascii", (text,))?
        .extract()?;
    let input: String = ascii.chars().take(80).collect();
    let at: usize = error.value(py).getattr("start")?.extract()?;
    let message = format!("{input} holds a lone surrogate at character {at}; expected {expected}");
    let kwargs = [("kind", "surrogate"), ("expected", expected)].into_py_dict(py)?;
    kwargs.set_item("input", &input)?;
    kwargs.set_item("at", at)?;
    let class = py.get_type::<exception::InvalidName>();
    Ok(PyErr::from_value(class.call((message,), Some(&kwargs))?))
}

/// The literal of a text, in which Python's own `repr` leaves nothing but what is seen.
pub(crate) fn quoted(py: Python<'_>, text: &str) -> PyResult<String> {
    let literal = PyString::new(py, text).repr()?.to_cow()?.into_owned();
    let mut out = String::with_capacity(literal.len());
    for char in literal.chars() {
        match u32::from(char) {
            _ if !core::text::is_hidden(char) => out.push(char),
            code @ ..=0xffff => out.push_str(&format!("\\u{code:04x}")),
            code => out.push_str(&format!("\\U{code:08x}")),
        }
    }
    Ok(out)
}
