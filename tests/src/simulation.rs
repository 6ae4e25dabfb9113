//! One cancellation against one emulator on a virtual clock.

use std::time::Duration;

use bytes::Bytes;
use countermand_core::{
    Call, Cancellation, Endpoint, Error, OperationName, Outcome, Policy, Step, Time, Transmit,
    TransportError,
};
use countermand_emulator::{Action, Emulator};
use http::header::AUTHORIZATION;
use http::{Request, Response};

/// The client's result of a request, and the time it took.
pub type Exchange = (Duration, Result<Response<Bytes>, TransportError>);

/// One request of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// Time of sending, since the start.
    pub at: Duration,
    /// Time of the answer or of the failure.
    pub answered: Duration,
    /// The method of the API.
    pub call: Call,
    /// Its path.
    pub path: String,
    /// False if it was held up before it left: no connection, no token.
    pub left: bool,
    /// The status of the answer.
    pub status: Option<u16>,
    /// End of the pause that the answer asked for.
    pub silent_until: Option<Duration>,
}

/// A finished run.
#[derive(Debug)]
#[non_exhaustive]
pub struct Run {
    /// Every request, in order.
    pub sent: Vec<Sent>,
    /// The result of the cancellation.
    pub result: Result<Outcome, Error>,
    /// Time of the result, since the start.
    pub ended: Duration,
}

/// Runs a cancellation to its end; pauses and delays take no time.
///
/// # Panics
/// If the cancellation takes more than 10,000 steps: it should have ended long before.
pub fn run(emulator: &mut Emulator, name: &OperationName, policy: &Policy, seed: u64) -> Run {
    let base = Time::START;
    let endpoint: Endpoint = "http://127.0.0.1".parse().expect("an endpoint");
    let mut now = base;
    let mut sent = Vec::new();
    let mut step = Cancellation::new(name.clone())
        .endpoint(endpoint)
        .policy(policy.clone())
        .start(now, seed);
    for _ in 0..10_000 {
        step = match step {
            Step::Send(attempt) => {
                let transmit = attempt.transmit(now);
                let path = transmit.request.uri().path().to_owned();
                let at = now - base;
                let (took, delivery) = exchange(emulator, at, transmit);
                now += took;
                let answered = now - base;
                sent.push(Sent {
                    at,
                    answered,
                    call: attempt.call(),
                    path,
                    left: delivery
                        .as_ref()
                        .map_or_else(|error| error.kind().may_have_left(), |_| true),
                    status: delivery
                        .as_ref()
                        .ok()
                        .map(|response| response.status().as_u16()),
                    silent_until: delivery
                        .as_ref()
                        .ok()
                        .and_then(asked_delay)
                        .map(|delay| answered + delay),
                });
                match delivery {
                    Ok(response) => attempt.response(now, &response),
                    Err(error) => attempt.failed(now, error),
                }
            }
            Step::Wait(pause) => {
                now = now.max(pause.until());
                pause.resume(now)
            }
            Step::Done(result) => {
                return Run {
                    sent,
                    result,
                    ended: now - base,
                };
            }
        };
    }
    panic!("{name} took more than 10,000 steps with seed {seed}");
}

fn exchange(emulator: &mut Emulator, now: Duration, transmit: Transmit) -> Exchange {
    let request = with_token(emulator, &transmit.request);
    emulator.handle(now, &request).deliver(transmit.timeout)
}

/// The answer of the emulator to a request, with its token.
///
/// # Panics
/// If it does not answer, as a fault may have it.
pub fn served(emulator: &mut Emulator, now: Duration, request: &Request<()>) -> Response<Bytes> {
    let request = with_token(emulator, request);
    match emulator.handle(now, &request).action {
        Action::Respond(response) => response,
        other => panic!("{other:?}"),
    }
}

fn with_token(emulator: &Emulator, request: &Request<()>) -> Request<Bytes> {
    let mut request = request.clone().map(|()| Bytes::new());
    let token = format!("Bearer {}", emulator.token());
    let token = token.parse().expect("a header");
    request.headers_mut().insert(AUTHORIZATION, token);
    request
}

/// The delay that an answer asks for, parsed independently of the code under test: whole seconds
/// of `Retry-After`, unless the body has a `RetryInfo`.
#[must_use]
pub fn asked_delay(response: &Response<Bytes>) -> Option<Duration> {
    if response.status().is_success() {
        return None;
    }
    let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let details = body["error"]["details"].as_array().into_iter().flatten();
    let retry_info = details
        .filter_map(|detail| detail["retryDelay"].as_str())
        .find_map(|text| {
            let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
            Duration::try_from_secs_f64(seconds).ok()
        });
    let header = || {
        let seconds: u64 = response
            .headers()
            .get("retry-after")?
            .to_str()
            .ok()?
            .parse()
            .ok()?;
        // Longer than any real delay: clamped.
        Some(Duration::from_secs(seconds.min(86_400)))
    };
    retry_info.or_else(header)
}
