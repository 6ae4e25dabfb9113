//! A scheduler against a simulated server on a virtual clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use bytes::Bytes;
use countermand_core::{Error, OperationName, Outcome, Time, TransportError};
use countermand_scheduler::{Event, Poll, Scheduler, Ticket};
use http::{Method, Request, Response};

/// What a server does with a request that reaches it at a time since the start: how long it takes,
/// and what comes of it.
pub type Serve<'a> =
    dyn FnMut(Duration, &Request<()>) -> (Duration, Result<Response<Bytes>, TransportError>) + 'a;

/// What a run has told.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Each request that left: when, which method, and the status of its answer.
    pub sent: Vec<(Duration, Method, Option<u16>)>,
    /// What came out, in order.
    pub finished: Vec<(OperationName, Result<Outcome, Error>)>,
    /// Resources that were closed.
    pub closed: Vec<Box<str>>,
    /// When the last cancel was sent.
    pub last_cancel: Duration,
    /// When it ended.
    pub ended: Duration,
    /// How many requests were under way at a time, at most.
    pub most_in_flight: usize,
    /// Times at which the circuit opened and closed.
    pub circuit: Vec<(Duration, bool)>,
}

/// How often a client can send: 200 requests a second.
const PACE: Duration = Duration::from_millis(5);

struct Answer {
    at: Time,
    number: u64,
    ticket: Ticket,
    result: Result<Response<Bytes>, TransportError>,
}

/// What a run tells as it goes.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever listens takes what it wants"
)]
pub enum Note {
    /// A request has left, and what the status of its answer will be.
    Sent(Method, Option<u16>),
    /// The scheduler told something.
    Event(Event),
}

/// Runs a scheduler to its end and keeps everything it tells.
///
/// # Panics
/// If it does not end within `limit`, or if it waits for nothing.
pub fn run(scheduler: &mut Scheduler, limit: Duration, serve: &mut Serve<'_>) -> Report {
    let mut report = Report::default();
    (report.ended, report.most_in_flight) =
        drive(scheduler, limit, serve, &mut |now, note| match note {
            Note::Sent(method, status) => report.sent.push((now, method, status)),
            Note::Event(Event::Finished { name, result }) => report.finished.push((name, result)),
            Note::Event(Event::CircuitOpened { .. }) => report.circuit.push((now, true)),
            Note::Event(Event::CircuitClosed) => report.circuit.push((now, false)),
            Note::Event(Event::ParentClosed { parent }) => report.closed.push(parent),
            Note::Event(_) => {}
        });
    let cancels = report
        .sent
        .iter()
        .filter(|(_, method, _)| method == Method::POST);
    // Retries aside, which the runs that ask for this figure do not have.
    report.last_cancel = cancels.map(|(at, ..)| *at).max().unwrap_or_default();
    report
}

/// Runs a scheduler to its end and keeps nothing: when it ended, and how many requests were under way
/// at a time.
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

/// As [`drive`], for schedulers that find their names: whoever listens may push what a page brought.
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
        let poll = scheduler.poll(now);
        tell(scheduler, now - base, note);
        now = match poll {
            Poll::Send(ticket, transmit) => {
                let (took, result) = serve(now - base, &transmit.request);
                let status = result
                    .as_ref()
                    .ok()
                    .map(|response| response.status().as_u16());
                let method = transmit.request.method().clone();
                let never_left = |error: &TransportError| !error.kind().left();
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
                // It polls again when it can send again, whatever is answered until then.
                now + PACE
            }
            Poll::Wait(until) => answers
                .peek()
                .map_or(until, |answer| until.min(answer.0.at)),
            Poll::Idle => answers.peek().expect("it waits for nothing").0.at,
            Poll::Done => return (now - base, most),
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
