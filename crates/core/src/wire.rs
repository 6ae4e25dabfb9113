//! The HTTP codec: requests from names, results from responses.
//!
//! Building cannot fail, because a name that exists is valid; parsing never panics, whatever the
//! bytes. Use it directly if you have your own retry and want only the strictness; otherwise
//! [`Flow`](crate::Flow) calls it for you.
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
use http::{Method, Request, Response, StatusCode};

use crate::json::{Text, object};
use crate::name::encode;
use crate::operation::{Command, Status};
use crate::time::parse_duration;
use crate::{
    Answer, DeviceName, Endpoint, Error, ErrorKind, Operation, OperationName, OperationPage,
    Timestamp,
};

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
    page_token: Option<&str>,
) -> Request<()> {
    let mut path = path(
        endpoint,
        device.encoded_len() + 160 + 3 * page_token.map_or(0, str::len),
    );
    device.encode_into(&mut path);
    path.extend_from_slice(b"/operations?pageSize=");
    path.extend_from_slice(page_size.clamp(1, MAX_PAGE_SIZE).to_string().as_bytes());
    if let Some(token) = page_token {
        path.extend_from_slice(b"&pageToken=");
        // Slashes may stay as they are in a query.
        encode(token, &mut path);
    }
    path.extend_from_slice(b"&fields=nextPageToken,operations(");
    path.extend_from_slice(OPERATION_FIELDS.as_bytes());
    path.push(b')');
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

/// Reads the answer to [`get`] of `name`.
///
/// # Errors
/// Everything but a 2xx with an operation of that name;
/// [`Misattributed`](ErrorKind::Misattributed) when it has another.
pub fn parse_operation<B: AsRef<[u8]>>(
    response: &Response<B>,
    name: &OperationName,
) -> Result<Operation, Error> {
    View::of(response).operation(name)
}

/// Reads the answer to [`list_operations`].
///
/// # Errors
/// Everything but a 2xx with a page of operations.
pub fn parse_operations<B: AsRef<[u8]>>(response: &Response<B>) -> Result<OperationPage, Error> {
    View::of(response).operations()
}

/// Reads the answer to [`get_device`]: `Ok` if the device has a record.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound) if it has none; everything else that is not a 2xx with a
/// JSON object.
pub fn parse_device<B: AsRef<[u8]>>(response: &Response<B>) -> Result<(), Error> {
    View::of(response).device()
}

/// The server's time when it answered, by the `Date` header.
#[must_use]
pub fn server_time<B>(response: &Response<B>) -> Option<Timestamp> {
    crate::answer::date(response.headers())
}

/// An answer without the type of its body, so that the parsers exist once.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

impl<'a> View<'a> {
    pub(crate) fn of<B: AsRef<[u8]>>(response: &'a Response<B>) -> Self {
        Self {
            status: response.status(),
            headers: response.headers(),
            body: response.body().as_ref(),
        }
    }

    pub(crate) fn cancel(self) -> Result<(), Error> {
        self.accept()?;
        if is_empty_object(self.body) {
            return Ok(());
        }
        Err(self.malformed("cancel answers an empty JSON object"))
    }

    pub(crate) fn operation(self, name: &OperationName) -> Result<Operation, Error> {
        let raw = self.parse::<RawOperation<'_>>()?;
        let found = text(raw.name.as_ref());
        if found == name.as_str() {
            return Ok(raw.into_operation(name.clone()));
        }
        match found.parse() {
            Ok(found) => Err(Error::new(ErrorKind::Misattributed { found })),
            Err(error) => Err(self.malformed(error)),
        }
    }

    pub(crate) fn operations(self) -> Result<OperationPage, Error> {
        let raw = self.parse::<RawPage<'_>>()?;
        let operations = raw
            .operations
            .unwrap_or_default()
            .into_iter()
            .map(|operation| {
                let name = text(operation.name.as_ref())
                    .parse()
                    .map_err(|error| self.malformed(error))?;
                Ok(operation.into_operation(name))
            });
        Ok(OperationPage {
            operations: operations.collect::<Result<_, Error>>()?,
            next_page_token: raw
                .next_page_token
                .map(|token| token.0.into_owned())
                .filter(|token| !token.is_empty()),
        })
    }

    pub(crate) fn device(self) -> Result<(), Error> {
        match self.parse::<RawDevice<'_>>()?.name {
            Some(name) if name.0.parse::<DeviceName>().is_err() => {
                Err(self.malformed("it is not a device"))
            }
            // An empty object is a record whose fields were all masked.
            _ => Ok(()),
        }
    }

    /// The server's clock, by its `Date` header.
    pub(crate) fn time(self) -> Option<Timestamp> {
        crate::answer::date(self.headers)
    }

    fn parse<T: serde::Deserialize<'a>>(self) -> Result<T, Error> {
        self.accept()?;
        // Checked once, the text is not checked again string by string.
        let text = std::str::from_utf8(self.body).map_err(|error| self.malformed(error))?;
        serde_json::from_str(text).map_err(|error| self.malformed(error))
    }

    fn malformed(self, problem: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::Malformed(Answer::malformed(self, problem)))
    }

    /// Refuses everything that is not a 2xx, with the meaning it has for this API.
    pub(crate) fn accept(self) -> Result<(), Error> {
        if self.status.is_success() {
            return Ok(());
        }
        let answer = Answer::read(self);
        let failed_precondition = matches!(
            answer.status(),
            Some("FAILED_PRECONDITION" | "ABORTED" | "ALREADY_EXISTS")
        );
        let not_found = answer.message() == "Requested entity was not found.";
        Err(Error::new(match self.status.as_u16() {
            400 if failed_precondition => ErrorKind::FailedPrecondition(answer),
            401 => ErrorKind::Unauthenticated(answer),
            403 if answer.is_rate_limit() => ErrorKind::ResourceExhausted(answer),
            403 => ErrorKind::PermissionDenied(answer),
            404 => ErrorKind::NotFound(answer),
            408 => ErrorKind::Unavailable(answer),
            409 => ErrorKind::FailedPrecondition(answer),
            429 => ErrorKind::ResourceExhausted(answer),
            // Seen in production: the text of a 404 with the status of an internal error.
            500 if not_found => ErrorKind::NotFound(answer),
            501 => ErrorKind::Unimplemented(answer),
            300..=399 => ErrorKind::Redirected(answer),
            500..=599 => ErrorKind::Unavailable(answer),
            400..=499 => ErrorKind::InvalidArgument(answer),
            // 1xx and numbers no standard knows.
            _ => ErrorKind::Malformed(answer),
        }))
    }
}

