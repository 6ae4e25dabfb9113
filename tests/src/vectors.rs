//! The vectors that Rust and Python read.

use http::{Response, StatusCode};
use serde_json::Value;

/// The cases of `tests/vectors/{file}`.
///
/// # Panics
/// If the file is missing or holds no cases.
#[must_use]
pub fn cases(file: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/").to_owned() + file;
    let text = std::fs::read_to_string(&path).expect("the vectors are in the repository");
    let mut vectors: Value = serde_json::from_str(&text).expect("vectors are JSON");
    match vectors["cases"].take() {
        Value::Array(cases) if !cases.is_empty() => cases,
        _ => panic!("{file} has no cases"),
    }
}

/// The HTTP answer that a case describes.
///
/// # Panics
/// If the case describes none.
#[must_use]
pub fn response(case: &Value) -> Response<Vec<u8>> {
    let status = case["status"]
        .as_u64()
        .and_then(|status| u16::try_from(status).ok());
    let status = StatusCode::from_u16(status.expect("a status")).expect("a status");
    let mut response = Response::builder().status(status);
    for (name, value) in case["headers"].as_object().into_iter().flatten() {
        response = response.header(name, value.as_str().expect("a text"));
    }
    response.body(body(case)).expect("a response")
}

fn body(case: &Value) -> Vec<u8> {
    if let Some(hex) = case["body_hex"].as_str() {
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
        return (0..hex.len()).step_by(2).map(byte).collect();
    }
    if let Some([text, times]) = case["body_repeat"].as_array().map(Vec::as_slice) {
        let times = times.as_u64().and_then(|times| usize::try_from(times).ok());
        return text
            .as_str()
            .expect("a text")
            .repeat(times.expect("a number"))
            .into_bytes();
    }
    let status = case["status"]
        .as_u64()
        .and_then(|status| u16::try_from(status).ok());
    match (case["body"].as_str(), status) {
        (Some(text), _) => text.into(),
        // An error without other contents has the envelope of the API.
        (None, Some(status @ 400..)) => envelope(status).into(),
        (None, _) => Vec::new(),
    }
}

/// The shortest error answer of the API.
#[must_use]
pub fn envelope(status: u16) -> String {
    format!(r#"{{"error":{{"code":{status}}}}}"#)
}
