//! One operation, from the cancel to the verdict: a step machine without a clock or a socket.

use std::sync::Arc;
use std::time::Duration;

use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::error_kind::ErrorKind;
use crate::error_table::{FailureScope, RetryAction};
use crate::name::OperationName;
use crate::operation::Operation;
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::request::Request;
use crate::response::Response;
use crate::retry::{Next, Retry};
use crate::rng::doubled;
use crate::step::{Attempt, Machine, Pause, Phase, Step};
use crate::time::Time;
use crate::timestamp::Timestamp;
use crate::verdict::Verdict;
use crate::view::View;

/// A countermand that has not begun: the operation, where the API is and how patient to be.
///
/// The endpoint and the policy may be values or `Arc`s shared by many cancellations.
///
/// [`start`](Self::start) gives the first [`Step`]; doing what a step says gives the next one. The loop
/// in the [crate's documentation](crate) is a complete driver.
///
/// # What it does
///
/// | outstanding | what comes | what follows |
/// |---|---|---|
/// | cancel | 200 with `{}` or nothing | *accepted*: get at once; without verifying, `Unverified` |
/// | cancel | 408, 429, 500, 502, 503, 504, other 5xx; connection failed, lost, timed out; no token for now | pause, cancel again; after the last attempt, or when the pause would end after the deadline: get |
/// | cancel | 401 | once: cancel again with `reauthorize`; then `Err` |
/// | cancel | not processed (GOAWAY, REFUSED_STREAM) | cancel again at once, not counted up to the number of attempts |
/// | cancel | FAILED_PRECONDITION, 409, 404, 501 | get; without verifying, `Err` |
/// | cancel | 2xx that is not success, 3xx, answer over the cap | get; without verifying, pause and cancel again |
/// | cancel | 400, 403, other 4xx, TLS, credentials, a final quota | `Err`; if an earlier attempt may have been delivered and the refusal is of this operation alone: get |
/// | get | done | the verdict it proves |
/// | get | not done, from a cache, older than the accepted cancel (or no cancel was accepted) | not counted as seen: get, or cancel, again; at the deadline as after an unusable answer |
/// | get | not done and without a result, past `createTime + duration` and the margin | `Expired` |
/// | get | not done, accepted | pause, get again; the last one at the deadline, then `Pending` |
/// | get | not done, not accepted | cancel again while attempts are left; after FAILED_PRECONDITION or 501, after a refusal such as 400 or 403 (the row before the gets), or after the last attempt: `Err`, but if an earlier cancel may have been delivered get again until the deadline, then `Err` |
/// | get | 404 | look at the parent, where its service keeps records of parents; else as when it could not be looked at |
/// | get | passing failure, unusable answer, another operation's name | pause, get again, at the deadline at the latest; after the last attempt as below |
/// | get | anything else | accepted: `Pending` if it was seen, else `Unverified`, with the error; not accepted: `Err` with the cancel's error, or with this one if it concerns everything |
/// | parent | found, or 404 | accepted or maybe delivered: `Gone`; otherwise `Err(NotFound)`; both say whether the parent exists |
/// | parent | anything else | passing: pause, again; after the last attempt, or if it is final, as if it had not been asked |
///
/// A delay the server asks for is obeyed exactly and restarts the backoff; if it ends after the
/// deadline, nothing more is sent. Without one, an exhausted quota pauses for
/// [`Policy::quota_pause`]. No request starts after the deadline, not even if a pause is resumed late by
/// more than a second.
///
/// # Example
///
/// ```
/// use countermand_core::{Call, Cancellation, OperationName, Step, Time, TransportError, TransportErrorKind, Verdict};
///
/// let name: OperationName = "enterprises/LC01/devices/3f/operations/17".parse()?;
/// let now = Time::START;
///
/// // The first step is always a cancel.
/// let Step::Send(attempt) = Cancellation::new(name).start(now, 42) else { unreachable!() };
/// let transmit = attempt.transmit(now);
/// assert_eq!(transmit.request.method(), "POST");
///
/// // The connection is lost after sending: it may have been delivered, so it pauses and asks again.
/// let lost = TransportError::new(TransportErrorKind::ConnectionLost, "connection reset");
/// let Step::Wait(pause) = attempt.failed(now, lost) else { unreachable!() };
/// assert!(pause.error().is_some());
/// let now = pause.until();
///
/// // Accepted. That is not "cancelled": the machine looks.
/// let Step::Send(attempt) = pause.resume(now) else { unreachable!() };
/// let Step::Send(attempt) = attempt.response(now, &http::Response::new("{}")) else { unreachable!() };
/// assert_eq!(attempt.call(), Call::Get);
///
/// // Done with code 1: proof.
/// let body = r#"{"name":"enterprises/LC01/devices/3f/operations/17","done":true,"error":{"code":1}}"#;
/// let Step::Done(result) = attempt.response(now, &http::Response::new(body)) else { unreachable!() };
/// let outcome = result?;
/// assert_eq!((outcome.verdict, outcome.attempts), (Verdict::Cancelled, 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancellation {
    name: OperationName,
    endpoint: Option<Arc<Endpoint>>,
    policy: Option<Arc<Policy>>,
}

