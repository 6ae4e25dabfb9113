//! One operation, from the cancel to the verdict: a step machine without a clock or a socket.
//!
//! [`Cancellation::start`] gives the first [`Step`]; doing what a step says gives the next one. The loop
//! in the [crate's documentation](crate) is a complete driver.
//!
//! # What it does
//!
//! | outstanding | what comes | what follows |
//! |---|---|---|
//! | cancel | 200 with `{}` or nothing | *accepted*: get at once; without verifying, `Unverified` |
//! | cancel | 408, 429, 500, 502, 503, 504, other 5xx; connection failed, lost, timed out; no token for now | pause, cancel again; after the last attempt, or when the pause would end after the deadline: get |
//! | cancel | 401 | once: cancel again with `reauthorize`; then `Err` |
//! | cancel | not processed (GOAWAY, REFUSED_STREAM) | cancel again at once, not counted up to the number of attempts |
//! | cancel | FAILED_PRECONDITION, 409, 404 | get; without verifying, `Err` |
//! | cancel | 2xx that is not success, 3xx, answer over the cap | get; without verifying, pause and cancel again |
//! | cancel | 400, 403, 501, other 4xx, TLS, credentials, a final quota | `Err`; if an earlier attempt may have been delivered and the refusal is of this operation alone: get |
//! | get | done | the verdict it proves |
//! | get | not done, and a cache says that this is older than the cancel that was accepted, or no cancel was | as if it had not been seen: get, or cancel, again; at the deadline as for an answer that told nothing |
//! | get | not done and without a result, past `createTime + duration` and the margin | `Expired` |
//! | get | not done, accepted | pause, get again; the last one at the deadline, then `Pending` |
//! | get | not done, not accepted | cancel again while attempts are left; after FAILED_PRECONDITION, a refusal of the last cancel row, or the last attempt: `Err`, but if an earlier cancel may have been delivered get again until the deadline, then `Err` |
//! | get | 404 | look at the device |
//! | get | passing failure, unusable answer, another operation's name | pause, get again, at the deadline at the latest; after the last attempt as below |
//! | get | anything else | accepted: `Pending` if it was seen, else `Unverified`, with the error; not accepted: `Err` with the cancel's error, or with this one if it concerns everything |
//! | device | found, or 404 | accepted or maybe delivered: `Gone`; otherwise `Err(NotFound)`; both say whether the device exists |
//! | device | anything else | passing: pause, again; after the last attempt, or if it is final, as if it had not been asked |
//!
//! A delay the server asks for is obeyed exactly and restarts the backoff; if it ends after the
//! deadline, nothing more is sent. Without one, an exhausted quota pauses for
//! [`Policy::quota_pause`]. No request starts after the deadline, not even if a pause is resumed late by
//! more than a second.
//!
//! # By hand
//!
//! ```
//! use std::time::{Duration, Instant};
//! use countermand_core::{Call, Cancellation, OperationName, Step, TransportError, TransportErrorKind, Verdict};
//!
//! let name: OperationName = "enterprises/LC01/devices/3f/operations/17".parse()?;
//! let now = Instant::now();
//!
//! // The first step is always a cancel.
//! let Step::Send(attempt) = Cancellation::new(name).start(now, 42) else { unreachable!() };
//! let transmit = attempt.transmit(now);
//! assert_eq!(transmit.request.method(), "POST");
//!
//! // The connection is lost after sending: nobody knows, so it pauses and asks again.
//! let lost = TransportError::new(TransportErrorKind::ConnectionLost, "connection reset");
//! let Step::Wait(pause) = attempt.failed(now, lost) else { unreachable!() };
//! assert!(pause.error().is_some());
//! let now = pause.until();
//!
//! // Accepted. That is not "cancelled": the machine looks.
//! let Step::Send(attempt) = pause.resume(now) else { unreachable!() };
//! let Step::Send(attempt) = attempt.response(now, &http::Response::new("{}")) else { unreachable!() };
//! assert_eq!(attempt.call(), Call::Get);
//!
//! // Done with code 1: proof.
//! let body = r#"{"name":"enterprises/LC01/devices/3f/operations/17","done":true,"error":{"code":1}}"#;
//! let Step::Done(result) = attempt.response(now, &http::Response::new(body)) else { unreachable!() };
//! let outcome = result?;
//! assert_eq!((outcome.verdict, outcome.attempts), (Verdict::Cancelled, 3));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod state;

use std::sync::Arc;
use std::time::Instant;

use self::state::State;
use crate::{Attempt, Endpoint, OperationName, Policy, Step};

/// A countermand that has not begun: the operation, where the API is and how patient to be.
///
/// The endpoint and the policy may be values or `Arc`s shared by many cancellations.
#[derive(Clone, Debug)]
pub struct Cancellation {
    name: OperationName,
    endpoint: Option<Arc<Endpoint>>,
    policy: Option<Arc<Policy>>,
}

/// How far an operation had come before: what has to be known to take it up again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a journal writes each of them")]
pub enum Phase {
    /// Nothing was sent for it.
    #[default]
    Unsent,
    /// A cancel was sent, and its answer is not known. It is sent again: cancel is idempotent.
    MaybeSent,
    /// The server accepted the cancellation: only its effect has to be seen.
    Accepted,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Self; 3] = [Self::Unsent, Self::MaybeSent, Self::Accepted];

    /// The word for it in job files and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsent => "unsent",
            Self::MaybeSent => "maybe_sent",
            Self::Accepted => "accepted",
        }
    }
}

impl Cancellation {
    /// A countermand of one operation at Google's endpoint with the default policy.
    #[must_use]
    pub const fn new(name: OperationName) -> Self {
        Self {
            name,
            endpoint: None,
            policy: None,
        }
    }

    /// The endpoint of the API.
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<Arc<Endpoint>>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// How patient to be.
    #[must_use]
    pub fn policy(mut self, policy: impl Into<Arc<Policy>>) -> Self {
        self.policy = Some(policy.into());
        self
    }

    /// Begins at `now`. The seed spreads the pauses: same seed and same answers, same schedule.
    ///
    /// At its end, `Ok` means that the server accepted the cancellation or told the operation's
    /// fate. `Err` means neither, and [`maybe_delivered`](crate::Error::maybe_delivered) says
    /// whether the request may have taken effect all the same.
    pub fn start(self, now: Instant, seed: u64) -> Step {
        Step::Send(self.begin(Phase::Unsent, 0, now, seed))
    }

    /// The first request, of an operation that has come so far by so many.
    pub fn begin(self, phase: Phase, attempts: u32, now: Instant, seed: u64) -> Attempt {
        State::begin(
            self.name,
            self.endpoint.unwrap_or_default(),
            self.policy.unwrap_or_default(),
            (phase, attempts),
            now,
            seed,
        )
    }
}
