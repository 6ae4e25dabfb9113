//! Retries: the one place where the retry table becomes a schedule.

use std::sync::Arc;
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::error_kind::ErrorKind;
use crate::error_table::RetryAction;
use crate::policy::Policy;
use crate::request::Request;
use crate::rng::{Rng, doubled};
use crate::time::Time;
use crate::transmit::{Departure, Transmit};
use crate::transport_error::{TransportError, TransportErrorKind};

/// An attempt gets at least this long, however near the deadline is: less would only fail.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(1);

/// No timer fires exactly when asked, and the last look stands exactly at the deadline.
const TIMER_SLACK: Duration = Duration::from_secs(1);

/// Step after a failure.
pub(crate) enum Next {
    /// Send it again at once.
    Now,
    /// Send it again then.
    At(Time),
    /// Leave it.
    GiveUp,
}

/// The request of one machine, its failures so far, and its clock.
pub(crate) struct Retry {
    /// Outstanding, or sent after the pause.
    pub(crate) request: Request,
    endpoint: Arc<Endpoint>,
    /// The failure that the machine pauses for.
    pub(crate) error: Option<Error>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) rng: Rng,
    pub(crate) deadline: Time,
    /// Requests of every kind that left, or may have, an outstanding one included.
    pub(crate) attempts: u32,
    /// Failures of the current call.
    pub(crate) failures: u32,
    /// No request before this: the server said so.
    not_before: Time,
    backoffs: u32,
    /// Requests sent again without counting as failures.
    resends: u32,
    /// The next request needs a fresh token; and whether one was asked for before.
    reauthorize: bool,
    reauthorized: bool,
    /// The API has answered at least once, so that a stranger's answer is worth another attempt.
    heard: bool,
    /// The endpoint is Google's host of another service.
    wrong_endpoint: bool,
}

impl Retry {
    /// At the root endpoint of the service, if none is given.
    pub(crate) fn new(
        request: Request,
        endpoint: Option<Arc<Endpoint>>,
        policy: Option<Arc<Policy>>,
        now: Time,
        seed: u64,
    ) -> Self {
        let policy = policy.unwrap_or_default();
        let service = request.service();
        let wrong_endpoint = endpoint
            .as_ref()
            .is_some_and(|endpoint| !service.may_be_at(endpoint));
        Self {
            endpoint: endpoint.unwrap_or_else(|| Arc::new(service.endpoint())),
            request,
            error: None,
            rng: Rng::new(seed),
            deadline: now + policy.deadline,
            policy,
            attempts: 0,
            failures: 0,
            not_before: now,
            backoffs: 0,
            resends: 0,
            reauthorize: false,
            reauthorized: false,
            heard: false,
            wrong_endpoint,
        }
    }

    /// The refusal of an endpoint of another service.
    pub(crate) fn wrong_endpoint(&self) -> Option<Error> {
        self.wrong_endpoint.then(|| {
            let message = format!(
                "{} is the endpoint of another service than that of the name: give the endpoint of its service",
                self.endpoint
            );
            TransportError::new(TransportErrorKind::NotAllowed, message).into()
        })
    }

    pub(crate) fn transmit(&self, now: Time) -> Transmit {
        let left = self.deadline - now;
        Transmit {
            request: self.request.http(&self.endpoint),
            timeout: self.policy.attempt_timeout.min(left.max(SHORTEST_ATTEMPT)),
            reauthorize: self.reauthorize,
            wrong_endpoint: self.wrong_endpoint,
            body_cap: self.request.call().body_cap(),
            departure: Departure::default(),
        }
    }

    /// Takes note of any answer: a fresh token was for that request only.
    pub(crate) fn answered(&mut self) {
        self.reauthorize = false;
    }

    /// Takes note that the API is there.
    pub(crate) const fn heard(&mut self) {
        self.heard = true;
    }

