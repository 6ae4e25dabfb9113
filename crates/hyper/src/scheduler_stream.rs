//! Runs a [`Scheduler`](countermand_scheduler::Scheduler) over a transport.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use countermand_core::{Departure, OperationName, Phase, TicketId, Time, Transmit, TransportError};
use countermand_scheduler::RateLimiter;
use countermand_scheduler::{Event, List, Outage, Progress, Scheduler, Ticket};
use futures_core::Stream;
use futures_util::stream::{FuturesUnordered, StreamExt};
use http::Response;
use tracing::Instrument;

use crate::clock::{instant, monotonic_now};
use crate::log::{self, exchange};
use crate::runtime;
use crate::transport::{BoxFuture, Transport};

/// Names that wait in the scheduler at a time, so that a million of them need not be there at once.
const AHEAD: usize = 1000;

type Answer = (Ticket, Result<Response<Bytes>, TransportError>);

/// Keeps the events of a scheduler, so that they survive the process.
///
/// A closure that takes the events is one. Here the intents are kept, so that a run which crashed knows
/// what may have been delivered:
///
/// ```
/// use std::sync::mpsc::channel;
/// use countermand_emulator::{Config, Fate, Server, Shared};
/// use countermand_hyper::{Client, Endpoint, HyperConfig, Token, core::Phase, scheduler::Event};
/// use futures_util::{StreamExt, stream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let emulator = Shared::new(Config::default().parents(2).mix([(1, Fate::Cancellable)]));
/// let server = Server::bind(([127, 0, 0, 1], 0).into(), emulator.clone()).await?;
/// let names = emulator.with(|emulator, now| emulator.pending(now)).into_iter();
/// let names = names.map(|name| Ok((name.parse()?, Phase::Unsent)));
/// let names = names.collect::<Result<Vec<_>, countermand_hyper::core::NameError>>()?;
/// let (count, (disk, kept)) = (names.len(), channel());
///
/// let endpoint: Endpoint = server.endpoint().parse()?;
/// let client = Client::connect(endpoint, Token::new("emulator-token")?, HyperConfig::default())?;
/// let run = client.run(client.scheduler(), stream::iter(names));
/// let mut run = run.journal(move |events: &[Event]| {
///     for event in events {
///         if let Event::Sending { call, .. } = event {
///             disk.send(*call).expect("it is read below"); // here: written and synced
///         }
///     }
/// });
/// while run.next().await.is_some() {}
/// drop(run);
/// assert_eq!(kept.iter().count(), 2 * count); // a cancel and a get for each
/// # Ok(())
/// # }
/// ```
pub trait Journal: Send {
    /// Keeps these events. Only when this returns do the requests leave whose
    /// [`Sending`](Event::Sending) is among them, and are the events told to the caller; so it
    /// should keep them for good, and be quick about it. Events of the meantime come in one piece
    /// the next time.
    fn commit(&mut self, events: &[Event]);

    /// Ready once all that [`commit`](Self::commit) was given is kept: by default at once. A journal that several
    /// schedulers share can write what they give it in one piece; meanwhile no request of theirs leaves and no event is
    /// told. It wakes them when it has.
    fn poll_committed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let _ = context;
        Poll::Ready(())
    }

    /// Sees an answer before the scheduler takes it; its consequences are in the next
    /// [`commit`](Self::commit). For evidence.
    fn answered(&mut self, ticket: &Ticket, response: &Response<Bytes>) {
        let _ = (ticket, response);
    }
}

impl<F: FnMut(&[Event]) + Send> Journal for F {
    fn commit(&mut self, events: &[Event]) {
        self(events);
    }
}

/// A scheduler under way: a stream of its events.
///
/// Requests go on while it is polled.
///
/// # Cancellation safety
/// The stream holds the requests in flight: a future of its next event may be dropped, and the next
/// one goes on. Dropping the stream drops the requests, of which each may have been delivered or not;
/// [`stop`](Self::stop) awaits them instead.
pub struct SchedulerStream<S> {
    scheduler: Scheduler,
    transport: Arc<dyn Transport>,
    journal: Option<Box<dyn Journal>>,
    /// `None` at their end.
    names: Option<Pin<Box<S>>>,
    /// Events that the journal holds and the caller was not told yet.
    told: VecDeque<Event>,
    answers: FuturesUnordered<BoxFuture<'static, Answer>>,
    departures: Departures,
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
    /// The journal was given events and has not said yet that it keeps them.
    committing: bool,
    done: bool,
}

