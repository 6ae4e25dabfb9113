//! Names: checked once, on the way in.

use core::{NameError, NameErrorKind, Service};
use countermand_core as core;
use pyo3::exceptions::{PyTypeError, PyUnicodeEncodeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyBool, PyDict, PyFloat, PyInt, PyString};

use crate::exception;
use crate::services::Chosen;

/// The name of an operation, which is a `countermand.OperationName` in Python.
#[derive(Clone)]
pub(crate) struct OperationName(pub(crate) core::OperationName);

impl<'py> IntoPyObject<'py> for OperationName {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        static NEW: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let class = class(py)?;
        // The method of `str`: the class's own would check the name again.
        let new = NEW.get_or_try_init(py, || {
            let method = py.get_type::<PyString>().getattr("__new__")?;
            PyResult::Ok(method.unbind())
        })?;
        let name = new.bind(py).call1((class, self.0.as_str()))?;
        let service = self.0.service();
        if service != Service::DEFAULT {
            name.setattr(SERVICE, service.id)?;
        }
        Ok(name)
    }
}

/// The class of names in Python.
fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    CLASS.import(py, "countermand.operation_name", "OperationName")
}

/// The slot of a name that holds the id of its service: versions of an API have the same names. Names of the
/// default service, of which there may be a million, leave it empty.
const SERVICE: &str = "_service";

/// The id of the service of a name, if it is one.
#[pyfunction]
#[pyo3(signature = (name, service, /))]
pub(crate) fn check_name(
    name: &Bound<'_, PyAny>,
    service: Option<Chosen>,
) -> PyResult<(String, Option<&'static str>)> {
    let name = operation(name, service.map(|Chosen(service)| service))?;
    let id = (name.service() != Service::DEFAULT).then_some(name.service().id);
    Ok((name.to_string(), id))
}

/// The service of a name, the relative name, the parent, the name of the first level, and the id.
#[pyfunction]
#[pyo3(signature = (name, /))]
pub(crate) fn name_parts(
    name: &Bound<'_, PyAny>,
) -> PyResult<(&'static str, String, String, String, String)> {
    let name = operation(name, None)?;
    let parent = name.parent().to_string();
    let (relative, first) = (name.relative().to_owned(), name.prefix(1).to_owned());
    Ok((
        name.service().id,
        relative,
        parent,
        first,
        name.id().to_owned(),
    ))
}

/// The name of an operation of a service; where none is named, of the service that the name itself tells.
pub(crate) fn operation(
    name: &Bound<'_, PyAny>,
    service: Option<&'static Service>,
) -> PyResult<core::OperationName> {
    text(name, service)
}

/// The name of an operation or of a parent as the command takes it: with blanks around it, or as its URL at this
/// endpoint.
pub(crate) fn given<const UP: u8>(
    name: &Bound<'_, PyAny>,
    endpoint: &core::Endpoint,
) -> PyResult<core::Name<UP>> {
    // A name that was checked is one, whatever its id has.
    let is_checked =
        !name.is_exact_instance_of::<PyString>() && name.is_instance(class(name.py())?)?;
    of_service(
        name,
        Some(endpoint.service()),
        |_, text| match core::Name::parse(endpoint.service(), text) {
            Ok(known) if is_checked => Ok(known),
            _ => endpoint.parse_given(text),
        },
    )
}

/// As [`given`], of a name for which the service has the method.
pub(crate) fn callable<const UP: u8>(
    name: &Bound<'_, PyAny>,
    endpoint: &core::Endpoint,
    call: core::Call,
) -> PyResult<core::Name<UP>> {
    let parsed = given::<UP>(name, endpoint)?;
    check_method(name.py(), &parsed, call)?;
    Ok(parsed)
}

/// The exception for a method that the service does not have for such names.
pub(crate) fn check_method<const UP: u8>(
    py: Python<'_>,
    name: &core::Name<UP>,
    call: core::Call,
) -> PyResult<()> {
    name.check_method(call)
        .map_err(|error| invalid_name(py, &error))
}