/// Nothing at all, or `{}` with JSON white space anywhere.
fn is_empty_object(body: &[u8]) -> bool {
    if body == b"{}" || body.is_empty() {
        return true;
    }
    let mut rest = body
        .iter()
        .filter(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    matches!(
        (rest.next(), rest.next(), rest.next()),
        (Some(b'{'), Some(b'}'), None) | (None, ..)
    )
}

/// A path that starts with the endpoint's, with room for `more` bytes.
fn path(endpoint: &Endpoint, more: usize) -> Vec<u8> {
    let prefix = endpoint.prefix();
    let mut path = Vec::with_capacity(prefix.len() + 1 + more);
    path.extend_from_slice(prefix.as_bytes());
    path.push(b'/');
    path
}

fn request(method: Method, endpoint: &Endpoint, path: Vec<u8>) -> Request<()> {
    let path = PathAndQuery::from_maybe_shared(Bytes::from(path))
        .expect("an encoded name has only characters that a path may hold");
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = endpoint.uri(path);
    request
}

fn text<'a>(text: Option<&'a Text<'_>>) -> &'a str {
    text.map_or("", |text| &text.0)
}

object! { RawOperation {
    name: Text<'a> = "name",
    done: bool = "done",
    error: RawStatus<'a> = "error",
    response: crate::json::Skip = "response",
    metadata: RawCommand<'a> = "metadata",
} }

object! { RawStatus {
    code: i32 = "code",
    message: Text<'a> = "message",
} }

object! { RawCommand {
    kind: Text<'a> = "type",
    create_time: Text<'a> = "createTime",
    duration: Text<'a> = "duration",
    error_code: Text<'a> = "errorCode",
} }

object! { RawDevice {
    name: Text<'a> = "name",
} }

object! { RawPage {
    operations: Vec<RawOperation<'a>> = "operations",
    next_page_token: Text<'a> = "nextPageToken",
} }

impl RawOperation<'_> {
    fn into_operation(self, name: OperationName) -> Operation {
        let owned = |text: Option<Text<'_>>| text.map(|text| text.0.into_owned());
        Operation {
            name,
            done: self.done.unwrap_or(false),
            error: self.error.map(|status| Status {
                code: status.code.unwrap_or(0),
                message: owned(status.message).unwrap_or_default(),
            }),
            command: self.metadata.map(|command| Command {
                kind: owned(command.kind),
                create_time: command
                    .create_time
                    .and_then(|time| Timestamp::parse_rfc3339(&time.0)),
                duration: command
                    .duration
                    .and_then(|duration| parse_duration(&duration.0)),
                error_code: owned(command.error_code),
            }),
            has_response: self.response.is_some(),
        }
    }
}
