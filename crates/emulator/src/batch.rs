//! Many calls in one request: `POST /batch`, a `multipart/mixed` of requests that is answered with one of responses.

use std::fmt::Write;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, header};

use crate::answer::bare;
use crate::reply::Action;

/// The most calls in one batch; the real API takes no more either.
pub(crate) const MAX_CALLS: usize = 1000;
const BOUNDARY: &str = "batch_of_the_emulator";
const CONTENT_ID: HeaderName = HeaderName::from_static("content-id");

/// One call of a batch.
#[derive(Debug)]
pub(crate) struct Part {
    id: Option<String>,
    pub(crate) request: Request<Bytes>,
}

/// True if the request is a batch.
pub(crate) fn is_batch<B>(request: &Request<B>) -> bool {
    let path = request.uri().path();
    request.method() == Method::POST && (path == "/batch" || path.starts_with("/batch/"))
}

/// The calls of a batch. Each has the headers of the whole, except those about its content, and its own before them.
pub(crate) fn parse(request: &Request<Bytes>) -> Result<Vec<Part>, &'static str> {
    let boundary =
        boundary(request.headers()).ok_or("Failed to parse batch request, error: no boundary.")?;
    let body = str::from_utf8(request.body())
        .map_err(|_| "Failed to parse batch request, error: not UTF-8.")?;
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut ended = false;
    // Text before the first delimiter means nothing.
    for piece in body.split(&*delimiter).skip(1) {
        if piece.starts_with("--") {
            ended = true;
            break;
        }
        if parts.len() == MAX_CALLS {
            return Err("The batch request has more than 1000 calls.");
        }
        parts.push(
            part(piece, request)
                .ok_or("Failed to parse batch request, error: a part is not a request.")?,
        );
    }
    if parts.is_empty() || !ended {
        return Err("Failed to parse batch request, error: 0 items. Received batch body: ");
    }
    Ok(parts)
}

/// The boundary of `multipart/mixed; boundary="…"`.
fn boundary(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let mut fields = kind.split(';').map(str::trim);
    fields
        .next()?
        .eq_ignore_ascii_case("multipart/mixed")
        .then_some(())?;
    let value = fields.find_map(|field| {
        let (name, value) = field.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("boundary")
            .then_some(value)
    })?;
    let value = value.trim().trim_matches('"');
    (!value.is_empty()).then(|| value.to_owned())
}

/// The request in a part, which stands below headers of its own.
fn part(piece: &str, whole: &Request<Bytes>) -> Option<Part> {
    let (head, inner) = split(after_newline(piece.trim_start_matches([' ', '\t']))?)?;
    let head = headers(head)?;
    let id = head.get(CONTENT_ID).and_then(|id| id.to_str().ok());
    let inner = inner.trim_start_matches(['\r', '\n']);
    let (line, rest) = inner.split_once('\n').unwrap_or((inner, ""));
    let mut words = line.split_whitespace();
    let method: Method = words.next()?.parse().ok()?;
    let uri: Uri = words.next()?.parse().ok()?;
    // Requests without headers or without a body end early.
    let (own, body) = split(rest).unwrap_or((rest, ""));
    let own = headers(own)?;
    let body = match own.get(header::CONTENT_LENGTH) {
        None => body.trim_end_matches(['\r', '\n']),
        Some(length) => body.get(..length.to_str().ok()?.trim().parse().ok()?)?,
    };
    let mut request = Request::new(Bytes::copy_from_slice(body.as_bytes()));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    let all = request.headers_mut();
    for (name, value) in whole.headers() {
        let of_content = name.as_str().starts_with("content-") || name == header::TRANSFER_ENCODING;
        if !of_content && !own.contains_key(name) {
            all.append(name, value.clone());
        }
    }
    all.extend(own);
    // The part says where its body ends.
    all.entry(header::CONTENT_LENGTH)
        .or_insert_with(|| body.len().into());
    Some(Part {
        id: id.map(str::to_owned),
        request,
    })
}

/// The lines before the first empty one, and what follows it.
fn split(text: &str) -> Option<(&str, &str)> {
    if let Some(rest) = after_newline(text) {
        return Some(("", rest));
    }
    let windows = text.find("\r\n\r\n").map(|at| (at, 4));
    let unix = text.find("\n\n").map(|at| (at, 2));
    let (at, length) = windows.into_iter().chain(unix).min()?;
    Some((&text[..at], &text[at + length..]))
}

fn after_newline(text: &str) -> Option<&str> {
    text.strip_prefix("\r\n")
        .or_else(|| text.strip_prefix('\n'))
}

fn headers(text: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (name, value) = line.split_once(':')?;
        headers.append(
            HeaderName::try_from(name.trim()).ok()?,
            HeaderValue::try_from(value.trim()).ok()?,
        );
    }
    Some(headers)
}

/// The answer to a batch.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    text: Vec<u8>,
    /// The fault instead of an answer, or to it.
    wreck: Option<Action>,
}

impl Answers {
    /// Takes the next part's answer. A fault of one part's connection is one of the whole batch.
    pub(crate) fn push(&mut self, part: &Part, action: Action) {
        let Some(response) = action.response() else {
            self.wreck.get_or_insert(action);
            return;
        };
        let mut head = format!("--{BOUNDARY}\r\nContent-Type: application/http\r\n");
        // Writing into a string cannot fail.
        if let Some(id) = &part.id {
            let _ = match id.strip_prefix('<') {
                Some(id) => write!(head, "Content-ID: <response-{id}\r\n"),
                None => write!(head, "Content-ID: response-{id}\r\n"),
            };
        }
        let status = response.status();
        let reason = status.canonical_reason().unwrap_or_default();
        let _ = write!(head, "\r\nHTTP/1.1 {} {reason}\r\n", status.as_u16());
        self.text.extend_from_slice(head.as_bytes());
        for (name, value) in response.headers() {
            self.text.extend_from_slice(name.as_str().as_bytes());
            self.text.extend_from_slice(b": ");
            self.text.extend_from_slice(value.as_bytes());
            self.text.extend_from_slice(b"\r\n");
        }
        let length = response.body().len();
        self.text
            .extend_from_slice(format!("Content-Length: {length}\r\n\r\n").as_bytes());
        self.text.extend_from_slice(response.body());
        self.text.extend_from_slice(b"\r\n");
        if !matches!(action, Action::Respond(_)) {
            self.wreck.get_or_insert(action);
        }
    }

    /// The action that the sender of the batch sees.
    pub(crate) fn action(mut self, now: u64) -> Action {
        self.text
            .extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        let kind = format!("multipart/mixed; boundary={BOUNDARY}");
        let kind = HeaderValue::try_from(kind)
            .unwrap_or_else(|_| HeaderValue::from_static("multipart/mixed"));
        let whole: Response<Bytes> = bare(200, kind, self.text.into(), now);
        match self.wreck {
            None | Some(Action::Respond(_)) => Action::Respond(whole),
            Some(Action::Mangle(_, mangling)) => Action::Mangle(whole, mangling),
            Some(broken) => broken,
        }
    }
}
