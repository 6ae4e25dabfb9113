//! The emulator's own endpoints, under `/_emulator/`: they ask for no token and leave no trace in the audit.

use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::answer::bare;
use crate::bad_input::BadInput;
use crate::emulator::Emulator;
use crate::fleet::NewParent;
use crate::identity::credentials;
use crate::script::Script;
use crate::site;

/// At most this many parents are added by one request.
const MAX_ADDED: usize = 100_000;
/// At most so many bytes of JSON would describe them all.
const MAX_DESCRIBED: usize = 64 << 20;

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
        (&Method::POST, "clock") => parse(body).map(|Clock { advance_ms }| {
            emulator.advance(Duration::from_millis(advance_ms));
            json!({})
        }),
        (&Method::POST, "tokens") => parse(body).map(|Tokens { tokens }| {
            emulator.accept_tokens(tokens);
            json!({})
        }),
        (&Method::POST, _) if endpoint == emulator.service().level_above(1).collection => {
            add(emulator, now, body)
        }
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
    emulator.set_script(Script::of(emulator.service(), parse(body)?)?);
    Ok(json!({}))
}

/// Adds parents and their operations, in JSON `{"devices": [{…}], "count": 2}` by the collection of the service.
fn add(emulator: &mut Emulator, now: Duration, body: &[u8]) -> Result<Value, BadInput> {
    let service = emulator.service();
    let (parent, grandparent) = (service.level_above(1), service.level_above(2));
    let collection = parent.collection;
    let mut fields: Map<String, Value> = parse(body)?;
    let listed = fields.remove(collection);
    let listed = listed.ok_or_else(|| BadInput::new(format!("missing field `{collection}`")))?;
    let parents: Vec<NewParent> = value(listed)?;
    let count: usize = value(fields.remove("count").unwrap_or(Value::from(1)))?;
    if let Some(unknown) = fields.keys().next() {
        let problem = format!("unknown field `{unknown}`, expected `{collection}` or `count`");
        return Err(BadInput::new(problem));
    }
    if parents.is_empty() && count > 1 {
        let problem = format!("`count` repeats `{collection}`, which is empty");
        return Err(BadInput::new(problem));
    }
    if parents.len().saturating_mul(count) > MAX_ADDED {
        let problem = format!("at most {MAX_ADDED} {collection} at once");
        return Err(BadInput::new(problem));
    }
    // Each operation of each repetition takes memory, and their description is as long as they are many.
    if body.len().saturating_mul(count) > MAX_DESCRIBED {
        let most = MAX_DESCRIBED >> 20;
        let problem = format!("`{collection}`, `count` times, is over {most} MiB of JSON");
        return Err(BadInput::new(problem));
    }
    let mut added = Vec::new();
    for _ in 0..count {
        for (position, new) in parents.iter().enumerate() {
            let names = emulator
                .add(now, new.clone())
                .map_err(|problem| problem.at(format_args!("{} {}", parent.noun, position + 1)))?;
            added.push(names);
        }
    }
    Ok(json!({grandparent.noun: emulator.grandparent(), collection: added}))
}

fn value<T: DeserializeOwned>(value: Value) -> Result<T, BadInput> {
    serde_json::from_value(value).map_err(|problem| BadInput::new(problem.to_string()))
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
