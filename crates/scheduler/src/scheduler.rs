//! The scheduler: its settings, its state, and what it tells.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use countermand_core::{
    Call, Cause, Endpoint, OperationName, Phase, Policy, Resource, Rng, TicketId, Time,
};

use crate::circuit_breaker::Circuit;
use crate::event::{Event, Progress};
use crate::finds::Finds;
use crate::in_flight::InFlight;
use crate::list::List;
use crate::outage::{Failures, Outage};
use crate::queue::{Lists, Queue};
use crate::quota::Quota;
use crate::rate_limiter::{RateLimiter, Reservation};
use crate::scope::Scope;

/// Many countermands under one quota and one limit of requests in flight.
pub struct Scheduler {
    /// `None`: the root endpoint of the service of each name.
    pub(crate) endpoint: Option<Arc<Endpoint>>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) in_flight: usize,
    pub(crate) rng: Rng,
    pub(crate) rate_limiter: RateLimiter,
    pub(crate) queue: Queue,
    pub(crate) circuit: Circuit,
    pub(crate) failures: Failures,
    pub(crate) scope: Scope,
    pub(crate) flying: InFlight,
    /// Lists among what is in flight.
    pub(crate) flying_lists: Lists,
    /// Yield of the lists so far.
    pub(crate) finds: Finds,
    /// The time of the first request for a list of parents.
    pub(crate) searching_since: Option<Time>,
    pub(crate) tickets: u64,
    pub(crate) closed: bool,
    /// Consecutive answers that paused everything (429).
    pub(crate) pauses: u32,
    /// The API has answered: what else answers is not all there is.
    pub(crate) heard: bool,
    pub(crate) probes_on: bool,
    pub(crate) events: VecDeque<Event>,
    pub(crate) progress: Progress,
}

/// A call of a scheduler is given up later than one that a caller waits for: with a fifth of all
/// answers failing, one in ten million.
const ATTEMPTS: u32 = 10;

