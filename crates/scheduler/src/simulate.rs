//! A scheduler on a virtual clock: what it would do, in no time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::Duration;

use countermand_core::Time;

use http::{Request, Response};

use crate::event::{Event, NextStep, Ticket};
use crate::scheduler::Scheduler;

/// Runs a scheduler that has its names to its end, without waiting: for estimates and tests.
///
/// `serve` answers a request at a time since the start, and says after which time its answer is
/// there; `tell` is told what happens, and when. Gives the moment of the end by the virtual clock,
/// which begins at `start`; `None` if the scheduler waits for names that are not pushed.
pub fn simulate<B: AsRef<[u8]>>(
    scheduler: &mut Scheduler,
    start: Time,
    mut serve: impl FnMut(Duration, &Ticket, &Request<&'static str>) -> (Duration, Response<B>),
    mut tell: impl FnMut(Duration, Event),
) -> Option<Time> {
    let mut answers = BinaryHeap::new();
    let mut now = start;
    loop {
        let wake = match scheduler.next_step(now) {
            NextStep::Send(ticket, transmit) => {
                scheduler.sent(ticket.id(), now);
                let (took, response) = serve(now - start, &ticket, &transmit.request);
                answers.push(Reverse(Answer {
                    at: now + took,
                    ticket,
                    response,
                }));
                continue;
            }
            NextStep::Wait(until) => Some(until),
            NextStep::Idle | NextStep::Done => None,
        };
        while let Some(event) = scheduler.next_event() {
            tell(now - start, event);
        }
        let answered = answers.peek().map(|Reverse(answer)| answer.at);
        let Some(next) = wake.into_iter().chain(answered).min() else {
            let done = matches!(scheduler.next_step(now), NextStep::Done);
            return done.then_some(now);
        };
        now = now.max(next);
        while let Some(Reverse(answer)) = answers.peek()
            && answer.at <= now
            && let Some(Reverse(answer)) = answers.pop()
        {
            scheduler.answer(answer.ticket, now, Ok(&answer.response));
        }
    }
}

/// An answer on its way.
struct Answer<B> {
    at: Time,
    ticket: Ticket,
    response: Response<B>,
}

impl<B> Ord for Answer<B> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, &self.ticket).cmp(&(other.at, &other.ticket))
    }
}

impl<B> PartialOrd for Answer<B> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<B> PartialEq for Answer<B> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<B> Eq for Answer<B> {}
