//! The transitions of the cancellation; the table in the module above says the same in words.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::retry::{Next, Retry};
use crate::rng::doubled;
use crate::step::Machine;
use crate::view::View;
use crate::wire;
use crate::{
    Attempt, Call, Endpoint, Error, ErrorKind, FailureScope, Operation, OperationName, Outcome,
    Pause, Phase, Policy, RetryAction, Step, Timestamp, Transmit, Verdict,
};

pub(super) struct State {
    name: OperationName,
    endpoint: Arc<Endpoint>,
    retry: Retry,
    /// What is outstanding, or will be after the pause.
    call: Call,
    /// The failure that the cancellation pauses for.
    error: Option<Error>,
    /// Failures of cancel, kept while looking.
    cancel_failures: u32,
    polls: u32,
    accepted: bool,
    /// The time at which a cancel was accepted, or at which the cancellation was taken up after that.
    accepted_at: Instant,
    /// Some cancel may have been delivered.
    in_doubt: bool,
    /// Why the cancel was not accepted.
    refusal: Option<Error>,
    /// As last told by the server.
    operation: Option<Operation>,
    /// The server does not know the operation.
    missing: Option<Error>,
}

impl State {
    /// The first request of an operation that has come so far by so many.
    pub(super) fn begin(
        name: OperationName,
        endpoint: Arc<Endpoint>,
        policy: Arc<Policy>,
        (phase, attempts): (Phase, u32),
        now: Instant,
        seed: u64,
    ) -> Attempt {
        let mut retry = Retry::new(policy, now, seed);
        retry.attempts = attempts + 1;
        Attempt::new(Box::new(Self {
            name,
            endpoint,
            retry,
            call: match phase {
                Phase::Unsent | Phase::MaybeSent => Call::Cancel,
                Phase::Accepted => Call::Get,
            },
            error: None,
            cancel_failures: 0,
            polls: 0,
            accepted: phase == Phase::Accepted,
            accepted_at: now,
            in_doubt: phase == Phase::MaybeSent,
            refusal: None,
            operation: None,
            missing: None,
        }))
    }

    fn accepted(mut self: Box<Self>, now: Instant) -> Step {
        self.accepted = true;
        self.accepted_at = now;
        self.retry.succeeded();
        self.refusal = None;
        if self.retry.policy.verify {
            self.look(now, Call::Get)
        } else {
            self.conclude(Verdict::Unverified, None)
        }
    }

    fn cancel_failed(mut self: Box<Self>, now: Instant, error: Error) -> Step {
        self.in_doubt |= error.kind().maybe_delivered();
        let retry_action = error.kind().retry_action();
        // An answer that tells nothing is asked for again where looking was not wanted.
        let unreadable = !matches!(
            error.kind(),
            ErrorKind::NotFound(_) | ErrorKind::FailedPrecondition(_)
        );
        let verify = self.retry.policy.verify;
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
        self.look(now, Call::Get)
    }

