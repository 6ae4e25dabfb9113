//! The schedule: the choice of the next request.

use std::sync::Arc;
use std::time::Duration;

use countermand_core::{
    Attempt, Call, Cancellation, Cause, Error, OperationName, Resource, Response, Step, Time,
    Transmit,
};

use crate::event::{Event, NextStep, Ticket};
use crate::in_flight::{Flight, Sending};
use crate::list::Listing;
use crate::queue::{Fresh, Job, Parked, Waiting};
use crate::scheduler::Scheduler;

/// Time for which the lists of operations wait for those of parents, so that it is known which parent
/// was seen last. The first cancel is not kept longer.
const HEAD_START: Duration = Duration::from_secs(5);

impl Scheduler {
    /// The next step of a driver.
    pub fn next_step(&mut self, now: Time) -> NextStep {
        loop {
            self.queue.wake(now);
            if self.scope.stopped().is_some() {
                self.queue.wake_all();
            } else if self.flying.len() >= self.in_flight || self.circuit.is_probing() {
                return NextStep::Idle;
            }
            let lists = self.lists_wait(now);
            let Some(class) = self.queue.class(lists.is_some()) else {
                let wake = self.queue.next_wake().into_iter().chain(lists).min();
                return match wake {
                    Some(until) => NextStep::Wait(until),
                    None if self.closed && self.flying.is_empty() => NextStep::Done,
                    None => NextStep::Idle,
                };
            };
            let allowed = self
                .rate_limiter
                .project_allowed(now)
                .max(self.circuit.allowed(now));
            let room = self.room_at(class, now);
            let at = allowed.max(room);
            if at > now && self.scope.stopped().is_none() {
                if let Some(cause) = self.unreachable(now) {
                    self.halt(cause);
                    continue;
                }
                let until = at.min(self.gives_up_at().unwrap_or(at));
                // What wakes earlier cannot be sent earlier either, unless it is given room.
                let wake = self.queue.next_wake().into_iter().chain(lists).min();
                let wake = wake
                    .filter(|_| room > allowed)
                    .map(|wake| wake.max(allowed));
                return NextStep::Wait(wake.map_or(until, |wake| until.min(wake)));
            }
            let Some(job) = self.queue.pop(class) else {
                continue;
            };
            if let Some(cause) = self.scope.left_alone(|| job.denied_resource()) {
                self.give_up(job, now, cause);
                continue;
            }
            let at = self
                .rate_limiter
                .resource_allowed(now, class.call(), job.quota_resource());
            if at > now {
                self.queue.later(at, job);
                continue;
            }
            if let Some(step) = self.send(job, now) {
                return step;
            }
        }
    }

    /// End of the time in which lists of operations wait for lists of parents.
    pub(crate) fn lists_wait(&self, now: Time) -> Option<Time> {
        let until = self.searching_since? + HEAD_START;
        // One that waits to be sent has its turn before them anyway.
        let going_on = self.flying_lists.parents > 0;
        (now < until && going_on && self.scope.stopped().is_none()).then_some(until)
    }

    /// The request of a job; `None` where it ended without one.
    pub(crate) fn send(&mut self, job: Job, now: Time) -> Option<NextStep> {
        match job {
            Job::Operation(waiting) => self.send_operation(waiting, now),
            Job::List(listing) => self.send_list(listing, now),
        }
    }

    pub(crate) fn send_operation(&mut self, waiting: Waiting, now: Time) -> Option<NextStep> {
        let (name, step) = self.begin(waiting, now);
        let Step::Send(attempt) = step else {
            // It was to be looked at, and its service has no method for that.
            self.place(name, step, Call::Get, now);
            return None;
        };
        let resource = Resource::Operation(name);
        Some(self.launch(resource, Flight::Operation(attempt), now))
    }

