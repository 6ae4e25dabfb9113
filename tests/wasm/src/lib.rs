//! One cancellation of the core in WebAssembly, which has neither a clock nor a socket: JavaScript gives the
//! time, sends the requests and brings the answers.
//!
//! A call takes its text from the memory that `input` names, and leaves a JSON object for `output`.

#![allow(unsafe_code, reason = "a function is exported by its name")]

use std::cell::RefCell;
use std::time::Duration;

use countermand_core::{Cancellation, Step, Time};
use http::Response;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

#[derive(Default)]
struct State {
    input: Vec<u8>,
    output: String,
    step: Option<Step>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// The place for a text of so many bytes, which the next call takes.
#[unsafe(no_mangle)]
pub extern "C" fn input(length: usize) -> *mut u8 {
    STATE.with_borrow_mut(|state| {
        state.input = vec![0; length];
        state.input.as_mut_ptr()
    })
}

/// The place of the text that the last call left.
#[unsafe(no_mangle)]
pub extern "C" fn output() -> *const u8 {
    STATE.with_borrow(|state| state.output.as_ptr())
}

/// Begins a cancellation; the input is the name. Answers the length of the output.
#[unsafe(no_mangle)]
pub extern "C" fn start(now_ms: f64, seed: u32) -> usize {
    go(now_ms, |now, input, _| {
        let name = str::from_utf8(&input).ok()?.parse().ok()?;
        Some(Cancellation::new(name).start(now, seed.into()))
    })
}

/// Goes on with the answer to the request; the input is its body. Answers the length of the output.
#[unsafe(no_mangle)]
pub extern "C" fn answer(now_ms: f64, status: u16) -> usize {
    go(now_ms, |now, input, step| {
        let response = Response::builder().status(status).body(input).ok()?;
        match step? {
            Step::Send(attempt) => Some(attempt.response(now, &response)),
            _ => None,
        }
    })
}

/// Goes on after the pause. Answers the length of the output.
#[unsafe(no_mangle)]
pub extern "C" fn resume(now_ms: f64) -> usize {
    go(now_ms, |now, _, step| match step? {
        Step::Wait(pause) => Some(pause.resume(now)),
        _ => None,
    })
}

fn go(now_ms: f64, next: impl FnOnce(Time, Vec<u8>, Option<Step>) -> Option<Step>) -> usize {
    let now = Time::after(Duration::from_secs_f64(now_ms / 1000.0));
    STATE.with_borrow_mut(|state| {
        let input = std::mem::take(&mut state.input);
        state.step = next(now, input, state.step.take());
        state.output = told(state.step.as_ref(), now).to_string();
        state.output.len()
    })
}

fn told(step: Option<&Step>, now: Time) -> Value {
    match step {
        None => json!({"misused": true}),
        Some(Step::Send(attempt)) => {
            let request = attempt.transmit(now).request;
            json!({
                "send": attempt.call().as_str(),
                "method": request.method().as_str(),
                "uri": request.uri().to_string(),
                "content_type": request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()),
                "body": request.body(),
            })
        }
        Some(Step::Wait(pause)) => {
            let until = pause.until().since_start().as_secs_f64() * 1000.0;
            json!({"until_ms": until, "error": pause.error().map(|error| error.kind().as_str())})
        }
        Some(Step::Done(Ok(outcome))) => json!({"done": {
            "verdict": outcome.verdict.as_str(),
            "attempts": outcome.attempts,
            "error": outcome.error.as_ref().map(|error| error.kind().as_str()),
        }}),
        Some(Step::Done(Err(error))) => json!({"done": {
            "verdict": null,
            "attempts": error.attempts(),
            "error": error.kind().as_str(),
        }}),
    }
}
