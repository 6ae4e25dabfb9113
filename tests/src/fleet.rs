//! A campaign against a simulated server on a virtual clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use countermand_core::campaign::{Campaign, Event, Poll, Ticket};
use countermand_core::{Error, OperationName, Outcome, TransportError};
use http::{Method, Request, Response};

/// What a server does with a request that reaches it at a time since the start: how long it takes,
/// and what comes of it.
pub type Serve<'a> =
    dyn FnMut(Duration, &Request<()>) -> (Duration, Result<Response<Bytes>, TransportError>) + 'a;

/// What a run has told.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Each request: when, which method, and the status of its answer.
    pub sent: Vec<(Duration, Method, Option<u16>)>,
    /// What came out, in order.
    pub finished: Vec<(OperationName, Result<Outcome, Error>)>,
    /// When the last first cancel was sent.
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
    at: Instant,
    number: u64,
    ticket: Ticket,
    result: Result<Response<Bytes>, TransportError>,
}

/// Runs a campaign to its end, or to the end of `limit`.
///
/// # Panics
/// If it does not end by then, or if it waits for nothing.
pub fn run(campaign: &mut Campaign, limit: Duration, serve: &mut Serve<'_>) -> Report {
    run_with(campaign, limit, serve, &mut |_, _| {})
}

/// As [`run`], with each event handed to `watch`.
///
/// # Panics
/// As [`run`].
pub fn run_with(
    campaign: &mut Campaign,
    limit: Duration,
    serve: &mut Serve<'_>,
    watch: &mut dyn FnMut(Duration, &Event),
) -> Report {
    let base = Instant::now();
    let mut now = base;
    let mut free = base;
    let mut report = Report::default();
    let mut answers: BinaryHeap<Reverse<Answer>> = BinaryHeap::new();
    let mut number = 0;
    loop {
        assert!(
            now - base <= limit,
            "no end by {limit:?}: {:?}",
            campaign.progress(now)
        );
        let wake = match campaign.poll(now) {
            Poll::Send(ticket, transmit) => {
                let at = now.max(free);
                free = at + PACE;
                let (took, result) = serve(at - base, &transmit.request);
                let status = result
                    .as_ref()
                    .ok()
                    .map(|response| response.status().as_u16());
                report
                    .sent
                    .push((at - base, transmit.request.method().clone(), status));
                number += 1;
                answers.push(Reverse(Answer {
                    at: at + took,
                    number,
                    ticket,
                    result,
                }));
                report.most_in_flight = report.most_in_flight.max(answers.len());
                // A slower sender polls again only when it can send.
                free
            }
            Poll::Wait(until) => until,
            Poll::Idle => answers.peek().expect("it waits for nothing").0.at,
            Poll::Done => break,
        };
        note(campaign, now - base, &mut report, watch);
        now = answers
            .peek()
            .map_or(wake, |answer| wake.min(answer.0.at))
            .max(now);
        while answers.peek().is_some_and(|answer| answer.0.at <= now) {
            let Some(Reverse(answer)) = answers.pop() else {
                break;
            };
            campaign.answer(
                answer.ticket,
                now,
                answer
                    .result
                    .as_ref()
                    .map_or_else(|error| Err(copy(error)), Ok),
            );
        }
    }
    note(campaign, now - base, &mut report, watch);
    report.ended = now - base;
    report.last_cancel = campaign
        .progress(now)
        .last_cancel
        .map_or(Duration::ZERO, |at| at - base);
    report
}

fn note(
    campaign: &mut Campaign,
    now: Duration,
    report: &mut Report,
    watch: &mut dyn FnMut(Duration, &Event),
) {
    while let Some(event) = campaign.next_event() {
        watch(now, &event);
        match event {
            Event::Finished { name, result } => report.finished.push((name, result)),
            Event::CircuitOpened => report.circuit.push((now, true)),
            Event::CircuitClosed => report.circuit.push((now, false)),
            _ => {}
        }
    }
}

fn copy(error: &TransportError) -> TransportError {
    TransportError::new(error.kind(), "simulated")
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
