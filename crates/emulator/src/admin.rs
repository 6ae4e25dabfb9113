//! The emulator's own endpoints, under `/_emulator/`: they ask for no token and leave no trace in the audit.

use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answer::bare;
use crate::fleet::NewDevice;
use crate::site;
use crate::{BadInput, Emulator, Script, credentials};

/// At most this many devices are added by one request.
const MAX_ADDED: usize = 100_000;
/// At most so many bytes of JSON would describe them all.
const MAX_DESCRIBED: usize = 64 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewDevices {
    devices: Vec<NewDevice>,
    #[serde(default = "once")]
    count: usize,
}

const fn once() -> usize {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clock {
    advance_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tokens {
    tokens: Vec<String>,
}

pub(crate) fn handle(
    emulator: &mut Emulator,
    now: Duration,
    request: &Request<Bytes>,
    endpoint: &str,
) -> Response<Bytes> {
    let body = request.body();
    let date = emulator.unix_ms(now);
    let result = match (request.method(), endpoint) {
        (&Method::GET, "truth") => return lines(&emulator.truth(now), date),
        (&Method::GET, "audit") => return lines(emulator.audit(), date),
        (&Method::GET, "issued") => return lines(emulator.issued(), date),
        (&Method::GET, _) if endpoint.starts_with("credentials/") => {
            let kind = &endpoint["credentials/".len()..];
            let file = credentials(kind, &site::root(request));
            file.ok_or_else(|| BadInput::new(format!("no credentials of the kind {kind:?}")))
        }
        (&Method::GET, "quota") => Ok(json!(emulator.quota(now))),
        (&Method::POST, "faults") => faults(emulator, body),
        (&Method::POST, "devices") => devices(emulator, now, body),
        (&Method::POST, "clock") => parse(body).map(|Clock { advance_ms }| {
            emulator.advance(Duration::from_millis(advance_ms));
            json!({})
        }),
        (&Method::POST, "tokens") => parse(body).map(|Tokens { tokens }| {
            emulator.accept_tokens(tokens);
            json!({})
        }),
        (method, _) => {
            let problem = format!("no {method} /_emulator/{endpoint}");
            return json_response(404, &json!({ "error": problem }), date);
        }
    };
    match result {
        Ok(value) => json_response(200, &value, date),
        Err(problem) => json_response(400, &json!({"error": problem.to_string()}), date),
    }
}

fn faults(emulator: &mut Emulator, body: &[u8]) -> Result<Value, BadInput> {
    emulator.set_script(Script::from_value(parse(body)?)?);
    Ok(json!({}))
}

fn devices(emulator: &mut Emulator, now: Duration, body: &[u8]) -> Result<Value, BadInput> {
    let NewDevices { devices, count } = parse(body)?;
    if devices.is_empty() && count > 1 {
        return Err(BadInput::new("`count` repeats `devices`, which is empty"));
    }
    if devices.len().saturating_mul(count) > MAX_ADDED {
        return Err(BadInput::new(format!(
            "at most {MAX_ADDED} devices at once"
        )));
    }
    // Each operation of each repetition takes memory, and their description is as long as they are many.
    if body.len().saturating_mul(count) > MAX_DESCRIBED {
        let most = MAX_DESCRIBED >> 20;
        return Err(BadInput::new(format!(
            "`devices`, `count` times, is over {most} MiB of JSON"
        )));
    }
    let mut added = Vec::new();
    for _ in 0..count {
        for (position, device) in devices.iter().enumerate() {
            let names = emulator.add(now, device.clone());
            added.push(
                names.map_err(|problem| problem.at(format_args!("device {}", position + 1)))?,
            );
        }
    }
    Ok(json!({"enterprise": emulator.enterprise(), "devices": added}))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, BadInput> {
    serde_json::from_slice(body).map_err(|problem| BadInput::new(problem.to_string()))
}

fn json_response(code: u16, value: &Value, date: u64) -> Response<Bytes> {
    let json = HeaderValue::from_static("application/json; charset=UTF-8");
    bare(code, json, format!("{value}\n").into(), date)
}

/// One JSON document a line.
fn lines<T: Serialize>(rows: &[T], date: u64) -> Response<Bytes> {
    let mut text = String::new();
    for row in rows {
        // A row is names, numbers and words: it serializes, and a string takes what is written to it.
        let _ = writeln!(text, "{}", json!(row));
    }
    bare(
        200,
        HeaderValue::from_static("application/x-ndjson"),
        text.into(),
        date,
    )
}
