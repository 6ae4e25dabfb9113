//! Answers: their meaning for an operation or a list, and for all of them.

use std::time::Duration;

use countermand_core::{
    Attempt, Call, Cause, Error, ErrorKind, FailureScope, OperationName, Outcome, Phase, Resource,
    Response, RetryAction, Step, Time, TransportError,
};

use crate::event::{Event, Ticket};
use crate::in_flight::{Flight, Sending};
use crate::list::Listing;
use crate::outage;
use crate::queue::{Fresh, Job, Parked, Waiting};
use crate::quota::Window;
use crate::scheduler::Scheduler;

/// Pauses with nothing but refusals in between after which the scheduler stops.
const PAUSES: u32 = 10;

/// A server that asks for a longer pause does not mean it; no window of a quota is longer.
const LONGEST_HOLD: Duration = Duration::from_secs(3600);

impl Scheduler {
    /// Takes the answer of a request, or why there is none.
    ///
    /// The ticket of an answer that was brought before is ignored.
    pub fn answer<B: AsRef<[u8]>>(
        &mut self,
        ticket: Ticket,
        now: Time,
        result: Result<&http::Response<B>, TransportError>,
    ) {
        let Some(flying) = self.flying.remove(ticket.id) else {
            return;
        };
        let resource = ticket.resource;
        let result = match result {
            Ok(response) => resource
                .service()
                .check_success(response)
                .map(|()| response),
            Err(error) => Err(Error::from(error)),
        };
        let sending = self.settle(flying, result.as_ref().err(), now);
        // An error concerns all requests or this one alone; everything else is this request's.
        let (result, excused) = match result {
            Ok(response) => {
                self.heard = true;
                self.answered();
                self.scope
                    .allowed(ticket.call, || resource.denied_resource());
                (Ok(response), false)
            }
            Err(error) => {
                let sent = (ticket.call, sending.probe, sending.handed_out);
                let excused = self.is_excused(&resource, &error, sent, now);
                (Err(error), excused)
            }
        };
        let error = result.as_ref().err();
        let cause = error.and_then(concerns_everything);
        let silent_until = error.and_then(|error| silence(error, now));
        let left = error.is_some_and(|error| error.kind().may_have_left());
        let refused = left && ticket.call == Call::Cancel;
        match (sending.flight, resource) {
            (Flight::Operation(attempt), Resource::Operation(name)) => {
                match went_on(attempt, result, excused, self.heard, now) {
                    Ok(step) => {
                        let phase = match &step {
                            Step::Send(attempt) => Some(attempt.phase()),
                            Step::Wait(pause) => Some(pause.phase()),
                            Step::Done(_) => None,
                        };
                        self.tell_refused(&name, phase.filter(|_| refused));
                        self.halt_if_over(&step, cause);
                        self.place(name, step, ticket.call, now);
                    }
                    Err(attempt) => {
                        self.tell_refused(&name, refused.then(|| attempt.phase()));
                        let parked = Parked {
                            name,
                            attempt,
                            since: now,
                        };
                        match silent_until {
                            Some(at) => {
                                let waiting = Waiting::Parked(parked);
                                self.queue.later(at, Job::Operation(waiting));
                            }
                            None => self.queue.park(parked, true),
                        }
                    }
                }
            }
            (Flight::List(mut listing, attempt), _) => {
                self.finds.took = now - sending.handed_out;
                *self.flying_lists.of(&listing) -= 1;
                match went_on(attempt, result, excused, self.heard, now) {
                    Ok(step) => {
                        self.halt_if_over(&step, cause);
                        self.place_list(listing, step, now);
                    }
                    Err(attempt) => {
                        listing.attempt = Some((attempt, now));
                        match silent_until {
                            Some(at) => self.queue.later(at, Job::List(listing)),
                            None => self.queue.list(listing),
                        }
                    }
                }
            }
            (Flight::Operation(_), _) => unreachable!("a cancellation is about an operation"),
        }
    }

    /// Tells that a cancel was refused, where that leaves none in doubt.
    fn tell_refused(&mut self, name: &OperationName, phase: Option<Phase>) {
        if phase == Some(Phase::Unsent) {
            let name = name.clone();
            self.events.push_back(Event::Refused { name });
        }
    }