impl Cancellation {
    /// A countermand of one operation at the root endpoint of its service with the default policy.
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

    /// Limits of the countermand: deadline, attempts, pauses.
    #[must_use]
    pub fn policy(mut self, policy: impl Into<Arc<Policy>>) -> Self {
        self.policy = Some(policy.into());
        self
    }

    /// The operation.
    #[must_use]
    pub const fn get_name(&self) -> &OperationName {
        &self.name
    }

    /// The endpoint, if one was given.
    #[must_use]
    pub fn get_endpoint(&self) -> Option<&Endpoint> {
        self.endpoint.as_deref()
    }

    /// The policy, if one was given.
    #[must_use]
    pub fn get_policy(&self) -> Option<&Policy> {
        self.policy.as_deref()
    }

    /// Begins at `now`. The seed spreads the pauses: same seed and same answers, same schedule.
    ///
    /// At its end, `Ok` means that the server accepted the cancellation or told the operation's
    /// fate. `Err` means neither, and [`maybe_delivered`](crate::Error::maybe_delivered) says
    /// whether the request may have taken effect all the same.
    pub fn start(self, now: Time, seed: u64) -> Step {
        self.begin(Phase::Unsent, 0, now, seed)
    }

    /// The first step of an operation that has come so far by so many requests. One whose cancel was accepted is only
    /// looked at; where its service has no method for that, it is [`Unverified`](Verdict::Unverified) without a request.
    pub fn begin(self, phase: Phase, attempts: u32, now: Time, seed: u64) -> Step {
        let name = self.name;
        let request = match phase {
            Phase::Accepted => Request::Get(name.clone()),
            Phase::Unsent | Phase::MaybeSent => Request::Cancel(name.clone()),
        };
        let cannot_look = phase == Phase::Accepted && !name.pattern().has_get;
        let mut retry = Retry::new(request, self.endpoint, self.policy, now, seed);
        retry.attempts = attempts + u32::from(!cannot_look);
        let state = Box::new(State {
            name,
            retry,
            cancel_failures: 0,
            polls: 0,
            accepted: phase == Phase::Accepted,
            accepted_at: now,
            in_doubt: phase == Phase::MaybeSent,
            refusal: None,
            operation: None,
            missing: None,
        });
        match cannot_look {
            true => state.conclude(Verdict::Unverified, None),
            false => Attempt::new(state).first(),
        }
    }
}

struct State {
    name: OperationName,
    retry: Retry,
    /// Failures of cancel, kept while looking.
    cancel_failures: u32,
    polls: u32,
    accepted: bool,
    /// The time at which a cancel was accepted, or at which the cancellation was taken up after that.
    accepted_at: Time,
    /// Some cancel may have been delivered.
    in_doubt: bool,
    /// The reason for which the cancel was not accepted.
    refusal: Option<Error>,
    /// As last told by the server.
    operation: Option<Operation>,
    /// The server does not know the operation.
    missing: Option<Error>,
}

