//! Requests of the API.

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;

use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::name::{GrandparentName, Name, OperationName, ParentName};
use crate::name_error::NameError;
use crate::page::{ListFilter, PageToken};
use crate::percent;
use crate::resource::Resource;
use crate::resource_state::{CancelAnswer, Reading, ResourceState};
use crate::service::{CancelVerb, Level, Service};

/// The longest list page that is asked for.
pub const MAX_PAGE_SIZE: u32 = 100;

/// One request of the API, and the reader of its response, for those who bring their own HTTP client.
///
/// A request has no credentials; its body is empty, unless the service cancels by an update. A response is read
/// strictly: anything but what the method answers is an error that says what it was.
///
/// Used by hand, without retries and without a verdict. [`Cancellation`](crate::Cancellation) has both.
///
/// ```
/// use countermand_core::{Endpoint, Request, Response};
///
/// let request = Request::Cancel("enterprises/LC01/devices/3f/operations/17".parse()?);
/// let http = request.http(&Endpoint::default());
/// assert_eq!(http.uri().path(), "/v1/enterprises/LC01/devices/3f/operations/17:cancel");
/// assert_eq!(http.headers()["content-length"], "0");
///
/// assert!(matches!(request.read(&http::Response::new("{}")), Ok(Response::Accepted)));
/// // An HTML page with status 200 is not success.
/// assert!(request.read(&http::Response::new("<html>Welcome to the hotel</html>")).is_err());
/// # Ok::<(), countermand_core::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller that serves requests tells them apart"
)]
pub enum Request {
    /// `POST {name}:cancel`: asks the server to cancel. Success says only that it was asked.
    ///
    /// Carries `content-length: 0`, without which Google's front ends answer 411 over HTTP/1.1.
    Cancel(OperationName),
    /// `GET {name}`: the operation, without its secrets.
    Get(OperationName),
    /// `GET {parent}`: whether the parent still has a record; asks for nothing but its name.
    GetParent(ParentName),
    /// `GET {parent}/operations`: one page of a parent's operations, oldest first.
    ListOperations(ParentName, PageQuery),
    /// `GET {grandparent}/devices`, by the collection of the service: one page of the parents of
    /// operations, with the time at which each was last active.
    ListParents(GrandparentName, PageQuery),
}

/// The page of a list that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "AIP-158 and AIP-160 have these fields"
)]
pub struct PageQuery {
    /// The most entries; clamped to 1 to [`MAX_PAGE_SIZE`].
    pub size: u32,
    /// The `next_page_token` of the page before; `None` asks for the first.
    pub token: Option<PageToken>,
    /// The server-side filter; the list of parents has none.
    pub filter: Option<ListFilter>,
}

/// The first page, of the longest size.
impl Default for PageQuery {
    fn default() -> Self {
        Self::after(None)
    }
}

impl PageQuery {
    /// The page that a token leads to, of the longest size.
    #[must_use]
    pub const fn after(token: Option<PageToken>) -> Self {
        Self {
            size: MAX_PAGE_SIZE,
            token,
            filter: None,
        }
    }
}

impl Request {
    /// The method that it calls.
    #[must_use]
    pub const fn call(&self) -> Call {
        match self {
            Self::Cancel(_) => Call::Cancel,
            Self::Get(_) => Call::Get,
            Self::GetParent(_) => Call::GetParent,
            Self::ListOperations(..) => Call::ListOperations,
            Self::ListParents(..) => Call::ListParents,
        }
    }

    /// The request for another page of the same list; any other request as it is.
    pub(crate) fn after(mut self, page: PageToken) -> Self {
        if let Self::ListOperations(_, query) | Self::ListParents(_, query) = &mut self {
            query.token = Some(page);
        }
        self
    }

    /// The name of the resource that it is about.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Cancel(name) | Self::Get(name) => name.as_str(),
            Self::GetParent(name) | Self::ListOperations(name, _) => name.as_str(),
            Self::ListParents(name, _) => name.as_str(),
        }
    }

    /// The resource that it is about; it counts against the [quota](Resource::quota_resource) of that.
    #[must_use]
    pub fn resource(&self) -> Resource {
        match self {
            Self::Cancel(name) | Self::Get(name) => name.into(),
            Self::GetParent(name) | Self::ListOperations(name, _) => name.into(),
            Self::ListParents(name, _) => name.into(),
        }
    }

    /// The HTTP request at an endpoint. The service of the name says how it looks.
    #[must_use]
    pub fn http(&self, endpoint: &Endpoint) -> http::Request<&'static str> {
        if endpoint.service().regional_hosts.is_empty() {
            return self.http_at(endpoint);
        }
        match endpoint.regional(self.name()) {
            Some(regional) => self.http_at(&regional),
            None => self.http_at(endpoint),
        }
    }

    fn http_at(&self, endpoint: &Endpoint) -> http::Request<&'static str> {
        match self {
            Self::Cancel(name) => cancel(endpoint, name),
            Self::Get(name) => get(endpoint, name, name.pattern().own_level().fields),
            Self::GetParent(name) => get(endpoint, name, "name"),
            Self::ListOperations(name, page) => {
                let level = name.pattern().own_level();
                list(endpoint, name, level, page, page.filter.as_ref())
            }
            Self::ListParents(name, page) => {
                list(endpoint, name, name.service().level_above(1), page, None)
            }
        }
    }

    /// Refuses a method, or the filter of a list, that the service does not have for names of this pattern.
    pub(crate) fn check_method(&self) -> Result<(), NameError> {
        match self {
            // Every operation can be cancelled.
            Self::Cancel(_) => Ok(()),
            Self::Get(name) => name.check_method(Call::Get),
            Self::GetParent(name) => name.check_method(Call::GetParent),
            Self::ListOperations(name, page) => {
                name.check_method(Call::ListOperations)?;
                page.filter.as_ref().map_or(Ok(()), |_| name.check_filter())
            }
            Self::ListParents(name, _) => name.check_method(Call::ListParents),
        }
    }

    /// The service whose method it calls.
    #[must_use]
    pub fn service(&self) -> &'static Service {
        match self {
            Self::Cancel(name) | Self::Get(name) => name.service(),
            Self::GetParent(name) | Self::ListOperations(name, _) => name.service(),
            Self::ListParents(name, _) => name.service(),
        }
    }
}

