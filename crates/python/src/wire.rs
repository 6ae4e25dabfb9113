//! The HTTP codec: requests from names, results from answers.

use std::borrow::Cow;

use core::{Call, PageToken, Request as Ask};
use countermand_core as core;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyString};

use crate::services::Chosen;
use crate::{arguments, errors, names, outcome::Operation};

/// A request without credentials.
#[pyclass(module = "countermand.sansio", frozen, get_all)]
pub(crate) struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Cow<'static, [u8]>,
    timeout: Option<f64>,
    reauthorize: bool,
}

#[pymethods]
impl Request {
    fn __repr__(&self) -> String {
        format!("<Request {} {}>", self.method, self.url)
    }
}

impl From<http::Request<&'static str>> for Request {
    fn from(request: http::Request<&'static str>) -> Self {
        let headers = request.headers().iter().map(|(name, value)| {
            let value = value.as_bytes().iter().copied().map(char::from).collect();
            (name.to_string(), value)
        });
        Self {
            method: request.method().to_string(),
            url: request.uri().to_string(),
            headers: headers.collect(),
            body: Cow::Borrowed(request.body().as_bytes()),
            timeout: None,
            reauthorize: false,
        }
    }
}

impl From<core::Transmit> for Request {
    fn from(transmit: core::Transmit) -> Self {
        Self {
            timeout: Some(transmit.timeout.as_secs_f64()),
            reauthorize: transmit.reauthorize,
            ..transmit.request.into()
        }
    }
}

/// The endpoint of a service; `None` is Google's.
pub(crate) fn endpoint(
    text: Option<&str>,
    service: &'static core::Service,
) -> PyResult<core::Endpoint> {
    match text.map(str::parse::<core::Endpoint>) {
        None => Ok(service.endpoint()),
        Some(Ok(endpoint)) => Ok(endpoint.of_service(service)),
        Some(Err(error)) => Err(errors::invalid_endpoint(&error)),
    }
}

/// A name of the service that is chosen, or of its own; the service has the method.
fn named<const UP: u8>(
    name: &Bound<'_, PyAny>,
    service: Option<Chosen>,
    call: Call,
) -> PyResult<core::Name<UP>> {
    let parsed = names::text::<UP>(name, service.map(|Chosen(service)| service))?;
    names::check_method(name.py(), &parsed, call)?;
    Ok(parsed)
}

/// An answer as some HTTP client gave it.
pub(crate) fn response(
    status: u16,
    headers: &Bound<'_, PyAny>,
    body: PyBackedBytes,
) -> PyResult<Response<PyBackedBytes>> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status)
        .map_err(|_| PyValueError::new_err(format!("{status} is no HTTP status")))?;
    *response.headers_mut() = header_map(headers)?;
    Ok(response)
}

/// Headers from a mapping or from pairs; what no header can hold is left out.
fn header_map(headers: &Bound<'_, PyAny>) -> PyResult<HeaderMap> {
    let pairs = if headers.hasattr("items")? {
        headers.call_method0("items")?
    } else {
        headers.clone()
    };
    let mut map = HeaderMap::new();
    for pair in pairs.try_iter()? {
        let (name, value) = pair?.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
        let (Some(name), Some(value)) = (latin1(&name)?, latin1(&value)?) else {
            continue;
        };
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(&name),
            HeaderValue::from_bytes(&value),
        ) {
            map.append(name, value);
        }
    }
    Ok(map)
}

/// The bytes of a header's name or value; `None` if it has characters that no byte stands for.
fn latin1(text: &Bound<'_, PyAny>) -> PyResult<Option<Vec<u8>>> {
    if let Ok(bytes) = text.cast::<PyBytes>() {
        return Ok(Some(bytes.as_bytes().to_vec()));
    }
    let text = text.cast::<PyString>()?.to_string_lossy();
    Ok(text.chars().map(|char| u8::try_from(char).ok()).collect())
}

/// `POST {name}:cancel`: asks the server to cancel. Success says only that it was asked.
#[pyfunction]
#[pyo3(signature = (name, endpoint=None, *, service=None))]
pub(crate) fn build_cancel(
    name: &Bound<'_, PyAny>,
    endpoint: Option<&str>,
    service: Option<Chosen>,
) -> PyResult<Request> {
    let name = named(name, service, Call::Cancel)?;
    let endpoint = self::endpoint(endpoint, name.service())?;
    Ok(Ask::Cancel(name).http(&endpoint).into())
}

/// `GET {name}`: the operation, without its secrets.
#[pyfunction]
#[pyo3(signature = (name, endpoint=None, *, service=None))]
pub(crate) fn build_get(
    name: &Bound<'_, PyAny>,
    endpoint: Option<&str>,
    service: Option<Chosen>,
) -> PyResult<Request> {
    let name = named(name, service, Call::Get)?;
    let endpoint = self::endpoint(endpoint, name.service())?;
    Ok(Ask::Get(name).http(&endpoint).into())
}

/// Entries of a page, as it was given.
pub(crate) struct PageSize(u32);