/// The name of an operation that was told, if it is of this service.
pub(crate) fn told(
    py: Python<'_>,
    name: &core::OperationName,
    service: &Service,
) -> PyResult<core::OperationName> {
    match name.check_service(service) {
        Ok(()) => Ok(name.clone()),
        Err(error) => Err(invalid_name(py, &error)),
    }
}

/// A name as [`operation`] has it, of any kind.
pub(crate) fn text<const UP: u8>(
    name: &Bound<'_, PyAny>,
    service: Option<&'static Service>,
) -> PyResult<core::Name<UP>> {
    of_service(name, service, |service, text| match service {
        Some(service) => core::Name::parse(service, text),
        None => text.parse(),
    })
}

/// A name, which may be a `countermand.OperationName` that knows its service.
fn of_service<const UP: u8>(
    name: &Bound<'_, PyAny>,
    service: Option<&'static Service>,
    read: impl Fn(Option<&'static Service>, &str) -> Result<core::Name<UP>, NameError>,
) -> PyResult<core::Name<UP>> {
    let own = match name.is_exact_instance_of::<PyString>() {
        true => None,
        false => name.getattr_opt(SERVICE)?,
    };
    let own = own.map(|id| PyResult::Ok(Service::named(id.cast::<PyString>()?.to_str()?)));
    match (own.transpose()?.flatten(), service) {
        (Some(own), Some(service)) if own != service => parse(name, |text| {
            let known = core::Name::<UP>::parse(own, text)?;
            known.check_service(service).map(|()| known)
        }),
        (own, service) => parse(name, |text| read(service.or(own), text)),
    }
}

/// The name of an enterprise, or of the same level of another service, given as the command takes it, or by its id
/// alone.
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

/// The refusal of a name, with what helps here; other exceptions as they are.
pub(crate) fn with_hint(py: Python<'_>, error: PyErr, hint: &str) -> PyErr {
    retold(
        py,
        error,
        |message| format!("{message}; {hint}"),
        |_| Ok(()),
    )
}

/// The refusal of one of many names, with its place among them, from 1; other exceptions as they are.
pub(crate) fn at_position(py: Python<'_>, error: PyErr, position: u64) -> PyErr {
    let told = |message: &str| format!("name {position}: {message}");
    let with = |attributes: &Bound<'_, PyDict>| attributes.set_item("position", position);
    retold(py, error, told, with)
}

/// The refusal of a name with another message, and perhaps further attributes; other exceptions as they are.
fn retold(
    py: Python<'_>,
    error: PyErr,
    told: impl Fn(&str) -> String,
    with: impl Fn(&Bound<'_, PyDict>) -> PyResult<()>,
) -> PyErr {
    if !error.is_instance_of::<exception::InvalidName>(py) {
        return error;
    }
    let attributes = || {
        let args = error.value(py).getattr("args")?;
        let attributes = args.get_item(1)?.cast_into::<PyDict>()?.copy()?;
        with(&attributes)?;
        Ok(attributes)
    };
    let message = told(&error.value(py).to_string());
    exception::make(
        &py.get_type::<exception::InvalidName>(),
        &message,
        attributes(),
    )
}

/// The exception for a refused name.
pub(crate) fn invalid_name(py: Python<'_>, error: &NameError) -> PyErr {
    let attributes = || {
        let kwargs = [("kind", error.kind().as_str())].into_py_dict(py)?;
        kwargs.set_item("input", error.input())?;
        kwargs.set_item("at", error.at())?;
        kwargs.set_item("expected", error.expected())?;
        // The name is right, so that another spelling of it does not help.
        if matches!(
            error.kind(),
            NameErrorKind::NoMethod(..) | NameErrorKind::NoFilter(_)
        ) {
            kwargs.set_item(
                "advice",
                "nothing was sent: the service has no such method for this name",
            )?;
        }
        Ok(kwargs)
    };
    let mut message = error.to_string();
    if let [one] = error.services() {
        message.push_str(&format!(" (service=\"{one}\")"));
    }
    exception::make(
        &py.get_type::<exception::InvalidName>(),
        &message,
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
