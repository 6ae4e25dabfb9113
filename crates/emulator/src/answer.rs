//! Answers in the words of Google's front end.

use bytes::Bytes;
use countermand_core::Service;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::time::rfc1123;

/// An error of the API: status, `google.rpc` word, message and details.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u16,
    status: &'static str,
    message: String,
    details: Vec<Value>,
    /// Whole seconds for the header `Retry-After`.
    pub(crate) retry_after: Option<u64>,
}

impl Failure {
    pub(crate) fn new(code: u16, status: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            status,
            message: message.into(),
            details: Vec::new(),
            retry_after: None,
        }
    }

    /// The same with one more detail.
    pub(crate) fn detail(mut self, detail: Value) -> Self {
        self.details.push(detail);
        self
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_ARGUMENT", message)
    }

    /// The usual error of a status, for a script that names no body.
    pub(crate) fn usual(code: u16) -> Self {
        let (status, message) = match code {
            400 => ("INVALID_ARGUMENT", "Request contains an invalid argument."),
            401 => (
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials.",
            ),
            403 => ("PERMISSION_DENIED", "The caller does not have permission"),
            404 => ("NOT_FOUND", "Requested entity was not found."),
            409 => ("ABORTED", "The operation was aborted."),
            429 => (
                "RESOURCE_EXHAUSTED",
                "Resource has been exhausted (e.g. check quota).",
            ),
            501 => (
                "UNIMPLEMENTED",
                "Operation is not implemented, or supported, or enabled.",
            ),
            503 => ("UNAVAILABLE", "The service is currently unavailable."),
            504 => (
                "DEADLINE_EXCEEDED",
                "Deadline expired before operation could complete.",
            ),
            ..=499 => ("FAILED_PRECONDITION", "Precondition check failed."),
            _ => ("INTERNAL", "Internal error encountered."),
        };
        Self::new(code, status, message)
    }

    /// For a missing resource, in the documented way or (`as_500`) in the way once seen.
    pub(crate) fn not_found(as_500: bool) -> Self {
        let (code, status) = if as_500 {
            (500, "INTERNAL")
        } else {
            (404, "NOT_FOUND")
        };
        Self::new(code, status, "Requested entity was not found.")
    }

    /// For a cancel of an operation in a state in which it cannot be cancelled.
    pub(crate) fn failed_precondition() -> Self {
        Self::new(400, "FAILED_PRECONDITION", "Precondition check failed.")
    }

    /// For a method that the real API has and the emulator has not.
    pub(crate) fn not_emulated() -> Self {
        let message = "The emulator does not have this method of the API; docs/emulator.md lists those it has.";
        Self::new(501, "UNIMPLEMENTED", message)
    }

    pub(crate) fn unauthenticated(service: &Service, had_token: bool) -> Self {
        let (message, reason) = if had_token {
            (
                "Request had invalid authentication credentials.",
                "ACCESS_TOKEN_EXPIRED",
            )
        } else {
            (
                "Request is missing required authentication credential.",
                "CREDENTIALS_MISSING",
            )
        };
        Self::new(
            401,
            "UNAUTHENTICATED",
            format!(
                "{message} Expected OAuth 2 access token, login cookie or other valid authentication credential."
            ),
        )
        .reason_of(service, reason)
    }

    pub(crate) fn scope_insufficient(service: &Service) -> Self {
        let message = "Request had insufficient authentication scopes.";
        let reason = "ACCESS_TOKEN_SCOPE_INSUFFICIENT";
        Self::new(403, "PERMISSION_DENIED", message).reason_of(service, reason)
    }

    fn reason_of(self, service: &Service, reason: &str) -> Self {
        self.detail(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": "googleapis.com",
            "metadata": {"service": service.host},
        }))
    }

    /// The error as JSON. `error_list`: with the list `errors`, which older clients read.
    pub(crate) fn body(self, error_list: bool) -> Value {
        let mut error = json!({"code": self.code, "message": self.message, "status": self.status});
        if error_list {
            error["errors"] = json!([{
                "message": self.message,
                "domain": "global",
                "reason": self.reason(),
            }]);
        }
        if !self.details.is_empty() {
            error["details"] = self.details.into();
        }
        json!({ "error": error })
    }

    /// The reason in the list `errors`, from the time before `google.rpc.Status`.
    fn reason(&self) -> &'static str {
        match (self.code, self.status) {
            (_, "FAILED_PRECONDITION") => "failedPrecondition",
            (400, _) => "badRequest",
            (401, _) => "authError",
            (403, _) if self.has_reason("ACCESS_TOKEN_SCOPE_INSUFFICIENT") => {
                "insufficientPermissions"
            }
            (403, _) => "forbidden",
            (404, _) => "notFound",
            (409, _) => "aborted",
            (429, _) => "rateLimitExceeded",
            (501, _) => "notImplemented",
            _ => "backendError",
        }
    }

    fn has_reason(&self, reason: &str) -> bool {
        self.details.iter().any(|detail| detail["reason"] == reason)
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=UTF-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=UTF-8");

/// The form of an answer, as the sender's parameters choose it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// `prettyPrint`: with line breaks and indents.
    pub(crate) pretty: bool,
    /// `$.xgafv` is not 2: errors have the list `errors`.
    pub(crate) error_list: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            pretty: true,
            error_list: true,
        }
    }
}

