//! Many operations under one quota: a scheduler without a clock or a socket.
//!
//! An operator who has sent thousands of mistaken WIPEs needs the last cancel out as early as the
//! quota allows, and then the truth about each device. [`Campaign`] hands out requests by
//! [`poll`](Campaign::poll), takes answers by [`answer`](Campaign::answer), and tells what happens
//! by [`next_event`](Campaign::next_event).
//!
//! Its rules:
//! 1. A free slot goes to the cancels that are due again, then to new cancels, then to looks at
//!    operations, then to looks at devices. No look takes what a cancel could use.
//! 2. In every window of the [`Quota`] no more is sent than its share, retries included. A refusal
//!    for the quota holds everybody; a lower limit that the server names is adopted.
//! 3. A failure is taken for what it concerns: one operation, an enterprise (a few denials in a row
//!    close it), or everything (the campaign stops). What was not sent then is
//!    [`NotAttempted`](crate::ErrorKind::NotAttempted).
//! 4. A storm of passing failures opens a circuit: one probe each 5 s until the server is back. No
//!    operation is given up for it.
//! 5. Every name that was pushed comes out once; one pushed twice is counted and left out.
//! 6. An operation takes no more than its name while it waits for its turn.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use countermand_core::campaign::{Campaign, Event, Poll};
//! use countermand_core::{Phase, Verdict};
//! # fn send(request: http::Request<()>) -> http::Response<String> {
//! #     http::Response::new(if request.method() == "POST" { "{}".to_owned() } else {
//! #         let name = request.uri().path().trim_start_matches("/v1/");
//! #         format!(r#"{{"name":"{name}","done":true,"error":{{"code":1}}}}"#)
//! #     })
//! # }
//!
//! let mut campaign = Campaign::new(1);
//! for id in ["17", "18"] {
//!     campaign.push(format!("enterprises/LC01/devices/3f/operations/{id}").parse()?, Phase::Unsent);
//! }
//! campaign.close();
//! loop {
//!     match campaign.poll(Instant::now()) {
//!         Poll::Send(ticket, transmit) => {
//!             let response = send(transmit.request); // yours, and many may be under way
//!             campaign.answer(ticket, Instant::now(), Ok(&response));
//!         }
//!         Poll::Wait(until) => std::thread::sleep(until - Instant::now()),
//!         Poll::Idle => unreachable!("every answer was brought"),
//!         Poll::Done => break,
//!     }
//! }
//! let mut cancelled = 0;
//! while let Some(event) = campaign.next_event() {
//!     if let Event::Finished { result: Ok(outcome), .. } = event {
//!         cancelled += u32::from(outcome.verdict == Verdict::Cancelled);
//!     }
//! }
//! assert_eq!(cancelled, 2);
//! # Ok::<(), countermand_core::NameError>(())
//! ```

mod circuit;
mod queue;
mod scope;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Response;

use self::circuit::Circuit;
use self::queue::{Fresh, Job, Parked, Queue};
use self::scope::Scope;
use crate::chance::Chance;
use crate::view::View;
use crate::{
    Attempt, Call, Endpoint, Error, ErrorKind, Flow, OperationName, Outcome, Phase, Policy, Quota,
    Reach, Recovery, Step, Transmit, TransportError, Usage,
};

/// Many countermands under one quota and one limit of requests in flight.
pub struct Campaign {
    endpoint: Arc<Endpoint>,
    policy: Arc<Policy>,
    in_flight: usize,
    chance: Chance,
    usage: Usage,
    queue: Queue,
    circuit: Circuit,
    scope: Scope,
    flying: BTreeMap<u64, Flying>,
    tickets: u64,
    closed: bool,
    /// Holds in a row without an answer in between that was not one.
    holds: u32,
    events: VecDeque<Event>,
    progress: Progress,
}

struct Flying {
    attempt: Attempt,
    name: OperationName,
    probe: bool,
}

/// What to do next.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a driver does each of them")]
#[expect(
    clippy::large_enum_variant,
    reason = "it lives for one step of a driver"
)]
pub enum Poll {
    /// Send this and bring its answer with the ticket. Poll again at once: there may be more.
    Send(Ticket, Transmit),
    /// Nothing to send before then, unless an answer or a name comes first.
    Wait(Instant),
    /// Nothing to send before an answer or a name comes.
    Idle,
    /// Every name is finished, and no more will come.
    Done,
}

