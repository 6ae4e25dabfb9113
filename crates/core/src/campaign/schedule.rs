//! Who is sent next, and what an answer means for everybody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Response;

use super::queue::{Fresh, Job, Parked};
use super::{Campaign, Event, Flying, Poll, Ticket};
use crate::view::View;
use crate::{
    Attempt, Call, Error, ErrorKind, Flow, OperationName, Outcome, Phase, Reach, Recovery, Step,
    TransportError,
};

/// So many holds without anything but refusals in between, and the campaign stops.
const HOLDS: u32 = 10;

/// A server that asks everybody to wait longer does not mean it; no window of a quota is longer.
const LONGEST_HOLD: Duration = Duration::from_secs(3600);

impl Campaign {
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
        let ticket = Ticket {
            number: self.tickets,
            name,
            call,
            attempt: attempt.number(),
        };
        self.tickets += 1;
        let flying = Flying { attempt, probe };
        self.flying.insert(ticket.number, flying);
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
        let Some(Flying { mut attempt, probe }) = self.flying.remove(&ticket.number) else {
            return;
        };
        let name = ticket.name;
        let error = match result {
            Ok(response) => match View::of(response).accept() {
                Ok(()) => {
                    self.answered();
                    self.scope.allowed(&name);
                    let step = attempt.response(now, response);
                    return self.place(name, step, ticket.call, now);
                }
                Err(error) => error,
            },
            Err(error) => error.into(),
        };
        if self.is_excused(&name, &error, probe, now) {
            attempt.excuse(&error);
            let parked = Parked {
                name,
                attempt,
                since: now,
            };
            return match (error.kind(), error.kind().server_delay()) {
                // What a failing server asks for concerns this one; a refusal holds everybody.
                (ErrorKind::Unavailable(_), Some(delay)) => {
                    let at = now + delay.min(LONGEST_HOLD);
                    self.queue.later(at, Job::Parked(parked));
                }
                _ => self.queue.park(parked, true),
            };
        }
        let everything = error.kind().reach() == Reach::Everything;
        let cause = everything.then(|| error.kind().to_string());
        let step = attempt.machine().failed(now, error);
        if let (Step::Done(_), Some(cause)) = (&step, cause) {
            // Whatever it means for this operation: the result need not show it.
            self.halt(cause.into());
        }
        self.place(name, step, ticket.call, now);
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
        let asked = error
            .kind()
            .server_delay()
            .map(|delay| delay.min(LONGEST_HOLD));
        let pause = asked.unwrap_or(self.policy.quota_pause);
        let held = self.usage.held(now);
        let until = match held {
            None => {
                self.holds += 1;
                now + pause + self.chance.up_to(pause / 10)
            }
            // One of those that were under way: it may know of a window that is shut longer.
            Some(_) => now + pause,
        };
        if held.is_none_or(|held| held < until) {
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

    /// Puts an operation where its next step belongs, after a call or instead of it.
    fn place(&mut self, name: OperationName, step: Step, call: Call, now: Instant) {
        match step {
            Step::Send(attempt) if call == Call::Cancel && attempt.accepted() => {
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
            Step::Done(result) => self.finish(name, result),
        }
    }

    fn finish(&mut self, name: OperationName, result: Result<Outcome, Error>) {
        self.progress.finished += 1;
        self.events.push_back(Event::Finished { name, result });
    }

    /// Ends a job without a request, with what is known.
    fn give_up(&mut self, job: Job, now: Instant, cause: &str) {
        let (name, attempt) = self.begin(job, now);
        let call = attempt.call();
        let step = attempt.machine().abandon(Error::left_alone(cause));
        self.place(name, step, call, now);
    }
}