impl<S: Stream<Item = (OperationName, Phase)>> SchedulerStream<S> {
    pub(crate) fn new(scheduler: Scheduler, transport: Arc<dyn Transport>, names: S) -> Self {
        Self {
            scheduler,
            transport,
            journal: None,
            names: Some(Box::pin(names)),
            told: VecDeque::new(),
            answers: FuturesUnordered::new(),
            departures: Departures::new(),
            timer: None,
            committing: false,
            done: false,
        }
    }

    /// Keeps a journal from the first request on.
    #[must_use]
    pub fn journal(mut self, journal: impl Journal + 'static) -> Self {
        self.journal = Some(Box::new(journal));
        self
    }

    /// Takes one more name, found on a page that was told; `false` if it is not new.
    pub fn push(&mut self, name: OperationName, phase: Phase) -> bool {
        self.scheduler.push(name, phase)
    }

    /// Reads a list to its last page among the cancels; its pages come as events. `false` if it was
    /// asked for before.
    pub fn search(&mut self, list: List) -> bool {
        self.scheduler.search(list)
    }

    /// Sends nothing new: requests in flight are awaited, the rest comes out as not attempted, and
    /// the stream ends. Names that were not pulled yet do not come out.
    pub fn stop(&mut self, cause: impl Into<Box<str>>) {
        self.names = None;
        self.scheduler.stop(cause);
        self.timer = None;
    }

    /// Quota that was spent; to be saved, or restored before the first request.
    pub fn rate_limiter(&mut self) -> &mut RateLimiter {
        self.scheduler.rate_limiter()
    }

    /// Its progress.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.scheduler.progress(monotonic_now())
    }

    /// The outage, if there is one.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        self.scheduler.outage(monotonic_now())
    }

    /// Pulls names as long as there is room and there are any.
    fn pull(&mut self, context: &mut Context<'_>) {
        while let Some(names) = &mut self.names {
            if self.scheduler.waiting() >= AHEAD {
                return;
            }
            match names.as_mut().poll_next(context) {
                Poll::Ready(Some((name, phase))) => {
                    self.scheduler.push(name, phase);
                }
                Poll::Ready(None) => {
                    self.names = None;
                    self.scheduler.close();
                }
                Poll::Pending => return,
            }
        }
    }

    /// Sends the requests that may be sent. All of them are in the journal before any of them
    /// leaves: an exchange begins when it is polled, which is after the commit.
    fn send(&mut self) -> countermand_scheduler::NextStep {
        let begun = monotonic_now();
        let rest = loop {
            match self.scheduler.next_step(begun) {
                countermand_scheduler::NextStep::Send(ticket, mut transmit) => {
                    transmit.departure = self.departures.of(ticket.id());
                    self.answers
                        .push(exchange_of(&self.transport, ticket, transmit));
                }
                rest => break rest,
            }
        };
        self.commit();
        rest
    }

    /// Puts the new events into the journal; then they may be told.
    fn commit(&mut self) {
        let before = self.told.len();
        self.scheduler.take_events(&mut self.told);
        if let Some(journal) = &mut self.journal
            && self.told.len() > before
        {
            journal.commit(&self.told.make_contiguous()[before..]);
            self.committing = true;
        }
    }

    /// Gives the scheduler the answers that have come; `true` if there were any.
    fn take_answers(&mut self, context: &mut Context<'_>) -> bool {
        let mut taken = false;
        while let Poll::Ready(Some((ticket, result))) = self.answers.poll_next_unpin(context) {
            // It has left before it was answered.
            self.take_departures();
            match result {
                Ok(response) => {
                    if let Some(journal) = &mut self.journal {
                        journal.answered(&ticket, &response);
                    }
                    self.scheduler
                        .answer(ticket, monotonic_now(), Ok(&response));
                }
                Err(error) => self
                    .scheduler
                    .answer::<Bytes>(ticket, monotonic_now(), Err(error)),
            }
            taken = true;
        }
        self.take_departures() || taken
    }

    /// Tells the scheduler which requests have left; `true` if there were any.
    fn take_departures(&mut self) -> bool {
        let mut any = false;
        for (ticket, at) in self.departures.take() {
            self.scheduler.sent(ticket, at);
            any = true;
        }
        any
    }
}

