//! The HTTP codec: requests from names, results from responses.
//!
//! Building cannot fail, because a name that exists is valid; parsing never panics, whatever the
//! bytes. Use it directly if you have your own retry and want only the strictness; otherwise
//! [`Cancellation`](crate::Cancellation) calls it for you.
//!
//! ```
//! use countermand_core::{Endpoint, OperationName, wire};
//!
//! let name: OperationName = "enterprises/LC01/devices/3f/operations/17".parse()?;
//! let request = wire::cancel(&Endpoint::default(), &name);
//! assert_eq!(request.uri().path(), "/v1/enterprises/LC01/devices/3f/operations/17:cancel");
//! assert_eq!(request.headers()["content-length"], "0");
//!
//! // An HTML page with status 200 is not success.
//! let response = http::Response::new("<html>Welcome to the hotel</html>");
//! assert!(wire::parse_cancel(&response).is_err());
//! # Ok::<(), countermand_core::NameError>(())
//! ```

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, Response};

use crate::name::encode;
use crate::view::View;
use crate::{DeviceName, DevicePage, Endpoint, EnterpriseName, Error, Operation, OperationName};
use crate::{OperationPage, PageToken, Timestamp};

/// The fields of an operation that are asked for: what a verdict rests on, and no secret.
const OPERATION_FIELDS: &str = "name,done,error,metadata(@type,type,createTime,duration,errorCode)";

/// The longest list page the API gives.
pub const MAX_PAGE_SIZE: u32 = 100;

/// `POST {name}:cancel`: asks the server to cancel. Success says only that it was asked.
///
/// Carries `content-length: 0`, without which Google's front ends answer 411 over HTTP/1.1.
#[must_use]
pub fn cancel(endpoint: &Endpoint, name: &OperationName) -> Request<()> {
    let mut path = path(endpoint, name.encoded_len() + ":cancel".len());
    name.encode_into(&mut path);
    path.extend_from_slice(b":cancel");
    let mut request = request(Method::POST, endpoint, path);
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    *request.headers_mut() = headers;
    request
}

/// `GET {name}`: the operation, without its secrets.
#[must_use]
pub fn get(endpoint: &Endpoint, name: &OperationName) -> Request<()> {
    let mut path = path(
        endpoint,
        name.encoded_len() + "?fields=".len() + OPERATION_FIELDS.len(),
    );
    name.encode_into(&mut path);
    path.extend_from_slice(b"?fields=");
    path.extend_from_slice(OPERATION_FIELDS.as_bytes());
    request(Method::GET, endpoint, path)
}

/// `GET {device}/operations`: one page of a device's operations, oldest first.
///
/// `page_token` is the [`next_page_token`](OperationPage::next_page_token) of the page before;
/// `None` asks for the first. `page_size` is clamped to 1 to [`MAX_PAGE_SIZE`].
#[must_use]
pub fn list_operations(
    endpoint: &Endpoint,
    device: &DeviceName,
    page_size: u32,
    page_token: Option<&PageToken>,
) -> Request<()> {
    let mut path = list_path(endpoint, device.encoded_len(), page_token);
    device.encode_into(&mut path);
    path.extend_from_slice(b"/operations");
    page_query(&mut path, page_size, page_token);
    path.extend_from_slice(b"operations(");
    path.extend_from_slice(OPERATION_FIELDS.as_bytes());
    path.push(b')');
    request(Method::GET, endpoint, path)
}

/// `GET {enterprise}/devices`: one page of an enterprise's devices, with when each last reported.
///
/// Page size and token as for [`list_operations`].
#[must_use]
pub fn list_devices(
    endpoint: &Endpoint,
    enterprise: &EnterpriseName,
    page_size: u32,
    page_token: Option<&PageToken>,
) -> Request<()> {
    let mut path = list_path(endpoint, enterprise.as_str().len(), page_token);
    enterprise.encode_into(&mut path);
    path.extend_from_slice(b"/devices");
    page_query(&mut path, page_size, page_token);
    path.extend_from_slice(b"devices(name,lastStatusReportTime)");
    request(Method::GET, endpoint, path)
}

