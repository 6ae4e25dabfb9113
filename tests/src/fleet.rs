//! A scheduler against a simulated server on a virtual clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use bytes::Bytes;
use countermand_core::{Error, OperationName, Outcome, Time, TransportError};
use countermand_scheduler::{Event, NextStep, Scheduler, Ticket};
use http::{Method, Request, Response};

/// A server's behaviour: for a request that reaches it at a time since the start, the delay and the
/// answer.
pub type Serve<'a> = dyn FnMut(Duration, &Request<&'static str>) -> (Duration, Result<Response<Bytes>, TransportError>)
    + 'a;

/// Events and results of a run.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Each request that left: its time, its method, and the status of its answer.
    pub sent: Vec<(Duration, Method, Option<u16>)>,
    /// Results, in order.
    pub finished: Vec<(OperationName, Result<Outcome, Error>)>,
    /// Resources that were closed.
    pub closed: Vec<Box<str>>,
    /// Time of the last cancel.
    pub last_cancel: Duration,
    /// Time of the end.
    pub ended: Duration,
    /// The most requests in flight at a time.
    pub most_in_flight: usize,
    /// Times at which the circuit opened and closed.
    pub circuit: Vec<(Duration, bool)>,
}

/// Time between two requests of a client: 200 requests a second.
const PACE: Duration = Duration::from_millis(5);

struct Answer {
    at: Time,
    number: u64,
    ticket: Ticket,
    result: Result<Response<Bytes>, TransportError>,
}

/// Things that a run reports as they happen.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a listener matches the notes that it needs"
)]
pub enum Note {
    /// A request has left; the status is that of its answer to come.
    Sent(Method, Option<u16>),
    /// The scheduler reported an event.
    Event(Event),
}

/// Runs a scheduler to its end and keeps all its events.
///
/// # Panics
/// If it does not end within `limit`, or if it waits although nothing is in flight.
pub fn run(scheduler: &mut Scheduler, limit: Duration, serve: &mut Serve<'_>) -> Report {
    let mut report = Report::default();
    (report.ended, report.most_in_flight) =
        drive(scheduler, limit, serve, &mut |now, note| match note {
            Note::Sent(method, status) => report.sent.push((now, method, status)),
            Note::Event(Event::Finished { name, result }) => report.finished.push((name, result)),
            Note::Event(Event::CircuitOpened { .. }) => report.circuit.push((now, true)),
            Note::Event(Event::CircuitClosed) => report.circuit.push((now, false)),
            Note::Event(Event::ResourceClosed { resource }) => report.closed.push(resource),
            Note::Event(_) => {}
        });
    let cancels = report
        .sent
        .iter()
        .filter(|(_, method, _)| method == Method::POST);
    // Without retries, which the runs that use this figure do not have.
    report.last_cancel = cancels.map(|(at, ..)| *at).max().unwrap_or_default();
    report
}

/// Runs a scheduler to its end and keeps nothing but the time of its end and the most requests in
/// flight at a time.
///
/// # Panics
/// As [`run`].
pub fn drive(
    scheduler: &mut Scheduler,
    limit: Duration,
    serve: &mut Serve<'_>,
    note: &mut dyn FnMut(Duration, Note),
) -> (Duration, usize) {
    search(scheduler, limit, serve, &mut |_, now, told| note(now, told))
}

/// As [`drive`], for schedulers that search for their names: the listener may push names from a page.
///
/// # Panics
/// As [`run`].
pub fn search(
    scheduler: &mut Scheduler,
    limit: Duration,
    serve: &mut Serve<'_>,
    note: &mut dyn FnMut(&mut Scheduler, Duration, Note),
) -> (Duration, usize) {
    let base = Time::START;
    let mut now = base;
    let mut answers: BinaryHeap<Reverse<Answer>> = BinaryHeap::new();
    let (mut number, mut most) = (0, 0);
    loop {
        assert!(
            now - base <= limit,
            "no end by {limit:?}: {:?}",
            scheduler.progress(now)
        );
        tell(scheduler, now - base, note);
        let poll = scheduler.next_step(now);
        tell(scheduler, now - base, note);
        now = match poll {
            NextStep::Send(ticket, transmit) => {
                let (took, result) = serve(now - base, &transmit.request);
                let status = result
                    .as_ref()
                    .ok()
                    .map(|response| response.status().as_u16());
                let method = transmit.request.method().clone();
                let never_left = |error: &TransportError| !error.kind().may_have_left();
                if !result.as_ref().is_err_and(never_left) {
                    scheduler.sent(ticket.id(), now);
                    note(scheduler, now - base, Note::Sent(method, status));
                }
                number += 1;
                answers.push(Reverse(Answer {
                    at: now + took,
                    number,
                    ticket,
                    result,
                }));
                most = most.max(answers.len());
                // It polls again when it can send again, whatever answers come before.
                now + PACE
            }
            NextStep::Wait(until) => answers
                .peek()
                .map_or(until, |answer| until.min(answer.0.at)),
            NextStep::Idle => answers.peek().expect("it waits for nothing").0.at,
            NextStep::Done => return (now - base, most),
        };
        while answers.peek().is_some_and(|answer| answer.0.at <= now) {
            let Some(Reverse(answer)) = answers.pop() else {
                break;
            };
            match answer.result {
                Ok(response) => scheduler.answer(answer.ticket, answer.at, Ok(&response)),
                Err(error) => scheduler.answer::<Bytes>(answer.ticket, answer.at, Err(error)),
            }
        }
    }
}

fn tell(
    scheduler: &mut Scheduler,
    now: Duration,
    note: &mut dyn FnMut(&mut Scheduler, Duration, Note),
) {
    while let Some(event) = scheduler.next_event() {
        note(scheduler, now, Note::Event(event));
    }
}

impl Ord for Answer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Answer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Answer {}
