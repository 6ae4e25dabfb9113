//! Services, as Python names them.

use countermand_core::{OperationReader, Service};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

use crate::arguments;

/// The service that an argument means: a word for [`Service::choose`], or a `countermand.Service`.
#[derive(Clone, Copy)]
pub(crate) struct Chosen(pub(crate) &'static Service);

impl<'a, 'py> FromPyObject<'a, 'py> for Chosen {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        static SERVICE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let word = match given.cast::<PyString>() {
            Ok(word) => word.to_str()?.to_owned(),
            Err(_) => {
                let class = SERVICE.import(given.py(), "countermand.service", "Service")?;
                match given.is_instance(class)? {
                    true => given.getattr("id")?.extract()?,
                    false => {
                        return Err(arguments::mistyped("service", &given, "a str or a Service"));
                    }
                }
            }
        };
        let chosen = Service::choose(&word, None).map(Self);
        chosen.map_err(|error| PyValueError::new_err(error.to_string()))
    }
}

/// The service of an argument; the default one where there is none.
pub(crate) fn or_default(chosen: Option<Chosen>) -> &'static Service {
    chosen.map_or(Service::DEFAULT, |Chosen(service)| service)
}

/// The exception for what serves the default service alone; `what` stands in the plural.
pub(crate) fn default_alone(service: &Service, what: &str) -> PyResult<()> {
    let default = Service::DEFAULT;
    match service == default {
        true => Ok(()),
        false => Err(PyValueError::new_err(format!(
            "{what} are of {} alone, and this is {}",
            default.id, service.id
        ))),
    }
}

/// The OAuth scope of a service; empty where none is known.
#[pyfunction]
#[pyo3(signature = (service, /))]
pub(crate) fn scope(service: Option<Chosen>) -> &'static str {
    or_default(service).scope
}

type Patterns = Vec<(String, bool, bool, bool)>;
type Paths = Vec<&'static str>;

/// Id, title, host, scope, patterns, and the paths of two facts.
type Fields = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Patterns,
    Paths,
    Paths,
);

/// The services that are built in.
#[pyfunction]
pub(crate) fn services() -> Vec<Fields> {
    let services = Service::ids().filter_map(Service::named);
    services.map(fields).collect()
}

/// The service that a JSON text describes.
#[pyfunction]
#[pyo3(signature = (text, /))]
pub(crate) fn described_service(text: &[u8]) -> PyResult<Fields> {
    let service = Service::from_json(text);
    service
        .map(fields)
        .map_err(|error| PyValueError::new_err(error.to_string()))
}

/// The JSON text that describes a service, if it is not built in.
#[pyfunction]
#[pyo3(signature = (service, /))]
pub(crate) fn service_json(service: &str) -> Option<&'static str> {
    Service::named(service)?.json_text()
}

fn fields(service: &'static Service) -> Fields {
    let patterns = service.patterns.iter();
    let patterns = patterns.map(|it| (it.to_string(), it.has_get, it.has_list, it.has_filter));
    let (created, asked) = paths(&service.operation);
    (
        service.id,
        service.title,
        service.host,
        service.scope,
        patterns.collect(),
        created,
        asked,
    )
}

fn paths(reader: &OperationReader) -> (Paths, Paths) {
    match reader.paths() {
        Some(paths) => (paths.create_time.to_vec(), paths.cancel_asked.to_vec()),
        // A reader with a type has the field of the API.
        None => (vec!["createTime"], Vec::new()),
    }
}
