//! A client that is one function call.
#![allow(unreachable_pub, reason = "shared by the files of tests")]

use std::time::Duration;

use bytes::Bytes;
use countermand_emulator::{Action, Config, Emulator, NewOperation, NewParent, Reply};
use http::{Request, Response};
use serde_json::Value;

pub const T0: Duration = Duration::ZERO;

pub fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub fn request(emulator: &Emulator, method: &str, path: &str, body: &str) -> Request<Bytes> {
    Request::builder()
        .method(method)
        .uri(format!("http://emulator{path}"))
        .header("authorization", format!("Bearer {}", emulator.token()))
        .header("content-length", body.len())
        .body(Bytes::from(body.to_owned()))
        .unwrap()
}

pub fn reply(emulator: &mut Emulator, now: Duration, method: &str, path: &str) -> Reply {
    let request = request(emulator, method, path, "");
    emulator.handle(now, &request)
}

pub fn respond(action: Action) -> Response<Bytes> {
    match action {
        Action::Respond(response) => response,
        other => panic!("{other:?} instead of an answer"),
    }
}

/// Status and JSON of an ordinary answer.
pub fn send(
    emulator: &mut Emulator,
    now: Duration,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, Value) {
    let request = request(emulator, method, path, body);
    let response = respond(emulator.handle(now, &request).action);
    let value = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
    (response.status().as_u16(), value)
}

pub fn get(emulator: &mut Emulator, now: Duration, name: &str) -> (u16, Value) {
    send(emulator, now, "GET", &format!("/v1/{name}"), "")
}

pub fn cancel(emulator: &mut Emulator, now: Duration, name: &str) -> (u16, Value) {
    send(emulator, now, "POST", &format!("/v1/{name}:cancel"), "")
}

/// An emulator with nothing but these operations, on one device.
pub fn with(
    config: Config,
    operations: impl IntoIterator<Item = NewOperation>,
) -> (Emulator, Vec<String>) {
    let mut emulator = Emulator::new(config.parents(0));
    let added = emulator.add(T0, NewParent::with(operations)).unwrap();
    (emulator, added.operations)
}

/// An emulator with one operation.
pub fn single(config: Config, operation: NewOperation) -> (Emulator, String) {
    let (emulator, mut names) = with(config, [operation]);
    (emulator, names.remove(0))
}