    /// True where nothing says that the API is there, and this is the answer of something else.
    pub(crate) fn is_elsewhere(&self, error: &Error) -> bool {
        !self.heard && error.kind().is_not_the_api()
    }

    /// Takes note of a good answer.
    pub(crate) fn succeeded(&mut self) {
        self.reauthorized = false;
        self.failures = 0;
        self.backoffs = 0;
    }

    /// Takes note of a failed attempt, before anything is decided about it.
    pub(crate) fn failed(&mut self, now: Time, error: &Error) {
        self.reauthorize = false;
        self.heard |= error.kind().is_of_the_api();
        self.not_left(error);
        if let Some(delay) = error.kind().server_delay() {
            self.not_before = now + delay;
        }
    }

    /// An attempt that never left is none.
    fn not_left(&mut self, error: &Error) {
        self.attempts = self
            .attempts
            .saturating_sub(u32::from(!error.kind().may_have_left()));
    }

    /// Takes note of a failure that does not count against the machine; the same request is sent again.
    pub(crate) fn excused(&mut self, error: &Error) {
        self.not_left(error);
        self.attempts += 1;
    }

    /// Decides on the next attempt of the same request.
    ///
    /// `last_look` is for requests that only ask: their pause is cut at the deadline, so that the
    /// time that is left serves for one more look.
    pub(crate) fn again(&mut self, now: Time, error: &Error, last_look: bool) -> Next {
        if now >= self.deadline || self.is_elsewhere(error) {
            return Next::GiveUp;
        }
        match error.kind().retry_action() {
            RetryAction::Fail => return Next::GiveUp,
            RetryAction::RefreshToken if self.reauthorized => return Next::GiveUp,
            RetryAction::RefreshToken => {
                self.reauthorized = true;
                self.reauthorize = true;
                return self.as_allowed(now);
            }
            RetryAction::Immediate if self.resends < self.policy.attempts_allowed() => {
                self.resends += 1;
                return self.as_allowed(now);
            }
            RetryAction::Immediate | RetryAction::Backoff | RetryAction::Poll => {}
        }
        self.failures += 1;
        if self.failures >= self.policy.attempts_allowed() {
            return Next::GiveUp;
        }
        let at = now + self.pause_after(now, error);
        match () {
            () if at <= self.deadline => Next::At(at),
            () if last_look && self.not_before <= self.deadline => Next::At(self.deadline),
            () => Next::GiveUp,
        }
    }

    /// At once, unless the server asked for silence.
    fn as_allowed(&self, now: Time) -> Next {
        match self.allowed(now) {
            Some(at) if at > now => Next::At(at),
            Some(_) => Next::Now,
            None => Next::GiveUp,
        }
    }

    fn pause_after(&mut self, now: Time, error: &Error) -> Duration {
        let delay = error.kind().server_delay();
        if let (None, ErrorKind::ResourceExhausted(_)) = (delay, error.kind()) {
            self.backoffs = 0;
            let pause = self.policy.quota_pause;
            let pause = pause + self.rng.up_to(pause / 10);
            // As if the server had said so: until then a look would be refused as well.
            self.not_before = now + pause;
            return pause;
        }
        match delay {
            Some(delay) => {
                self.backoffs = 0;
                delay
            }
            None => self.backoff(),
        }
    }

    /// The next pause without a word from the server: full jitter.
    pub(crate) fn backoff(&mut self) -> Duration {
        let longest = doubled(self.policy.backoff, self.backoffs, self.policy.backoff_cap);
        self.backoffs += 1;
        self.rng.up_to(longest)
    }

    /// True after a pause so long that its request must not start any more. A timer that fires
    /// a little after the deadline is not late.
    pub(crate) fn is_too_late(&self, now: Time) -> bool {
        now > self.deadline + TIMER_SLACK
    }

    /// The first moment at which the server allows a request, if that is before the deadline.
    pub(crate) fn allowed(&self, now: Time) -> Option<Time> {
        let at = self.not_before.max(now);
        (at <= self.deadline).then_some(at)
    }
}