/// `GET {device}`: whether the device still has a record; asks for nothing but its name.
#[must_use]
pub fn get_device(endpoint: &Endpoint, device: &DeviceName) -> Request<()> {
    let mut path = path(endpoint, device.encoded_len() + "?fields=name".len());
    device.encode_into(&mut path);
    path.extend_from_slice(b"?fields=name");
    request(Method::GET, endpoint, path)
}

/// Reads the answer to [`cancel`]: `Ok` for a 2xx with `{}`, white space allowed, or an empty body.
///
/// # Errors
/// Everything else, also what other clients take for success: HTML, a list, truncated JSON.
pub fn parse_cancel<B: AsRef<[u8]>>(response: &Response<B>) -> Result<(), Error> {
    View::of(response).cancel()
}

/// Refuses every answer that is not the success of a method of the API, whichever method it is.
///
/// # Errors
/// The meaning of the answer for this API.
pub fn accept<B: AsRef<[u8]>>(response: &Response<B>) -> Result<(), Error> {
    View::of(response).accept().map(drop)
}

/// Reads the answer to [`get`] of `name`.
///
/// # Errors
/// Everything but a 2xx with an operation of that name;
/// [`Misattributed`](crate::ErrorKind::Misattributed) when it has another.
pub fn parse_operation<B: AsRef<[u8]>>(
    response: &Response<B>,
    name: &OperationName,
) -> Result<Operation, Error> {
    View::of(response).operation(name)
}

/// Reads the answer to [`list_operations`] of `device`.
///
/// # Errors
/// Everything but a 2xx with a page of operations of that device; of at most 1,000, because no
/// page is longer than [`MAX_PAGE_SIZE`].
pub fn parse_operations<B: AsRef<[u8]>>(
    response: &Response<B>,
    device: &DeviceName,
) -> Result<OperationPage, Error> {
    View::of(response).operations(device)
}

/// Reads the answer to [`list_devices`] of `enterprise`.
///
/// # Errors
/// Everything but a 2xx with a page of devices of that enterprise; of at most 1,000.
pub fn parse_devices<B: AsRef<[u8]>>(
    response: &Response<B>,
    enterprise: &EnterpriseName,
) -> Result<DevicePage, Error> {
    View::of(response).devices(enterprise)
}

/// Reads the answer to [`get_device`] of `device`: `Ok` if it has a record.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound) if it has none; everything else that is not a 2xx with
/// that device's name.
pub fn parse_device<B: AsRef<[u8]>>(
    response: &Response<B>,
    device: &DeviceName,
) -> Result<(), Error> {
    View::of(response).device(device)
}

/// The server's time when it answered, by the `Date` header.
#[must_use]
pub fn server_time<B>(response: &Response<B>) -> Option<Timestamp> {
    crate::api_error::date(response.headers())
}

/// A path that starts with the endpoint's, with room for `more` bytes.
fn path(endpoint: &Endpoint, more: usize) -> Vec<u8> {
    let prefix = endpoint.prefix();
    let mut path = Vec::with_capacity(prefix.len() + 1 + more);
    path.extend_from_slice(prefix.as_bytes());
    path.push(b'/');
    path
}

/// A path with room for a name of so many bytes and the query of a list.
fn list_path(endpoint: &Endpoint, name: usize, page_token: Option<&PageToken>) -> Vec<u8> {
    let token = page_token.map_or(0, |token| token.as_str().len());
    path(endpoint, name + 160 + 3 * token)
}

/// The query of a list, up to the fields of its elements.
fn page_query(path: &mut Vec<u8>, page_size: u32, page_token: Option<&PageToken>) {
    path.extend_from_slice(b"?pageSize=");
    path.extend_from_slice(page_size.clamp(1, MAX_PAGE_SIZE).to_string().as_bytes());
    if let Some(token) = page_token {
        path.extend_from_slice(b"&pageToken=");
        // Slashes may stay as they are in a query.
        encode(token.as_str(), path);
    }
    path.extend_from_slice(b"&fields=nextPageToken,");
}

fn request(method: Method, endpoint: &Endpoint, path: Vec<u8>) -> Request<()> {
    let path = PathAndQuery::from_maybe_shared(Bytes::from(path))
        .expect("an encoded name is short and has only characters that a path may hold");
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = endpoint.uri(path);
    request
}
