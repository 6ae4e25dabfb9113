//! One cancellation against one emulator on a virtual clock.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use countermand_core::{
    Call, Cancellation, Endpoint, Error, OperationName, Outcome, Phase, Policy, Step, Time,
    Transmit, TransportError,
};
use countermand_emulator::{Action, Emulator};
use http::header::{AGE, AUTHORIZATION};
use http::{Method, Request, Response, StatusCode};

use crate::dice::Dice;

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
    /// The number of times that the driver died.
    pub deaths: u64,
    /// The result of the cancellation.
    pub result: Result<Outcome, Error>,
    /// Time of the result, since the start.
    pub ended: Duration,
}

/// Mishaps that no server causes: the death of the driver between two steps, and a cache between client and server.
#[derive(Debug)]
pub struct Mishaps {
    dice: Dice,
    /// Deaths that are left.
    deaths: u64,
    /// True if a cache keeps the answers to gets.
    caches: bool,
    kept: HashMap<String, (Duration, Response<Bytes>)>,
}

impl Mishaps {
    /// No mishap.
    #[must_use]
    pub fn none() -> Self {
        Self {
            dice: Dice::new(0),
            deaths: 0,
            caches: false,
            kept: HashMap::new(),
        }
    }

    /// Mishaps in a part of all runs.
    #[must_use]
    pub fn drawn(mut dice: Dice) -> Self {
        Self {
            deaths: if dice.chance(30) {
                1 + dice.below(4)
            } else {
                0
            },
            caches: dice.chance(20),
            dice,
            kept: HashMap::new(),
        }
    }

    fn dies(&mut self) -> bool {
        let dies = self.deaths > 0 && self.dice.chance(25);
        self.deaths -= u64::from(dies);
        dies
    }

    /// An answer that the cache has kept, marked as the standard demands.
    fn kept(&mut self, now: Duration, path: &str) -> Option<Response<Bytes>> {
        if !self.caches || !self.dice.chance(40) {
            return None;
        }
        let (at, kept) = self.kept.get(path)?;
        let mut kept = kept.clone();
        let age = now.saturating_sub(*at).as_secs();
        kept.headers_mut().insert(AGE, age.into());
        Some(kept)
    }

    fn keep(&mut self, now: Duration, path: &str, response: &Response<Bytes>) {
        if self.caches && response.status() == StatusCode::OK {
            self.kept.insert(path.to_owned(), (now, response.clone()));
        }
    }
}

/// Runs a cancellation to its end; pauses and delays take no time.
///
/// # Panics
/// If the cancellation takes more than 10,000 steps: it should have ended long before.
pub fn run(emulator: &mut Emulator, name: &OperationName, policy: &Policy, seed: u64) -> Run {
    run_with(emulator, name, policy, seed, &mut Mishaps::none())
}

/// As [`run`], with mishaps. After a death, the driver takes the cancellation up again with what a journal knows.
///
/// # Panics
/// As [`run`].
pub fn run_with(
    emulator: &mut Emulator,
    name: &OperationName,
    policy: &Policy,
    seed: u64,
    mishaps: &mut Mishaps,
) -> Run {
    let base = Time::START;
    let endpoint: Endpoint = "http://127.0.0.1".parse().expect("an endpoint");
    let endpoint = endpoint.of_service(name.service());
    let mut now = base;
    let mut sent: Vec<Sent> = Vec::new();
    let mut deaths = 0;
    let begun = Cancellation::new(name.clone())
        .endpoint(endpoint)
        .policy(policy.clone());
    let mut step = begun.clone().start(now, seed);
    for _ in 0..10_000 {
        if let Some(phase) = journalled(&step).filter(|_| mishaps.dies()) {
            // The request may have left when the driver died, and its answer was not read.
            let phase = match step {
                Step::Send(attempt) if mishaps.dice.chance(50) => {
                    drop(exchange(
                        emulator,
                        now - base,
                        &attempt.transmit(now),
                        mishaps,
                    ));
                    match (attempt.call(), phase) {
                        (Call::Cancel, Phase::Unsent) => Phase::MaybeSent,
                        _ => phase,
                    }
                }
                _ => phase,
            };
            deaths += 1;
            now += Duration::from_millis(mishaps.dice.below(30_000));
            let left = sent.iter().filter(|sent| sent.left).count() as u32;
            step = begun.clone().begin(phase, left, now, seed + deaths);
        }
        step = match step {
            Step::Send(attempt) => {
                let transmit = attempt.transmit(now);
                let path = transmit.request.uri().path().to_owned();
                let at = now - base;
                let (took, delivery) = exchange(emulator, at, &transmit, mishaps);
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
                    deaths,
                    result,
                    ended: now - base,
                };
            }
        };
    }
    panic!("{name} took more than 10,000 steps with seed {seed}");
}

/// The progress that a journal has before the step is done; a result is journalled at once.
fn journalled(step: &Step) -> Option<Phase> {
    match step {
        Step::Send(attempt) => Some(attempt.phase()),
        Step::Wait(pause) => Some(pause.phase()),
        Step::Done(_) => None,
    }
}

fn exchange(
    emulator: &mut Emulator,
    now: Duration,
    transmit: &Transmit,
    mishaps: &mut Mishaps,
) -> Exchange {
    let request = with_token(emulator, &transmit.request);
    let path = request.uri().path();
    let gets = request.method() == Method::GET && !path.ends_with("cancel");
    if gets && let Some(kept) = mishaps.kept(now, path) {
        return (Duration::from_millis(5), Ok(kept));
    }
    let (took, delivery) = emulator.handle(now, &request).deliver(transmit.timeout);
    if gets && let Ok(response) = &delivery {
        mishaps.keep(now, path, response);
    }
    (took, delivery)
}

/// The answer of the emulator to a request, with its token.
///
/// # Panics
/// If it does not answer, as a fault may have it.
pub fn served(
    emulator: &mut Emulator,
    now: Duration,
    request: &Request<&'static str>,
) -> Response<Bytes> {
    let request = with_token(emulator, request);
    match emulator.handle(now, &request).action {
        Action::Respond(response) => response,
        other => panic!("{other:?}"),
    }
}

fn with_token(emulator: &Emulator, request: &Request<&'static str>) -> Request<Bytes> {
    let mut request = request.clone().map(Bytes::from);
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