impl<'a, 'py> FromPyObject<'a, 'py> for PageSize {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let most = u64::from(u32::MAX);
        arguments::whole("page_size", &given, 0..=most).map(|size| Self(size as u32))
    }
}

/// `GET {parent}/operations`: one page of the operations of a parent, such as a device, oldest first.
#[pyfunction]
#[pyo3(signature = (parent, endpoint=None, *, page_size=PageSize(100), page_token=None, filter=None, service=None),
    text_signature = "(parent, endpoint=None, *, page_size=100, page_token=None, filter=None, service=None)")]
pub(crate) fn build_list_operations(
    parent: &Bound<'_, PyAny>,
    endpoint: Option<&str>,
    page_size: PageSize,
    page_token: Option<&str>,
    filter: Option<arguments::ServerSide>,
    service: Option<Chosen>,
) -> PyResult<Request> {
    let py = parent.py();
    let parent: core::ParentName = named(parent, service, Call::ListOperations)?;
    let endpoint = self::endpoint(endpoint, parent.service())?;
    let token = page_token.map(str::parse::<PageToken>).transpose();
    let token = token.map_err(|error| PyValueError::new_err(error.to_string()))?;
    let filter = filter.map(|arguments::ServerSide(filter)| filter);
    if filter.is_some() {
        let checked = parent.check_filter();
        checked.map_err(|error| names::invalid_name(py, &error))?;
    }
    let page = core::PageQuery {
        size: page_size.0,
        token,
        filter,
    };
    Ok(Ask::ListOperations(parent, page).http(&endpoint).into())
}

/// `GET {device}`: whether the device still has a record.
#[pyfunction]
#[pyo3(signature = (device, endpoint=None))]
pub(crate) fn build_get_device(
    device: &Bound<'_, PyAny>,
    endpoint: Option<&str>,
) -> PyResult<Request> {
    let device: core::ParentName = names::text(device, Some(core::Service::DEFAULT))?;
    let endpoint = self::endpoint(endpoint, device.service())?;
    Ok(Ask::GetParent(device).http(&endpoint).into())
}

/// Reads the answer to `build_cancel` of `name`: returns if the cancel was taken.
#[pyfunction]
#[pyo3(signature = (name, status, headers, body, *, service=None))]
pub(crate) fn parse_cancel(
    name: &Bound<'_, PyAny>,
    status: u16,
    headers: &Bound<'_, PyAny>,
    body: PyBackedBytes,
    service: Option<Chosen>,
) -> PyResult<()> {
    let name = named(name, service, Call::Cancel)?;
    let answer = response(status, headers, body)?;
    raised(headers, Ask::Cancel(name).read(&answer).map(drop))
}

/// Reads the answer to `build_get` of `name`.
#[pyfunction]
#[pyo3(signature = (name, status, headers, body, *, service=None))]
pub(crate) fn parse_operation(
    name: &Bound<'_, PyAny>,
    status: u16,
    headers: &Bound<'_, PyAny>,
    body: PyBackedBytes,
    service: Option<Chosen>,
) -> PyResult<Operation> {
    let name = named(name, service, Call::Get)?;
    let answer = response(status, headers, body)?;
    let operation = core::Operation::read(name, &answer);
    raised(headers, operation).map(Operation)
}

/// Reads the answer to `build_list_operations` of `parent`: a page, and the token of the next one.
#[pyfunction]
#[pyo3(signature = (parent, status, headers, body, *, service=None))]
pub(crate) fn parse_operations(
    parent: &Bound<'_, PyAny>,
    status: u16,
    headers: &Bound<'_, PyAny>,
    body: PyBackedBytes,
    service: Option<Chosen>,
) -> PyResult<(Vec<Operation>, Option<String>)> {
    let parent: core::ParentName = named(parent, service, Call::ListOperations)?;
    let answer = response(status, headers, body)?;
    let page = raised(
        headers,
        core::Page::<core::Operation>::read(&parent, &answer),
    )?;
    // Entries that cannot be read are not left away in silence.
    raised(headers, page.unreadable.map_or(Ok(()), Err))?;
    let operations = page.entries.into_iter().map(Operation);
    let token = page.next_page_token.map(|token| token.as_str().to_owned());
    Ok((operations.collect(), token))
}

/// Reads the answer to `build_get_device` of `device`: returns if it has a record.
#[pyfunction]
pub(crate) fn parse_device(
    device: &Bound<'_, PyAny>,
    status: u16,
    headers: &Bound<'_, PyAny>,
    body: PyBackedBytes,
) -> PyResult<()> {
    let answer = response(status, headers, body)?;
    let device = names::text(device, Some(core::Service::DEFAULT))?;
    let device = Ask::GetParent(device).read(&answer);
    raised(headers, device.map(drop))
}

/// The value that was read, or the exception for the error.
fn raised<T>(answer: &Bound<'_, PyAny>, read: Result<T, core::Error>) -> PyResult<T> {
    read.map_err(|error| errors::error(answer.py(), &error))
}