/// Belongs to one request, and is spent by its answer.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// What has happened; enough for a journal and for a progress bar.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A request is on its way. A journal has to hold this before the request leaves.
    Sent {
        /// The operation.
        name: OperationName,
        /// The method.
        call: Call,
    },
    /// The server accepted the cancellation of an operation.
    Accepted {
        /// The operation.
        name: OperationName,
    },
    /// An operation has come out.
    Finished {
        /// The operation.
        name: OperationName,
        /// What is known of it.
        result: Result<Outcome, Error>,
    },
    /// Everybody waits: the quota is used up.
    Held {
        /// Until when.
        until: Instant,
        /// The limit that the server named.
        limit: Option<u64>,
    },
    /// The server fails: from now on there are only probes.
    CircuitOpened,
    /// The server is back.
    CircuitClosed,
    /// The rest of an enterprise is left alone.
    EnterpriseClosed {
        /// Its name.
        enterprise: crate::EnterpriseName,
    },
    /// What was not sent stays unsent.
    Stopped {
        /// Why.
        cause: Box<str>,
    },
}

/// Where a campaign stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Names taken, duplicates not counted.
    pub pushed: u64,
    /// Names that had been pushed before.
    pub duplicates: u64,
    /// Operations whose cancel has been sent at least once, or was before a restart.
    pub asked: u64,
    /// Operations that wait for their first request, or for a time: a reason to push no more yet.
    pub waiting: usize,
    /// Operations that have come out.
    pub finished: u64,
    /// Requests sent, of every kind.
    pub sent: u64,
    /// Requests without an answer yet.
    pub in_flight: usize,
    /// When the last first cancel of an operation was sent.
    pub last_cancel: Option<Instant>,
    /// When the quota allows the next request, if not now.
    pub held_until: Option<Instant>,
    /// Requests the quota allows without waiting; `None` without a quota.
    pub quota_left: Option<u32>,
}

/// A call of a campaign is given up later than one that somebody waits for: with a fifth of all
/// answers failing, one in ten million.
const ATTEMPTS: u32 = 10;

/// So many holds without anything but refusals in between, and the campaign stops.
const HOLDS: u32 = 10;

/// A server that asks everybody to wait longer does not mean it; no window of a quota is longer.
const LONGEST_HOLD: Duration = Duration::from_secs(3600);