/// A path that starts with the endpoint's and the name, with room for `more` bytes.
fn path<const UP: u8>(endpoint: &Endpoint, name: &Name<UP>, more: usize) -> Vec<u8> {
    let prefix = endpoint.prefix_of(name.service());
    let length = name.encoded_len();
    let mut path = Vec::with_capacity(prefix.len() + 1 + length + more);
    path.extend_from_slice(prefix.as_bytes());
    // The parent of `operations/1` has no name.
    if length > 0 {
        path.push(b'/');
        name.encode_into(&mut path);
    }
    path
}

/// The request that cancels.
fn cancel(endpoint: &Endpoint, name: &OperationName) -> http::Request<&'static str> {
    let method = &name.service().cancel;
    let mut path = path(endpoint, name, method.suffix.len());
    path.extend_from_slice(method.suffix.as_bytes());
    if let Reading::State(state) = name.pattern().reading {
        push_cancel_query(&mut path, name, state);
    }
    let verb = match method.verb {
        CancelVerb::Post => Method::POST,
        CancelVerb::Get => Method::GET,
        CancelVerb::Put => Method::PUT,
    };
    let mut request = request(verb, endpoint, path);
    let mut headers = HeaderMap::with_capacity(4);
    if method.body.is_empty() {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    } else {
        headers.insert(CONTENT_LENGTH, method.body.len().into());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *request.body_mut() = method.body;
    }
    *request.headers_mut() = headers;
    request
}

/// Appends the query of a cancel. Of an answer that has the resource it asks for what is read: the rest can be
/// large, and hold secrets.
fn push_cancel_query(path: &mut Vec<u8>, name: &OperationName, state: &ResourceState) {
    let query = push_query_level(path, name);
    let fields = name.pattern().own_level().fields;
    match (state.answer, state.answer_field) {
        (CancelAnswer::Resource, "") => push_all(path, &[query, "fields=", fields]),
        (CancelAnswer::Resource, field) => {
            push_all(path, &[query, "fields=", field, "(", fields, ")"]);
        }
        _ => {}
    }
}

/// The request for some fields of a resource.
fn get<const UP: u8>(
    endpoint: &Endpoint,
    name: &Name<UP>,
    fields: &str,
) -> http::Request<&'static str> {
    let mut path = path(endpoint, name, "?fields=".len() + fields.len());
    let query = push_query_level(&mut path, name);
    push_all(&mut path, &[query, "fields=", fields]);
    request(Method::GET, endpoint, path)
}

/// Appends the query parameter that stands for a level of a name; gives what is before the next parameter.
fn push_query_level<const UP: u8>(path: &mut Vec<u8>, name: &Name<UP>) -> &'static str {
    let Some((parameter, id)) = name.query_parameter() else {
        return "?";
    };
    push_all(path, &["?", parameter, "="]);
    percent::encode(id, path);
    "&"
}

fn push_all(path: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        path.extend_from_slice(part.as_bytes());
    }
}

/// The request for a page of what is one level below a resource.
fn list<const UP: u8>(
    endpoint: &Endpoint,
    name: &Name<UP>,
    level: &Level,
    page: &PageQuery,
    filter: Option<&ListFilter>,
) -> http::Request<&'static str> {
    let token = page.token.as_ref().map_or("", PageToken::as_str);
    let filter = filter.map_or("", ListFilter::as_str);
    let mut path = path(endpoint, name, 160 + 3 * (token.len() + filter.len()));
    path.push(b'/');
    path.extend_from_slice(level.collection.as_bytes());
    push_all(&mut path, &["?", name.service().list_query]);
    let size = page.size.clamp(1, MAX_PAGE_SIZE).to_string();
    path.extend_from_slice(size.as_bytes());
    for (parameter, value) in [("&pageToken=", token), ("&filter=", filter)] {
        if !value.is_empty() {
            path.extend_from_slice(parameter.as_bytes());
            // Slashes may stay as they are in a query.
            percent::encode(value, &mut path);
        }
    }
    path.extend_from_slice(b"&fields=nextPageToken,");
    if !level.unreachable.is_empty() {
        push_all(&mut path, &[level.unreachable, ","]);
    }
    path.extend_from_slice(level.page_field.as_bytes());
    path.push(b'(');
    path.extend_from_slice(level.fields.as_bytes());
    path.push(b')');
    request(Method::GET, endpoint, path)
}

fn request(method: Method, endpoint: &Endpoint, path: Vec<u8>) -> http::Request<&'static str> {
    let path = PathAndQuery::from_maybe_shared(Bytes::from(path))
        .expect("an encoded name is short and has only characters that a path may hold");
    let mut request = http::Request::new("");
    *request.method_mut() = method;
    *request.uri_mut() = endpoint.uri(path);
    request
}