/// The answer of an API method.
pub(crate) fn answer(result: Result<Value, Failure>, style: Style, now: u64) -> Response<Bytes> {
    let (code, retry_after, value) = match result {
        Ok(value) => (200, None, value),
        Err(failure) => (
            failure.code,
            failure.retry_after,
            failure.body(style.error_list),
        ),
    };
    let text = if style.pretty {
        format!("{value:#}\n")
    } else {
        value.to_string()
    };
    let mut response = bare(code, JSON, text.into(), now);
    if code == 401 {
        let challenge = HeaderValue::from_static("Bearer realm=\"https://accounts.google.com/\"");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// The page of the front end, for a request that does not reach the API.
pub(crate) fn page(code: u16, now: u64) -> Response<Bytes> {
    let (title, text) = match code {
        404 => (
            "Error 404 (Not Found)!!1",
            "The requested URL was not found on this server.",
        ),
        411 => (
            "Error 411 (Length Required)!!1",
            "POST requests require a <code>Content-length</code> header.",
        ),
        413 => (
            "Error 413 (Request Entity Too Large)!!1",
            "Your client issued a request that was too large.",
        ),
        502 => (
            "Error 502 (Server Error)!!1",
            "The server encountered a temporary error and could not complete your request.",
        ),
        _ => (
            "Error (Bad Request)!!1",
            "Your client has issued a malformed or illegal request.",
        ),
    };
    let text = format!(
        "<!DOCTYPE html>\n<html lang=en>\n<title>{title}</title>\n<p><b>{code}.</b> <ins>That’s an error.</ins>\n<p>{text}  <ins>That’s all we know.</ins>\n"
    );
    bare(code, HTML, text.into(), now)
}

/// Status, type and body, with the headers every answer of the front end has.
pub(crate) fn bare(code: u16, content_type: HeaderValue, body: Bytes, now: u64) -> Response<Bytes> {
    const ALWAYS: [(HeaderName, HeaderValue); 5] = [
        (header::SERVER, HeaderValue::from_static("ESF")),
        (
            header::VARY,
            HeaderValue::from_static("Origin, X-Origin, Referer"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("private")),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::X_FRAME_OPTIONS,
            HeaderValue::from_static("SAMEORIGIN"),
        ),
    ];
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.reserve(ALWAYS.len() + 3);
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.extend(ALWAYS);
    let date = rfc1123(now).and_then(|date| HeaderValue::try_from(date).ok());
    headers.extend(date.map(|date| (header::DATE, date)));
    response
}
