//! Runs a campaign: the scheduler of core, over a transport.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use countermand_core::campaign::{self, Campaign, Event, Progress, Ticket};
use countermand_core::{OperationName, Phase, TransportError};
use futures_core::Stream;
use futures_util::stream::{FuturesUnordered, StreamExt};
use http::Response;
use tracing::Instrument;

use crate::driver::now;
use crate::log::{self, exchange};
use crate::transport::{BoxFuture, Transport};

/// Names that wait in the scheduler at a time, so that a million of them need not be there at once.
const AHEAD: usize = 1000;

type Answer = (Ticket, Result<Response<Bytes>, TransportError>);

/// A campaign under way: a stream of what happens.
///
/// Requests go on while it is polled. Dropping it drops the requests in flight, of which each may
/// have been delivered or not; [`stop`](Self::stop) awaits them instead.
pub struct Running<S> {
    campaign: Campaign,
    transport: Arc<dyn Transport>,
    /// `None` at their end.
    names: Option<Pin<Box<S>>>,
    answers: FuturesUnordered<BoxFuture<'static, Answer>>,
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
    done: bool,
}

impl<S: Stream<Item = (OperationName, Phase)>> Running<S> {
    pub(crate) fn new(campaign: Campaign, transport: Arc<dyn Transport>, names: S) -> Self {
        Self {
            campaign,
            transport,
            names: Some(Box::pin(names)),
            answers: FuturesUnordered::new(),
            timer: None,
            done: false,
        }
    }

    /// Sends nothing new: what is in flight is awaited, the rest comes out as not attempted, and
    /// the stream ends. Names that were not pulled yet do not come out.
    pub fn stop(&mut self, cause: impl Into<Box<str>>) {
        self.names = None;
        self.campaign.stop(cause);
        self.timer = None;
    }

    /// Where it stands.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.campaign.progress(now())
    }

    fn next_event(&mut self) -> Option<Event> {
        let event = self.campaign.next_event();
        if let Some(Event::Finished { name, result }) = &event {
            log::finished(name, result);
        }
        event
    }

    /// Pulls names as long as there is room and there are any.
    fn pull(&mut self, context: &mut Context<'_>) {
        while let Some(names) = &mut self.names {
            if self.campaign.progress(now()).waiting >= AHEAD {
                return;
            }
            match names.as_mut().poll_next(context) {
                Poll::Ready(Some((name, phase))) => {
                    self.campaign.push(name, phase);
                }
                Poll::Ready(None) => {
                    self.names = None;
                    self.campaign.close();
                }
                Poll::Pending => return,
            }
        }
    }

    /// Gives the scheduler the answers that have come; `true` if there were any.
    fn take_answers(&mut self, context: &mut Context<'_>) -> bool {
        let mut taken = false;
        while let Poll::Ready(Some((ticket, result))) = self.answers.poll_next_unpin(context) {
            match result {
                Ok(response) => self.campaign.answer(ticket, now(), Ok(&response)),
                Err(error) => self.campaign.answer::<Bytes>(ticket, now(), Err(error)),
            }
            taken = true;
        }
        taken
    }
}

impl<S: Stream<Item = (OperationName, Phase)>> Stream for Running<S> {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        // Nothing in it is pinned in place: the streams are in boxes of their own.
        let this = self.get_mut();
        loop {
            if let Some(event) = this.next_event() {
                return Poll::Ready(Some(event));
            }
            if this.done {
                return Poll::Ready(None);
            }
            this.pull(context);
            match this.campaign.poll(now()) {
                campaign::Poll::Send(ticket, transmit) => {
                    let transport = Arc::clone(&this.transport);
                    let span = log::span(ticket.name().as_str());
                    let exchange = async move {
                        let (call, attempt) = (ticket.call(), ticket.attempt());
                        let result = exchange(&*transport, transmit, call, attempt).await;
                        (ticket, result)
                    };
                    this.answers.push(Box::pin(exchange.instrument(span)));
                    continue;
                }
                campaign::Poll::Wait(until) => {
                    this.timer = Some(Box::pin(tokio::time::sleep_until(until.into())));
                }
                campaign::Poll::Idle => this.timer = None,
                campaign::Poll::Done => {
                    this.done = true;
                    continue;
                }
            }
            if this.take_answers(context) {
                continue;
            }
            // Polling may have ended operations without a request, and made room for names.
            if let Some(event) = this.next_event() {
                return Poll::Ready(Some(event));
            }
            let fired = this
                .timer
                .as_mut()
                .map(|timer| timer.as_mut().poll(context));
            if !matches!(fired, Some(Poll::Ready(()))) {
                return Poll::Pending;
            }
        }
    }
}

impl<S> fmt::Debug for Running<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("progress", &self.campaign.progress(now()))
            .finish_non_exhaustive()
    }
}