    /// Tells whether a request was sent, now that its answer shows it.
    pub(crate) fn settle(
        &mut self,
        mut flying: Sending,
        error: Option<&Error>,
        now: Time,
    ) -> Sending {
        let call = flying.call;
        match (error, flying.departing.take()) {
            (_, None) => {}
            (Some(error), Some((reservation, resource))) if !error.kind().may_have_left() => {
                self.rate_limiter.release(reservation);
                self.events.push_back(Event::NotSent {
                    resource,
                    call,
                    phase: match &flying.flight {
                        Flight::Operation(attempt) => attempt.phase(),
                        Flight::List(..) => Phase::Unsent,
                    },
                    cause: outage::cause(error),
                });
            }
            (_, departing) => self.note_sent(departing, flying.first_cancel, call, now),
        }
        flying
    }

    /// Takes a failure for what it concerns; `true` if that is not the operation.
    pub(crate) fn is_excused(
        &mut self,
        resource: &Resource,
        error: &Error,
        (call, probe, handed_out): (Call, bool, Time),
        now: Time,
    ) -> bool {
        let kind = error.kind();
        if let (ErrorKind::ResourceExhausted(answer), RetryAction::Backoff) =
            (kind, kind.retry_action())
        {
            let limit = answer.quota_limit();
            let window = answer
                .project_quota()
                .map(|(limit, span)| Window::new(limit, span));
            if let Some(window) = window {
                self.rate_limiter.lower(window.limit(), window.span());
            }
            self.heard = true;
            self.circuit_answered();
            return self.pause(error, limit, window, now);
        }
        if kind.retry_action() == RetryAction::Backoff {
            let first = self.failures.failed(error, handed_out);
            let connection = match kind {
                ErrorKind::Transport(error) => error.connection(),
                _ => None,
            };
            let failed = self.circuit.failed(now, probe, connection);
            let (mut opens, mut excused) = (failed.opens, failed.excused);
            // A job gives up no operation of which nothing left; the circuit sees to it that it is not
            // asked for all the time.
            excused |= self.probes_on && !kind.may_have_left();
            if kind.is_not_the_api() {
                // As long as the API itself has not answered, one answer of something else is enough.
                opens |= !self.heard && self.circuit.open(now);
                excused |= self.circuit.is_open();
                if self.circuit.is_open() && !self.probes_on {
                    self.halt(kind.into());
                    return false;
                }
            }
            let unreachable = self.unreachable(now);
            // It is retried: where everything stops, the cause is told with that.
            if first && unreachable.is_none() {
                self.failing();
            }
            if opens {
                let cause = outage::cause(error);
                self.events.push_back(Event::CircuitOpened { cause });
            }
            if let Some(cause) = unreachable {
                self.halt(cause);
            }
            return excused;
        }
        self.heard |= kind.is_of_the_api();
        self.answered();
        match kind {
            ErrorKind::PermissionDenied(_)
                if kind.failure_scope() == FailureScope::DeniedResource =>
            {
                let denied = resource.denied_resource();
                if self.scope.denied(denied, kind.into()) {
                    let resource = denied.into();
                    self.events.push_back(Event::ResourceClosed { resource });
                }
            }
            ErrorKind::Unimplemented(_) => {
                if self.scope.unimplemented() {
                    self.halt(kind.into());
                }
            }
            _ => self.scope.allowed(call, || resource.denied_resource()),
        }
        false
    }

    /// Tells a passing failure, the first of its kind.
    pub(crate) fn failing(&mut self) {
        if let Some(outage) = self.failures.outage() {
            let (key, cause) = (outage.key, outage.cause.clone());
            self.events.push_back(Event::Failing { key, cause });
        }
    }

    /// Pauses every request; `false` if waiting has not helped before.
    pub(crate) fn pause(
        &mut self,
        error: &Error,
        limit: Option<u64>,
        window: Option<Window>,
        now: Time,
    ) -> bool {
        let pause = asked_delay(error).unwrap_or(self.policy.get_quota_pause());
        let paused = self.rate_limiter.paused_until(now);
        let until = match paused {
            None => {
                self.pauses += 1;
                now + pause + self.rng.up_to(pause / 10)
            }
            // One of those that were under way: it may know of a window that is shut longer.
            Some(_) => now + pause,
        };
        if paused.is_none_or(|paused| paused < until) {
            self.rate_limiter.pause_until(until);
            self.events.push_back(Event::Paused {
                until,
                limit,
                window,
            });
        }
        if self.pauses >= PAUSES {
            self.halt(error.kind().into());
        }
        self.pauses < PAUSES
    }

    /// An answer came that tells nothing against the server.
    pub(crate) fn answered(&mut self) {
        self.pauses = 0;
        self.circuit_answered();
    }

    pub(crate) fn circuit_answered(&mut self) {
        self.failures.answered();
        if self.circuit.answered() {
            self.events.push_back(Event::CircuitClosed);
        }
    }