fn patient(policy: Arc<Policy>) -> Arc<Policy> {
    match policy.get_max_attempts() {
        Some(_) => policy,
        None => Arc::new(Policy::clone(&policy).max_attempts(ATTEMPTS)),
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler")
            .field("endpoint", &self.endpoint)
            .field("waiting", &self.waiting())
            .field("in_flight", &self.flying.len())
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

impl Scheduler {
    /// A scheduler at the root endpoint of the names' service, with the default quota. The seed spreads the pauses: same
    /// seed, same names and same answers, same schedule.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            endpoint: None,
            policy: patient(Arc::default()),
            in_flight: 100,
            rng: Rng::new(seed),
            rate_limiter: RateLimiter::new(Quota::default()),
            queue: Queue::default(),
            circuit: Circuit::default(),
            failures: Failures::default(),
            scope: Scope::default(),
            flying: InFlight::default(),
            flying_lists: Lists::default(),
            finds: Finds::default(),
            searching_since: None,
            tickets: 0,
            closed: false,
            pauses: 0,
            heard: false,
            probes_on: false,
            events: VecDeque::new(),
            progress: Progress::default(),
        }
    }

    /// The endpoint of the API: the root endpoint of the service of each name unless given.
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<Arc<Endpoint>>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// The policy of each operation. Attempts that were not set are 10 here. The deadline
    /// counts twice, for asking and for looking, and not while the operation waits for its turn.
    #[must_use]
    pub fn policy(mut self, policy: impl Into<Arc<Policy>>) -> Self {
        self.policy = patient(policy.into());
        self
    }

    /// The quota: [`Quota::default`] unless given.
    #[must_use]
    pub fn quota(mut self, quota: Quota) -> Self {
        self.rate_limiter = RateLimiter::new(quota);
        self
    }

    /// The limit of requests in flight: 100 by default, what servers take on one HTTP/2
    /// connection; at least 1.
    #[must_use]
    pub fn in_flight(mut self, requests: usize) -> Self {
        self.in_flight = requests.max(1);
        self
    }

    /// The endpoint, if one was given.
    #[must_use]
    pub fn get_endpoint(&self) -> Option<&Endpoint> {
        self.endpoint.as_deref()
    }

    /// The policy of each operation, with its attempts.
    #[must_use]
    pub fn get_policy(&self) -> &Policy {
        &self.policy
    }

    /// The limit of requests in flight.
    #[must_use]
    pub const fn get_in_flight(&self) -> usize {
        self.in_flight
    }

    /// The quota, with the limits that the server has lowered.
    #[must_use]
    pub const fn get_quota(&self) -> &Quota {
        self.rate_limiter.quota()
    }

    /// Never gives up a server that fails: it is probed until it is back, or the scheduler is
    /// [stopped](Self::stop). Otherwise the scheduler stops by itself when something other than the API
    /// answers, or when nothing but passing failures has come for one deadline, counted from the first
    /// request that failed.
    #[must_use]
    pub const fn probe_on(mut self) -> Self {
        self.probes_on = true;
        self
    }

    /// Takes a name with its progress so far: an [`Accepted`](Phase::Accepted) one is only verified. `false`
    /// if it was pushed before.
    pub fn push(&mut self, name: OperationName, phase: Phase) -> bool {
        let found = phase != Phase::Accepted && self.queue.is_searched(&name);
        if !self.queue.push(name, phase) {
            self.progress.duplicates += 1;
            return false;
        }
        self.finds.operations += usize::from(found);
        self.progress.pushed += 1;
        self.progress.cancels_sent += u64::from(phase == Phase::Accepted);
        self.progress.accepted += u64::from(phase == Phase::Accepted);
        true
    }

    /// Reads a list to its last page, when no cancel needs the quota: its pages come as events, or
    /// that it could not be read. From a page of parents their operations can be searched, from a
    /// page of operations those to be cancelled can be pushed, also after [`close`](Self::close).
    ///
    /// `false` if it was asked for before: a parent that moves from page to page is listed once.
    ///
    /// ```
    /// use std::time::Instant;
    /// use countermand_core::{Call, Phase, Time, Verdict};
    /// use countermand_scheduler::{Event, List, NextStep, Scheduler};
    ///
    /// /// The answers of a server, in the place of your HTTP client.
    /// fn send(call: Call) -> http::Response<&'static str> {
    ///     http::Response::new(match call {
    ///         Call::ListParents => r#"{"devices": [{"name": "enterprises/LC01/devices/3f"}]}"#,
    ///         Call::ListOperations => r#"{"operations": [{"name": "enterprises/LC01/devices/3f/operations/17"}]}"#,
    ///         Call::Cancel => "{}",
    ///         _ => r#"{"name": "enterprises/LC01/devices/3f/operations/17", "done": true, "error": {"code": 1}}"#,
    ///     })
    /// }
    ///
    /// let begun = Instant::now();
    /// let now = || Time::after(begun.elapsed());
    /// let mut scheduler = Scheduler::new(1);
    /// scheduler.search(List::Parents("enterprises/LC01".parse()?));
    /// scheduler.close(); // no more names, but from lists
    /// let mut verdicts = Vec::new();
    /// loop {
    ///     match scheduler.next_step(now()) {
    ///         NextStep::Send(ticket, _) => {
    ///             scheduler.sent(ticket.id(), now());
    ///             let response = send(ticket.call());
    ///             scheduler.answer(ticket, now(), Ok(&response));
    ///         }
    ///         NextStep::Wait(until) => std::thread::sleep(until - now()),
    ///         NextStep::Idle => unreachable!("every answer was brought"),
    ///         NextStep::Done => break,
    ///     }
    ///     while let Some(event) = scheduler.next_event() {
    ///         match event {
    ///             Event::Parents { parents, .. } => {
    ///                 for parent in parents {
    ///                     let seen = parent.active_time;
    ///                     scheduler.search(List::Operations { parent: parent.name, seen, filter: None });
    ///                 }
    ///             }
    ///             Event::Operations { operations, .. } => {
    ///                 for operation in operations.into_iter().filter(|operation| !operation.done) {
    ///                     scheduler.push(operation.name, Phase::Unsent);
    ///                 }
    ///             }
    ///             Event::NotListed { error, .. } => return Err(error.into()), // may have missed some
    ///             Event::Finished { result, .. } => verdicts.push(result?.verdict),
    ///             _ => {}
    ///         }
    ///     }
    /// }
    /// assert_eq!(verdicts, [Verdict::Cancelled]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn search(&mut self, list: List) -> bool {
        let new = self.queue.search(list);
        self.progress.listing += u64::from(new);
        new
    }

    /// No more names will come, but from lists.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Sends nothing new: what is under way is awaited, the rest comes out with what is known.
    pub fn stop(&mut self, cause: impl Into<Box<str>>) {
        self.closed = true;
        self.halt(Cause::stopped(cause));
    }

    /// Something concerns every operation: what comes from now on is not attempted.
    pub(crate) fn halt(&mut self, cause: Cause) {
        if self.scope.stop(cause.clone()) {
            self.events.push_back(Event::Stopped { cause });
        }
    }

    /// The rate limiter, to be saved, restored or paused from outside.
    pub fn rate_limiter(&mut self) -> &mut RateLimiter {
        &mut self.rate_limiter
    }

    /// Takes note that a request left at `at`: its windows of the quota count from then, and from then
    /// on it was sent. A request of which this is not told counts as sent with its answer.
    pub fn sent(&mut self, ticket: TicketId, at: Time) {
        if let Some(flying) = self.flying.get_mut(ticket) {
            let departing = flying.departing.take();
            let (first_cancel, call) = (flying.first_cancel, flying.call);
            self.note_sent(departing, first_cancel, call, at);
        }
    }

    /// Takes note of what left, once.
    pub(crate) fn note_sent(
        &mut self,
        departing: Option<(Reservation, Resource)>,
        first_cancel: bool,
        call: Call,
        at: Time,
    ) {
        let Some((reservation, resource)) = departing else {
            return;
        };
        self.rate_limiter.record(reservation, at);
        self.progress.sent += 1;
        if first_cancel {
            self.progress.cancels_sent += 1;
            self.progress.last_cancel = self.progress.last_cancel.max(Some(at));
        }
        self.events.push_back(Event::Sent { resource, call, at });
    }

    /// The time at which a scheduler that does not probe on stops, if only failures come before.
    pub(crate) fn gives_up_at(&self) -> Option<Time> {
        let outage = self.failures.outage().filter(|_| !self.probes_on)?;
        Some(outage.since + self.policy.get_deadline())
    }

    /// The cause to stop for now: nothing has answered for one deadline.
    pub(crate) fn unreachable(&self, now: Time) -> Option<Cause> {
        let outage = self.failures.outage()?;
        let over = self.gives_up_at()? <= now;
        over.then(|| {
            let seconds = self.policy.get_deadline().as_secs_f64();
            let cause = &outage.cause;
            let text = format!("no request has succeeded for {seconds} s: {cause}");
            Cause::new(outage.key, text)
        })
    }

    /// Events since the last call, oldest first.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Moves what has happened since the last call behind the events of a queue, oldest first: for those
    /// who keep events anyway, it costs less than to take them one by one.
    pub fn take_events(&mut self, behind: &mut VecDeque<Event>) {
        match behind.is_empty() {
            true => std::mem::swap(behind, &mut self.events),
            false => behind.append(&mut self.events),
        }
    }

    /// Operations that wait for their first request, or for a time: [`Progress::waiting`] alone, for those
    /// who ask before each name.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// The outage, if there is one: passing failures and no answer since.
    #[must_use]
    pub fn outage(&self, now: Time) -> Option<Outage> {
        let outage = self.failures.outage()?;
        let circuit_open = self.circuit.is_open();
        let (due, under_way) = match circuit_open {
            true => (Some(self.circuit.allowed(now)), self.circuit.is_probing()),
            false => {
                let due = self.queue.class(false).map(|_| now);
                (due.or(self.queue.next_wake()), !self.flying.is_empty())
            }
        };
        let allowed = self.rate_limiter.project_allowed(now);
        Some(Outage {
            circuit_open,
            gives_up_at: self.gives_up_at(),
            next_try: due.filter(|_| !under_way).map(|due| due.max(allowed)),
            ..outage.clone()
        })
    }

    /// Its progress.
    #[must_use]
    pub fn progress(&self, now: Time) -> Progress {
        let allowed = self.rate_limiter.project_allowed(now);
        Progress {
            waiting: self.queue.waiting(),
            in_flight: self.flying.len(),
            allowed_at: (allowed > now).then_some(allowed),
            quota_remaining: self.rate_limiter.remaining(now),
            ..self.progress
        }
    }
}
