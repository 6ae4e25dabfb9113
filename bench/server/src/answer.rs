//! The answers, with the headers that Google's front ends send.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;

pub(crate) type Body = Full<Bytes>;

/// `content-length` and `date` are hyper's.
const HEADERS: [(HeaderName, &str); 8] = [
    (
        http::header::CONTENT_TYPE,
        "application/json; charset=UTF-8",
    ),
    (http::header::VARY, "Origin, X-Origin, Referer"),
    (http::header::SERVER, "ESF"),
    (http::header::X_XSS_PROTECTION, "0"),
    (http::header::X_FRAME_OPTIONS, "SAMEORIGIN"),
    (http::header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        http::header::ALT_SVC,
        "h3=\":443\"; ma=2592000,h3-29=\":443\"; ma=2592000",
    ),
    (http::header::CACHE_CONTROL, "private"),
];

fn answer(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut headers = HeaderMap::with_capacity(12);
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

pub(crate) fn accepted() -> Response<Body> {
    answer(StatusCode::OK, Bytes::from_static(b"{}"))
}

/// 499 bytes for a name of 72.
pub(crate) fn operation(path: &str) -> Response<Body> {
    let name = path.strip_prefix("/v1/").unwrap_or(path);
    let body = include_str!("../../../crates/core/benches/operation.json").replace("{name}", name);
    answer(StatusCode::OK, body)
}

pub(crate) fn refusal(status: u16) -> Response<Body> {
    let (status, text) = match status {
        404 => (StatusCode::NOT_FOUND, "NOT_FOUND"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
    };
    let code = status.as_u16();
    let body = format!(
        r#"{{
  "error": {{
    "code": {code},
    "message": "Refused by the benchmark.",
    "status": "{text}"
  }}
}}
"#
    );
    answer(status, body)
}