    /// Stops everything for the failure that ended a machine, if it concerns everything: whatever
    /// the result is, which need not show it.
    pub(crate) fn halt_if_over<T>(&mut self, step: &Step<T>, cause: Option<Cause>) {
        if let (Step::Done(_), Some(cause)) = (step, cause) {
            self.halt(cause);
        }
    }

    /// Puts an operation where its next step belongs, after a call or instead of it.
    pub(crate) fn place(&mut self, name: OperationName, step: Step, call: Call, now: Time) {
        match step {
            Step::Send(attempt) if call == Call::Cancel && attempt.accepted() => {
                self.accepted(&name);
                // Its machine has nothing to remember but the requests so far.
                let attempts = attempt.number() - 1;
                self.queue.fresh(Fresh {
                    name,
                    phase: Phase::Accepted,
                    attempts,
                });
            }
            Step::Send(attempt) => {
                // The same again, with a fresh token or on another stream: its turn it has had.
                let front = attempt.call() == call;
                let parked = Parked {
                    name,
                    attempt,
                    since: now,
                };
                self.queue.park(parked, front);
            }
            Step::Wait(pause) => self.queue.pause(name, pause),
            Step::Done(result) => {
                // Without a look afterwards, this is all that a cancel comes to.
                let accepted = matches!(&result, Ok(outcome) if outcome.error.is_none());
                if accepted && call == Call::Cancel {
                    self.accepted(&name);
                }
                self.finish(name, result);
            }
        }
    }

    /// Puts a list where its next step belongs, or tells what came of it.
    pub(crate) fn place_list(
        &mut self,
        mut listing: Box<Listing>,
        step: Step<Response>,
        now: Time,
    ) {
        match step {
            Step::Send(attempt) => {
                listing.attempt = Some((attempt, now));
                self.queue.list(listing);
            }
            Step::Wait(pause) => self.queue.list_pause(listing, pause),
            Step::Done(Ok(page)) => {
                if !listing.is_of_parents() {
                    self.finds.page();
                }
                let turned = listing.turn(page);
                self.events.push_back(turned.event);
                let resource = listing.resource();
                self.events
                    .extend(turned.unreadable.map(|error| Event::Unreadable {
                        resource: resource.clone(),
                        error,
                    }));
                match turned.lost {
                    Some(error) => self.not_listed(&listing, error),
                    None if listing.is_at_end() => self.progress.listing -= 1,
                    None => self.queue.list(listing),
                }
            }
            Step::Done(Err(error)) => self.not_listed(&listing, error),
        }
    }

    pub(crate) fn not_listed(&mut self, listing: &Listing, error: Error) {
        self.progress.listing -= 1;
        let resource = listing.resource().clone();
        self.events.push_back(Event::NotListed { resource, error });
    }

    fn accepted(&mut self, name: &OperationName) {
        self.progress.accepted += 1;
        let name = name.clone();
        self.events.push_back(Event::Accepted { name });
    }

    pub(crate) fn finish(&mut self, name: OperationName, result: Result<Outcome, Error>) {
        self.progress.finished += 1;
        self.events.push_back(Event::Finished { name, result });
    }
}

/// Delay that the server asked for, as far as it is meant.
fn asked_delay(error: &Error) -> Option<Duration> {
    let delay = error.kind().server_delay();
    delay.map(|delay| delay.min(LONGEST_HOLD))
}

/// End of the pause of a request whose failure concerns all: a failing server may ask for
/// that, while a refusal pauses everything.
fn silence(error: &Error, now: Time) -> Option<Time> {
    let fails = matches!(error.kind(), ErrorKind::Unavailable(_));
    let delay = asked_delay(error).filter(|_| fails);
    delay.map(|delay| now + delay)
}

fn concerns_everything(error: &Error) -> Option<Cause> {
    let kind = error.kind();
    // An answer of something else stops a scheduler by other rules.
    (kind.failure_scope() == FailureScope::Everything && !kind.is_not_the_api())
        .then(|| kind.into())
}

/// Goes on with an answer, or gives the attempt back, because its failure concerns all.
fn went_on<T, B: AsRef<[u8]>>(
    mut attempt: Attempt<T>,
    result: Result<&http::Response<B>, Error>,
    excused: bool,
    heard: bool,
    now: Time,
) -> Result<Step<T>, Attempt<T>> {
    match result {
        Ok(response) => Ok(attempt.response(now, response)),
        Err(error) if excused => {
            attempt.excuse(&error);
            Err(attempt)
        }
        Err(error) => {
            if heard {
                attempt.heard();
            }
            Ok(attempt.fail(now, error))
        }
    }
}