/// Requests that have left and of which the scheduler was not told yet. A connection tells it, on
/// the thread that drives the connection; no task is woken for it, because an answer follows.
struct Departures {
    left: Arc<Mutex<Vec<(TicketId, Time)>>>,
    /// Those that are taken; empty but for its room.
    taken: Vec<(TicketId, Time)>,
    tell: Arc<dyn Fn(TicketId, Time) + Send + Sync>,
}

impl Departures {
    fn new() -> Self {
        let left = Arc::new(Mutex::new(Vec::new()));
        let tell = {
            let left = Arc::clone(&left);
            Arc::new(move |ticket, at| lock(&left).push((ticket, at)))
        };
        Self {
            left,
            taken: Vec::new(),
            tell,
        }
    }

    fn of(&self, ticket: TicketId) -> Departure {
        Departure::new(Arc::clone(&self.tell), ticket)
    }

    fn take(&mut self) -> impl Iterator<Item = (TicketId, Time)> {
        std::mem::swap(&mut *lock(&self.left), &mut self.taken);
        self.taken.drain(..)
    }
}

/// A panic elsewhere leaves nothing half done in here.
fn lock<T>(left: &Mutex<T>) -> MutexGuard<'_, T> {
    left.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An exchange that brings its ticket back, and begins when it is polled.
fn exchange_of(
    transport: &Arc<dyn Transport>,
    ticket: Ticket,
    transmit: Transmit,
) -> BoxFuture<'static, Answer> {
    let transport = Arc::clone(transport);
    let span = log::span(ticket.resource().as_str());
    let exchange = async move {
        let (call, attempt) = (ticket.call(), ticket.attempt());
        let result = exchange(&*transport, transmit, call, attempt).await;
        (ticket, result)
    };
    if span.is_disabled() {
        return Box::pin(exchange);
    }
    Box::pin(exchange.instrument(span))
}

impl<S: Stream<Item = (OperationName, Phase)>> Stream for SchedulerStream<S> {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        // Nothing in it is pinned in place: the streams are in boxes of their own.
        let this = self.get_mut();
        loop {
            if this.committing {
                let committed = this.journal.as_mut();
                if committed.is_some_and(|journal| journal.poll_committed(context).is_pending()) {
                    return Poll::Pending;
                }
                this.committing = false;
            }
            // The caller that is told may push names from a page, before anything else is sent.
            if let Some(event) = this.told.pop_front() {
                if let Event::Finished { name, result } = &event {
                    log::finished(name, result);
                }
                return Poll::Ready(Some(event));
            }
            if this.done {
                return Poll::Ready(None);
            }
            this.pull(context);
            match this.send() {
                countermand_scheduler::NextStep::Wait(until) => {
                    match runtime::sleep_until(instant(until)) {
                        Ok(timer) => this.timer = Some(Box::pin(timer)),
                        Err(error) => {
                            this.stop(error.cause());
                            continue;
                        }
                    }
                }
                countermand_scheduler::NextStep::Done => {
                    this.done = true;
                    continue;
                }
                countermand_scheduler::NextStep::Idle
                | countermand_scheduler::NextStep::Send(..) => this.timer = None,
            }
            if !this.told.is_empty() {
                continue;
            }
            if this.take_answers(context) {
                this.commit();
                continue;
            }
            let fired = this
                .timer
                .as_mut()
                .map(|timer| timer.as_mut().poll(context));
            if !matches!(fired, Some(Poll::Ready(()))) {
                if this.take_departures() {
                    this.commit();
                    continue;
                }
                return Poll::Pending;
            }
        }
    }
}

impl<S> fmt::Debug for SchedulerStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchedulerStream")
            .field("progress", &self.scheduler.progress(monotonic_now()))
            .finish_non_exhaustive()
    }
}