    fn told(mut self: Box<Self>, now: Instant, operation: Operation, view: View<'_>) -> Step {
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
    fn is_past(&self, now: Instant, age: Duration) -> bool {
        let since = match self.accepted {
            true => now.saturating_duration_since(self.accepted_at),
            false => Duration::ZERO,
        };
        !age.is_zero() && age >= since
    }

    /// The operation is pending and the cancel was not accepted.
    fn cancel_once_more(mut self: Box<Self>, now: Instant, expires: Option<Duration>) -> Step {
        let Some(refusal) = self.refusal.take() else {
            return self.poll(now, expires, None);
        };
        let judged = matches!(refusal.kind(), ErrorKind::FailedPrecondition(_))
            || refusal.kind().retry_action() == RetryAction::Fail;
        let at = now + self.retry.backoff();
        if judged
            || self.cancel_failures >= self.retry.policy.max_attempts()
            || at > self.retry.deadline
        {
            if !self.in_doubt {
                return self.fail(refusal, None);
            }
            // An earlier cancel may still be at work: there is nothing to ask any more, but to see.
            self.refusal = Some(refusal);
            return self.poll(now, expires, None);
        }
        self.call = Call::Cancel;
        self.retry.failures = self.cancel_failures;
        self.wait(at, Some(refusal))
    }

    /// Looks again later; at the deadline, or when it expires, at the latest.
    fn poll(
        mut self: Box<Self>,
        now: Instant,
        expires: Option<Duration>,
        error: Option<Error>,
    ) -> Step {
        if now >= self.retry.deadline {
            return self.cannot_tell(error);
        }
        let half = doubled(
            self.retry.policy.poll,
            self.polls,
            self.retry.policy.poll_cap,
        ) / 2;
        self.polls += 1;
        let pause = half + self.retry.rng.up_to(half);
        // Never sooner than half the first interval, even if the server's clock stands still.
        let pause = expires.map_or(pause, |left| {
            pause.min(left.max(self.retry.policy.poll / 2))
        });
        let at = (now + pause).min(self.retry.deadline);
        self.wait(at, error)
    }

    fn look_failed(mut self: Box<Self>, now: Instant, error: Error) -> Step {
        if let ErrorKind::NotFound(_) = error.kind() {
            if self.call == Call::GetDevice {
                return self.gone(Some(false));
            }
            self.missing = Some(error);
            return self.look(now, Call::GetDevice);
        }
        match self.retry.again(now, &error, true) {
            Next::Now => self.send(),
            Next::At(at) => self.wait(at, Some(error)),
            Next::GiveUp => self.cannot_tell(Some(error)),
        }
    }

    /// Turns to a look, as soon as the server allows it.
    fn look(mut self: Box<Self>, now: Instant, call: Call) -> Step {
        self.call = call;
        self.retry.failures = 0;
        match self.retry.allowed(now) {
            Some(at) if at > now => self.wait(at, None),
            Some(_) => self.send(),
            None => self.cannot_tell(None),
        }
    }

    fn send(mut self: Box<Self>) -> Step {
        self.retry.attempts += 1;
        self.error = None;
        Step::Send(Attempt::new(self))
    }

    fn wait(mut self: Box<Self>, until: Instant, error: Option<Error>) -> Step {
        self.error = error;
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

    fn gone(mut self: Box<Self>, device_exists: Option<bool>) -> Step {
        let missing = self.missing.take();
        match missing {
            Some(missing) if !(self.accepted || self.in_doubt) => self.fail(missing, device_exists),
            missing => match self.conclude(Verdict::Gone, missing) {
                Step::Done(Ok(outcome)) => Step::Done(Ok(Outcome {
                    device_exists,
                    ..outcome
                })),
                step => step,
            },
        }
    }

    fn conclude(self: Box<Self>, verdict: Verdict, error: Option<Error>) -> Step {
        // It is a look that failed, so it says nothing of what was delivered.
        let error = error.map(|error| error.of(&self.name).of_read(self.retry.attempts));
        Step::Done(Ok(Outcome {
            verdict,
            attempts: self.retry.attempts,
            operation: self.operation,
            error,
            device_exists: None,
        }))
    }

    fn fail(self: Box<Self>, error: Error, device_exists: Option<bool>) -> Step {
        let error = error.of(&self.name);
        Step::Done(Err(error.concluded(
            self.retry.attempts,
            self.in_doubt,
            device_exists,
        )))
    }
}

impl Machine<Outcome> for State {
    fn name(&self) -> &str {
        self.name.as_str()
    }

    fn call(&self) -> Call {
        self.call
    }

    fn number(&self) -> u32 {
        self.retry.attempts
    }

    fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    fn transmit(&self, now: Instant) -> Transmit {
        let request = match self.call {
            Call::Cancel => wire::cancel(&self.endpoint, &self.name),
            Call::GetDevice => wire::get_device(&self.endpoint, &self.name.device()),
            // A cancellation makes no list.
            _ => wire::get(&self.endpoint, &self.name),
        };
        self.retry.transmit(now, self.call, request)
    }

    fn response(mut self: Box<Self>, now: Instant, view: View<'_>) -> Step {
        self.retry.answered();
        let result = match self.call {
            Call::Cancel => view.cancel().map(|()| None),
            Call::GetDevice => view.device(&self.name.device()).map(|()| None),
            _ => view.operation_of_then(&self.name).map(Some),
        };
        if result.is_ok() {
            self.retry.heard();
        }
        match (result, self.call) {
            (Err(error), _) => self.failed(now, error),
            (Ok(Some(operation)), _) => self.told(now, operation, view),
            (Ok(None), Call::Cancel) => self.accepted(now),
            (Ok(None), _) => self.gone(Some(true)),
        }
    }

    fn failed(mut self: Box<Self>, now: Instant, error: Error) -> Step {
        self.retry.failed(now, &error);
        match self.call {
            Call::Cancel => self.cancel_failed(now, error),
            // What only asks cannot have delivered a cancellation.
            _ => self.look_failed(now, error.of_read(0)),
        }
    }

    fn resume(mut self: Box<Self>, now: Instant) -> Step {
        if !self.retry.is_too_late(now) {
            return self.send();
        }
        match (self.call, self.error.take()) {
            (Call::Cancel, Some(error)) => self.fail(error, None),
            (_, error) => self.cannot_tell(error),
        }
    }

    fn postpone(&mut self, by: Duration) {
        self.retry.deadline += by;
    }

    fn heard(&mut self) {
        self.retry.heard();
    }

    fn excuse(&mut self, error: &Error) {
        self.retry.excused(error);
        self.in_doubt |= self.call == Call::Cancel && error.kind().maybe_delivered();
    }

    fn abandon(mut self: Box<Self>, error: Error) -> Step {
        self.retry.attempts -= 1;
        match self.call {
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

/// How long until an operation that is not done counts as expired, by the server's own clock.
fn expires(
    operation: &Operation,
    server_time: Option<Timestamp>,
    margin: Duration,
) -> Option<Duration> {
    if operation.error.is_some() || operation.has_response {
        // It has ended in some way and is about to say so: nothing to calm anybody with.
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
