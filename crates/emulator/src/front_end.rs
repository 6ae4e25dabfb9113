//! The request that is meant by the one that came: decompressed, and with the method that its header names.

use std::borrow::Cow;
use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::{HeaderName, Method, Request, Uri, header};

/// Larger bodies are refused, before and after they are decompressed.
pub(crate) const MAX_BODY: usize = 1 << 20;

const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// The request that is meant, or the status that refuses it.
///
/// Clients compress bodies (Java's even the empty ones) and turn a GET with a long address into a POST whose form is the
/// query.
pub(crate) fn understand(request: &Request<Bytes>) -> Result<Cow<'_, Request<Bytes>>, u16> {
    let headers = request.headers();
    let coded = headers.contains_key(header::CONTENT_ENCODING);
    let overridden = request.method() == Method::POST && headers.contains_key(METHOD_OVERRIDE);
    if !coded && !overridden {
        return Ok(Cow::Borrowed(request));
    }
    let mut request = request.clone();
    if let Some(coding) = request.headers_mut().remove(header::CONTENT_ENCODING) {
        match coding.to_str().unwrap_or("?").trim() {
            coding if coding.eq_ignore_ascii_case("gzip") => {
                *request.body_mut() = decompress(request.body())?;
            }
            coding if coding.eq_ignore_ascii_case("identity") => {}
            _ => return Err(415),
        }
    }
    if overridden && let Some(method) = request.headers_mut().remove(METHOD_OVERRIDE) {
        override_method(&mut request, method.as_bytes())?;
    }
    Ok(Cow::Owned(request))
}

fn decompress(body: &[u8]) -> Result<Bytes, u16> {
    let mut plain = Vec::new();
    let mut limited = MultiGzDecoder::new(body).take(MAX_BODY as u64 + 1);
    limited.read_to_end(&mut plain).map_err(|_| 400_u16)?;
    if plain.len() > MAX_BODY {
        return Err(413);
    }
    Ok(plain.into())
}

fn override_method(request: &mut Request<Bytes>, method: &[u8]) -> Result<(), u16> {
    let method = match method {
        b"GET" => Method::GET,
        b"PATCH" => Method::PATCH,
        b"PUT" => Method::PUT,
        b"DELETE" => Method::DELETE,
        b"POST" => return Ok(()),
        _ => return Err(400),
    };
    if method == Method::GET && !request.body().is_empty() {
        let form = std::mem::take(request.body_mut());
        let form = str::from_utf8(&form).map_err(|_| 400_u16)?.trim();
        *request.uri_mut() = with_query(request.uri(), form).ok_or(400_u16)?;
    }
    *request.method_mut() = method;
    Ok(())
}

/// The same address with more parameters.
fn with_query(uri: &Uri, more: &str) -> Option<Uri> {
    let query = match uri.query() {
        None | Some("") => more.to_owned(),
        Some(query) => format!("{query}&{more}"),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("{}?{query}", uri.path()).parse().ok()?);
    Uri::from_parts(parts).ok()
}