    pub(crate) fn send_list(&mut self, listing: Box<Listing>, now: Time) -> Option<NextStep> {
        let (listing, step) = self.begin_list(listing, now);
        let Step::Send(attempt) = step else {
            // The service has no such method, or the endpoint is that of another one.
            self.place_list(listing, step, now);
            return None;
        };
        if listing.is_of_parents() {
            self.searching_since.get_or_insert(now);
        }
        *self.flying_lists.of(&listing) += 1;
        let resource = listing.resource().clone();
        Some(self.launch(resource, Flight::List(listing, attempt), now))
    }

    /// Takes note of a request that is about to leave.
    pub(crate) fn launch(&mut self, resource: Resource, flight: Flight, now: Time) -> NextStep {
        let (call, attempt, transmit) = match &flight {
            Flight::Operation(attempt) => described(attempt, now),
            Flight::List(_, attempt) => described(attempt, now),
        };
        let reservation = self.rate_limiter.reserve(call, resource.quota_resource());
        let probe = self.circuit.sending();
        self.events.push_back(Event::Sending {
            resource: resource.clone(),
            call,
        });
        let number = self.tickets;
        self.tickets += 1;
        let flying = Sending {
            flight,
            call,
            first_cancel: call == Call::Cancel && attempt == 1,
            probe,
            handed_out: now,
            departing: Some((reservation, resource.clone())),
        };
        let ticket = Ticket {
            id: self.flying.insert(number, flying),
            resource,
            call,
            attempt,
        };
        NextStep::Send(ticket, transmit)
    }

    /// The next request of a list: a page is asked for, or asked for again.
    pub(crate) fn begin_list(
        &mut self,
        mut listing: Box<Listing>,
        now: Time,
    ) -> (Box<Listing>, Step<Response>) {
        listing.begun = true;
        if let Some((mut attempt, since)) = listing.attempt.take() {
            attempt.postpone(now - since);
            return (listing, Step::Send(attempt));
        }
        let fetch = listing
            .next_fetch()
            .expect("a list that has come to its end is not queued");
        let fetch = match &self.endpoint {
            Some(endpoint) => fetch.endpoint(Arc::clone(endpoint)),
            None => fetch,
        };
        let fetch = fetch.policy(Arc::clone(&self.policy));
        let step = fetch.start(now, self.rng.next());
        (listing, step)
    }

    /// The next request of a job: a cancellation begins, or goes on where it was parked.
    pub(crate) fn begin(&mut self, waiting: Waiting, now: Time) -> (OperationName, Step) {
        match waiting {
            Waiting::Fresh(Fresh {
                name,
                phase,
                attempts,
            }) => {
                let seed = self.rng.next();
                let cancellation = Cancellation::new(name.clone());
                let cancellation = match &self.endpoint {
                    Some(endpoint) => cancellation.endpoint(Arc::clone(endpoint)),
                    None => cancellation,
                };
                let cancellation = cancellation.policy(Arc::clone(&self.policy));
                (name, cancellation.begin(phase, attempts, now, seed))
            }
            Waiting::Parked(Parked {
                name,
                mut attempt,
                since,
            }) => {
                attempt.postpone(now - since);
                (name, Step::Send(attempt))
            }
        }
    }

    /// Ends a job without a request, with what is known.
    pub(crate) fn give_up(&mut self, job: Job, now: Time, cause: Cause) {
        let error = Error::not_attempted(cause);
        match job {
            Job::Operation(waiting) => {
                let (name, step) = self.begin(waiting, now);
                let (call, step) = match step {
                    Step::Send(attempt) => (attempt.call(), attempt.abandon(error)),
                    step => (Call::Get, step),
                };
                self.place(name, step, call, now);
            }
            Job::List(mut listing) => match listing.attempt.take() {
                Some((attempt, _)) => {
                    let step = attempt.abandon(error);
                    self.place_list(listing, step, now);
                }
                None => self.not_listed(&listing, error.with_resource(listing.resource().clone())),
            },
        }
    }
}

/// Description of a request, for the ticket and the transport.
fn described<T>(attempt: &Attempt<T>, now: Time) -> (Call, u32, Transmit) {
    (attempt.call(), attempt.number(), attempt.transmit(now))
}