impl Campaign {
    /// A campaign at Google's endpoint with the default quota. The seed spreads the pauses: same
    /// seed, same names and same answers, same schedule.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            endpoint: Arc::default(),
            policy: Arc::new(Policy::default().attempts(ATTEMPTS)),
            in_flight: 100,
            chance: Chance::new(seed),
            usage: Usage::new(Quota::default()),
            queue: Queue::default(),
            circuit: Circuit::default(),
            scope: Scope::default(),
            flying: BTreeMap::new(),
            tickets: 0,
            closed: false,
            holds: 0,
            events: VecDeque::new(),
            progress: Progress::default(),
        }
    }

    /// Where the API is.
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<Arc<Endpoint>>) -> Self {
        self.endpoint = endpoint.into();
        self
    }

    /// How patient to be with each operation: as by default, but with 10 attempts. Its deadline counts twice, for asking and for
    /// looking, and not while the operation waits for its turn.
    #[must_use]
    pub fn policy(mut self, policy: impl Into<Arc<Policy>>) -> Self {
        self.policy = policy.into();
        self
    }

    /// The quota: [`Quota::default`] unless given.
    #[must_use]
    pub fn quota(mut self, quota: Quota) -> Self {
        self.usage = Usage::new(quota);
        self
    }

    /// How many requests are under way at a time: 100 by default, what servers take on one HTTP/2
    /// connection; at least 1.
    #[must_use]
    pub fn in_flight(mut self, requests: usize) -> Self {
        self.in_flight = requests.max(1);
        self
    }

    /// Takes a name; `false` if it was pushed before.
    pub fn push(&mut self, name: OperationName, phase: Phase) -> bool {
        if !self.queue.push(name, phase) {
            self.progress.duplicates += 1;
            return false;
        }
        self.progress.pushed += 1;
        self.progress.asked += u64::from(phase == Phase::Accepted);
        true
    }

    /// No more names will come.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Sends nothing new: what is under way is awaited, the rest comes out with what is known.
    pub fn stop(&mut self, cause: impl Into<Box<str>>) {
        self.closed = true;
        self.halt(cause.into());
    }

    /// Something concerns every operation: what comes from now on is not attempted.
    fn halt(&mut self, cause: Box<str>) {
        if self.scope.stop(cause.clone()) {
            self.events.push_back(Event::Stopped { cause });
        }
    }

    /// What was spent of the quota; to be saved, restored or held from outside.
    pub fn usage(&mut self) -> &mut Usage {
        &mut self.usage
    }

    /// What has happened since the last call, oldest first.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Where it stands.
    #[must_use]
    pub fn progress(&self, now: Instant) -> Progress {
        let allowed = self.usage.project_allowed(now);
        Progress {
            waiting: self.queue.waiting(),
            in_flight: self.flying.len(),
            held_until: (allowed > now).then_some(allowed),
            quota_left: self.usage.left(now),
            ..self.progress
        }
    }

    /// What to do next.
    pub fn poll(&mut self, now: Instant) -> Poll {
        loop {
            self.queue.wake(now);
            if self.scope.stopped().is_some() {
                self.queue.wake_all();
            } else if self.flying.len() >= self.in_flight || self.circuit.is_probing() {
                return Poll::Idle;
            }
            let Some(class) = self.queue.class() else {
                return match self.queue.next_wake() {
                    Some(until) => Poll::Wait(until),
                    None if self.closed && self.flying.is_empty() => Poll::Done,
                    None => Poll::Idle,
                };
            };
            let at = self
                .usage
                .project_allowed(now)
                .max(self.circuit.allowed(now));
            if at > now && self.scope.stopped().is_none() {
                // Somebody who wakes earlier could not be sent earlier either.
                return Poll::Wait(at);
            }
            let Some(job) = self.queue.pop(class) else {
                continue;
            };
            if let Some(cause) = self.scope.left_alone(job.name()) {
                self.give_up(job, now, &cause);
                continue;
            }
            let at = self
                .usage
                .allowed(now, class.call(), job.name().device_str());
            if at > now {
                self.queue.later(at, job);
                continue;
            }
            return self.send(job, now);
        }
    }

    fn send(&mut self, job: Job, now: Instant) -> Poll {
        let first = matches!(&job, Job::Fresh(fresh) if fresh.phase != Phase::Accepted);
        let (name, attempt) = self.begin(job, now);
        let call = attempt.call();
        self.usage.spend(now, call, name.device_str());
        if first {
            self.progress.asked += 1;
            self.progress.last_cancel = Some(now);
        }
        self.progress.sent += 1;
        let transmit = attempt.transmit(now);
        let probe = self.circuit.sending();
        self.events.push_back(Event::Sent {
            name: name.clone(),
            call,
        });
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        self.flying.insert(
            ticket.0,
            Flying {
                attempt,
                name,
                probe,
            },
        );
        Poll::Send(ticket, transmit)
    }

    /// The next request of a job: a flow begins, or goes on where it was parked.
    fn begin(&mut self, job: Job, now: Instant) -> (OperationName, Attempt) {
        match job {
            Job::Fresh(Fresh {
                name,
                phase,
                attempts,
            }) => {
                let seed = self.chance.next();
                let flow = Flow::new(name.clone())
                    .endpoint(Arc::clone(&self.endpoint))
                    .policy(Arc::clone(&self.policy));
                (name, flow.begin(phase, attempts, now, seed))
            }
            Job::Parked(Parked {
                name,
                mut attempt,
                since,
            }) => {
                attempt.postpone(now.saturating_duration_since(since));
                (name, attempt)
            }
        }
    }

    /// Takes the answer of a request, or why there is none.
    ///
    /// The ticket of an answer that was brought before is ignored.
    pub fn answer<B: AsRef<[u8]>>(
        &mut self,
        ticket: Ticket,
        now: Instant,
        result: Result<&Response<B>, TransportError>,
    ) {
        let Some(Flying {
            mut attempt,
            name,
            probe,
        }) = self.flying.remove(&ticket.0)
        else {
            return;
        };
        let error = match result {
            Ok(response) => match View::of(response).accept() {
                Ok(()) => {
                    self.answered();
                    self.scope.allowed(&name);
                    let asked = !attempt.accepted();
                    let step = attempt.response(now, response);
                    return self.place(name, step, asked, now);
                }
                Err(error) => error,
            },
            Err(error) => error.into(),
        };
        if self.is_excused(&name, &error, probe, now) {
            attempt.excuse(&error);
            return self.queue.park(
                Parked {
                    name,
                    attempt,
                    since: now,
                },
                true,
            );
        }
        let asked = !attempt.accepted();
        let step = attempt.machine().failed(now, error);
        self.place(name, step, asked, now);
    }

    /// Takes a failure for what it concerns; `true` if that is not the operation.
    fn is_excused(
        &mut self,
        name: &OperationName,
        error: &Error,
        probe: bool,
        now: Instant,
    ) -> bool {
        let kind = error.kind();
        if let (ErrorKind::ResourceExhausted(answer), Recovery::Retry) = (kind, kind.recovery()) {
            let limit = answer.quota_limit();
            if let Some((limit, span)) = answer.project_quota() {
                self.usage.lower(limit, span);
            }
            self.circuit_answered();
            return self.hold(error, limit, now);
        }
        if kind.recovery() == Recovery::Retry {
            if self.circuit.failed(now, probe) {
                self.events.push_back(Event::CircuitOpened);
            }
            return self.circuit.is_open();
        }
        self.answered();
        match kind {
            ErrorKind::PermissionDenied(_) if kind.reach() == Reach::Enterprise => {
                if let Some(enterprise) = self.scope.denied(name, kind.to_string()) {
                    self.events
                        .push_back(Event::EnterpriseClosed { enterprise });
                }
            }
            ErrorKind::Unimplemented(_) => {
                if self.scope.unimplemented() {
                    self.halt(kind.to_string().into());
                }
            }
            _ => self.scope.allowed(name),
        }
        false
    }

    /// Everybody waits; `false` if waiting has not helped before.
    fn hold(&mut self, error: &Error, limit: Option<u64>, now: Instant) -> bool {
        if self.usage.held(now).is_none() {
            self.holds += 1;
            let asked = error
                .kind()
                .server_delay()
                .map(|delay| delay.min(LONGEST_HOLD));
            let pause = asked.unwrap_or(self.policy.quota_pause);
            let until = now + pause + self.chance.up_to(pause / 10);
            self.usage.hold(until);
            self.events.push_back(Event::Held { until, limit });
        }
        if self.holds >= HOLDS {
            self.halt(error.kind().to_string().into());
        }
        self.holds < HOLDS
    }

    /// An answer came that tells nothing against the server.
    fn answered(&mut self) {
        self.holds = 0;
        self.circuit_answered();
    }

    fn circuit_answered(&mut self) {
        if self.circuit.answered() {
            self.events.push_back(Event::CircuitClosed);
        }
    }

    /// Puts an operation where its next step belongs.
    fn place(&mut self, name: OperationName, step: Step, asked: bool, now: Instant) {
        match step {
            Step::Send(attempt) if asked && attempt.accepted() => {
                self.events
                    .push_back(Event::Accepted { name: name.clone() });
                // Its machine has nothing to remember but the requests so far.
                let attempts = attempt.number() - 1;
                self.queue.fresh(Fresh {
                    name,
                    phase: Phase::Accepted,
                    attempts,
                });
            }
            Step::Send(attempt) => self.queue.park(
                Parked {
                    name,
                    attempt,
                    since: now,
                },
                false,
            ),
            Step::Wait(pause) => self.queue.pause(name, pause),
            Step::Done(result) => self.finish(name, result),
        }
    }

    fn finish(&mut self, name: OperationName, result: Result<Outcome, Error>) {
        let error = match &result {
            Ok(outcome) => outcome.error.as_ref(),
            Err(error) => Some(error),
        };
        if let Some(error) = error.filter(|error| error.kind().reach() == Reach::Everything) {
            self.halt(error.kind().to_string().into());
        }
        self.progress.finished += 1;
        self.events.push_back(Event::Finished { name, result });
    }

    /// Ends a job without a request, with what is known.
    fn give_up(&mut self, job: Job, now: Instant, cause: &str) {
        let (name, attempt) = self.begin(job, now);
        let step = attempt.machine().abandon(Error::left_alone(cause));
        self.place(name, step, false, now);
    }
}
