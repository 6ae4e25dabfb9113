//! The steps every machine of this crate is driven by.

use std::fmt;
use std::time::Duration;

use http::Response;

use crate::call::Call;
use crate::error::Error;
use crate::outcome::Outcome;
use crate::retry::Retry;
use crate::time::Time;
use crate::transmit::Transmit;
use crate::transport_error::TransportError;
use crate::view::View;
use crate::words::words;

/// The next step of a machine, until there is a `T`.
///
/// [`run`](Self::run) and [`run_async`](Self::run_async) carry it out to the end. A loop of your own does the
/// same: each step is consumed by doing it, so exactly one thing is outstanding, and only
/// [`Done`](Self::Done) ends it:
///
/// ```
/// use countermand_core::{Cancellation, Error, Outcome, Step, Time, Transmit, TransportError};
///
/// fn countermand(
///     cancellation: Cancellation,
///     now: impl Fn() -> Time,
///     send: impl Fn(Transmit) -> Result<http::Response<Vec<u8>>, TransportError>,
/// ) -> Result<Outcome, Error> {
///     let mut step = cancellation.start(now(), 1);
///     loop {
///         step = match step {
///             Step::Send(attempt) => match send(attempt.transmit(now())) {
///                 Ok(response) => attempt.response(now(), &response),
///                 Err(error) => attempt.failed(now(), error),
///             },
///             Step::Wait(pause) => {
///                 std::thread::sleep(pause.until() - now());
///                 pause.resume(now())
///             }
///             Step::Done(result) => return result,
///         };
///     }
/// }
/// ```
///
/// A loop that stops at the first pause, or after the cancel, has no outcome to return:
///
/// ```compile_fail,E0308
/// # use countermand_core::{Cancellation, Error, Outcome, Step, Time, Transmit};
/// # fn countermand(
/// #     cancellation: Cancellation,
/// #     now: impl Fn() -> Time,
/// #     send: impl Fn(Transmit) -> http::Response<Vec<u8>>,
/// # ) -> Result<Outcome, Error> {
/// let mut step = cancellation.start(now(), 1);
/// while let Step::Send(attempt) = step {
///     let response = send(attempt.transmit(now()));
///     step = attempt.response(now(), &response);
/// }
/// step // a `Step`, and no `Result<Outcome, Error>`
/// # }
/// ```
///
/// A step that is made and not done is a warning of the compiler (`unused_must_use`), here an error:
///
/// ```compile_fail
/// #![deny(unused_must_use)]
/// # use countermand_core::{Attempt, Time};
/// # fn only_sends(attempt: Attempt, now: Time, response: http::Response<Vec<u8>>) {
/// attempt.response(now, &response);
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a machine goes on only by doing what its step says"]
#[expect(clippy::exhaustive_enums, reason = "a driver does each of them")]
pub enum Step<T = Outcome> {
    /// Send a request and bring its answer.
    Send(Attempt<T>),
    /// Wait until a point in time.
    Wait(Pause<T>),
    /// The end.
    Done(Result<T, Error>),
}

words! {
    /// Progress of the cancel of an operation: all that has to be known to take it up again.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    #[expect(clippy::exhaustive_enums, reason = "a journal writes each of them")]
    pub enum Phase {
        /// Nothing was sent for it.
        #[default]
        Unsent = "unsent",
        /// A cancel was sent, and its answer is not known. It is sent again: cancel is idempotent.
        MaybeSent = "maybe_sent",
        /// The server accepted the cancellation: only its effect has to be seen.
        Accepted = "accepted",
    }
}

/// A step machine: its reactions to the events that its steps bring.
pub(crate) trait Machine<T>: Send {
    fn retry(&self) -> &Retry;
    fn retry_mut(&mut self) -> &mut Retry;
    /// The resource that its requests are about.
    fn name(&self) -> &str;
    fn response(self: Box<Self>, now: Time, view: View<'_>) -> Step<T>;
    fn failed(self: Box<Self>, now: Time, error: Error) -> Step<T>;
    /// Goes on after a pause, which may have lasted too long.
    fn resume(self: Box<Self>, now: Time) -> Step<T>;
    /// A failure of all operations, which does not count against this one; it will be sent again.
    fn excuse(&mut self, error: &Error);
    /// Ends it with what is known; the request that it was about to send is not sent.
    fn abandon(self: Box<Self>, error: Error) -> Step<T>;
    /// Progress of the cancel by the requests that were answered or may have left.
    fn phase(&self) -> Phase;
}

/// One request to be sent; consumed by its answer or its failure.
#[must_use = "an attempt goes on by its response or its failure"]
pub struct Attempt<T = Outcome>(Box<dyn Machine<T>>);

impl<T> Attempt<T> {
    pub(crate) fn new(machine: Box<dyn Machine<T>>) -> Self {
        Self(machine)
    }