impl State {
    fn accepted(mut self: Box<Self>, now: Time) -> Step {
        self.accepted = true;
        self.accepted_at = now;
        self.retry.succeeded();
        self.refusal = None;
        if self.verifies() {
            self.look_at_operation(now)
        } else {
            self.conclude(Verdict::Unverified, None)
        }
    }

    /// True where the operation is looked at: it is wanted, and the service has a method for it.
    fn verifies(&self) -> bool {
        self.retry.policy.verify && self.name.pattern().has_get
    }

    fn cancel_failed(mut self: Box<Self>, now: Time, error: Error) -> Step {
        self.in_doubt |= error.kind().maybe_delivered();
        let retry_action = error.kind().retry_action();
        // An answer that tells nothing is asked for again where looking was not wanted.
        let unreadable = !matches!(
            error.kind(),
            ErrorKind::NotFound(_) | ErrorKind::FailedPrecondition(_)
        );
        let verify = self.verifies();
        if retry_action == RetryAction::Poll && (verify || !unreadable) {
            self.retry.failures += 1;
        } else {
            match self.retry.again(now, &error, false) {
                Next::Now => return self.send(),
                Next::At(at) => return self.wait(at, Some(error)),
                Next::GiveUp => {}
            }
        }
        let can_tell = match retry_action {
            _ if self.retry.is_elsewhere(&error) => false,
            RetryAction::Poll | RetryAction::Backoff | RetryAction::Immediate => true,
            // Some services say so of operations that have finished.
            RetryAction::Fail if matches!(error.kind(), ErrorKind::Unimplemented(_)) => true,
            RetryAction::Fail => {
                self.in_doubt && error.kind().failure_scope() == FailureScope::Operation
            }
            RetryAction::RefreshToken => false,
        };
        if !(can_tell && verify) {
            return self.fail(error, None);
        }
        self.refusal = Some(error);
        self.cancel_failures = self.retry.failures;
        self.look_at_operation(now)
    }

    fn told(mut self: Box<Self>, now: Time, operation: Operation, view: View<'_>) -> Step {
        if self.accepted {
            self.retry.succeeded();
        }
        if operation.verdict().is_none() && self.is_past(now, view.age()) {
            let error = view.of_the_past();
            return match self.refusal {
                None => self.poll(now, None, Some(error)),
                Some(_) => self.cancel_once_more(now, None),
            };
        }
        let metadata = operation.metadata.as_ref();
        if !self.accepted && metadata.is_some_and(|metadata| metadata.cancel_asked) {
            // The answer to the cancel was lost, or another client has asked.
            self.accepted = true;
            self.accepted_at = now;
            self.refusal = None;
        }
        let operation = self.operation.insert(operation);
        if let Some(verdict) = operation.verdict() {
            return self.conclude(verdict, None);
        }
        match expires(operation, view.time(), self.retry.policy.expiry_margin) {
            Some(Duration::ZERO) => self.conclude(Verdict::Expired, None),
            expires if self.accepted => self.poll(now, expires, None),
            expires => self.cancel_once_more(now, expires),
        }
    }

    /// True where an answer of this age was given before a cancel was accepted: that the operation was not
    /// done then says nothing of now.
    fn is_past(&self, now: Time, age: Duration) -> bool {
        let since = match self.accepted {
            true => now - self.accepted_at,
            false => Duration::ZERO,
        };
        !age.is_zero() && age >= since
    }

    /// The operation is pending and the cancel was not accepted.
    fn cancel_once_more(mut self: Box<Self>, now: Time, expires: Option<Duration>) -> Step {
        let Some(refusal) = self.refusal.take() else {
            return self.poll(now, expires, None);
        };
        let judged = matches!(refusal.kind(), ErrorKind::FailedPrecondition(_))
            || refusal.kind().retry_action() == RetryAction::Fail;
        let at = now + self.retry.backoff();
        if judged
            || self.cancel_failures >= self.retry.policy.attempts_allowed()
            || at > self.retry.deadline
        {
            if !self.in_doubt {
                return self.fail(refusal, None);
            }
            // An earlier cancel may still be at work: there is nothing to ask any more, but to see.
            self.refusal = Some(refusal);
            return self.poll(now, expires, None);
        }
        self.retry.request = Request::Cancel(self.name.clone());
        self.retry.failures = self.cancel_failures;
        self.wait(at, Some(refusal))
    }

