//! Names: checked once, on the way in.

use std::str::FromStr;

use core::NameError;
use countermand_core as core;
use pyo3::exceptions::{PyTypeError, PyUnicodeEncodeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyBool, PyDict, PyFloat, PyInt, PyString};

use crate::exception;

/// The name of an operation, which is a `countermand.OperationName` in Python.
#[derive(Clone)]
pub(crate) struct OperationName(pub(crate) core::OperationName);

impl<'py> IntoPyObject<'py> for OperationName {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        static NEW: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let class = CLASS.import(py, "countermand.operation_name", "OperationName")?;
        // The method of `str`: the class's own would check the name again.
        let new = NEW.get_or_try_init(py, || {
            let method = py.get_type::<PyString>().getattr("__new__")?;
            PyResult::Ok(method.unbind())
        })?;
        new.bind(py).call1((class, self.0.as_str()))
    }
}

/// The text of a name, if it is one.
#[pyfunction]
#[pyo3(signature = (name, /))]
pub(crate) fn check_name<'py>(name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    operation(name)?;
    Ok(name.clone())
}

/// The names of the enterprise and of the device, and the id of the operation.
#[pyfunction]
#[pyo3(signature = (name, /))]
pub(crate) fn name_parts(name: &Bound<'_, PyAny>) -> PyResult<(String, String, String)> {
    let name = operation(name)?;
    let device = name.parent().to_string();
    Ok((name.prefix(1).to_owned(), device, name.id().to_owned()))
}

/// The name of an operation.
pub(crate) fn operation(name: &Bound<'_, PyAny>) -> PyResult<core::OperationName> {
    parse(name, str::parse)
}

/// The name of an operation or of a parent as the command takes it: with blanks around it, or as its URL at this
/// endpoint.
pub(crate) fn given<const UP: u8>(
    name: &Bound<'_, PyAny>,
    endpoint: &core::Endpoint,
) -> PyResult<core::Name<UP>> {
    parse(name, |text| endpoint.parse_given(text))
}

/// The name of an enterprise, given as the command takes it, or by its id alone.
pub(crate) fn enterprise(
    name: &Bound<'_, PyAny>,
    endpoint: &core::Endpoint,
) -> PyResult<core::GrandparentName> {
    let service = endpoint.service();
    let collection = service.level_above(2).collection;
    parse(name, |text| {
        endpoint
            .parse_given(text)
            .or_else(|refusal: NameError| match text.contains('/') {
                true => Err(refusal),
                // What is wrong with a text is told of the text that was given.
                false => {
                    core::Name::parse(service, &format!("{collection}/{text}")).map_err(|_| refusal)
                }
            })
    })
}

/// The name of an operation, a device or an enterprise, given as the command takes it.
pub(crate) fn given_resource(
    name: &Bound<'_, PyAny>,
    endpoint: &core::Endpoint,
) -> PyResult<core::Resource> {
    parse(name, |text| endpoint.parse_given_resource(text))
}

/// The name of a parent, given as a text.
pub(crate) fn text<T: FromStr<Err = NameError>>(name: &Bound<'_, PyAny>) -> PyResult<T> {
    parse(name, str::parse)
}

fn parse<T>(name: &Bound<'_, PyAny>, read: impl Fn(&str) -> Result<T, NameError>) -> PyResult<T> {
    let py = name.py();
    let Ok(text) = name.cast::<PyString>() else {
        let found = name.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "a name is a str, not {found}"
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

/// The name of an operation among many: text, and what is no text is refused as an invalid name too, so that
/// a missing value of a table does not end the rest.
pub(crate) fn given_among<const UP: u8>(
    name: &Bound<'_, PyAny>,
    endpoint: &core::Endpoint,
) -> PyResult<core::Name<UP>> {
    if name.is_instance_of::<PyString>() {
        return given(name, endpoint);
    }
    let py = name.py();
    let expected = endpoint.parse_given::<UP>("").err();
    let expected = expected
        .as_ref()
        .map_or("the name of an operation", NameError::expected);
    let shown = shown(name)?;
    let attributes = || {
        let kwargs = [("kind", "not_text"), ("expected", expected)].into_py_dict(py)?;
        kwargs.set_item("input", &shown)?;
        Ok(kwargs)
    };
    Err(exception::make(
        &py.get_type::<exception::InvalidName>(),
        &format!("{shown} is no text; expected {expected}"),
        attributes(),
    ))
}

/// A value that stands in the place of a name. Only missing values and numbers are shown, because others may
/// hold the parameters of a command.
fn shown(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let kind = value.get_type().name()?;
    let plain = value.is_instance_of::<PyFloat>()
        || value.is_instance_of::<PyBool>()
        || value.is_instance_of::<PyInt>();
    Ok(match value.repr() {
        _ if value.is_none() => "None".to_owned(),
        Ok(text) if plain => {
            let text: String = text.to_string_lossy().chars().take(40).collect();
            format!("{text} ({kind})")
        }
        _ => format!("a value of type {kind}"),
    })
}

/// The refusal of one of many names, with its place among them, from 1; other exceptions as they are.
pub(crate) fn at_position(py: Python<'_>, error: PyErr, position: u64) -> PyErr {
    if !error.is_instance_of::<exception::InvalidName>(py) {
        return error;
    }
    let attributes = || {
        let args = error.value(py).getattr("args")?;
        let attributes = args.get_item(1)?.cast_into::<PyDict>()?.copy()?;
        attributes.set_item("position", position)?;
        Ok(attributes)
    };
    let message = format!("name {position}: {}", error.value(py));
    exception::make(
        &py.get_type::<exception::InvalidName>(),
        &message,
        attributes(),
    )
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
#[pyfunction]
#[pyo3(signature = (text, /))]
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