    /// The first step: it ends here if the endpoint is one of another service, where neither the request nor its
    /// token belongs.
    pub(crate) fn first(self) -> Step<T> {
        match self.0.retry().wrong_endpoint() {
            None => Step::Send(self),
            Some(error) => self.0.abandon(error),
        }
    }

    /// The request to be sent now, with its time-out.
    #[must_use]
    pub fn transmit(&self, now: Time) -> Transmit {
        self.0.retry().transmit(now)
    }

    /// Goes on with the server's answer, complete with its body.
    pub fn response<B: AsRef<[u8]>>(self, now: Time, response: &Response<B>) -> Step<T> {
        let view = View::of(self.0.retry().request.service(), response);
        self.0.response(now, view)
    }

    /// Goes on without an answer.
    pub fn failed(self, now: Time, error: TransportError) -> Step<T> {
        self.0.failed(now, error.into())
    }

    /// Goes on without a usable answer, for an error that a scheduler has read already.
    pub fn fail(self, now: Time, error: Error) -> Step<T> {
        self.0.failed(now, error)
    }

    /// Ends the machine with what is known; this request is not sent.
    pub fn abandon(self, error: Error) -> Step<T> {
        self.0.abandon(error)
    }

    /// Adds time for which a scheduler kept the request waiting to the deadline.
    pub fn postpone(&mut self, by: Duration) {
        self.0.retry_mut().deadline += by;
    }

    /// Tells the machine that the API has answered other requests, so that an answer of something else is
    /// worth another attempt.
    pub fn heard(&mut self) {
        self.0.retry_mut().heard();
    }

    /// Leaves a failure that concerns every operation out of the failures of this one; the same request is
    /// sent again.
    pub fn excuse(&mut self, error: &Error) {
        self.0.excuse(error);
    }

    /// The name of the resource it is about.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// True where the server has accepted the cancellation.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.phase() == Phase::Accepted
    }

    /// The progress of the cancel without this request.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.0.phase()
    }

    /// The method that it calls.
    #[must_use]
    pub fn call(&self) -> Call {
        self.0.retry().request.call()
    }

    /// The number of this request among those of its machine, from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.0.retry().attempts
    }
}

/// A point in time to wait for.
#[must_use = "a pause goes on by resuming it"]
pub struct Pause<T = Outcome> {
    until: Time,
    machine: Box<dyn Machine<T>>,
}

impl<T> Pause<T> {
    pub(crate) fn new(until: Time, machine: Box<dyn Machine<T>>) -> Self {
        Self { until, machine }
    }

    /// Time to resume at. Resuming earlier gives the same pause again.
    #[must_use]
    pub const fn until(&self) -> Time {
        self.until
    }

    /// Error that it waits for, if a request failed; `None` between two looks at a pending operation.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.machine.retry().error.as_ref()
    }

    /// The name of the resource it is about.
    #[must_use]
    pub fn name(&self) -> &str {
        self.machine.name()
    }

    /// The progress of the cancel by the requests so far.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.machine.phase()
    }

    /// The method of the request that follows.
    #[must_use]
    pub fn call(&self) -> Call {
        self.machine.retry().request.call()
    }

    /// Goes on. If that is more than a second after the deadline (the machine slept, the loop
    /// stalled), nothing more is sent.
    pub fn resume(self, now: Time) -> Step<T> {
        if now < self.until {
            return Step::Wait(self);
        }
        self.machine.resume(now)
    }

    /// Ends the machine with what is known; nothing more is sent.
    pub fn abandon(self, error: Error) -> Step<T> {
        match self.machine.resume(self.until) {
            Step::Send(attempt) => attempt.abandon(error),
            step => step,
        }
    }
}

impl<T> fmt::Debug for Attempt<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("name", &self.name())
            .field("call", &self.call())
            .field("number", &self.number())
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Pause<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pause")
            .field("name", &self.name())
            .field("until", &self.until)
            .field("error", &self.error())
            .finish_non_exhaustive()
    }
}