    /// Looks again later; at the deadline, or when it expires, at the latest.
    fn poll(
        mut self: Box<Self>,
        now: Time,
        expires: Option<Duration>,
        error: Option<Error>,
    ) -> Step {
        if now >= self.retry.deadline {
            return self.cannot_tell(error);
        }
        let half = doubled(
            self.retry.policy.poll_interval,
            self.polls,
            self.retry.policy.poll_interval_cap,
        ) / 2;
        self.polls += 1;
        let pause = half + self.retry.rng.up_to(half);
        // Never sooner than half the first interval, even if the server's clock stands still.
        let pause = expires.map_or(pause, |left| {
            pause.min(left.max(self.retry.policy.poll_interval / 2))
        });
        let at = (now + pause).min(self.retry.deadline);
        self.wait(at, error)
    }

    fn look_failed(mut self: Box<Self>, now: Time, error: Error) -> Step {
        if let ErrorKind::NotFound(_) = error.kind() {
            if self.retry.request.call() == Call::GetParent {
                return self.gone(Some(false));
            }
            self.missing = Some(error);
            if !self.name.service().has_parent_records {
                return self.gone(None);
            }
            let parent = Request::GetParent(self.name.parent());
            return self.look(now, parent);
        }
        match self.retry.again(now, &error, true) {
            Next::Now => self.send(),
            Next::At(at) => self.wait(at, Some(error)),
            Next::GiveUp => self.cannot_tell(Some(error)),
        }
    }

    fn look_at_operation(self: Box<Self>, now: Time) -> Step {
        let operation = Request::Get(self.name.clone());
        self.look(now, operation)
    }

    /// Turns to a look, as soon as the server allows it.
    fn look(mut self: Box<Self>, now: Time, request: Request) -> Step {
        self.retry.request = request;
        self.retry.failures = 0;
        match self.retry.allowed(now) {
            Some(at) if at > now => self.wait(at, None),
            Some(_) => self.send(),
            None => self.cannot_tell(None),
        }
    }

    fn send(mut self: Box<Self>) -> Step {
        self.retry.attempts += 1;
        self.retry.error = None;
        Step::Send(Attempt::new(self))
    }

    fn wait(mut self: Box<Self>, until: Time, error: Option<Error>) -> Step {
        self.retry.error = error;
        Step::Wait(Pause::new(until, self))
    }

    /// The look told nothing.
    fn cannot_tell(mut self: Box<Self>, error: Option<Error>) -> Step {
        if self.missing.is_some() {
            return self.gone(None);
        }
        let concerns_all = |error: &Error| error.kind().failure_scope() == FailureScope::Everything;
        match (self.refusal.take(), error) {
            // What stops every operation is worth more than why this one was refused.
            (Some(_), Some(error)) if concerns_all(&error) => self.fail(error, None),
            (Some(refusal), _) => self.fail(refusal, None),
            (None, error) if self.operation.is_some() => self.conclude(Verdict::Pending, error),
            (None, error) => self.conclude(Verdict::Unverified, error),
        }
    }

    fn gone(mut self: Box<Self>, parent_exists: Option<bool>) -> Step {
        let missing = self.missing.take();
        match missing {
            Some(missing) if !(self.accepted || self.in_doubt) => self.fail(missing, parent_exists),
            missing => match self.conclude(Verdict::Gone, missing) {
                Step::Done(Ok(outcome)) => Step::Done(Ok(Outcome {
                    parent_exists,
                    ..outcome
                })),
                step => step,
            },
        }
    }

    fn conclude(self: Box<Self>, verdict: Verdict, error: Option<Error>) -> Step {
        let error = error.map(|error| self.concluded(error, None));
        Step::Done(Ok(Outcome {
            verdict,
            attempts: self.retry.attempts,
            operation: self.operation,
            error,
            parent_exists: None,
        }))
    }

    fn fail(self: Box<Self>, error: Error, parent_exists: Option<bool>) -> Step {
        Step::Done(Err(self.concluded(error, parent_exists)))
    }

    /// An error with what is known at the end: a cancel may have been delivered in each phase but
    /// `Unsent`, also where it is a look that failed.
    fn concluded(&self, error: Error, parent_exists: Option<bool>) -> Error {
        let maybe_delivered = self.phase() != Phase::Unsent;
        let error = error.with_resource(&self.name);
        error.concluded(self.retry.attempts, maybe_delivered, parent_exists)
    }
}

impl Machine<Outcome> for State {
    fn retry(&self) -> &Retry {
        &self.retry
    }

    fn retry_mut(&mut self) -> &mut Retry {
        &mut self.retry
    }

    fn name(&self) -> &str {
        self.name.as_str()
    }

    fn response(mut self: Box<Self>, now: Time, view: View<'_>) -> Step {
        self.retry.answered();
        let result = self.retry.request.read_then(view);
        if result.is_ok() {
            self.retry.heard();
        }
        match result {
            Err(error) => self.failed(now, error),
            Ok(Response::Accepted) => self.accepted(now),
            Ok(Response::Operation(operation)) => self.told(now, operation, view),
            // A cancellation makes no list.
            Ok(_) => self.gone(Some(true)),
        }
    }

    fn failed(mut self: Box<Self>, now: Time, error: Error) -> Step {
        self.retry.failed(now, &error);
        match self.retry.request.call() {
            Call::Cancel => self.cancel_failed(now, error),
            // What only asks cannot have delivered a cancellation.
            _ => self.look_failed(now, error.of_read(0)),
        }
    }

    fn resume(mut self: Box<Self>, now: Time) -> Step {
        if !self.retry.is_too_late(now) {
            return self.send();
        }
        match (self.retry.request.call(), self.retry.error.take()) {
            (Call::Cancel, Some(error)) => self.fail(error, None),
            (_, error) => self.cannot_tell(error),
        }
    }

    fn excuse(&mut self, error: &Error) {
        self.retry.excused(error);
        self.in_doubt |=
            self.retry.request.call() == Call::Cancel && error.kind().maybe_delivered();
    }

    fn abandon(mut self: Box<Self>, error: Error) -> Step {
        self.retry.attempts -= 1;
        match self.retry.request.call() {
            Call::Cancel => self.fail(error, None),
            _ => self.cannot_tell(Some(error)),
        }
    }

    fn phase(&self) -> Phase {
        match (self.accepted, self.in_doubt) {
            (true, _) => Phase::Accepted,
            (false, true) => Phase::MaybeSent,
            (false, false) => Phase::Unsent,
        }
    }
}

/// Time until an operation that is not done counts as expired, by the server's own clock.
fn expires(
    operation: &Operation,
    server_time: Option<Timestamp>,
    margin: Duration,
) -> Option<Duration> {
    if operation.error.is_some() || operation.has_response || operation.has_error_code() {
        // It has ended in some way and is about to say so.
        return None;
    }
    let expires = operation.expire_time()?;
    let left = expires.since(server_time?);
    let over = server_time?.since(expires);
    Some(if left.is_zero() {
        margin.saturating_sub(over)
    } else {
        left + margin
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server may tell the error in the metadata before it says that the operation is done.
    #[test]
    fn what_has_failed_does_not_expire() {
        let text = "enterprises/e/devices/d/operations/1";
        for (error_code, expires) in [("", true), (r#","errorCode":"UNKNOWN""#, false)] {
            let name: OperationName = text.parse().unwrap();
            let get = Cancellation::new(name).begin(Phase::Accepted, 1, Time::START, 1);
            let Step::Send(get) = get else {
                panic!("a look")
            };
            let created = "2026-01-01T00:00:00Z";
            let response = http::Response::builder()
                .header("date", "Fri, 02 Jan 2026 00:00:00 GMT")
                .body(format!(
                    r#"{{"name":"{text}","metadata":{{"createTime":"{created}","duration":"60s"{error_code}}}}}"#
                ));
            let step = get.response(Time::START, &response.unwrap());
            let expired =
                matches!(step, Step::Done(Ok(outcome)) if outcome.verdict == Verdict::Expired);
            assert_eq!(expired, expires, "{error_code}");
        }
    }
}
